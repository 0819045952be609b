//! Places on the network as operators write them: hosts by pattern, and networks of addresses.
//!
//! A pattern is `host`, `host:port`, `*.domain:port` or `*:port`, with port 443 where none is written; `http://` in front
//! allows plain HTTP (port 80 where none is written). A `*` stands for names only: an address is allowed by a pattern that
//! is that very address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One place, or all places of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    host: Host,
    port: u16,
    plain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// `*`: any name.
    Any,
    /// `*.example.com`: any name below it.
    Below(String),
    Name(String),
    Address(IpAddr),
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (plain, rest) = match text.split_once("://") {
            None => (false, text),
            Some(("https", rest)) => (false, rest),
            Some(("http", rest)) => (true, rest),
            Some((scheme, _)) => return Err(format!("`{text}`: `{scheme}` is neither `http` nor `https`")),
        };
        let (host, port) = split(rest).ok_or_else(|| format!("`{text}` is no host with a port"))?;
        let port = port.unwrap_or(if plain { 80 } else { 443 });
        let name = host.to_ascii_lowercase();
        let host = match name.as_str() {
            "*" => Host::Any,
            _ if name.starts_with("*.") && is_name(&name[2..]) => Host::Below(name[1..].to_owned()),
            _ => match literal(&name) {
                Some(address) => Host::Address(address),
                None if is_name(&name) => Host::Name(name),
                None => return Err(format!("`{text}` names no host: a name, `*.name`, `*` or an address")),
            },
        };
        Ok(Self { host, port, plain })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.plain {
            write!(f, "http://")?;
        }
        match &self.host {
            Host::Any => write!(f, "*")?,
            Host::Below(domain) => write!(f, "*{domain}")?,
            Host::Name(name) => write!(f, "{name}")?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        write!(f, ":{}", self.port)
    }
}

impl Pattern {
    /// Whether it allows a host, as a URL writes it, at a port. Plain HTTP needs a pattern that says so, whatever else it
    /// allows; over TLS one for plain HTTP allows nothing.
    pub fn allows(&self, plain: bool, host: &str, port: u16) -> bool {
        self.plain == plain && self.reaches(host, port)
    }

    /// The same for a tunnel, through which nobody sees what is spoken.
    pub fn reaches(&self, host: &str, port: u16) -> bool {
        if self.port != port {
            return false;
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        match (&self.host, literal(&name)) {
            (Host::Address(own), Some(asked)) => *own == asked,
            (Host::Address(_), None) | (_, Some(_)) => false,
            // What a resolver would take for an address is none by name: `2130706433`, `0x7f.1`.
            (_, None) if !is_name(&name) => false,
            (Host::Any, None) => true,
            (Host::Below(domain), None) => name.len() > domain.len() && name.ends_with(domain.as_str()),
            (Host::Name(own), None) => *own == name,
        }
    }

    /// Whether it allows everything that another one does.
    pub fn covers(&self, other: &Self) -> bool {
        let host = match (&self.host, &other.host) {
            (own, other) if own == other => true,
            (Host::Any, Host::Name(_) | Host::Below(_)) => true,
            (Host::Below(domain), Host::Name(inner) | Host::Below(inner)) => {
                inner.len() > domain.len() && inner.ends_with(domain.as_str())
            }
            _ => false,
        };
        host && self.port == other.port && self.plain == other.plain
    }

    /// The address and port that it names, where it names one rather than a name.
    pub fn literal(&self) -> Option<(IpAddr, u16)> {
        if let Host::Address(address) = self.host { Some((address, self.port)) } else { None }
    }
}

/// A private network that names may lead to: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no network: write it like `10.0.0.0/8`");
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(wrong()) } else { Ok(Self { first, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let shift = width - u32::from(self.bits);
            shift >= 128 || a.checked_shr(shift) == b.checked_shr(shift)
        };
        match (self.first, unmapped(address)) {
            (IpAddr::V4(a), IpAddr::V4(b)) => self.bits == 0 || same(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
            _ => false,
        }
    }
}

/// A v4-mapped address as the v4 address that it is.
pub fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The address that a host is, as URLs write it; `None` for a name.
pub fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.parse().ok().map(unmapped)
}

/// A name of DNS, or a bare name; one whose last part is a number is an address in disguise.
fn is_name(text: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    text.len() <= 253 && !number && text.split('.').all(label)
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
        None => None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::{Network, Pattern};

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn patterns_allow_what_they_say_and_no_more() {
        for (text, host, port, yes) in [
            ("registry.example.com", "registry.example.com", 443, true),
            ("registry.example.com", "REGISTRY.example.com.", 443, true),
            ("registry.example.com", "registry.example.com", 5000, false),
            ("registry.example.com:5000", "registry.example.com", 5000, true),
            ("*.example.com", "a.b.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("*.example.com", "evilexample.com", 443, false),
            ("*", "anything", 443, true),
            ("*", "10.0.0.1", 443, false),
            ("*", "[::1]", 443, false),
            ("*", "2130706433", 443, false),
            ("*", "0x7f000001", 443, false),
            ("127.0.0.1:5000", "127.0.0.1", 5000, true),
            ("127.0.0.1:5000", "[::ffff:127.0.0.1]", 5000, true),
            ("127.0.0.1:5000", "localhost", 5000, false),
            ("[::1]:80", "[::1]", 80, true),
        ] {
            assert_eq!(pattern(text).allows(false, host, port), yes, "{text} {host}:{port}");
        }
        assert!(pattern("http://10.0.0.1").allows(true, "10.0.0.1", 80));
        assert!(!pattern("http://10.0.0.1").allows(false, "10.0.0.1", 80), "plain HTTP allows no TLS");
        assert!(!pattern("example.com:80").allows(true, "example.com", 80), "plain HTTP must be said");
        for wrong in ["", "ftp://x", "a b", "*x.com", "x:0", "x:99999", "::1", "http://", "x/y", "-a.com"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
        for text in ["a.example:443", "http://*.b:80", "[::1]:5", "*:443"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn a_pattern_covers_narrower_ones() {
        for (wide, narrow, yes) in [
            ("*", "a.example", true),
            ("*", "*.example", true),
            ("*", "10.0.0.1", false),
            ("*.example", "a.example", true),
            ("*.example", "*.a.example", true),
            ("*.example", "example", false),
            ("*.example", "*", false),
            ("a.example", "a.example:8443", false),
            ("http://a.example:443", "a.example", false),
        ] {
            assert_eq!(pattern(wide).covers(&pattern(narrow)), yes, "{wide} {narrow}");
        }
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("0.0.0.0/0", "9.9.9.9", "::1"),
            ("::/0", "::1", "9.9.9.9"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "11.0.0.1"),
        ] {
            let network: Network = network.parse().expect("a network");
            assert!(network.contains(inside.parse().expect("an address")), "{network} {inside}");
            assert!(!network.contains(outside.parse().expect("an address")), "{network} {outside}");
        }
        for wrong in ["10.0.0.0/33", "x", "10.0.0.0/x", "::/129"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
