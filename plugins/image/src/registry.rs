//! A client of the distribution specification's API. Content goes by files of the workspace; only manifests pass through
//! here, and each is checked against its digest. Credentials are placeholders, which the host swaps.

mod blob;
mod manifest;
mod session;

pub use blob::Mount;
pub use session::Access;

use crate::ports::{Machine, Request, Response};
use crate::problem::{self, Login};
use crate::reference::{Repository, api};
use session::Session;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use tidegate::Error;

/// How many redirects a download may take: registries send to a store of theirs, some by way of another name.
const REDIRECTS: u32 = 5;

/// A client of all registries of a step. Logins and tokens are kept as long as it lives.
pub struct Client<'a> {
    machine: &'a dyn Machine,
    insecure: BTreeSet<String>,
    sessions: RefCell<BTreeMap<String, Session>>,
}

impl<'a> Client<'a> {
    /// A client that speaks plain HTTP to these hosts, and TLS to all others.
    pub fn new(machine: &'a dyn Machine, insecure: impl IntoIterator<Item = String>) -> Self {
        let insecure = insecure.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { machine, insecure, sessions: RefCell::default() }
    }

    /// `https://host/v2`, or `http://` where that was said.
    fn root(&self, host: &str) -> String {
        let scheme = if self.insecure.contains(host) { "http" } else { "https" };
        format!("{scheme}://{}/v2", api(host))
    }

    fn url(&self, repository: &Repository, rest: &str) -> String {
        format!("{}/{}/{rest}", self.root(&repository.host), repository.name)
    }

    /// The refusal of a registry, told to a person. Where the body was saved, it is read from there.
    fn refused(&self, repository: &Repository, what: &str, response: &Response, saved: Option<&str>) -> Error {
        let saved = saved.and_then(|path| self.machine.read(path).ok().flatten());
        let login = match self.sessions.borrow().get(&repository.host) {
            Some(session) => session.login(),
            None => Login::Anonymous,
        };
        problem::explain(repository, what, login, response, saved.as_deref().unwrap_or(&response.body))
    }

    /// Sends a request to a registry, with a login where it wants one. A token that expired meanwhile is renewed, once.
    fn send(&self, repository: &Repository, access: &Access<'_>, request: Request) -> Result<Response, Error> {
        self.open(repository)?;
        let mut renewed = false;
        loop {
            let mut attempt = request.clone();
            if let Some(value) = self.authorization(repository, access, &request.url)? {
                attempt.headers.push(("authorization", value));
            }
            let response = self.machine.send(&attempt)?;
            if response.status != 401 || renewed || !self.challenged(repository, access, &request.url, &response)? {
                return Ok(response);
            }
            renewed = true;
        }
    }
}

impl std::fmt::Debug for Client<'_> {
    /// Without tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}
