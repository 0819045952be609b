//! What a child reaches: nothing, the places that rules name, or all. It never opens a socket and never resolves a name.

use access::egress;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a child reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Network {
    /// Its own loopback, with nobody else on it.
    None,
    /// All that the host reaches.
    All,
    /// Its own loopback, and on it a proxy to the places that these rules name.
    Proxy(ProxyRules),
}

/// Where the proxy of a child leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyRules {
    /// Places: `host:port`, `*.domain:port`, `address:port`. One that is a loopback address (`127.0.0.1:5000`) is also there
    /// without the proxy, at that address, since many programs never use a proxy for those.
    pub allow: Vec<String>,
    /// Networks besides the public ones that names may lead to: `10.0.0.0/8`.
    pub private: Vec<String>,
}

/// The most places of one command: each is looked at for each connection.
const PLACES: usize = 256;
/// The most of them that get a listener of their own. All listeners go through one message, which takes 253 descriptors.
pub(crate) const FORWARDS: usize = 64;

/// The same, understood.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub allow: Vec<egress::Pattern>,
    pub private: Vec<egress::Network>,
}

impl ProxyRules {
    /// Understands every rule, or says which one it cannot.
    pub(crate) fn parse(&self) -> Result<Rules, String> {
        if self.allow.len() > PLACES || self.private.len() > PLACES {
            return Err(format!("a proxy takes at most {PLACES} places and as many networks"));
        }
        let rules = Rules {
            allow: self.allow.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            private: self.private.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        };
        if rules.forwards().len() > FORWARDS {
            return Err(format!("a proxy takes at most {FORWARDS} loopback addresses"));
        }
        Ok(rules)
    }
}

impl Rules {
    /// The loopback addresses that are named as such.
    pub fn forwards(&self) -> Vec<SocketAddr> {
        let literals = self.allow.iter().filter_map(egress::Pattern::literal);
        let mut found: Vec<_> = literals.filter(|(ip, _)| ip.is_loopback()).map(SocketAddr::from).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Where the proxy listens inside: port 3128, or the next one that no forward has.
    pub fn proxy(&self) -> SocketAddr {
        let forwards = self.forwards();
        let at = |port| SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        // There are fewer forwards than ports behind it.
        (3128..u16::MAX).map(at).find(|place| !forwards.contains(place)).unwrap_or_else(|| at(3128))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn rules(allow: &[&str]) -> ProxyRules {
        ProxyRules { allow: allow.iter().map(|text| (*text).to_owned()).collect(), private: Vec::new() }
    }

    #[test]
    fn the_old_words_read_as_before() {
        assert_eq!(serde_json::to_string(&Network::None).unwrap(), r#""none""#);
        assert_eq!(serde_json::to_string(&Network::All).unwrap(), r#""all""#);
        let proxy = Network::Proxy(rules(&["a.example:443"]));
        let text = serde_json::to_string(&proxy).unwrap();
        assert_eq!(text, r#"{"proxy":{"allow":["a.example:443"],"private":[]}}"#);
        assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), proxy);
    }

    #[test]
    fn loopback_addresses_are_forwarded_and_the_proxy_makes_room() {
        let parsed =
            rules(&["127.0.0.1:5000", "[::1]:80", "localhost:1", "10.0.0.1:2", "127.0.0.1:5000"]).parse().unwrap();
        let told: Vec<_> = parsed.forwards().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["127.0.0.1:5000", "[::1]:80"]);
        assert_eq!(parsed.proxy().to_string(), "127.0.0.1:3128");
        let taken = rules(&["127.0.0.1:3128", "127.0.0.1:3129"]).parse().unwrap();
        assert_eq!(taken.proxy().to_string(), "127.0.0.1:3130");
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for wrong in ["a b:443", "x:0", "ftp://x", ""] {
            assert!(rules(&[wrong]).parse().unwrap_err().contains(wrong), "{wrong}");
        }
        let private = ProxyRules { private: vec!["10.0.0.0/99".into()], ..ProxyRules::default() };
        assert!(private.parse().unwrap_err().contains("10.0.0.0/99"));
        let many: Vec<_> = (1..=70).map(|port| format!("127.0.0.1:{port}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(rules(&many).parse().unwrap_err().contains("64 loopback"));
    }
}
