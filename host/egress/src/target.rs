//! Where a request goes: one reading of a URL, for every check and for the connection itself. It connects nowhere.
//!
//! URLs are read as browsers read them, which knows each way to write an address (`0x7f.1`, `2130706433`, full-width
//! digits, percent-encoding) and turns it into the one way to write it. The host and port that are judged are then taken
//! from what the HTTP library was given, not from the text that a plugin sent.

use hyper::http::Uri;
use model::{Blame, Failure};
use std::net::IpAddr;
use url::{Host, Url};

/// Longest URL.
const LONGEST: usize = 8 << 10;

/// A place and a resource there.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    /// What the HTTP library gets.
    pub uri: Uri,
    /// Whether it is plain HTTP.
    pub plain: bool,
    /// The host as [`Uri::host`] gives it: in lower case, without a last dot, an IPv6 address in brackets.
    pub host: String,
    /// The port, written or not.
    pub port: u16,
}

impl Target {
    /// Reads a URL that a plugin wrote.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let strange = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > LONGEST {
            return Err(Failure::invalid("the URL is longer than 8 KiB"));
        }
        if text.contains(strange) {
            return Err(Failure::invalid("the URL holds white space, a control character or a backslash"));
        }
        if text.contains('#') {
            return Err(Failure::invalid("the URL has a fragment (`#…`), which is never sent"));
        }
        let starts = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if !starts("https://") && !starts("http://") {
            return Err(Failure::invalid("the URL begins with neither `https://` nor `http://`"));
        }
        let url = Url::parse(text).map_err(|why| Failure::invalid(format!("the URL cannot be read: {why}")))?;
        Self::new(url).map_err(Failure::invalid)
    }

    /// Reads where a server redirects to. What is wrong with that is the server's doing.
    pub fn follow(&self, location: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let message = format!("`{}` redirects to what is no place for a request: {why}", self.origin());
            Failure::new(Blame::Upstream, "unavailable", message)
        };
        if location.len() > LONGEST || location.contains(|c: char| c.is_control() || c == '\\') {
            return Err(wrong("it is longer than 8 KiB, or holds a control character or a backslash"));
        }
        let mut url = self.url.join(location).map_err(|why| wrong(&why.to_string()))?;
        url.set_fragment(None);
        Self::new(url).map_err(|why| wrong(&why))
    }

    fn new(mut url: Url) -> Result<Self, String> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(format!("`{}` is neither `https` nor `http`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user or password: they belong into the header `authorization`".to_owned());
        }
        settle(&mut url)?;
        let uri: Uri = url.as_str().parse().map_err(|why| format!("it cannot be sent: {why}"))?;
        let plain = url.scheme() == "http";
        let host = uri.host().unwrap_or_default().to_owned();
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        let port = uri.port_u16().unwrap_or(if plain { 80 } else { 443 });
        if port == 0 {
            return Err("port 0 is none".to_owned());
        }
        Ok(Self { url, plain, host, port, uri })
    }

    /// `host:port`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Scheme, host and port: what errors name. Paths and queries hold tokens often enough to be left out.
    pub fn origin(&self) -> String {
        format!("{}://{}:{}", if self.plain { "http" } else { "https" }, self.host, self.port)
    }
}

/// Gives the host the one form that all checks know: an IPv4 address in IPv6's clothes as IPv4, a name without its last
/// dot.
fn settle(url: &mut Url) -> Result<(), String> {
    let wrong = || "its host cannot be read".to_owned();
    match url.host() {
        Some(Host::Ipv6(address)) => {
            if let Some(v4) = address.to_ipv4_mapped() {
                url.set_ip_host(IpAddr::V4(v4)).map_err(|()| wrong())?;
            }
        }
        Some(Host::Domain(name)) if name.ends_with('.') => {
            let name = name[..name.len() - 1].to_owned();
            if name.ends_with('.') {
                return Err(wrong());
            }
            url.set_host(Some(&name)).map_err(|_| wrong())?;
        }
        Some(_) => {}
        None => return Err("it names no host".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn every_disguise_of_a_host_is_taken_off() {
        for (url, origin) in [
            ("https://Example.COM/a?b", "https://example.com:443"),
            ("https://example.com./", "https://example.com:443"),
            ("https://ex%61mple.com:8443/", "https://example.com:8443"),
            ("HTTP://example.com", "http://example.com:80"),
            ("http://2130706433/", "http://127.0.0.1:80"),
            ("http://0x7f.1/", "http://127.0.0.1:80"),
            ("http://0177.0.0.1/", "http://127.0.0.1:80"),
            ("http://127.1./", "http://127.0.0.1:80"),
            ("http://%31%32%37.0.0.1/", "http://127.0.0.1:80"),
            ("http://１２７.0.0.1/", "http://127.0.0.1:80"),
            ("http://127。0。0。1/", "http://127.0.0.1:80"),
            ("http://[::ffff:127.0.0.1]:5000/", "http://127.0.0.1:5000"),
            ("http://[0:0::0001]/", "http://[::1]:80"),
            ("https://allowed.example:443@evil.example/", ""),
            ("https://allowed.example@evil.example/", ""),
            ("https://:secret@evil.example/", ""),
            ("https://evil.example\\@allowed.example/", ""),
            ("https://a.example/#b", ""),
            ("https://a.example/\r\nb", ""),
            ("https://a b.example/", ""),
            ("https://a.example../", ""),
            ("https://", ""),
            ("https:a.example", ""),
            ("ftp://a.example/", ""),
            ("file:///etc/passwd", ""),
            ("https://a.example:99999/", ""),
            ("https://a.example:0/", ""),
            ("https://[fe80::1%25eth0]/", ""),
            ("https://1.2.3.256/", ""),
            ("", ""),
        ] {
            match Target::parse(url) {
                Ok(target) => assert_eq!(target.origin(), origin, "{url}"),
                Err(failure) => assert_eq!(("", "invalid"), (origin, failure.code.as_str()), "{url}: {failure}"),
            }
        }
    }

    #[test]
    fn a_redirect_is_read_from_where_it_came() {
        let here = Target::parse("https://a.example/x/y?token=1").expect("a URL");
        for (location, uri) in [
            ("z", "https://a.example/x/z"),
            ("/z?q#f", "https://a.example/z?q"),
            ("//b.example/z", "https://b.example/z"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("https://u:p@b.example/", ""),
            ("https://b.example\\.evil.example/", ""),
            ("gopher://b.example/", ""),
            ("javascript:alert(1)", ""),
        ] {
            match here.follow(location) {
                Ok(target) => assert_eq!(target.uri.to_string(), uri, "{location}"),
                Err(failure) => {
                    assert_eq!(("", "unavailable"), (uri, failure.code.as_str()), "{location}: {failure}");
                    assert!(!failure.retryable && !failure.message.contains("token"), "{failure}");
                }
            }
        }
    }
}
