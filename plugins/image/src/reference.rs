//! References: `host[:port]/name[:tag][@digest]`, by the grammar of the distribution specification. A name without a
//! registry is refused, never completed by a guess; `docker.io/library/x` says Docker's registry in full.

use crate::digest::{Digest, shortened};
use std::fmt;
use tidegate::Error;

/// The longest that host and name may be together, as registries and tools have it.
const LONGEST: usize = 255;

/// A repository of images at a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// The registry's host, with its port where one is given, in lower case.
    pub host: String,
    /// The name within the registry: `team/app`.
    pub name: String,
}

/// A repository, with what may follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// The tag.
    pub tag: Option<String>,
    /// The digest. Where both are given, this one counts.
    pub digest: Option<Digest>,
}

impl Repository {
    /// The host that speaks the registry's API. Only Docker's own has two names.
    pub fn api(&self) -> &str {
        api(&self.host)
    }

    /// `host/name@sha256:…`.
    pub fn at(&self, digest: &Digest) -> String {
        format!("{self}@{digest}")
    }
}

/// The host that speaks the API of a registry.
pub fn api(host: &str) -> &str {
    if host == "docker.io" { "registry-1.docker.io" } else { host }
}

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// `invalid`, with what is wrong, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let shown = shortened(text);
        let wrong = |why: &str| Err(Error::invalid(format!("`{shown}` is not a reference to an image: {why}")));
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(Error::invalid(format!("`{shown}` is not a reference to an image: it begins with a scheme"))
                .with_hint(match scheme {
                    "http" => "leave `http://` away, and say `insecure: true` for a registry without TLS",
                    _ => "a reference begins with the registry's host: `registry.example.com/team/app:v1`",
                }));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        // A `:` before the last `/` is a port's.
        let base = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (full, tag) = match rest[base..].find(':') {
            Some(colon) => (&rest[..base + colon], Some(&rest[base + colon + 1..])),
            None => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return wrong(&format!("`{}` is no tag: {TAG}", shortened(tag)));
        }
        let Some((host, name)) = full.split_once('/').filter(|(host, _)| looks_like_host(host)) else {
            return Err(Error::invalid(format!("`{shown}` does not say at which registry the image is")).with_hint(
                format!(
                    "write the registry's host first: `registry.example.com/{0}`, or \
                     `docker.io/{1}{0}` for Docker's",
                    shortened(full),
                    if full.contains('/') { "" } else { "library/" }
                ),
            ));
        };
        if !is_host(host) {
            return wrong(&format!("`{}` is no host", shortened(host)));
        }
        if !is_name(name) {
            return wrong(
                "a name is of lower-case letters and digits, with single `.`, `_`, `__` or dashes between them, in \
                 parts separated by `/`",
            );
        }
        if host == "docker.io" && !name.contains('/') {
            return Err(Error::invalid(format!("`{shown}` does not say whose image it is"))
                .with_hint(format!("Docker's official images are `docker.io/library/{name}`")));
        }
        if host.len() + 1 + name.len() > LONGEST {
            return wrong("host and name are longer than 255 characters");
        }
        let repository = Repository { host: host.to_ascii_lowercase(), name: name.to_owned() };
        Ok(Self { repository, tag: tag.map(str::to_owned), digest })
    }

    /// What the registry is asked for: the digest, or else the tag.
    pub fn target(&self) -> Option<&str> {
        self.digest.as_ref().map(Digest::as_str).or(self.tag.as_deref())
    }
}

/// What a tag is, in words.
pub const TAG: &str = "letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`";

