//! Logins: none, Basic, or a token of a token server. A password goes only to the host that it is configured for; which
//! that is the host checks, and a registry cannot name another.

use super::Client;
use crate::challenge::{self, Bearer, Challenge};
use crate::location;
use crate::ports::{Request, Response};
use crate::problem::{self, Login};
use crate::reference::Repository;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use tidegate::Error;

/// What a request needs to be allowed.
#[derive(Clone, Copy, Debug)]
pub enum Access<'a> {
    /// To read the repository.
    Pull,
    /// To read and write it.
    Push,
    /// To write it, and to read another one of the same registry.
    Mount(&'a Repository),
}

/// How one registry is spoken to.
pub(super) enum Session {
    /// As anybody.
    Anonymous,
    /// With this header.
    Basic(String),
    /// With tokens, by what they are for.
    Bearer { challenge: Bearer, tokens: BTreeMap<String, String>, login: Login },
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Session {
    pub(super) fn login(&self) -> Login {
        match self {
            Self::Anonymous => Login::Anonymous,
            Self::Basic(_) => Login::Given,
            Self::Bearer { login, .. } => *login,
        }
    }
}

impl Access<'_> {
    fn scopes(&self, repository: &Repository) -> BTreeSet<String> {
        let scope = |name: &str, actions: &str| format!("repository:{name}:{actions}");
        match self {
            Self::Pull => [scope(&repository.name, "pull")].into(),
            Self::Push => [scope(&repository.name, "pull,push")].into(),
            Self::Mount(from) => [scope(&repository.name, "pull,push"), scope(&from.name, "pull")].into(),
        }
    }
}

