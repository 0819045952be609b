//! Secrets taken out of text, in the forms in which programs are wont to write them: see [`crate::forms`]. It is a backstop:
//! secrets are not to get there in the first place.

use crate::forms::forms;
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// What stands for a secret.
pub const MASK: &str = "***";
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
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.text(&text);
                if masked == text { value.clone() } else { Value::String(masked) }
            }
            other => other.clone(),
        }
    }

    /// Begins a stream.
    pub fn stream(self: &Arc<Self>) -> MaskStream {
        MaskStream { masker: self.clone(), ..MaskStream::default() }
    }

    /// Begins a stream that a program reads: where it is JSON it stays so. A secret that is a number becomes one of the same
    /// length that is all nines, where it stands as a number.
    pub fn readable(self: &Arc<Self>) -> MaskStream {
        MaskStream { quoting: Some(Quoting::default()), ..self.stream() }
    }
}

/// Takes secrets out of a stream that comes in pieces, whose edges may lie within a secret.
#[derive(Clone, Debug, Default)]
pub struct MaskStream {
    masker: Arc<Masker>,
    /// The end of what came, which may be the beginning of a secret.
    held: Vec<u8>,
    /// Whether what comes next is within a text of JSON, where somebody may read it as such.
    quoting: Option<Quoting>,
}

/// Where in a line of JSON a stream is.
#[derive(Clone, Copy, Debug, Default)]
struct Quoting {
    within: bool,
    escaped: bool,
}

impl Quoting {
    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (byte, self.within) {
                // No text goes over the end of a line.
                (b'\n', _) => *self = Self::default(),
                _ if self.escaped => self.escaped = false,
                (b'\\', true) => self.escaped = true,
                (b'"', _) => self.within = !self.within,
                _ => {}
            }
        }
    }
}

/// Whether these bytes may stand as a number, or within one.
fn is_numeric(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(byte)) && bytes.iter().any(u8::is_ascii_digit)
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
            pass(&mut self.quoting, &mut out, &self.held[from..start]);
            mask(&mut self.quoting, &mut out, &self.held[start..end]);
            from = end;
            if open < from {
                open = self.open(from);
            }
        }
        let keep = open.max(from);
        pass(&mut self.quoting, &mut out, &self.held[from..keep]);
        self.held.drain(..keep);
        out
    }

    /// What was held back, at the end.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let Some(finder) = &self.masker.finder else { return held };
        let (mut out, mut last) = (Vec::with_capacity(held.len()), 0);
        for found in finder.find_iter(&held) {
            pass(&mut self.quoting, &mut out, &held[last..found.start()]);
            mask(&mut self.quoting, &mut out, &held[found.range()]);
            last = found.end();
        }
        out.extend_from_slice(&held[last..]);
        out
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

/// Hands on what is no secret.
fn pass(quoting: &mut Option<Quoting>, out: &mut Vec<u8>, bytes: &[u8]) {
    if let Some(quoting) = quoting {
        quoting.pass(bytes);
    }
    out.extend_from_slice(bytes);
}

/// Puts something else in the place of a secret.
fn mask(quoting: &mut Option<Quoting>, out: &mut Vec<u8>, secret: &[u8]) {
    match quoting {
        Some(Quoting { within: false, .. }) if is_numeric(secret) => {
            out.extend(secret.iter().map(|byte| if byte.is_ascii_digit() { b'9' } else { *byte }));
        }
        Some(quoting) => {
            quoting.pass(secret);
            out.extend_from_slice(MASK.as_bytes());
        }
        None => out.extend_from_slice(MASK.as_bytes()),
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

#[cfg(test)]
mod tests {
    use super::{MASK, Masker};
    use crate::forms::base64;
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

    #[test]
    fn numbers_are_secrets_too() {
        let masker = masker(&["12345678"]);
        assert_eq!(masker.json(&json!({"pin": 12_345_678, "size": 12})), json!({"pin": "***", "size": 12}));
        let text = concat!(
            r#"{"pin":12345678,"in":[12345678, 9123456780],"said":"it is 12345678 \" 12345678"}"#,
            "\n",
            r#"{"pin": 12345678}"#
        );
        let masked = r#"{"pin":99999999,"in":[99999999, 9999999990],"said":"it is *** \" ***"}"#.to_owned()
            + "\n"
            + r#"{"pin": 99999999}"#;
        for size in 1..text.len() {
            let mut stream = masker.readable();
            let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|piece| stream.push(piece)).collect();
            out.extend(stream.finish());
            assert_eq!(String::from_utf8_lossy(&out), masked, "pieces of {size}");
        }
        // For people it is no number that nobody chose.
        let mut stream = masker.stream();
        assert_eq!([stream.push(b"pin 12345678\n"), stream.finish()].concat(), b"pin ***\n");
    }
}