/// Whether it is a tag.
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Whether the first part is meant as a host: the rule that all tools share.
fn looks_like_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, rest)) => {
                let port = match rest.strip_prefix(':') {
                    Some(port) => Some(port),
                    None if rest.is_empty() => None,
                    None => return false,
                };
                return address.parse::<std::net::Ipv6Addr>().is_ok() && port.is_none_or(is_port);
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let label = |label: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        label.len() <= 63
            && edge(label.bytes().next())
            && edge(label.bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` in each part, as the specification has it.
fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('/').all(|part| {
        let mut rest = part.as_bytes();
        loop {
            let word = rest.iter().take_while(|byte| alphanumeric(byte)).count();
            if word == 0 {
                return false;
            }
            rest = &rest[word..];
            if rest.is_empty() {
                return true;
            }
            let separator = rest.iter().take_while(|byte| !alphanumeric(byte)).count();
            let allowed = match &rest[..separator] {
                b"." | b"_" | b"__" => true,
                dashes => dashes.iter().all(|&byte| byte == b'-'),
            };
            if !allowed {
                return false;
            }
            rest = &rest[separator..];
        }
    })
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    fn parts(text: &str) -> Result<(String, String, Option<String>, bool), String> {
        let reference = Reference::parse(text).map_err(|error| error.message)?;
        let Reference { repository, tag, digest } = reference;
        Ok((repository.host, repository.name, tag, digest.is_some()))
    }

    #[test]
    fn references_have_a_registry() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let expect = |text: &str, host: &str, name: &str, tag: Option<&str>, digest: bool| {
            assert_eq!(parts(text), Ok((host.into(), name.into(), tag.map(str::to_owned), digest)), "{text}");
        };
        expect("r.io/app", "r.io", "app", None, false);
        expect("R.io:5000/a/b__c/d--e:V_1.0-x", "r.io:5000", "a/b__c/d--e", Some("V_1.0-x"), false);
        expect(&format!("localhost/app@{digest}"), "localhost", "app", None, true);
        expect(&format!("127.0.0.1:5000/app:v1@{digest}"), "127.0.0.1:5000", "app", Some("v1"), true);
        expect("[::1]:5000/app:v1", "[::1]:5000", "app", Some("v1"), false);
        expect("docker.io/library/alpine:3", "docker.io", "library/alpine", Some("3"), false);
        for wrong in [
            "",
            "app",
            "app:v1",
            "team/app",
            "r.io/",
            "r.io",
            "/app",
            "r.io//app",
            "r.io/App",
            "r.io/a/",
            "r.io/a..b",
            "r.io/a___b",
            "r.io/a.-b",
            "r.io/-a",
            "r.io/a-",
            "r.io/app:",
            "r.io/app:.v",
            "r.io/app:v 1",
            "r.io/app@",
            "r.io/app@sha256:12",
            "r.io:/app",
            "r.io:0/app",
            "r.io:65536/app",
            "r.io:+1/app",
            "-r.io/app",
            "r..io/app",
            "r_x.io/app",
            "[::g]/app",
            "[::1/app",
            "https://r.io/app",
            "docker.io/alpine",
            "r.io/äpp",
            "r.io/a\nb",
            "user@r.io/app",
            "r.io/app:v1:v2",
            "r.io/../app",
            "r.io/app?x=1",
            "r.io/app#x",
            "r.io/%2e/app",
        ] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
        assert!(parts(&format!("r.io/app:{}", "v".repeat(128))).is_ok());
        assert!(parts(&format!("r.io/app:{}", "v".repeat(129))).is_err());
        assert!(parts(&format!("r.io/{}", "v".repeat(250))).is_ok());
        assert!(parts(&format!("r.io/{}", "v".repeat(251))).is_err());
    }

    #[test]
    fn a_missing_registry_is_explained() {
        let hint = |text: &str| Reference::parse(text).expect_err(text).hint.unwrap_or_default();
        assert!(hint("alpine:3").contains("`docker.io/library/alpine`"), "{}", hint("alpine:3"));
        assert!(hint("team/app").contains("`registry.example.com/team/app`"));
        assert!(hint("docker.io/alpine").contains("docker.io/library/alpine"));
        assert!(hint("http://r.io/app").contains("insecure: true"));
        let reference = Reference::parse("docker.io/library/x:1").expect("valid");
        assert_eq!((reference.repository.api(), reference.target()), ("registry-1.docker.io", Some("1")));
    }
}
