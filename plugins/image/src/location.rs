//! Where a registry sends an upload: a `location` that is absolute or relative and may have a query, which is kept.
//! Knows no more of URLs than that.

/// Scheme, host and port of a URL, in lower case and without the scheme's own port; absent where it is no plain
/// `http://` or `https://` URL.
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    // A name or password before the host would be somebody's trick.
    if authority.is_empty() || authority.contains(['@', '\\']) || authority.contains(char::is_whitespace) {
        return None;
    }
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    Some(format!("{scheme}://{authority}"))
}

/// The host and port of a URL, as [`origin`] has them.
pub fn host(url: &str) -> Option<String> {
    origin(url)?.split_once("://").map(|(_, host)| host.to_owned())
}

/// What a `location` means in the answer of `base` (RFC 3986, the forms that registries use); absent where it makes no
/// sense.
pub fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.trim().split('#').next()?;
    if location.is_empty() || location.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    if location.contains("://") && !location.starts_with(['/', '?']) {
        origin(location)?;
        return Some(location.to_owned());
    }
    let (scheme, _) = base.split_once("://")?;
    if let Some(rest) = location.strip_prefix("//") {
        let url = format!("{scheme}://{rest}");
        origin(&url)?;
        return Some(url);
    }
    let path_start = scheme.len() + 3 + base[scheme.len() + 3..].find('/')?;
    if location.starts_with('/') {
        return Some(format!("{}{location}", &base[..path_start]));
    }
    let path = base[path_start..].split('?').next()?;
    if location.starts_with('?') {
        return Some(format!("{}{path}{location}", &base[..path_start]));
    }
    let folder = &path[..=path.rfind('/')?];
    Some(format!("{}{folder}{location}", &base[..path_start]))
}

/// The URL with one more parameter in its query.
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let mark = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{mark}{name}={}", encoded(value))
}

/// Percent-encoded, but for what no query misreads (RFC 3986, unreserved).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{origin, resolve, with_parameter};

    #[test]
    fn locations_are_absolute_or_relative() {
        let base = "https://r.io:5000/v2/app/blobs/uploads/?mount=x";
        for (location, expected) in [
            ("https://cdn.io/up?a=b%2Fc", "https://cdn.io/up?a=b%2Fc"),
            ("/v2/app/blobs/uploads/1?state=x", "https://r.io:5000/v2/app/blobs/uploads/1?state=x"),
            ("1?_state=x#f", "https://r.io:5000/v2/app/blobs/uploads/1?_state=x"),
            ("?id=1", "https://r.io:5000/v2/app/blobs/uploads/?id=1"),
            ("//cdn.io/1", "https://cdn.io/1"),
            ("/x?next=http://y", "https://r.io:5000/x?next=http://y"),
        ] {
            assert_eq!(resolve(base, location).as_deref(), Some(expected), "{location}");
        }
        for wrong in ["", "#x", "ftp://x/y", "https://u:p@r.io/x", "a b", "https://", "https://r.io\\@x/", "/a\nb"] {
            assert_eq!(resolve(base, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_is_kept() {
        assert_eq!(with_parameter("https://r/x", "digest", "sha256:1"), "https://r/x?digest=sha256%3A1");
        assert_eq!(with_parameter("https://r/x?a=%2F", "digest", "d"), "https://r/x?a=%2F&digest=d");
        assert_eq!(with_parameter("https://r/x?", "scope", "a,b c"), "https://r/x?scope=a%2Cb%20c");
    }

    #[test]
    fn origins_are_compared_as_they_are_meant() {
        assert_eq!(origin("HTTPS://R.io:443/x"), origin("https://r.io"));
        assert_ne!(origin("http://r.io"), origin("https://r.io"));
        assert_ne!(origin("https://r.io:5000"), origin("https://r.io"));
        assert_eq!(origin("https://r.io@evil.io/"), None);
    }
}
