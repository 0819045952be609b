//! Where a repository is: which URLs and paths are taken. Never opens or contacts it.

use crate::credential::Credential;
use crate::error::Error;
use crate::redact::clean;
use std::path::{Path, PathBuf};

/// Where a repository is and how to get in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// An absolute path, `https://…`, `http://…`, `ssh://…` or `user@host:path`; never with a password.
    pub url: String,
    /// How to get in; nothing of the environment is tried instead.
    pub credential: Option<Credential>,
}

/// How a remote is reached.
pub(crate) enum Place {
    /// A folder of this machine.
    Path(PathBuf),
    /// A server.
    Network,
}

impl Remote {
    /// Reads what an operator wrote; a relative path counts from `base`. Nothing is contacted.
    pub fn parse(url: &str, base: &Path) -> Result<Self, Error> {
        let refuse = |why, hint| Err(Error::Url { url: shown(url), why, hint });
        if url.is_empty() {
            return refuse("it is empty", "write an https:// or ssh:// URL, `user@host:path`, or a path");
        }
        if url.starts_with('-') {
            return refuse("it begins with `-`, which tools take for an option", "write `./-…` for such a folder");
        }
        if url.chars().any(char::is_control) {
            return refuse("it holds a control character", "write it on one line, without NUL");
        }
        if is_helper(url) {
            return refuse("`name::` starts a helper program", "use https:// or ssh://");
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            return with_scheme(scheme, rest).or_else(|(why, hint)| refuse(why, hint));
        }
        if let Some((left, path)) = url.split_once(':').filter(|(left, _)| !left.contains('/')) {
            return scp_like(url, left, path).or_else(|(why, hint)| refuse(why, hint));
        }
        let path = std::path::absolute(base.join(url)).map_err(|e| Error::io("resolve", url, e))?;
        match path.into_os_string().into_string() {
            Ok(url) => Ok(Self { url, credential: None }),
            Err(_) => refuse("its folder's name is not UTF-8", "rename the folder"),
        }
    }

    /// Adds how to get in.
    #[must_use]
    pub fn with_credential(mut self, credential: Option<Credential>) -> Self {
        self.credential = credential;
        self
    }

    /// Whether it is reached over SSH, by `ssh://` or `user@host:path`.
    pub fn is_ssh(&self) -> bool {
        let http =
            self.url.split_once("://").is_some_and(|(scheme, _)| scheme.to_ascii_lowercase().starts_with("http"));
        matches!(self.place(), Place::Network) && !http
    }

    /// How it is reached.
    pub(crate) fn place(&self) -> Place {
        if self.url.starts_with('/') { Place::Path(PathBuf::from(&self.url)) } else { Place::Network }
    }

    /// Checks a URL that did not come from `parse`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        Self::parse(&self.url, Path::new("/")).map(drop)
    }
}

type Refusal = (&'static str, &'static str);

/// A refused URL without what may be a secret: whatever stands before an `@`, and a query.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or("");
    if url.contains("://") {
        return clean(url);
    }
    clean(url.rsplit_once('@').map_or(url, |(_, rest)| rest))
}

/// `ext::sh -c …`: Git's own syntax for helper programs.
fn is_helper(url: &str) -> bool {
    url.split_once("::").is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '.'))
    })
}

