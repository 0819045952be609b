//! Connections to servers: credentials, time and size limits, and what libgit2's errors mean. Never for path
//! remotes, and never with a credential for another host than the remote's.

use crate::credential::Credential;
use crate::error::Error;
use crate::lock::Lock;
use crate::name;
use crate::redact::clean;
use crate::remote::Remote;
use git2::{AutotagOption, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, ProxyOptions};
use git2::{Oid, RemoteCallbacks, RemoteConnection, Repository};
use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// One transfer takes at most so long; a slower one is given up and may be tried again.
const TRANSFER: Duration = Duration::from_secs(15 * 60);
/// How long a transfer waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// One transfer brings at most so many bytes: 8 GiB, above any repository that is worth a mirror.
const TRANSFER_BYTES: usize = 8 << 30;

/// What a remote says it has.
#[derive(Debug, Default)]
pub(crate) struct Advertised {
    /// Branches and tags by full name, tags as they are (not peeled).
    pub(crate) tips: Vec<(String, Oid)>,
    /// The full name of the default branch.
    pub(crate) head: Option<String>,
}

impl Advertised {
    /// Where a reference is.
    pub(crate) fn find(&self, name: &str) -> Option<Oid> {
        self.tips.iter().find(|(tip, _)| tip == name).map(|(_, oid)| *oid)
    }
}

/// When a transfer that begins now is given up.
pub(crate) fn deadline() -> Instant {
    Instant::now() + TRANSFER
}

/// Callbacks that answer for credentials and end what takes too long. The host keys of SSH are checked by libgit2
/// against `~/.ssh/known_hosts` and TLS certificates against the system's: no callback loosens that.
pub(crate) fn callbacks(remote: &Remote, deadline: Instant) -> RemoteCallbacks<'_> {
    let mut callbacks = RemoteCallbacks::new();
    let mut asked = false;
    callbacks.credentials(move |url, user, allowed| answer(remote, url, user, allowed, &mut asked));
    callbacks
        .transfer_progress(move |progress| Instant::now() < deadline && progress.received_bytes() <= TRANSFER_BYTES);
    callbacks.sideband_progress(move |_| Instant::now() < deadline);
    callbacks
}

/// A proxy named by the environment (`https_proxy`, `no_proxy`) is used, as every other tool does.
pub(crate) fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn answer(
    remote: &Remote,
    url: &str,
    user: Option<&str>,
    allowed: CredentialType,
    asked: &mut bool,
) -> Result<Cred, git2::Error> {
    let deny = |why: &str| Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, why));
    let Some(credential) = &remote.credential else {
        return deny("it asks for a credential, and none is configured");
    };
    if remote.url.starts_with("http") && origin(url) != origin(&remote.url) {
        // After a redirect libgit2 asks with the new URL.
        return deny("it redirects to another server, which does not get this credential");
    }
    let user = login(remote, credential, user);
    if allowed.contains(CredentialType::USERNAME) {
        return Cred::username(user);
    }
    if std::mem::replace(asked, true) {
        return deny("it does not accept the configured credential");
    }
    match credential {
        Credential::Password { secret, .. } if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
            Cred::userpass_plaintext(user, secret.expose())
        }
        Credential::SshKey { private_key, .. } if allowed.contains(CredentialType::SSH_KEY) => {
            Cred::ssh_key(user, None, private_key, None)
        }
        Credential::SshAgent { .. } if allowed.contains(CredentialType::SSH_KEY) => Cred::ssh_key_from_agent(user),
        _ => deny("it does not take the configured kind of credential"),
    }
}

/// As whom to log in. An SSH URL's own user goes first: libgit2 has told the server that name already, and takes no
/// credential for another. An HTTP URL has none of its own; one that a redirect brings is not listened to.
fn login<'a>(remote: &Remote, credential: &'a Credential, user: Option<&'a str>) -> &'a str {
    let http = remote.url.starts_with("http");
    user.filter(|_| !http).unwrap_or_else(|| credential.username())
}

