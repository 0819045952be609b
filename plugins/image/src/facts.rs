//! What the host knows of a run, as labels of an image and its date.

use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::{Context, Error};

/// The label with the commit, as the OCI image specification has it.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// The label with the run. Never in an image that shall be reproducible.
pub const RUN: &str = "dev.tidegate.run";
/// When nothing else is known, and nothing shall differ.
pub const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What the host knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The run's id.
    pub run: String,
    /// The step's key.
    pub key: String,
    /// Which attempt.
    pub attempt: u32,
    /// The commit, where there is one.
    pub revision: Option<String>,
    /// When it was committed, where the event says so.
    pub date: Option<String>,
}

impl From<&Context> for Facts {
    fn from(context: &Context) -> Self {
        let (revision, date) = commit(&context.event);
        Self { run: context.run.clone(), key: context.key.clone(), attempt: context.attempt, revision, date }
    }
}

fn commit(event: &Value) -> (Option<String>, Option<String>) {
    let commit = &event["commit"];
    // A folder outside Git has a commit of zeros.
    let id = commit["id"].as_str().filter(|id| id.bytes().any(|digit| digit != b'0'));
    let date = commit["date"].as_str().filter(|date| is_instant(date));
    (id.map(str::to_owned), date.map(str::to_owned))
}

impl Facts {
    /// An image's date: what was asked for, the commit's, or 1970.
    ///
    /// # Errors
    /// `invalid`, where what was asked for is none.
    pub fn created(&self, asked: Option<&str>) -> Result<String, Error> {
        match asked {
            Some(text) if is_instant(text) => Ok(text.to_owned()),
            Some(text) => Err(Error::invalid(format!("`{}` is no time", crate::digest::shortened(text)))
                .with_field("/created")
                .with_hint("write it like `2026-11-23T12:57:02Z` (RFC 3339)")),
            None => Ok(self.date.clone().unwrap_or_else(|| EPOCH.to_owned())),
        }
    }

    /// Labels of the commit, below those that were given.
    pub fn labels(&self, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut labels: BTreeMap<String, String> =
            self.revision.iter().map(|id| (REVISION.to_owned(), id.clone())).collect();
        labels.extend(given.clone());
        labels
    }
}

/// RFC 3339, as far as its form goes.
fn is_instant(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>, least: u32, most: u32| {
        text.get(range)
            .filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse::<u32>().ok())
            .is_some_and(|number| (least..=most).contains(&number))
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let date = digits(0..4, 0, 9999) && digits(5..7, 1, 12) && digits(8..10, 1, 31);
    let time = digits(11..13, 0, 23) && digits(14..16, 0, 59) && digits(17..19, 0, 60);
    if !date || !time || marks.iter().any(|&(at, mark)| text.get(at..at + 1) != Some(mark)) {
        return false;
    }
    let Some(mut rest) = text.get(19..) else { return false };
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || length > 9 {
            return false;
        }
        rest = &fraction[length..];
    }
    let at = text.len() - rest.len();
    rest == "Z"
        || (rest.len() == 6
            && rest.starts_with(['+', '-'])
            && digits(at + 1..at + 3, 0, 23)
            && text.get(at + 3..at + 4) == Some(":")
            && digits(at + 4..at + 6, 0, 59))
}

#[cfg(test)]
mod tests {
    use super::{commit, is_instant};
    use serde_json::json;

    #[test]
    fn instants() {
        for right in ["1970-01-01T00:00:00Z", "2026-11-23T12:57:02.000Z", "2026-11-23T12:57:02+01:00"] {
            assert!(is_instant(right), "{right}");
        }
        for wrong in [
            "",
            "now",
            "2026-11-23",
            "2026-11-23 12:57:02Z",
            "2026-13-23T12:57:02Z",
            "2026-11-23T12:57:02",
            "2026-11-23T12:57:02.Z",
            "2026-11-23T12:57:02+1:00",
            "2026-11-23T12:57:02+01:0ä",
            "+026-11-23T12:57:02Z",
        ] {
            assert!(!is_instant(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_commit_is_one_where_there_is_git() {
        let id = "a".repeat(40);
        assert_eq!(commit(&json!({"commit": {"id": id}})), (Some(id), None));
        assert_eq!(commit(&json!({"commit": {"id": "0".repeat(40), "date": "2020-01-01T00:00:00Z"}})).0, None);
        assert_eq!(commit(&json!({})), (None, None));
    }
}
