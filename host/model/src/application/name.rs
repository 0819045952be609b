//! Names that end up in paths, labels and URLs: whoever holds one may put it there without a second look.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be {what}: {rule}")]
pub struct BadName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

macro_rules! checked_name {
    ($(#[$meta:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads one.
            ///
            /// # Errors
            /// The text breaks the rule.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> Option<String> = $check;
                check(text).map(Self).ok_or_else(|| BadName { text: text.to_owned(), what: $what, rule: $rule })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

checked_name! {
    /// An application's name: a DNS subdomain, as Kubernetes asks of objects (RFC 1123).
    ApplicationName, "an application's name",
    "it has letters a to z, digits, `-` and `.`, begins and ends with a letter or digit, and has 253 characters at most",
    |text| (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.to_owned())
}

checked_name! {
    /// A namespace of Kubernetes: a DNS label (RFC 1123).
    Namespace, "a namespace",
    "it has letters a to z, digits and `-`, begins and ends with a letter or digit, and has 63 characters at most",
    |text| (text.len() <= 63 && is_label(text)).then(|| text.to_owned())
}

checked_name! {
    /// A folder of a repository: its path from the top without `.`, `..` or empty segments; `.` is the top itself.
    FolderPath, "a folder of the repository", "it leaves the repository, or is no path", folder
}

impl FolderPath {
    /// The path as a renderer's sources have it: empty for the top.
    pub fn in_source(&self) -> &str {
        if self.0 == "." { "" } else { &self.0 }
    }
}

fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain);
    ends && bytes.iter().all(|b| plain(*b) || *b == b'-')
}

/// The path without its detours; nothing where it leads out of the repository.
fn folder(text: &str) -> Option<String> {
    if text.starts_with('/') || text.contains(['\\', '\0']) || text.contains(char::is_control) || text.len() > 4096 {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            other => kept.push(other),
        }
    }
    Some(if kept.is_empty() { ".".to_owned() } else { kept.join("/") })
}

#[cfg(test)]
mod tests {
    use super::{ApplicationName, FolderPath, Namespace};

    #[test]
    fn names_are_those_of_kubernetes() {
        for good in ["a", "my-app", "a.b-c.1", &"x".repeat(253)] {
            assert!(ApplicationName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a..b", "-a", "a-", "A", "a_b", "a/b", "../x", "a\n", &"x".repeat(254)] {
            assert!(ApplicationName::parse(bad).is_err(), "{bad}");
        }
        assert!(Namespace::parse("kube-system").is_ok());
        for bad in ["", "a.b", "..", "*", &"x".repeat(64)] {
            assert!(Namespace::parse(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Namespace>("\"a/b\"").is_err());
    }

    #[test]
    fn folders_stay_within_the_repository() {
        for (written, path) in [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("a", "a"),
            ("./a//b/", "a/b"),
            ("a/../b", "b"),
            ("a/b/../..", "."),
            ("...", "..."),
        ] {
            assert_eq!(FolderPath::parse(written).map(String::from).as_deref(), Ok(path), "{written}");
        }
        for bad in ["..", "../a", "a/../../b", "/", "/a", "a\\b", "a\0", "a\n"] {
            assert!(FolderPath::parse(bad).is_err(), "{bad}");
        }
    }
}