/// Scheme, host and port of an HTTP URL.
fn origin(url: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split('/').next()?.rsplit('@').next()?.to_ascii_lowercase();
    let default = if scheme == "https" { "443" } else { "80" };
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port),
        None => (authority.as_str(), default),
    };
    Some((scheme, host.to_owned(), port.to_owned()))
}

/// Connects for fetching.
pub(crate) fn connect<'r, 'c>(
    handle: &'c mut git2::Remote<'r>,
    remote: &'c Remote,
) -> Result<RemoteConnection<'r, 'c, 'c>, Error> {
    let connected = handle.connect_auth(Direction::Fetch, Some(callbacks(remote, deadline())), Some(proxy()));
    connected.map_err(|e| error(remote, "reached", e))
}

/// Reads what the other side offered.
pub(crate) fn advertised(connection: &RemoteConnection<'_, '_, '_>, remote: &Remote) -> Result<Advertised, Error> {
    let heads = connection.list().map_err(|e| error(remote, "reached", e))?;
    let mut all = Advertised::default();
    for head in heads {
        let named = head.name().starts_with("refs/heads/") || head.name().starts_with("refs/tags/");
        // `refs/tags/v1^{}` is what a tag points to, no reference of its own, and no valid name.
        if named && git2::Reference::is_valid_name(head.name()) {
            all.tips.push((head.name().to_owned(), head.oid()));
        }
    }
    all.head = connection.default_branch().ok().and_then(|name| name.as_str().map(str::to_owned).ok());
    Ok(all)
}

/// Connects, and brings one reference's objects into the repository where they are missing. `None` where the remote
/// has no such reference.
pub(crate) fn fetch_one(repository: &Repository, remote: &Remote, full: &str) -> Result<Option<Oid>, Error> {
    let mut handle = anonymous(repository, remote)?;
    let mut connection = connect(&mut handle, remote)?;
    let heads = connection.list().map_err(|e| error(remote, "reached", e))?;
    let Some(tip) = heads.iter().find(|head| head.name() == full).map(git2::RemoteHead::oid) else {
        return Ok(None);
    };
    let known = repository.odb().is_ok_and(|odb| odb.exists(tip));
    if !known {
        download(repository, &mut connection, remote, &[format!("+{full}:{}", anchor(full))])?;
    }
    drop(connection);
    anchor_at(repository, full, tip);
    Ok(Some(tip))
}

/// Downloads what these refspecs want. References are left to the caller. One process at a time: libgit2 locks the
/// mirror's `shallow` file meanwhile and does not wait, and a killed process leaves that lock.
pub(crate) fn download(
    repository: &Repository,
    connection: &mut RemoteConnection<'_, '_, '_>,
    remote: &Remote,
    refspecs: &[String],
) -> Result<(), Error> {
    let path = repository.path().join("download.lock");
    let _turn = Lock::take(&path, PATIENCE).map_err(|e| Error::io("lock", &path, e))?;
    match fs::remove_file(repository.path().join("shallow.lock")) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("unlock", repository.path(), e)),
        _ => {}
    }
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks(remote, deadline())).proxy_options(proxy()).download_tags(AutotagOption::None);
    let done = connection.remote().download(refspecs, Some(&mut options));
    done.map_err(|e| error(remote, "fetched", e))
}

/// A remote of that URL which is written down nowhere.
pub(crate) fn anonymous<'r>(repository: &'r Repository, remote: &Remote) -> Result<git2::Remote<'r>, Error> {
    repository.remote_anonymous(&remote.url).map_err(|e| error(remote, "reached", e))
}

/// The mirror's reference that keeps what a transaction saw or pushed, so that the next one need not fetch it again.
fn anchor(full: &str) -> String {
    format!("refs/tidegate/seen/{}", full.trim_start_matches("refs/"))
}

