//! What an operator decides about every request of a client. It holds values only.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a client reaches servers. The machine's own proxy variables (`HTTPS_PROXY` and its kin) count for nothing.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose certificates are believed.
    pub authorities: Authorities,
    /// Who turns names into addresses.
    pub names: Names,
    /// The proxy that every connection goes through, where there is one.
    pub proxy: Option<Proxy>,
    /// How long finding, connecting to and greeting a server may take, within a request's own time.
    pub connect: Duration,
    /// How many bytes of one response may be saved into a file.
    pub saved: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authorities: Authorities::Machine,
            names: Names::Machine,
            proxy: None,
            connect: Duration::from_secs(10),
            saved: 16 << 30,
        }
    }
}

/// Whose certificates are believed. Read at the first TLS connection: a machine's own take 5 to 10 ms.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// The machine's own: `SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set, else where systems keep them.
    Machine,
    /// Those, and the ones in these PEM files.
    MachineAnd(Vec<PathBuf>),
    /// Only the ones in these PEM files.
    Only(Vec<PathBuf>),
}

/// Finds the addresses of a name.
pub type Find = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Who turns names into addresses. Whoever does, the addresses are checked.
#[derive(Clone)]
pub enum Names {
    /// The machine's resolver.
    Machine,
    /// Answers of one's own, like curl's `--resolve`.
    Own(Arc<Find>),
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "Machine",
            Self::Own(_) => "Own",
        })
    }
}

/// An HTTP proxy that opens tunnels (`CONNECT`), for plain HTTP as well.
///
/// With it, checks of addresses are the proxy's: it gets the *name* and finds the address itself, out of sight. What
/// remains here is the check of names, schemes and methods, and that an address as a host needs a pattern which is that
/// very address. A proxy in front of plugins must itself refuse private addresses. Its own address may be any.
#[derive(Clone)]
pub struct Proxy {
    /// Its host, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The whole value of `Proxy-Authorization`, where it wants one.
    pub authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}
