//! How a cluster is reached: from a kubeconfig, or by address, authority and token. Nothing here speaks with it.

use super::way::Seen;
use crate::destination::{Failure, FailureKind};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a cluster is reached.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where it is, and who we are there.
    pub access: Access,
    /// Whom everything is done as, such as `system:serviceaccount:shop:deployer`; as ourselves where absent.
    pub impersonate: Option<String>,
    /// How long what may take.
    pub timeouts: Timeouts,
}

/// Where a cluster is, and who we are there.
#[derive(Clone)]
pub enum Access {
    /// As this file says.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Which of its contexts; its current one where absent.
        context: Option<String>,
    },
    /// By address.
    Server {
        /// Such as `https://10.0.0.1:6443`.
        url: String,
        /// The certificates that it may show, as PEM; those that the machine trusts where absent.
        authority: Option<Vec<u8>>,
        /// Who we are; nobody where absent.
        token: Option<String>,
    },
}

/// A token is nobody's to read.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig { path, context } => write!(f, "Kubeconfig({}, {context:?})", path.display()),
            Self::Server { url, .. } => write!(f, "Server({url})"),
        }
    }
}

/// How long what may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// From a request to the end of its answer.
    pub request: Duration,
    /// How long a watch may be silent. Servers send a bookmark about once a minute.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), request: seconds(60), silence: seconds(150) }
    }
}

/// One for requests, and one for watches, which are silent for longer.
pub(super) struct Clients {
    pub requests: Client,
    pub watches: Client,
}

/// Clients, and what they were made of.
pub(super) struct Opened {
    /// With the context that was the current one, where it named none.
    pub connection: Connection,
    pub clients: Clients,
    /// The files, as they were before they were read.
    pub files: Vec<Seen>,
    /// The server's address.
    pub server: String,
}

impl Connection {
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let (mut config, connection, files) = self.config().await?;
        let server = config.cluster_url.to_string();
        config.connect_timeout = Some(self.timeouts.connect);
        config.write_timeout = Some(self.timeouts.request);
        config.reset_reader_on_write = true;
        // Retries are ours: kube's own neither take the server's hints nor a clock.
        config.default_retry = false;
        if let Some(user) = &self.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        let client = |silence: Duration| {
            let mut config = config.clone();
            config.read_timeout = Some(silence);
            Client::try_from(config).map_err(|error| unusable(&error))
        };
        let clients = Clients { requests: client(self.timeouts.request)?, watches: client(self.timeouts.silence)? };
        Ok(Opened { connection, clients, files, server })
    }

    async fn config(&self) -> Result<(Config, Self, Vec<Seen>), Failure> {
        match &self.access {
            Access::Kubeconfig { path, context } => {
                let mut files = vec![Seen::of(path)];
                let read = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
                let context = context.clone().or_else(|| read.current_context.clone());
                files.extend(named(&read, context.as_deref()).iter().map(|path| Seen::of(Path::new(path))));
                let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                let config = Config::from_custom_kubeconfig(read, &options).await;
                let access = Access::Kubeconfig { path: path.clone(), context };
                Ok((config.map_err(|error| unusable(&error))?, Self { access, ..self.clone() }, files))
            }
            Access::Server { url, authority, token } => {
                let mut config = Config::new(url.parse::<http::Uri>().map_err(|error| unusable(&error))?);
                config.root_cert = authority.as_deref().map(certificates).transpose()?;
                config.auth_info = AuthInfo { token: token.clone().map(Into::into), ..AuthInfo::default() };
                Ok((config, self.clone(), Vec::new()))
            }
        }
    }
}

/// The files that a context of a kubeconfig names: an authority, a certificate with its key, a token.
fn named(kubeconfig: &Kubeconfig, context: Option<&str>) -> Vec<String> {
    let context = kubeconfig.contexts.iter().find(|it| Some(it.name.as_str()) == context);
    let Some(context) = context.and_then(|it| it.context.as_ref()) else { return Vec::new() };
    let cluster = kubeconfig.clusters.iter().find(|it| it.name == context.cluster).and_then(|it| it.cluster.as_ref());
    let user = kubeconfig.auth_infos.iter().find(|it| Some(&it.name) == context.user.as_ref());
    let user = user.and_then(|it| it.auth_info.as_ref());
    let authority = cluster.and_then(|cluster| cluster.certificate_authority.clone());
    let of_user = user.map(|user| [&user.client_certificate, &user.client_key, &user.token_file]);
    authority.into_iter().chain(of_user.into_iter().flatten().flatten().cloned()).collect()
}

/// The certificates of a PEM file, each as DER.
fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(all) if !all.is_empty() => Ok(all.into_iter().map(|one| one.to_vec()).collect()),
        Ok(_) => Err(Failure::new(FailureKind::Invalid, "the cluster's authority holds no certificate")),
        Err(error) => Err(unusable(&error)),
    }
}

/// A connection that cannot be made whatever the cluster does. The sources say which file and why.
fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureKind::Invalid, format!("the way to the cluster is not usable: {error}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let access = Access::Server { url: "https://a".to_owned(), authority: None, token: Some("hunter2".to_owned()) };
        let connection = Connection { access, impersonate: None, timeouts: Timeouts::default() };
        let shown = format!("{connection:?}");
        assert!(shown.contains("https://a") && !shown.contains("hunter2"), "{shown}");
    }

    #[tokio::test]
    async fn what_is_no_way_to_a_cluster_is_told() {
        let told = async |access: Access| {
            let connection = Connection { access, impersonate: None, timeouts: Timeouts::default() };
            connection.open().await.err().unwrap().message
        };
        let server = |url: &str, authority: &[u8]| Access::Server {
            url: url.to_owned(),
            authority: Some(authority.to_owned()),
            token: None,
        };
        let missing = Access::Kubeconfig { path: "/nowhere/kubeconfig".into(), context: None };
        assert!(told(missing).await.contains("/nowhere/kubeconfig"));
        assert!(told(server("https://a", b"no PEM")).await.contains("no certificate"));
        assert!(told(server("not a url", b"")).await.contains("not usable"));
    }
}
