//! What content is called: `sha256:` and 64 lower-case hexadecimal digits. Never hashes files: the host does.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use tidegate::Error;

/// The digest of some content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads `sha256:…`. Other algorithms are refused: no registry needs them, and the host verifies none.
    ///
    /// # Errors
    /// `invalid`, where it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && digits.bytes().all(hexadecimal) => Ok(Self(text.to_owned())),
            _ => Err(Error::invalid(format!(
                "`{}` is not a digest: `sha256:` and 64 lower-case hexadecimal digits",
                shortened(text)
            ))),
        }
    }

    /// The digest of these bytes.
    pub fn of(content: &[u8]) -> Self {
        let mut text = String::from("sha256:");
        for byte in Sha256::digest(content) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits alone.
    pub fn digits(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first 12 digits, for lines that people read.
    pub fn short(&self) -> &str {
        &self.digits()[..12]
    }
}

/// Long texts tell a person no more than their beginning.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|error| error.message)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn digests_are_strict() {
        // FIPS 180-2, and what `printf '' | sha256sum` says.
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), empty);
        assert_eq!(Digest::parse(empty).map(|digest| digest.short().to_owned()).ok().as_deref(), Some("e3b0c44298fc"));
        let upper = empty.to_uppercase();
        for wrong in ["", "sha256:", &empty[..70], &upper, &format!("{empty}0"), &empty.replace("256", "512")] {
            assert!(Digest::parse(wrong).is_err(), "{wrong}");
        }
    }
}
