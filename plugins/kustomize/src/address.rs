//! Addresses of repositories without what could be a secret in them. Files have tokens in their addresses, and an address is
//! shown, kept, and asked for by name.

/// A text in which no address has a secret: over HTTP no user at all, which is where tokens are put; by any other scheme no
/// password.
pub fn without_secrets(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let http = is_http(&clean);
        let ends = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\\' | '`' | '<' | '>') || c.is_whitespace();
        let (authority, rest) = part.split_at(part.find(ends).unwrap_or(part.len()));
        clean.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) if http => clean.push_str(host),
            Some((user, host)) => {
                let name = user.split(':').next().unwrap_or_default();
                clean.extend([name, "@", host]);
            }
            None => clean.push_str(authority),
        }
        clean.push_str(rest);
    }
    clean
}

/// Whether a text ends with HTTP's scheme.
fn is_http(text: &str) -> bool {
    let scheme = text.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn no_secret_is_in_an_address() {
        for (text, clean) in [
            ("https://a:b@x/y and ssh://git@x/y", "https://x/y and ssh://git@x/y"),
            ("k: https://a:p@q@x:1/y?ref=v1: gone", "k: https://x:1/y?ref=v1: gone"),
            ("git::HTTPS://ghp_xxx@x/y", "git::HTTPS://x/y"),
            ("'http://token@x'", "'http://x'"),
            ("ssh://git:p@x/y, git+ssh://a@x", "ssh://git@x/y, git+ssh://a@x"),
            ("{\"a\":\"https://x\",\"b\":\"c@d\"}", "{\"a\":\"https://x\",\"b\":\"c@d\"}"),
            ("no address: a:b@c", "no address: a:b@c"),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), clean);
        }
    }
}
