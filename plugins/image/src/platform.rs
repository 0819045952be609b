//! Platforms: `linux/arm64`, `linux/arm/v7`.

use serde::{Deserialize, Serialize};
use std::fmt;
use tidegate::Error;

/// An operating system on an architecture, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`…
    pub architecture: String,
    /// `linux`…
    pub os: String,
    /// `v7`, of `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Of Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Platform {
    /// Reads `os/architecture[/variant]`.
    ///
    /// # Errors
    /// `invalid`, where it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let word = |part: &&str| {
            !part.is_empty()
                && part.len() <= 32
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [os, architecture, rest @ ..] if rest.len() <= 1 && parts.iter().all(word) => Ok(Self {
                architecture: (*architecture).to_owned(),
                os: (*os).to_owned(),
                variant: rest.first().map(|&variant| variant.to_owned()),
                version: None,
            }),
            _ => Err(Error::invalid(format!("`{}` is not a platform", crate::digest::shortened(text)))
                .with_hint("write `linux/amd64`, `linux/arm64` or `linux/arm/v7`")),
        }
    }

    /// Whether an image for `other` runs here. `arm64` is `arm64/v8`, and who asks for no variant takes what has none.
    pub fn accepts(&self, other: &Self) -> bool {
        fn variant(platform: &Platform) -> Option<&str> {
            let usual = match platform.architecture.as_str() {
                "arm64" => "v8",
                "arm" => "v7",
                "amd64" => "v1",
                _ => "",
            };
            platform.variant.as_deref().filter(|&variant| variant != usual)
        }
        self.os == other.os && self.architecture == other.architecture && variant(self) == variant(other)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn platforms() {
        let platform = |text: &str| Platform::parse(text).expect(text);
        assert_eq!(platform("linux/arm/v6").to_string(), "linux/arm/v6");
        for wrong in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "Linux/amd64", "linux/../x", "linux/x86_64"]
        {
            assert!(Platform::parse(wrong).is_err(), "{wrong}");
        }
        assert!(platform("linux/arm64").accepts(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm/v6").accepts(&platform("linux/arm/v7")));
        assert!(!platform("linux/amd64").accepts(&platform("linux/arm64")));
        assert!(!platform("linux/amd64").accepts(&platform("windows/amd64")));
    }
}
