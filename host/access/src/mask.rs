//! Secrets taken out of text, in every form in which programs are wont to write them: as they are, percent-encoded, in
//! base64 at any offset, escaped as JSON, and line by line where there are several. It is a backstop: secrets are not to
//! get there in the first place.

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// What stands for a secret.
pub const MASK: &str = "***";
/// Shorter ones are not looked for: too much else would be taken for them.
pub const SHORTEST: usize = 4;
/// The same for a form that is a part of another one, such as base64 without its ragged ends, or a line of several.
const SHORTEST_PART: usize = 8;

/// Finds secrets. Cheap to ask where there are none.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    forms: BTreeSet<Vec<u8>>,
    finder: Option<AhoCorasick>,
    longest: usize,
}

impl Masker {
    /// Also looks for these secrets from now on; true where any is new.
    pub fn add<'a>(&mut self, secrets: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let before = self.forms.len();
        for secret in secrets {
            self.forms.extend(forms(secret));
        }
        if self.forms.len() == before {
            return false;
        }
        self.longest = self.forms.iter().map(Vec::len).max().unwrap_or(0);
        let builder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.forms);
        // Only fails beyond 4 GiB of patterns.
        self.finder = builder.ok();
        true
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        match &self.finder {
            // What is replaced are whole characters: a form of a text is a text.
            Some(finder) => String::from_utf8_lossy(&replaced(finder, text.as_bytes())).into_owned(),
            None => text.to_owned(),
        }
    }

    /// A value whose texts, keys included, have no secrets.
    pub fn json(&self, value: &Value) -> Value {
        if self.finder.is_none() {
            return value.clone();
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(key, value)| (self.text(key), self.json(value))).collect(),
            other => other.clone(),
        }
    }

    /// Begins a stream.
    pub fn stream(self: &Arc<Self>) -> MaskStream {
        MaskStream { masker: self.clone(), held: Vec::new() }
    }
}

/// Takes secrets out of a stream that comes in pieces, whose edges may lie within a secret.
#[derive(Clone, Debug, Default)]
pub struct MaskStream {
    masker: Arc<Masker>,
    /// The end of what came, which may be the beginning of a secret.
    held: Vec<u8>,
}

impl MaskStream {
    /// The next piece; what could be the beginning of a secret is held back until more comes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some(finder) = &self.masker.finder else { return piece.to_vec() };
        self.held.extend_from_slice(piece);
        let mut open = self.open(0);
        let (mut from, mut out) = (0, Vec::with_capacity(self.held.len()));
        while let Some(found) = finder.find(&self.held[from..]) {
            let (start, end) = (from + found.start(), from + found.end());
            // What has only begun comes first, or may become a longer one.
            if open <= start {
                break;
            }
            out.extend_from_slice(&self.held[from..start]);
            out.extend_from_slice(MASK.as_bytes());
            from = end;
            if open < from {
                open = self.open(from);
            }
        }
        let keep = open.max(from);
        out.extend_from_slice(&self.held[from..keep]);
        self.held.drain(..keep);
        out
    }

    /// What was held back, at the end.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        match &self.masker.finder {
            Some(finder) => replaced(finder, &held),
            None => held,
        }
    }

    /// Where the first secret may have begun whose end has not come: what is before it need not wait.
    fn open(&self, from: usize) -> usize {
        let first = self.held.len().saturating_sub(self.masker.longest.saturating_sub(1)).max(from);
        let may = |at: &usize| {
            let tail = &self.held[*at..];
            // The forms that begin so come right behind it.
            let next = self.masker.forms.range::<[u8], _>((Bound::Excluded(tail), Bound::Unbounded)).next();
            next.is_some_and(|form| form.starts_with(tail))
        };
        (first..self.held.len()).find(may).unwrap_or(self.held.len())
    }
}

fn replaced(finder: &AhoCorasick, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut last = 0;
    for found in finder.find_iter(text) {
        out.extend_from_slice(&text[last..found.start()]);
        out.extend_from_slice(MASK.as_bytes());
        last = found.end();
    }
    out.extend_from_slice(&text[last..]);
    out
}

/// All forms of a secret, and of what it holds where it is JSON: a service account's file, whose parts programs print.
fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
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
        all.push(percent(secret, upper, false));
        all.push(percent(secret, upper, true));
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = Value::from(text).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        // As Go and JavaScript write it within HTML.
        let html = inner.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let slashes = inner.replace('/', "\\/");
        all.extend([inner, &html, &slashes].map(|form| form.as_bytes().to_vec()));
    }
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            all.push(digits(secret, offset, alphabet));
        }
    }
    all.retain(|form| form.len() >= shortest.max(SHORTEST));
    all
}

