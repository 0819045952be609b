//! Plain scalars by YAML 1.2's core schema. `yes`, `no`, `on` and `off` are text there, unlike in YAML 1.1.

use super::Kind;

/// What a plain scalar means (YAML 1.2.2, section 10.3.2).
pub(super) fn core(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Kind::Float(f64::NAN),
        _ => {}
    }
    number(text).unwrap_or_else(|| Kind::String(text.to_owned()))
}

fn number(text: &str) -> Option<Kind> {
    let radix = |digits: &str, radix: u32| {
        let all = !digits.is_empty() && digits.bytes().all(|b| (b as char).is_digit(radix));
        all.then(|| i64::from_str_radix(digits, radix).ok()).flatten().map(Kind::Int)
    };
    if let Some(hex) = text.strip_prefix("0x") {
        return radix(hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return Some(Kind::Float(sign * f64::INFINITY));
    }
    if !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit()) {
        // Beyond 64 bits an integer is a float, as in JSON.
        return Some(text.parse().map_or_else(|_| text.parse().map_or(Kind::Null, Kind::Float), Kind::Int));
    }
    // [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(i) => (&body[..i], Some(&body[i + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_ok = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    (mantissa_ok && exponent_ok).then(|| text.parse().ok().map(Kind::Float)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Kind, core};

    #[test]
    fn core_schema() {
        let text = |s: &str| Kind::String(s.to_owned());
        for (written, kind) in [
            ("", Kind::Null),
            ("~", Kind::Null),
            ("yes", text("yes")),
            ("on", text("on")),
            ("True", Kind::Bool(true)),
            ("0x1F", Kind::Int(31)),
            ("0o17", Kind::Int(15)),
            ("017", Kind::Int(17)),
            ("-12", Kind::Int(-12)),
            ("1e3", Kind::Float(1000.0)),
            (".5", Kind::Float(0.5)),
            ("1.", Kind::Float(1.0)),
            ("-.inf", Kind::Float(f64::NEG_INFINITY)),
            ("1_000", text("1_000")),
            ("1.2.3", text("1.2.3")),
            (".", text(".")),
            ("-", text("-")),
            ("inf", text("inf")),
            ("0x", text("0x")),
            ("99999999999999999999", Kind::Float(1e20)),
        ] {
            assert_eq!(core(written), kind, "{written}");
        }
    }
}
