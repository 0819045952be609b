//! Addresses of repositories, compared by what they mean: without scheme, user, `.git` and the scheme's own port, and
//! in lower case, as Argo CD compares them (util/git/git.go).

use crate::host::HostConfig;
use std::fmt;

/// An address in the form in which it is compared: `git.example.com/team/app`, `git.example.com:2222/team/app`, or a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryKey(String);

impl RepositoryKey {
    /// The form of an address. A text that is none keeps what it says, and then equals nothing else.
    pub fn new(address: &str) -> Self {
        let text = address.trim().to_lowercase();
        let (port, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (own_port(scheme), without_user(rest).to_owned()),
            None => match scp(&text) {
                Some((host, path)) => (None, format!("{}/{}", without_user(host), path.trim_start_matches('/'))),
                None => (None, text.clone()),
            },
        };
        let rest = rest.trim_end_matches('/');
        let rest = rest.strip_suffix(".git").unwrap_or(rest).trim_end_matches('/');
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let host = port.and_then(|port| host.strip_suffix(port)).unwrap_or(host);
        Self(format!("{host}{path}"))
    }

    /// The form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An address without what could be a secret: over HTTP no user at all, which is where tokens are put; by any other scheme no
/// password. What is no URL stays as it is. `user@` of SSH is how it is addressed.
pub fn without_secret(address: &str) -> String {
    let Some((before, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return address.to_owned() };
    match (is_http(before), user.split_once(':')) {
        (true, _) => format!("{before}://{host}{path}"),
        (false, Some((name, _))) => format!("{before}://{name}@{host}{path}"),
        (false, None) => address.to_owned(),
    }
}

/// Whether what stands before `://` ends with HTTP's scheme: in front of it there may be a way to fetch, `git::`.
fn is_http(before: &str) -> bool {
    let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

/// The port that a scheme means by itself.
fn own_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "https" => Some(":443"),
        "http" => Some(":80"),
        "ssh" => Some(":22"),
        _ => None,
    }
}

/// Only what stands before the first slash can be a user.
fn without_user(rest: &str) -> &str {
    let end = rest.find('/').unwrap_or(rest.len());
    rest.get(..end).and_then(|host| host.rfind('@')).map_or(rest, |at| &rest[at + 1..])
}

/// Host and path of `git@host:path`, which Git tells from a path by a colon before the first slash.
fn scp(text: &str) -> Option<(&str, &str)> {
    let host_end = match text.find("]:") {
        Some(end) if text.contains("[") => end + 1,
        _ => text.find(':')?,
    };
    let (host, path) = (text.get(..host_end)?, text.get(host_end + 1..)?);
    (!host.is_empty() && !host.contains('/') && !path.is_empty()).then_some((host, path))
}

/// The configured repository that an application's `repoURL` means: by its `url`, or by one of its `aliases`.
pub fn repository_of<'a>(address: &str, config: &'a HostConfig) -> Option<&'a str> {
    let wanted = RepositoryKey::new(address);
    let means = |known: &String| RepositoryKey::new(known) == wanted;
    let found = config.repositories.iter().find(|(_, r)| means(&r.url) || r.aliases.iter().any(means));
    found.map(|(name, _)| name.as_str())
}
