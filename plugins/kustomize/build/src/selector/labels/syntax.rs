//! What Kubernetes takes for the key and for the value of a label.

/// Longest name and longest value, in bytes.
const MAX_NAME: usize = 63;

/// Longest prefix of a key, in bytes.
const MAX_PREFIX: usize = 253;

/// Looks at a key: a name, with or without a DNS subdomain and `/` before it.
///
/// # Errors
/// Why it is none.
pub fn key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix.filter(|prefix| !is_subdomain(prefix)) {
        return Err(format!(
            "invalid label key '{text}': '{prefix}' is no DNS subdomain of up to {MAX_PREFIX} lower case characters"
        ));
    }
    if name.is_empty() || !is_name(name) {
        return Err(format!("invalid label key '{text}': {}", rule("name")));
    }
    Ok(())
}

/// Looks at a value, which may be empty.
///
/// # Errors
/// Why it is none.
pub fn value(text: &str) -> Result<(), String> {
    if is_name(text) { Ok(()) } else { Err(format!("invalid label value '{text}': {}", rule("value"))) }
}

fn rule(what: &str) -> String {
    format!("a {what} is up to {MAX_NAME} letters, digits, '-', '_' and '.', with a letter or digit at both ends")
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.len() <= MAX_NAME
        && ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_subdomain(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(plain)
            && bytes.last().is_some_and(plain)
            && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
    };
    text.len() <= MAX_PREFIX && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::{key, value};

    #[test]
    fn keys() {
        for text in ["a", "A.b_c-9", "example.org/a", "a-1.b/C", &format!("{}/{}", "a".repeat(253), "a".repeat(63))] {
            assert_eq!(key(text), Ok(()), "{text}");
        }
        let long = ["a".repeat(64), format!("{}/a", "a".repeat(254))];
        for text in ["", "-a", "a.", "a/", "/a", "a/b/c", "A/b", "a..b/c", "ä", "a_b/c", &long[0], &long[1]] {
            assert!(key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values() {
        for text in ["", "a", "A.b_c-9", &"a".repeat(63)] {
            assert_eq!(value(text), Ok(()), "{text}");
        }
        for text in ["-bad", "a/b", "https://x", "a.", &"a".repeat(64)] {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