/// Moves the anchor. Losing a race or failing costs only a longer fetch later.
pub(crate) fn anchor_at(repository: &Repository, full: &str, tip: Oid) {
    let _ = repository.reference(&anchor(full), tip, true, "seen");
}

/// What an error of libgit2 on a connection means.
pub(crate) fn error(remote: &Remote, doing: &'static str, e: git2::Error) -> Error {
    let url = remote.url.clone();
    let why = clean(e.message());
    let status = why.rsplit_once("unexpected http status code: ").map(|(_, code)| code);
    match (e.code(), e.class()) {
        (ErrorCode::Auth, _) => Error::Denied { url, why },
        (ErrorCode::Certificate, ErrorClass::Ssh) => Error::Untrusted {
            url,
            why: "its SSH host key is not the one in ~/.ssh/known_hosts, or there is none".into(),
            hint: "compare the key with what the server's operator publishes, then add it with `ssh-keyscan`",
        },
        // One line that libssh2 cannot read makes it refuse the whole file.
        (_, ErrorClass::Ssh) if why.contains("known_hosts") => Error::Untrusted {
            url,
            why: format!("~/.ssh/known_hosts cannot be used: {why}"),
            hint: "correct the file: each line is a host, a kind of key and the key, as `ssh-keyscan` prints them",
        },
        (ErrorCode::Certificate, _) => Error::Untrusted {
            url,
            why,
            hint: "add the server's certificate authority to the system's (SSL_CERT_FILE)",
        },
        _ if matches!(status, Some("401" | "403")) => Error::Denied { url, why },
        _ if status == Some("404") => Error::Unavailable { url, doing, why: "there is no repository there".into() },
        (ErrorCode::User, _) => {
            Error::Unavailable { url, doing, why: "the transfer took too long or brought too much".into() }
        }
        // libssh2 reports a refused key without a code of its own.
        (_, ErrorClass::Ssh) if why.to_ascii_lowercase().contains("authenticat") => Error::Denied { url, why },
        (_, ErrorClass::Net | ErrorClass::Http | ErrorClass::Os | ErrorClass::Ssh | ErrorClass::Ssl)
        | (_, ErrorClass::Indexer)
        | (ErrorCode::Timeout | ErrorCode::Eof, _) => Error::Unavailable { url, doing, why },
        _ => Error::Git { doing: "use the connection", url, source: e },
    }
}

/// Checks a full reference name that a caller wants from a remote.
pub(crate) fn check(full: &str) -> Result<(), Error> {
    name::check_reference("reference", full, full)?;
    if full.starts_with("refs/") {
        return Ok(());
    }
    Err(Error::Name { what: "reference", name: full.to_owned(), why: "write it in full: `refs/…`" })
}

#[cfg(test)]
mod tests {
    use super::{login, origin};
    use crate::credential::{Credential, Secret};
    use crate::remote::Remote;

    #[test]
    fn the_user_of_an_ssh_url_goes_before_the_credentials() {
        let credential = Credential::Password { username: "ci".into(), secret: Secret::new("x") };
        for (url, asked, expected) in [
            ("ssh://alice@host/a", Some("alice"), "alice"),
            ("alice@host:a", Some("alice"), "alice"),
            ("ssh://host/a", None, "ci"),
            ("https://host/a", None, "ci"),
            ("https://host/a", Some("mallory"), "ci"),
        ] {
            let remote = Remote { url: url.to_owned(), credential: None };
            assert_eq!(login(&remote, &credential, asked), expected, "{url}");
        }
    }

    #[test]
    fn a_credential_is_for_one_origin() {
        let ours = origin("https://host/a");
        for same in ["https://host/b/info/refs", "https://HOST:443/a", "https://x@host/a"] {
            assert_eq!(origin(same), ours, "{same}");
        }
        for other in ["http://host/a", "https://host.evil/a", "https://host:8443/a", "https://evil/host/a"] {
            assert_ne!(origin(other), ours, "{other}");
        }
    }
}