fn with_scheme(scheme: &str, rest: &str) -> Result<Remote, Refusal> {
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "https" | "http" | "ssh" => {}
        "file" => return Err(("file:// is not taken", "write the path itself: /srv/git/shop.git")),
        "git" => return Err(("git:// neither encrypts nor authenticates", "use https:// or ssh://")),
        _ => return Err(("its scheme is not taken", "use https://, http://, ssh://, `user@host:path` or a path")),
    }
    if rest.contains(['?', '#', '\\']) || rest.contains(char::is_whitespace) {
        return Err(("it holds a query, a fragment, a backslash or a space", "write only host and path"));
    }
    let encoded = rest.to_ascii_lowercase();
    if ["%00", "%0a", "%0d"].iter().any(|code| encoded.contains(code)) {
        return Err(("it holds an encoded control character", "write only host and path"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, server) = authority.rsplit_once('@').map_or((None, authority), |(user, server)| (Some(user), server));
    match user {
        Some(_) if scheme != "ssh" => {
            return Err(("it holds a user name or a password", "name them in the repository's credential"));
        }
        Some(user) => check_user(user)?,
        None => {}
    }
    check_server(server)?;
    if path.is_empty() || path.starts_with('-') {
        return Err(("it has no usable path", "write the repository's path after the host"));
    }
    Ok(Remote { url: format!("{scheme}://{rest}"), credential: None })
}

fn scp_like(url: &str, left: &str, path: &str) -> Result<Remote, Refusal> {
    let Some((user, host)) = left.rsplit_once('@') else {
        return Err(if path.split('/').next().is_some_and(|p| p.contains('@')) {
            ("it holds a password", "name it in the repository's credential")
        } else {
            ("it is neither a path nor `user@host:path`", "write `user@host:path`, or `./…` for a folder")
        });
    };
    check_user(user)?;
    check_server(host)?;
    if path.is_empty() || path.starts_with('-') || path.contains('\\') {
        return Err(("it has no usable path", "write the repository's path after the `:`"));
    }
    Ok(Remote { url: url.to_owned(), credential: None })
}

fn check_user(user: &str) -> Result<(), Refusal> {
    if user.contains(':') {
        Err(("it holds a password", "name it in the repository's credential"))
    } else if user.is_empty()
        || user.starts_with('-')
        || !user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        Err(("its user name is not usable", "use letters, digits, `-`, `_` and `.`"))
    } else {
        Ok(())
    }
}

fn check_server(server: &str) -> Result<(), Refusal> {
    let (host, port) = match server.strip_prefix('[').and_then(|s| s.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').or(if rest.is_empty() { None } else { Some("?") })),
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let bracketed = server.starts_with('[');
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (bracketed && c == ':');
    if host.is_empty() || host.starts_with('-') || !host.chars().all(fine) {
        return Err(("its host is not usable", "write a DNS name or an address"));
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return Err(("its port is not a number up to 65535", "write `host:port`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Remote;
    use std::path::Path;

    #[test]
    fn urls_that_are_taken() {
        for (url, expected) in [
            ("/srv/git/a.git", "/srv/git/a.git"),
            ("a.git", "/base/a.git"),
            ("./a:b", "/base/a:b"),
            ("HTTPS://host/a.git", "https://host/a.git"),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"),
            ("https://[::1]:8443/a", "https://[::1]:8443/a"),
            ("ssh://git@host:22/a.git", "ssh://git@host:22/a.git"),
            ("git@host:team/a.git", "git@host:team/a.git"),
        ] {
            assert_eq!(Remote::parse(url, Path::new("/base")).map(|r| r.url).ok().as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn urls_that_are_refused() {
        for url in [
            "",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ext::sh -c id",
            "fd::7",
            "file:///srv/a.git",
            "FILE:///srv/a.git",
            "git://host/a",
            "ftp://host/a",
            "https://me:hunter2@host/a",
            "https://hunter2@host/a",
            "ssh://me:hunter2@host/a",
            "me:hunter2@host:a",
            "https://host/a?token=hunter2",
            "https://host/a#x",
            "https://host/a\nb",
            "/srv/a\0b",
            "https://host/a%0ab",
            "https://-host/a",
            "https:///a",
            "https://host",
            "https://host:99999/a",
            "ssh://-oProxyCommand=id/a",
            "ssh://-u@host/a",
            "git@-host:a",
            "git@host:-a",
            "git@host:",
            "host:a",
        ] {
            let error = Remote::parse(url, Path::new("/base")).map(|r| r.url).expect_err(url);
            let failure = error.failure();
            assert_eq!(failure.code, "invalid", "{url}");
            assert!(failure.hint.is_some(), "{url}");
            assert!(!format!("{error:?} {error} {failure:?}").contains("hunter2"), "{url}: {error}");
        }
    }
}
