//! Kubernetes' quantities: `500m` and `0.5` are the same, and the server stores only one of them.
//! Source: apimachinery `pkg/api/resource/quantity.go`.

use serde_json::Value;

/// Whether two values are the same quantity. What is none is equal to nothing.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    let (a, b) = (nanos(a), nanos(b));
    a.is_some() && a == b
}

/// Fields that hold quantities, or maps of them.
const HOLDERS: [&str; 13] = [
    "averageValue",
    "capacity",
    "default",
    "defaultRequest",
    "divisor",
    "hard",
    "limits",
    "max",
    "min",
    "overhead",
    "podFixed",
    "requests",
    "sizeLimit",
];

/// Whether a field holds a quantity: it, or the map that it is in, is known for that.
pub(super) fn is_at(field: &str, parent: &str) -> bool {
    HOLDERS.contains(&field) || HOLDERS.contains(&parent)
}

/// In billionths, exactly.
fn nanos(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = (text.get(..end)?, text.get(end..)?);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let (tens, binary) = scale(suffix)?;
    let tens = tens.checked_add(9)?.checked_sub(places)?;
    let power = 10_i128.checked_pow(tens.unsigned_abs())?;
    let digits = digits.checked_mul(sign)?.checked_mul(binary)?;
    if tens >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then(|| digits / power) }
}

/// A suffix as a power of ten and a binary factor.
fn scale(suffix: &str) -> Option<(i32, i128)> {
    Some(match suffix {
        "" => (0, 1),
        "n" => (-9, 1),
        "u" => (-6, 1),
        "m" => (-3, 1),
        "k" => (3, 1),
        "M" => (6, 1),
        "G" => (9, 1),
        "T" => (12, 1),
        "P" => (15, 1),
        "E" => (18, 1),
        "Ki" => (0, 1 << 10),
        "Mi" => (0, 1 << 20),
        "Gi" => (0, 1 << 30),
        "Ti" => (0, 1 << 40),
        "Pi" => (0, 1 << 50),
        "Ei" => (0, 1 << 60),
        other => (other.strip_prefix(['e', 'E'])?.parse().ok()?, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_quantities_are_written_in_many_ways() {
        let same_as = |a: Value, b: Value| same(&a, &b);
        assert!(
            same_as(json!("500m"), json!("0.5"))
                && same_as(json!(1), json!("1000m"))
                && same_as(json!("1Gi"), json!("1024Mi"))
        );
        assert!(
            same_as(json!("1e3"), json!("1k"))
                && same_as(json!("100M"), json!("1E8"))
                && same_as(json!("-1"), json!("-1000m"))
        );
        assert!(same_as(json!(0.1), json!("100m")) && same_as(json!("1.50"), json!("1.5")));
        assert!(!same_as(json!("1G"), json!("1Gi")) && !same_as(json!("1"), json!("1m")));
        for none in ["", "m", "one", "1x", ".", "1e999999999", "1.2.3"] {
            assert!(!same_as(json!(none), json!(none)), "{none}");
        }
        assert!(!same_as(json!("9".repeat(60)), json!("9".repeat(60))));
    }
}
