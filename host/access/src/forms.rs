//! The forms of a secret in which programs write it: as it is, percent-encoded, in base64 at any offset and in rows, escaped as
//! JSON, and line by line where there are several.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Shorter ones are not looked for: too much else would be taken for them.
pub const SHORTEST: usize = 4;
/// The same for a form that is a part of another one, such as base64 without its ragged ends, or a line of several.
const SHORTEST_PART: usize = 8;
/// What encoders leave as it is besides letters, digits and `-._~`: RFC 3986; paths of Python; users and path segments of Go;
/// `encodeURIComponent` and `encodeURI` of JavaScript.
const SAFE: [&[u8]; 6] = [b"", b"/", b"$&+,;=", b"$&+=:@", b"!'()*", b";,/?:@&=+$!*'()#"];
/// After how many digits base64 is wont to be broken: by `base64`, and by `openssl` and in PEM.
const ROWS: [usize; 2] = [76, 64];

/// All forms of a secret, and of what it holds where it is JSON: a service account's file, whose parts programs print.
pub(crate) fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = forms_of(secret);
    if secret.trim_ascii_start().first().is_some_and(|first| b"{[".contains(first))
        && let Ok(value) = serde_json::from_slice::<Value>(secret)
    {
        let mut open = vec![&value];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) if text.len() >= SHORTEST_PART => all.extend(forms_of(text.as_bytes())),
                Value::Array(items) => open.extend(items),
                Value::Object(fields) => open.extend(fields.values()),
                _ => {}
            }
        }
    }
    all
}

fn forms_of(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    // Files end in a line break that is no part of the secret.
    let trimmed = secret.trim_ascii();
    for whole in [secret, trimmed] {
        if whole.len() < SHORTEST {
            continue;
        }
        all.insert(whole.to_vec());
        all.extend(encoded(whole, SHORTEST));
    }
    let lines: Vec<&[u8]> = trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if lines.len() > 1 {
        for line in lines.into_iter().filter(|line| line.len() >= SHORTEST_PART) {
            // The frame of a key file is no secret, and stands in many texts.
            if line.starts_with(b"-----") {
                continue;
            }
            all.insert(line.to_vec());
            all.extend(encoded(line, SHORTEST_PART));
        }
    }
    all
}

fn encoded(secret: &[u8], shortest: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for upper in [true, false] {
        all.extend(SAFE.map(|safe| percent(secret, upper, safe)));
        all.push(form(secret, upper, b"-._"));
        // Java leaves the star, and not the tilde.
        all.push(form(secret, upper, b"-._*"));
        all.push(form(secret, upper, b"-._~"));
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = Value::from(text).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        // As Go and JavaScript write it within HTML.
        let html = inner.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let slashes = inner.replace('/', "\\/");
        all.extend([inner, &html, &slashes].map(|form| form.as_bytes().to_vec()));
        all.extend([false, true].map(|upper| ascii(inner, upper).into_bytes()));
    }
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            all.push(digits(secret, offset, alphabet));
        }
    }
    let whole = digits(secret, 0, STANDARD);
    for row in ROWS {
        all.extend(
            whole
                .chunks(row)
                .filter(|part| part.len() >= SHORTEST_PART && part.len() < whole.len())
                .map(<[u8]>::to_vec),
        );
    }
    all.retain(|form| form.len() >= shortest.max(SHORTEST));
    all
}

/// Percent-encoded (RFC 3986), but for what is safe.
fn percent(secret: &[u8], upper: bool, safe: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || safe.contains(byte) {
            out.push(*byte);
        } else {
            escape(*byte, upper, &mut out);
        }
    }
    out
}

/// As a form's field, in which a blank is a plus.
fn form(secret: &[u8], upper: bool, safe: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in secret {
        match byte {
            b' ' => out.push(b'+'),
            byte if byte.is_ascii_alphanumeric() || safe.contains(byte) => out.push(*byte),
            byte => escape(*byte, upper, &mut out),
        }
    }
    out
}

fn escape(byte: u8, upper: bool, out: &mut Vec<u8>) {
    out.extend(if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }.into_bytes());
}

/// JSON of ASCII alone, as Python writes it: the rest by its code units in UTF-16.
fn ascii(json: &str, upper: bool) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
        }
    }
    out
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The standard form (RFC 4648), with padding.
pub fn base64(bytes: &[u8]) -> String {
    let whole: Vec<u8> = bytes.iter().copied().chain([0; 2]).collect();
    let mut text = digits(&whole, 0, STANDARD);
    text.truncate((bytes.len() * 8).div_ceil(6));
    text.resize(text.len().next_multiple_of(4), b'=');
    String::from_utf8(text).unwrap_or_default()
}

/// What base64 makes of a secret behind `offset` other bytes, without the digits that those and what follows share in.
fn digits(secret: &[u8], offset: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let first = (offset * 8).div_ceil(6);
    let last = (offset + secret.len()) * 8 / 6;
    let bit = |index: usize| {
        let byte = (index / 8).checked_sub(offset).and_then(|at| secret.get(at)).copied().unwrap_or(0);
        (byte >> (7 - index % 8)) & 1
    };
    let digit = |at: usize| (0..6).fold(0_usize, |value, step| value << 1 | usize::from(bit(at * 6 + step)));
    (first..last).map(|at| alphabet[digit(at)]).collect()
}

#[cfg(test)]
mod tests {
    use super::{base64, forms};

    #[test]
    fn base64_is_the_standard_one() {
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in expected.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected, "RFC 4648, section 10");
        }
    }

    /// What programs of this machine and of others print for a secret, each taken from the program.
    #[test]
    fn what_encoders_really_write_is_a_form() {
        let has = |secret: &str, written: &str| {
            assert!(forms(secret.as_bytes()).contains(written.as_bytes()), "{secret} is written {written}");
        };
        // urllib.parse.quote, url.UserPassword of Go, encodeURIComponent, java.net.URLEncoder.
        has("ab+cd/ef=", "ab%2Bcd/ef%3D");
        has("ab+cd/ef=", "ab+cd%2Fef=");
        has("a b'(c)*~", "a%20b'(c)*~");
        has("a b*~", "a+b*%7E");
        has("p:w@d;,x", "p%3Aw%40d;,x");
        // json.dumps of Python, and Jackson's with ESCAPE_NON_ASCII.
        has("pässwörd€", "p\\u00e4ssw\\u00f6rd\\u20ac");
        has("pässwörd€", "p\\u00E4ssw\\u00F6rd\\u20AC");
        has("key-😀-key", "key-\\ud83d\\ude00-key");
    }

    #[test]
    fn base64_is_found_where_it_is_broken_into_rows() {
        let secret: String = (0..100_u8).map(|at| char::from(b'a' + at % 26)).collect();
        let whole = base64(secret.as_bytes());
        let forms = forms(secret.as_bytes());
        for row in [76, 64] {
            for part in whole.as_bytes().chunks(row).filter(|part| part.len() == row) {
                assert!(forms.contains(part), "{}", String::from_utf8_lossy(part));
            }
        }
    }
}