/// Percent-encoded (RFC 3986), or as a form's field, in which a blank is a plus.
fn percent(secret: &[u8], upper: bool, form: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in secret {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            b' ' if form => out.push(b'+'),
            _ if upper => out.extend(format!("%{byte:02X}").into_bytes()),
            _ => out.extend(format!("%{byte:02x}").into_bytes()),
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
    use super::{MASK, Masker, base64};
    use serde_json::json;
    use std::sync::Arc;

    const SECRET: &str = "hunter2 <&> \"quoted\" Ünïcode/+";

    fn masker(secrets: &[&str]) -> Arc<Masker> {
        let mut masker = Masker::default();
        masker.add(secrets.iter().map(|secret| secret.as_bytes()));
        Arc::new(masker)
    }

    #[test]
    fn each_form_is_found_wherever_it_stands() {
        let masker = masker(&[SECRET]);
        let encoded = |before: &str, after: &str| {
            let all = [before.as_bytes(), SECRET.as_bytes(), after.as_bytes()].concat();
            base64(&all)
        };
        for text in [
            format!("a{SECRET}b"),
            serde_json::to_string(&json!({"x": SECRET})).expect("JSON"),
            "hunter2%20%3C%26%3E%20%22quoted%22%20%C3%9Cn%C3%AFcode%2F%2B".to_owned(),
            "hunter2+%3c%26%3e+%22quoted%22+%c3%9cn%c3%afcode%2f%2b".to_owned(),
            "hunter2 \\u003c\\u0026\\u003e \\\"quoted\\\" Ünïcode/+".to_owned(),
        ] {
            let masked = masker.text(&text);
            assert!(masked.contains(MASK) && !masked.contains("hunter2"), "{masked}");
        }
        for (before, after) in [("", ""), ("x", "yz"), ("xy", "z"), ("user:", "\n"), ("xyzx", "")] {
            let masked = masker.text(&encoded(before, after));
            assert!(masked.contains(MASK), "{before} {masked}");
            assert!(masked.len() <= 3 + 2 * 8, "only what it shares with its neighbours is left: {masked}");
        }
    }

    #[test]
    fn base64_is_the_standard_one() {
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in expected.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected, "RFC 4648, section 10");
        }
    }

    #[test]
    fn the_edges_of_pieces_hide_nothing() {
        let masker = masker(&[SECRET, "hunter", "other-secret"]);
        let text = format!("before {SECRET}{SECRET} middle hunt other-secret, hunter{SECRET} other-secre");
        let whole = masker.text(&text);
        assert!(!whole.contains("hunter"));
        for size in 1..text.len() {
            let mut stream = masker.stream();
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                out.extend(stream.push(piece));
            }
            out.extend(stream.finish());
            assert_eq!(String::from_utf8_lossy(&out), whole, "pieces of {size}");
        }
    }

    #[test]
    fn a_stream_holds_no_more_back_than_it_must() {
        let mut stream = masker(&["hunter2"]).stream();
        assert_eq!(stream.push(b"all of this comes at once\n"), b"all of this comes at once\n");
        assert_eq!(stream.push(b"but not hunt"), b"but not ");
        assert_eq!(stream.push(b"ing\n"), b"hunting\n");
    }

    #[test]
    fn keys_of_several_lines_are_found_by_line() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nshort\nhkiG9w0BAQEFAASC\n-----END KEY-----\n";
        let masker = masker(&[key]);
        assert_eq!(masker.text("line: hkiG9w0BAQEFAASC."), "line: ***.");
        assert_eq!(masker.text("-----BEGIN KEY----- short"), "-----BEGIN KEY----- short");
        assert_eq!(masker.text(key.trim_end()), MASK);
    }

    #[test]
    fn the_parts_of_a_json_secret_are_found() {
        let masker = masker(&[
            r#"{"type": "account", "private_key": "-----BEGIN\nMIIEvQIBADANBgkq\n", "more": ["hunter2-hunter2"]}"#,
        ]);
        assert_eq!(masker.text("MIIEvQIBADANBgkq and hunter2-hunter2, account"), "*** and ***, account");
    }

    #[test]
    fn many_forms_cost_little() {
        let lines: Vec<String> = (0..2000_u32).map(|i| format!("{:064x}", i.wrapping_mul(2_654_435_761))).collect();
        let masker = masker(&[&lines.join("\n")]);
        let mut stream = masker.stream();
        let mut out = 0;
        for _ in 0..20_000 {
            out += stream.push(b"a line of a log that holds no secret at all\n").len();
        }
        assert_eq!(out + stream.finish().len(), 20_000 * 44);
    }

    #[test]
    fn without_secrets_nothing_changes() {
        assert_eq!(masker(&["", "abc"]).text("abc"), "abc", "too short to be told from words");
        assert_eq!(masker(&["token-1234"]).json(&json!({"a": ["token-1234", 1]})), json!({"a": ["***", 1]}));
    }
}
