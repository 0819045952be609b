//! How a text is written as a YAML scalar, so that every reader takes it for that text.

use crate::tree::Layout;
use granit_parser::ScalarStyle;

/// Writes a text in a style: quotes stay quotes, and a plain text gets `quotes` where some reader would take it for
/// something else.
pub fn write(text: &str, style: ScalarStyle, quotes: ScalarStyle, layout: Layout) -> String {
    // Old readers end a plain text at any `:` within brackets.
    let plain_is_safe = !retyped(text) && is_word(text) && (layout == Layout::Block || !text.contains(':'));
    match style {
        ScalarStyle::Plain if plain_is_safe => text.to_owned(),
        ScalarStyle::Plain => quoted(text, quotes),
        style => quoted(text, style),
    }
}

/// Whether a plain text of these characters means nothing else to YAML, wherever it is.
fn is_word(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@+-$".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '.' | '/' | '$'))
        && !text.ends_with(':')
        && text.bytes().all(inner)
}

fn quoted(text: &str, style: ScalarStyle) -> String {
    if style == ScalarStyle::SingleQuoted {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Whether a reader of YAML 1.1 or 1.2 takes the plain text for null, a boolean, a number, a date or a merge. Where
/// readers disagree (`0o17`, `1_0`, `1e3`, `y`), it is true.
pub fn retyped(text: &str) -> bool {
    const WORDS: [&str; 11] = ["~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<"];
    text.is_empty()
        || text == "="
        || WORDS.contains(&text.to_ascii_lowercase().as_str())
        || is_number(text)
        || is_sexagesimal(text)
        || is_date(text)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if [".inf", ".nan", "inf", "nan", "infinity"].contains(&lower.as_str()) {
        return true;
    }
    let of = |digits: &str, allowed: fn(u8) -> bool| {
        digits.bytes().any(|byte| byte != b'_') && digits.bytes().all(|byte| byte == b'_' || allowed(byte))
    };
    if let Some((prefix, digits)) = lower.split_at_checked(2) {
        match prefix {
            // Hexadecimal fractions (`0x1p-2`) are numbers to Go.
            "0x" => {
                return of(digits, |byte| byte.is_ascii_hexdigit() || b".p+-".contains(&byte));
            }
            "0o" | "0b" => return of(digits, |byte| byte.is_ascii_digit()),
            _ => {}
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (lower.as_str(), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    digits(whole)
        && digits(fraction)
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// `1:20` is 80 in YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.contains(':')
        && unsigned.starts_with(|first: char| first.is_ascii_digit())
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || b":._".contains(&byte))
}

/// `2026-11-23`, and whatever follows it as a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let day = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = &rest[day..];
    year.len() == 4
        && number(year)
        && month.len() <= 2
        && number(month)
        && (1..=2).contains(&day)
        && (after.is_empty() || after.starts_with(['T', 't', ' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::{retyped, write};
    use crate::tree::Layout;
    use granit_parser::ScalarStyle::{DoubleQuoted, Plain, SingleQuoted};

    #[test]
    fn what_a_reader_would_retype() {
        for text in [
            "1",
            "1.10",
            "1e3",
            "1E5",
            "123e4567",
            "0123",
            "0x1F",
            "0o17",
            "0b1",
            "12_000",
            "1:20",
            "1:2:3",
            "yes",
            "No",
            "ON",
            "y",
            "null",
            "~",
            "",
            "2026-11-23",
            "2026-1-3T01:02:03Z",
            ".5",
            "5.",
            "+1",
            "-1",
            ".inf",
            "-.INF",
            ".nan",
            "1_0.5",
            "<<",
            "=",
            "190:20:30.15",
            "0.1",
        ] {
            assert!(retyped(text), "{text}");
        }
        for text in [
            "v1",
            "1.2.3",
            "6.0.0",
            "latest",
            "1.10-alpine",
            "e3",
            "1e",
            "a1",
            "2026-11-23-abc",
            "20261123-1",
            "sha-1",
            "nope",
            "0xyz",
            "1.2.3_4",
            "_",
            "deadbee",
            "2026-11",
        ] {
            assert!(!retyped(text), "{text}");
        }
    }

    #[test]
    fn quotes_stay_and_plain_stays_where_it_can() {
        assert_eq!(write("v1", Plain, DoubleQuoted, Layout::Block), "v1");
        assert_eq!(write("1.10", Plain, SingleQuoted, Layout::Block), "'1.10'");
        assert_eq!(write("v1", SingleQuoted, DoubleQuoted, Layout::Block), "'v1'");
        assert_eq!(write("v1", DoubleQuoted, SingleQuoted, Layout::Block), "\"v1\"");
        assert_eq!(write("sha256:ab", Plain, DoubleQuoted, Layout::Flow), "\"sha256:ab\"");
        for text in ["_app_", "app-", "ko://x/y", "$APP", "r.io:5000/a"] {
            assert_eq!(write(text, Plain, DoubleQuoted, Layout::Block), text);
        }
        for text in ["{{app}}", "[::1]:5/a", "-a", "*a", "&a", "a:", "a#b", "!a", "%a", "a,b", "`a`", "ä", "'a", "|a"]
        {
            assert_eq!(write(text, Plain, DoubleQuoted, Layout::Block), format!("\"{text}\""));
        }
        assert_eq!(write("a\"\\", Plain, DoubleQuoted, Layout::Block), r#""a\"\\""#);
    }
}
