//! The headers of a request: which a plugin may write, and their last form. It never tells a value in an error.

use crate::client::Swap;
use crate::rules::Rules;
use crate::target::Target;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use model::Failure;

/// The host's own, besides `proxy-*`: they say where a message goes, how long it is and what the connection becomes.
const OWN: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "http2-settings",
];
/// What many servers take for the method, whatever the method is.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// Most headers, and most bytes of them.
const MOST: usize = 100;
const LARGEST: usize = 64 << 10;
/// Who asks, where the plugin does not say; some forges refuse requests that do not.
const AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));

/// The headers as a plugin wrote them, with names that are its to write.
#[derive(Debug)]
pub struct Headers(Vec<(HeaderName, String)>);

impl Headers {
    /// Refuses what is not a plugin's to write.
    pub fn check(headers: Vec<(String, String)>, rules: &Rules) -> Result<Self, Failure> {
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if headers.len() > MOST || bytes > LARGEST {
            return Err(Failure::invalid("there are more than 100 headers, or more than 64 KiB of them"));
        }
        let mut checked = Vec::with_capacity(headers.len());
        for (written, value) in headers {
            let Ok(name) = HeaderName::from_bytes(written.as_bytes()) else {
                let shown: String = written.chars().filter(char::is_ascii_graphic).take(64).collect();
                return Err(Failure::invalid(format!("`{shown}` is no name of a header")));
            };
            if OWN.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
                return Err(Failure::invalid(format!("the header `{name}` is the host's own")));
            }
            read(&name, &value)?;
            if OVERRIDES.contains(&name.as_str()) {
                rules.allow_method(&value.trim().to_ascii_uppercase())?;
            }
            checked.push((name, value));
        }
        Ok(Self(checked))
    }

    /// Drops what was meant for one origin only, before a request goes to another one.
    pub fn leave_origin(&mut self) {
        self.0.retain(|(name, _)| name != AUTHORIZATION && name != COOKIE);
    }

    /// Drops what describes a body, before a request goes on without one.
    pub fn leave_body(&mut self) {
        self.0.retain(|(name, _)| !name.as_str().starts_with("content-"));
    }

    /// The headers with the secrets that this very place may see.
    pub fn fill(&self, target: &Target, swap: Swap<'_>) -> Result<HeaderMap, Failure> {
        let place = target.place();
        let mut map = HeaderMap::with_capacity(self.0.len() + 3);
        for (name, value) in &self.0 {
            let swapped = swap(&place, target.plain, name.as_str(), value)?;
            let mut held = read(name, &swapped)?;
            // Kept out of logs and of the tables by which HTTP/2 compresses headers.
            held.set_sensitive(swapped != *value || name == AUTHORIZATION || name == COOKIE);
            map.append(name.clone(), held);
        }
        map.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        Ok(map)
    }
}

/// A value that is one line; white space around it is none of it.
fn read(name: &HeaderName, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()).map_err(|_| {
        Failure::invalid(format!("the value of the header `{name}` holds a line break or another control character"))
    })
}

/// A response's headers, as plugins get them.
pub fn list(map: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    };
    map.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
