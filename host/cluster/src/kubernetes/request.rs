//! Requests to an API server, each tried a few times: the one way by which anything here asks for or changes anything.

use super::connection::{Connection, Timeouts};
use super::refusal::{self, About, Answer};
use super::retry::{self, Repeat};
use super::way::Way;
use crate::clock::Clock;
use crate::destination::{Failure, FailureKind};
use futures_util::{Stream, StreamExt as _};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request as HttpRequest};
use kube::client::Body;
use kube::core::WatchEvent;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) const JSON: &str = "application/json";
/// Server-side apply. Its content may be JSON, which is YAML.
pub(super) const APPLY: &str = "application/apply-patch+yaml";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";

/// A request.
pub(super) struct Request<'a> {
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// What is sent, and of which type it is.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// What may come back.
    pub accept: &'static str,
    pub about: About<'a>,
    pub repeat: Repeat,
}

impl<'a> Request<'a> {
    pub fn get(target: String, about: About<'a>) -> Self {
        Self { method: Method::GET, target, body: None, accept: JSON, about, repeat: Repeat::Safe }
    }
}

/// Questions to one API server.
pub(super) struct Api {
    way: Way,
    timeouts: Timeouts,
    /// Whom it is asked as, where not as ourselves.
    account: Option<String>,
    pub clock: Arc<dyn Clock>,
}

impl Api {
    pub async fn new(connection: &Connection, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let (timeouts, account) = (connection.timeouts, connection.impersonate.clone());
        Ok(Self { way: Way::new(connection).await?, timeouts, account, clock })
    }

    /// What it is made of.
    pub fn connection(&self) -> &Connection {
        self.way.connection()
    }

    /// Asks until it is answered, or it is of no more use.
    pub async fn ask(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let mut attempts = 0;
        loop {
            let failure = match self.once(request).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            attempts += 1;
            match retry::after(attempts, &failure, request.repeat, self.clock.random()) {
                Some(wait) => self.clock.sleep(wait).await,
                None => return Err(self.signed(failure)),
            }
        }
    }

    /// What is refused to an account is told with its name: whoever reads it wonders who lacks which right.
    fn signed(&self, mut failure: Failure) -> Failure {
        if let (FailureKind::Forbidden, Some(account)) = (failure.kind, &self.account) {
            let _ = write!(failure.message, " (as `{account}`)");
        }
        failure
    }

    async fn once(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let answered = tokio::time::timeout(self.timeouts.request, self.send(request)).await;
        answered.unwrap_or_else(|_| {
            let message = format!("{}: no answer within {} s", request.about, self.timeouts.request.as_secs());
            Err(Failure::new(FailureKind::Unreachable, message))
        })
    }

    async fn send(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let about = request.about;
        let response = self.way.clients().await.requests.send(request.http()?.map(Body::from)).await;
        let (head, body) = response.map_err(|error| refusal::unanswered(about, &error))?.into_parts();
        let body = body.collect_bytes().await.map_err(|error| refusal::unanswered(about, &error))?;
        if head.status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| refusal::unanswered(about, &error));
        }
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(refusal::of(&Answer { code: head.status.as_u16(), retry_after, body: &body }, about))
    }

    /// Begins a watch; its events end when the server has had enough.
    pub async fn watch(
        &self,
        request: &Request<'_>,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Value>, Failure>> + use<>, Failure> {
        let clients = self.way.clients().await;
        let started =
            tokio::time::timeout(self.timeouts.request, clients.watches.request_events::<Value>(request.http()?));
        let what = request.about.what.to_string();
        let is_secret = request.about.is_secret;
        let failed = move |error: kube::Error| {
            let about = About { verb: "following", what: &what, is_secret };
            match &error {
                kube::Error::Api(status) => {
                    let mut body = serde_json::to_value(status).unwrap_or_default();
                    body["kind"] = Value::from("Status");
                    let body = body.to_string();
                    refusal::of(&Answer { code: status.code, retry_after: None, body: body.as_bytes() }, about)
                }
                error => refusal::unanswered(about, error),
            }
        };
        match started.await {
            Ok(Ok(events)) => Ok(events.map(move |event| event.map_err(&failed))),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(Failure::new(FailureKind::Unreachable, format!("{}: no answer", request.about))),
        }
    }
}

impl Request<'_> {
    fn http(&self) -> Result<HttpRequest<Vec<u8>>, Failure> {
        let mut builder = HttpRequest::builder().method(self.method.clone()).uri(&self.target);
        builder = builder.header(ACCEPT, self.accept);
        let mut bytes = Vec::new();
        if let Some((kind, body)) = &self.body {
            builder = builder.header(CONTENT_TYPE, *kind);
            bytes.clone_from(body);
        }
        builder.body(bytes).map_err(|error| Failure::new(FailureKind::Invalid, format!("{}: {error}", self.about)))
    }
}

/// A name as one segment of a path, or as a value of a query.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => out.push(char::from(byte)),
            _ => {
                // Writing to a text does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_name_leaves_its_segment_in_no_way() {
        assert_eq!(escaped("system:web-1.a"), "system:web-1.a");
        assert_eq!(escaped("a/../b?c#d%é"), "a%2F..%2Fb%3Fc%23d%25%C3%A9");
    }
}
