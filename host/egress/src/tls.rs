//! TLS to a server: certificates are read at the first connection, by the first who needs them. It knows no way to accept
//! a certificate that no believed authority signed.

use crate::settings::Authorities;
use model::{Blame, Failure};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Who is believed, once that was read.
#[derive(Debug)]
pub struct Tls {
    authorities: Authorities,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// Reads nothing yet.
    pub fn new(authorities: Authorities) -> Self {
        Self { authorities, config: OnceCell::new() }
    }

    /// Greets a server, which must prove that it is `host`: a name, or an address as URLs write it.
    pub async fn greet(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| Failure::invalid(format!("`{host}` is no name that a certificate can have")))?;
        let config = self.config.get_or_try_init(|| load(self.authorities.clone())).await?;
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(|why| refused(host, &why))
    }
}

async fn load(authorities: Authorities) -> Result<Arc<ClientConfig>, Failure> {
    let broken = |why: &dyn std::fmt::Display| Failure::internal(format!("preparing TLS: {why}"));
    let roots = spawn_blocking(move || roots(&authorities)).await.map_err(|why| broken(&why))??;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| broken(&why))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(authorities: &Authorities) -> Result<RootCertStore, Failure> {
    let (machine, files): (bool, &[PathBuf]) = match authorities {
        Authorities::Machine => (true, &[]),
        Authorities::MachineAnd(files) => (true, files),
        Authorities::Only(files) => (false, files),
    };
    let mut roots = RootCertStore::empty();
    if machine {
        // One broken certificate among a hundred and more is no reason to believe none.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for file in files {
        let wrong = |why: &dyn std::fmt::Display| {
            let message = format!("the certificates of authorities in `{}` cannot be used: {why}", file.display());
            Failure::new(Blame::User, "invalid", message)
        };
        let mut any = false;
        for certificate in CertificateDer::pem_file_iter(file).map_err(|why| wrong(&why))? {
            roots.add(certificate.map_err(|why| wrong(&why))?).map_err(|why| wrong(&why))?;
            any = true;
        }
        if !any {
            return Err(wrong(&"there is none"));
        }
    }
    if roots.is_empty() {
        let failure = Failure::new(Blame::Host, "unavailable", "this machine believes no certificate authority");
        return Err(failure.hint("install its certificates (Debian: `ca-certificates`), or name a file of them"));
    }
    Ok(roots)
}

fn refused(host: &str, error: &std::io::Error) -> Failure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(tls) = tls else {
        let why = crate::failure::io(error);
        return Failure::unavailable(format!("`{host}` broke off while TLS was agreed on: {why}"));
    };
    // A certificate's names are the server's words.
    let why: String = tls.to_string().chars().filter(|c| !c.is_control()).take(300).collect();
    let failure = Failure::new(Blame::Upstream, "unavailable", format!("TLS with `{host}` failed: {why}"));
    match tls {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => failure.hint(
            "where the server's authority is a private one, an operator can name its certificate in tidegate.yaml",
        ),
        _ => failure,
    }
}
