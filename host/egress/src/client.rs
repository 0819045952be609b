//! The client: a request with its redirects, each hop judged anew. It never decides what is granted.

use crate::connect::Connector;
use crate::header::{self, Headers};
use crate::request::{Request, Response};
use crate::resolve::Reach;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::target::Target;
use crate::tls::Tls;
use crate::upload::{Sending, Upload};
use crate::{download, failure, redirect};
use access::egress::Network;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::{Method, Request as Message, Response as Answer};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::{Blame, Failure};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Replaces the secrets' placeholders in a header's value, or refuses to: `(host:port, plain HTTP, name, value)`. Asked
/// for each hop anew with that hop's place, so that no redirect carries a secret to where it is not granted.
pub type Swap<'a> = &'a (dyn Fn(&str, bool, &str, &str) -> Result<String, Failure> + Send + Sync);

/// How long a connection may wait for its next request, and how many may wait at one place.
const IDLE: Duration = Duration::from_secs(60);
const WAITING: usize = 8;
/// Sets of private networks that have connections at the same time. There is one as a rule, the operator's.
const POOLS: usize = 16;
/// Largest head of a response.
const HEAD: usize = 64 << 10;

/// Sends requests; cheap to clone, and to make: it reads and opens nothing before the first request.
///
/// Connections are reused, and a connection outlives the check of its address. So those that were opened under one set of
/// private networks wait in a pool of that set: a request under another set, stricter or wider, finds none of them and is
/// judged at a connection of its own. Whatever else a grant has (patterns, methods) is asked of each request before it
/// looks for a connection. An address as a host was granted as that address, and its connections are found only under
/// that very address as a host. Nothing else is tied to a connection: there are no client certificates and no cookies.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    tls: Arc<Tls>,
    pools: Mutex<BTreeMap<Vec<String>, Pool<Connector, Sending>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.settings).finish()
    }
}

/// What one hop sends.
struct Hop {
    method: Method,
    target: Target,
    headers: Headers,
    body: Upload,
}

impl Client {
    /// A client without a connection.
    pub fn new(settings: Settings) -> Self {
        let tls = Arc::new(Tls::new(settings.authorities.clone()));
        Self(Arc::new(Inner { settings, tls, pools: Mutex::default() }))
    }

