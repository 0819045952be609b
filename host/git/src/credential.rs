//! What opens a remote. Never shown: not in text, not in debug output, not in an error.

use std::fmt;
use std::path::PathBuf;

/// A password or token. Its `Debug` and `Display` show nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that hands it to libgit2.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How to get into a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// HTTP basic authentication; a token is a password, with the user name its forge wants.
    Password {
        /// The user name.
        username: String,
        /// The password or token.
        secret: Secret,
    },
    /// An unencrypted private key file.
    SshKey {
        /// The user on the server, where the URL names none.
        username: String,
        /// The key file.
        private_key: PathBuf,
    },
    /// The keys of the running SSH agent.
    SshAgent {
        /// The user on the server, where the URL names none.
        username: String,
    },
}

impl Credential {
    /// The user it is for.
    pub(crate) fn username(&self) -> &str {
        match self {
            Self::Password { username, .. } | Self::SshKey { username, .. } | Self::SshAgent { username } => username,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, Secret};

    #[test]
    fn no_secret_in_any_text() {
        let secret = Secret::new("hunter2");
        let credential = Credential::Password { username: "ci".into(), secret: secret.clone() };
        let shown = format!("{secret} {secret:?} {credential:?} {credential:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