fn key(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl Client<'_> {
    /// Asks a registry, once, what it is and which login it wants.
    pub(super) fn open(&self, repository: &Repository) -> Result<(), Error> {
        let host = &repository.host;
        if self.sessions.borrow().contains_key(host) {
            return Ok(());
        }
        let url = format!("{}/", self.root(host));
        let response = self.machine.send(&Request { method: "GET", url, ..Request::default() })?;
        let session = match response.status {
            200..300 => Session::Anonymous,
            401 => match challenges(&response) {
                Some(Challenge::Basic) => Session::Basic(self.basic(repository)?),
                Some(Challenge::Bearer(challenge)) => {
                    Session::Bearer { challenge, tokens: BTreeMap::new(), login: Login::Anonymous }
                }
                None => {
                    let message = format!("{host} wants a login of a kind that it does not name, or that is not known");
                    return Err(Error::new("unsupported", message));
                }
            },
            404 => {
                let message = format!("{host} does not speak the API of a registry: {}/ is not found", self.root(host));
                return Err(Error::new("not-found", message).with_hint("is this the registry's host, with its port?"));
            }
            _ => return Err(self.refused(repository, &format!("open the registry {host}"), &response, None)),
        };
        self.sessions.borrow_mut().insert(host.clone(), session);
        Ok(())
    }

    /// The header for a URL. A place that the registry names outside itself gets none: it has its own means.
    pub(super) fn authorization(
        &self,
        repository: &Repository,
        access: &Access<'_>,
        url: &str,
    ) -> Result<Option<String>, Error> {
        if !self.is_own(repository, url) {
            return Ok(None);
        }
        let scopes = access.scopes(repository);
        let wanted = match self.sessions.borrow().get(&repository.host) {
            None | Some(Session::Anonymous) => return Ok(None),
            Some(Session::Basic(value)) => return Ok(Some(value.clone())),
            Some(Session::Bearer { challenge, tokens, .. }) => match tokens.get(&key(&scopes)) {
                Some(token) => return Ok(Some(format!("Bearer {token}"))),
                None => challenge.clone(),
            },
        };
        let token = self.token(repository, &wanted, &scopes, key(&scopes))?;
        Ok(Some(format!("Bearer {token}")))
    }

    /// After a 401: makes another try worth while, or answers that it is not.
    pub(super) fn challenged(
        &self,
        repository: &Repository,
        access: &Access<'_>,
        url: &str,
        response: &Response,
    ) -> Result<bool, Error> {
        if !self.is_own(repository, url) {
            return Ok(false);
        }
        match challenges(response) {
            Some(Challenge::Bearer(challenge)) => {
                let scopes = access.scopes(repository);
                let name = key(&scopes);
                self.token(repository, &challenge, &scopes, name)?;
                Ok(true)
            }
            Some(Challenge::Basic) => {
                let known = matches!(self.sessions.borrow().get(&repository.host), Some(Session::Basic(_)));
                if !known {
                    let session = Session::Basic(self.basic(repository)?);
                    self.sessions.borrow_mut().insert(repository.host.clone(), session);
                }
                Ok(!known)
            }
            None => Ok(false),
        }
    }

    fn is_own(&self, repository: &Repository, url: &str) -> bool {
        location::origin(url) == location::origin(&self.root(&repository.host))
    }

    fn basic(&self, repository: &Repository) -> Result<String, Error> {
        let host = repository.api();
        self.machine.login(host)?.ok_or_else(|| {
            let error =
                Error::new("image-unauthorized", format!("{host} wants a login, and there is no credential for it"));
            problem::unauthorised(host, Login::Anonymous, error)
        })
    }

    /// Gets a token and keeps it under a name, with the registry's credential where it has one.
    fn token(
        &self,
        repository: &Repository,
        challenge: &Bearer,
        scopes: &BTreeSet<String>,
        name: String,
    ) -> Result<String, Error> {
        let host = &repository.host;
        let Some(server) = location::host(&challenge.realm) else {
            let message = format!("{host} names a token server that is no URL");
            return Err(Error::new("image-unauthorized", message));
        };
        let plain = challenge.realm.to_ascii_lowercase().starts_with("http://");
        if plain && !self.insecure.contains(host) {
            let message = format!("{host} names a token server without TLS: a login would be readable on its way");
            return Err(
                Error::new("image-unauthorized", message).with_hint("set the registry's realm to an https:// URL")
            );
        }
        let mut url = challenge.realm.clone();
        if let Some(service) = &challenge.service {
            url = location::with_parameter(&url, "service", service);
        }
        for scope in scopes {
            url = location::with_parameter(&url, "scope", scope);
        }
        let mut request = Request { method: "GET", url, ..Request::default() };
        // The registry's own credential, whichever server it names: the host gives it only to places that are configured for it.
        // One of the server's own would get that registry a token of another one.
        let login = self.machine.login(repository.api())?;
        let given = if login.is_some() { Login::Given } else { Login::Anonymous };
        request.headers.extend(login.map(|login| ("authorization", login)));
        let response = self.machine.send(&request)?;
        if !response.success() {
            let what = format!("get a token for {repository} from {server}");
            let mut error = problem::explain(repository, &what, given, &response, &response.body);
            if [401, 403].contains(&response.status) {
                error = problem::unauthorised(&server, given, error);
            }
            return Err(error);
        }
        let token: Option<Token> = serde_json::from_slice(&response.body).ok();
        let token = token
            .and_then(|it| it.token.or(it.access_token))
            .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(token) = token else {
            return Err(Error::new(
                "image-unauthorized",
                format!("{server} answered without a token for {repository}"),
            ));
        };
        let mut sessions = self.sessions.borrow_mut();
        let mut tokens = match sessions.remove(host) {
            Some(Session::Bearer { tokens, .. }) => tokens,
            _ => BTreeMap::new(),
        };
        tokens.insert(name, token.clone());
        sessions.insert(host.clone(), Session::Bearer { challenge: challenge.clone(), tokens, login: given });
        Ok(token)
    }
}

fn challenges(response: &Response) -> Option<Challenge> {
    let headers = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("www-authenticate"));
    challenge::best(headers.map(|header| header.value.as_str()))
}