    /// Sends a request and waits for the whole response, of any status. To be dropped where it is cancelled: the connection
    /// is closed, or the stream of HTTP/2 reset.
    ///
    /// Codes of failures: `denied` (host, method, address), `invalid` (URL, header, body), `timed-out`, `too-large`,
    /// `exhausted` (no room for what is saved), `unavailable`, and whatever `swap` answers.
    pub async fn send(&self, rules: &Rules, request: Request, swap: Swap<'_>) -> Result<Response, Failure> {
        let limit = match request.timeout {
            Duration::ZERO => Duration::from_secs(30),
            limit if limit > Duration::from_secs(600) => {
                return Err(Failure::invalid("a request may take at most 600 s"));
            }
            limit => limit,
        };
        if request.redirects > redirect::MOST {
            return Err(Failure::invalid(format!("a request may follow at most {} redirects", redirect::MOST)));
        }
        let hop = Hop {
            method: method(&request.method)?,
            target: Target::parse(&request.url)?,
            headers: Headers::check(request.headers, rules)?,
            body: Upload::check(request.body)?,
        };
        let first = hop.target.clone();
        let whole = self.follow(rules, hop, request.redirects, request.save, swap);
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| Err(failure::late(&first, limit)))
    }

    async fn follow(
        &self,
        rules: &Rules,
        mut hop: Hop,
        mut redirects: u32,
        save: Option<File>,
        swap: Swap<'_>,
    ) -> Result<Response, Failure> {
        let mut from: Option<String> = None;
        loop {
            let answer =
                self.exchange(rules, &hop, swap).await.map_err(|failure| redirected(failure, from.as_deref()))?;
            let location = redirect::location(answer.status(), answer.headers()).filter(|_| redirects > 0);
            let Some(location) = location else {
                return receive(answer, save, self.0.settings.saved, &hop.target).await;
            };
            let target = hop.target.follow(location)?;
            let method = redirect::method(answer.status(), &hop.method);
            if !redirect::same_origin(&target, &hop.target) {
                hop.headers.leave_origin();
            }
            if method != hop.method {
                hop.headers.leave_body();
                hop.body = Upload::nothing();
            }
            redirects -= 1;
            from = Some(hop.target.origin());
            (hop.method, hop.target) = (method, target);
        }
    }

    /// One request and the head of its answer.
    async fn exchange(&self, rules: &Rules, hop: &Hop, swap: Swap<'_>) -> Result<Answer<Incoming>, Failure> {
        rules.allow(hop.method.as_str(), &hop.target)?;
        let mut message = Message::new(hop.body.start());
        *message.method_mut() = hop.method.clone();
        *message.uri_mut() = hop.target.uri.clone();
        *message.headers_mut() = hop.headers.fill(&hop.target, swap)?;
        // The library announces every length but this one, and some servers answer 411 without it.
        if hop.body.length() == 0 && [Method::POST, Method::PUT, Method::PATCH].contains(&hop.method) {
            message.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let pool = self.pool(&rules.private);
        let answer = pool.request(message).await.map_err(|why| failure::of(&why, &hop.target))?;
        if answer.status().is_informational() {
            let message = format!("`{}` answered {} and no more", hop.target.origin(), answer.status().as_u16());
            return Err(Failure::new(Blame::Upstream, "unavailable", message));
        }
        Ok(answer)
    }

    /// The connections that were opened under these private networks.
    fn pool(&self, private: &[Network]) -> Pool<Connector, Sending> {
        let mut key: Vec<String> = private.iter().map(ToString::to_string).collect();
        key.sort_unstable();
        key.dedup();
        let mut pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.len() >= POOLS && !pools.contains_key(&key) {
            // Requests under way keep theirs.
            pools.clear();
        }
        let open = || {
            let connector = Connector::new(&self.0.settings, Reach::Granted(private.into()), Arc::clone(&self.0.tls));
            Pool::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(WAITING)
                .http1_max_buf_size(HEAD)
                .http2_max_header_list_size(HEAD as u32)
                // A connection of HTTP/2 that a router forgot would otherwise be given to one request after another.
                .http2_keep_alive_interval(Duration::from_secs(20))
                .http2_keep_alive_timeout(Duration::from_secs(10))
                .build(connector)
        };
        pools.entry(key).or_insert_with(open).clone()
    }
}

/// The method that a plugin wrote.
fn method(text: &str) -> Result<Method, Failure> {
    let plain = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    match Method::from_bytes(text.as_bytes()) {
        // A tunnel would leave the checks, and `TRACE` has a server send the secrets back.
        Ok(Method::CONNECT | Method::TRACE) => Err(Failure::invalid(format!("the method `{text}` is not for plugins"))),
        Ok(method) if plain => Ok(method),
        _ => Err(Failure::invalid("the method is no word in upper case, like `GET`")),
    }
}

async fn receive(
    answer: Answer<Incoming>,
    save: Option<File>,
    most: u64,
    target: &Target,
) -> Result<Response, Failure> {
    let (head, body) = answer.into_parts();
    let (body, saved) = match save {
        Some(file) => (Vec::new(), download::save(body, file, most, target).await?),
        None => (download::whole(body, target).await?, 0),
    };
    Ok(Response { status: head.status.as_u16(), headers: header::list(&head.headers), body, saved })
}

/// Says of a refusal that the plugin did not write this place.
fn redirected(mut failure: Failure, from: Option<&str>) -> Failure {
    if let Some(from) = from.filter(|_| failure.is_denied()) {
        failure.message = format!("after a redirect from `{from}`: {}", failure.message);
    }
    failure
}
