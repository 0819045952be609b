//! HTTP through the host. Wants `http`.

use crate::Error;
use crate::bindings::tidegate::plugin::http as wire;

pub use wire::{Body, Header, Response};

/// A request. No redirect is followed unless told otherwise.
#[derive(Clone, Debug)]
pub struct Request(wire::Request);

impl Request {
    /// A request without a body: `GET`, `https://host/path`.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self(wire::Request {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Body::Nothing,
            redirects: 0,
            save: None,
            timeout_seconds: 0,
        })
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.headers.push(Header { name: name.to_owned(), value: value.into() });
        self
    }

    /// What is sent.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.0.body = body;
        self
    }

    /// How many redirects to follow.
    #[must_use]
    pub fn redirects(mut self, most: u32) -> Self {
        self.0.redirects = most;
        self
    }

    /// Puts the response's body into a file of the workspace instead of the answer, whatever the status.
    #[must_use]
    pub fn save(mut self, path: &str) -> Self {
        self.0.save = Some(path.to_owned());
        self
    }

    /// After how many seconds to give up, at most 600.
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.0.timeout_seconds = seconds;
        self
    }

    /// Sends it and waits for the whole response, of any status.
    ///
    /// # Errors
    /// `denied` (host, method, address or secret), `invalid`, `timed-out`, `too-large`, `unavailable`, `cancelled`.
    pub fn send(&self) -> Result<Response, Error> {
        wire::send(&self.0)
    }
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }

    /// Whether the status is 200 to 299.
    pub fn success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
