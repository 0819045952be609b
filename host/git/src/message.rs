//! What a commit says and who made it. Lines are refused rather than mended, so that no field reaches into the next.

use crate::error::Error;
use git2::{Signature, Time};
use model::Timestamp;

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// The first line.
    pub subject: &'a str,
    /// The rest, without trailers; may be empty.
    pub body: &'a str,
    /// Keys and values, which become the last paragraph.
    pub trailers: Vec<(String, String)>,
    /// Author and committer.
    pub name: &'a str,
    /// Their mail address.
    pub email: &'a str,
    /// When, as far as Git keeps it: seconds.
    pub time: Timestamp,
}

impl NewCommit<'_> {
    /// The whole message.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let refuse = |what, why: &str| Err(Error::Message { what, why: why.to_owned() });
        if self.subject.trim().is_empty() {
            return refuse("subject", "it is empty");
        }
        if self.subject.chars().any(char::is_control) {
            return refuse("subject", "it holds a line break or a control character");
        }
        if self.body.contains('\0') {
            return refuse("body", "it holds a NUL");
        }
        let mut text = format!("{}\n", self.subject.trim());
        let body = self.body.replace("\r\n", "\n");
        if !body.trim().is_empty() {
            text += &format!("\n{}\n", body.trim_matches('\n').trim_end());
        }
        if !self.trailers.is_empty() {
            text.push('\n');
        }
        for (key, value) in &self.trailers {
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                return refuse("trailer", "its key must be letters, digits and `-`");
            }
            if value.trim().is_empty() || value.chars().any(char::is_control) {
                return refuse("trailer", "its value is empty, or holds a line break or a control character");
            }
            text += &format!("{key}: {}\n", value.trim());
        }
        Ok(text)
    }

    /// Author and committer.
    pub(crate) fn signature(&self) -> Result<Signature<'static>, Error> {
        for (what, text) in [("name", self.name), ("mail address", self.email)] {
            if text.trim().is_empty() || text.contains(['<', '>']) || text.chars().any(char::is_control) {
                let why = "it is empty, or holds `<`, `>`, a line break or a control character".to_owned();
                return Err(Error::Message { what, why });
            }
        }
        Signature::new(self.name, self.email, &Time::new(self.time.0.div_euclid(1000), 0))
            .map_err(|e| Error::Message { what: "name", why: e.message().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::NewCommit;
    use model::Timestamp;

    fn commit<'a>(subject: &'a str, body: &'a str, trailers: &[(&str, &str)], name: &'a str) -> NewCommit<'a> {
        let trailers = trailers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        NewCommit { subject, body, trailers, name, email: "ci@example.com", time: Timestamp(1_999) }
    }

    #[test]
    fn paragraphs() {
        let all = commit("Subject", "\nOne.\r\n\r\nTwo.\n\n", &[("Tidegate-Run", "7"), ("X", "y")], "CI");
        assert_eq!(all.text().expect("text"), "Subject\n\nOne.\n\nTwo.\n\nTidegate-Run: 7\nX: y\n");
        assert_eq!(commit("S", " ", &[], "CI").text().expect("text"), "S\n");
        assert_eq!(all.signature().expect("signature").when().seconds(), 1);
    }

    #[test]
    fn no_field_reaches_into_the_next() {
        for bad in [
            commit("a\nb", "", &[], "CI"),
            commit(" ", "", &[], "CI"),
            commit("a", "b\0", &[], "CI"),
            commit("a", "", &[("K", "v\nTidegate-Run: 9")], "CI"),
            commit("a", "", &[("K: v\nX", "v")], "CI"),
            commit("a", "", &[("K", " ")], "CI"),
        ] {
            assert!(bad.text().is_err(), "{bad:?}");
        }
        for name in ["", "a\nb", "a <b>"] {
            assert!(commit("a", "", &[], name).signature().is_err(), "{name:?}");
        }
    }
}
