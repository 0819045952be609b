//! Where a plugin or a child of one may connect. Whoever controls a name's zone chooses its address, so a name may lead to
//! public addresses, and to the private networks that the operator lists, but never elsewhere.

use model::Failure;
use model::place::{literal, unmapped};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use model::place::{Network, Pattern};

/// Whether one of these patterns allows a place; a refusal names the grant that is missing.
pub fn allow(patterns: &[Pattern], plain: bool, host: &str, port: u16) -> Result<(), Failure> {
    if patterns.iter().any(|pattern| pattern.allows(plain, host, port)) {
        return Ok(());
    }
    let scheme = if plain { "http://" } else { "" };
    let host: String = host.chars().filter(|c| !c.is_control()).take(253).collect();
    Err(Failure::denied(format!(
        "connecting to `{scheme}{host}:{port}` is not granted: it needs `http: {{ hosts: [\"{scheme}{host}:{port}\"] }}`"
    )))
}

/// Whether a host that a pattern allowed may have this address: any that was written as an address; for a name a public
/// one, or one of the networks that the operator lists. To be asked of the very address that is connected to.
pub fn allow_address(host: &str, found: IpAddr, private: &[Network]) -> Result<(), Failure> {
    if literal(host.trim_end_matches('.')).is_some_and(|written| written == unmapped(found)) {
        return Ok(());
    }
    if is_public(found) || private.iter().any(|network| network.contains(found)) {
        return Ok(());
    }
    let host: String = host.chars().filter(|c| !c.is_control()).take(253).collect();
    Err(Failure::denied(format!("`{host}` leads to {found}, which is no public address")).hint(
        "where this is meant, an operator can list the network in tidegate.yaml: `spec.egress: { private: [10.0.0.0/8] }`",
    ))
}

/// Whether an address is one of the public internet, by the registries of special-purpose addresses (RFC 6890 and its
/// updates). Addresses that hold another one are judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., _, _)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // v4-mapped, v4-compatible with the unspecified address and loopback, and NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0, 0, 0, 0, 0, 0, ..] => false,
        // 6to4 holds the address behind its prefix.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarking, documentation, and what is local.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast is 2000::/3.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Pattern, allow, allow_address, is_public};
    use std::net::IpAddr;

    #[test]
    fn a_refusal_names_its_grant() {
        let denied = allow(&["a.example".parse::<Pattern>().expect("a pattern")], true, "b.example", 80)
            .expect_err("not granted");
        assert!(
            denied.is_denied() && denied.message.contains("http: { hosts: [\"http://b.example:80\"] }"),
            "{denied}"
        );
    }

    #[test]
    fn public_addresses_are_told_from_the_others() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("172.32.0.1", true),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::808:808", true),
            ("2002:7f00:1::", false),
            ("fc00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2606:4700::1111", true),
        ] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(is_public(address), public, "{text}");
        }
    }

    #[test]
    fn names_reach_private_networks_only_where_an_operator_says_so() {
        let (ten, local): (IpAddr, IpAddr) = ("10.2.3.4".parse().expect("v4"), "::ffff:127.0.0.1".parse().expect("v6"));
        let listed: Network = "10.0.0.0/8".parse().expect("a network");
        assert!(allow_address("registry.corp", ten, &[]).is_err_and(|f| f.is_denied()));
        assert_eq!(allow_address("registry.corp", ten, &[listed]), Ok(()));
        assert!(allow_address("registry.corp", local, &[listed]).is_err());
        // Written as an address, it was granted as one.
        assert_eq!(allow_address("127.0.0.1", local, &[]), Ok(()));
        assert!(allow_address("127.0.0.1", ten, &[]).is_err());
    }
}
