//! Whether a place may be reached, and reaching it. It never resolves a name twice: the address that was judged is the one
//! that is connected to.

use crate::network::Rules;
use crate::refused::Refused;
use access::egress::allow_address;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// For each address; a machine that is there answers within one or two repeated packets.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// The addresses of a name that are tried.
const ADDRESSES: usize = 8;

/// What the proxy says instead of connecting.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    message: String,
}

impl Answer {
    pub fn new(status: u16, message: String) -> Self {
        Self { status, message }
    }

    /// The whole response.
    pub fn text(&self) -> String {
        let Self { status, message } = self;
        let name = match status {
            403 => "Forbidden",
            408 => "Request Timeout",
            431 => "Request Header Fields Too Large",
            502 => "Bad Gateway",
            _ => "Bad Request",
        };
        let length = message.len() + 1;
        format!(
            "HTTP/1.1 {status} {name}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{message}\n"
        )
    }
}

type Resolve = Box<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The rules, and where their refusals are noted.
pub struct Gate {
    rules: Rules,
    refused: Refused,
    resolve: Resolve,
}

impl Gate {
    /// With the machine's own resolver.
    pub fn new(rules: Rules, refused: Refused) -> Self {
        let resolve = |host: &str, port| Ok((host, port).to_socket_addrs()?.collect());
        Self { rules, refused, resolve: Box::new(resolve) }
    }

    /// Connects to a place if a rule names it, and only to an address that it may have.
    pub fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Answer> {
        let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let place = format!("{shown}:{port}");
        if !self.rules.allow.iter().any(|pattern| pattern.reaches(host, port)) {
            return Err(self.refuse(format!(
                "connecting to `{place}` is not granted: it needs `process: {{ network: {{ proxy: [\"{place}\"] }} }}`"
            )));
        }
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => (self.resolve)(host, port)
                .map_err(|error| Answer::new(502, format!("`{host}` has no address: {error}")))?,
        };
        let mut failure = Answer::new(502, format!("`{host}` has no address"));
        let mut refusal = None;
        let mut tried = 0;
        for address in found {
            if let Err(denied) = allow_address(host, address.ip(), &self.rules.private) {
                let hint = denied.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                refusal.get_or_insert(format!("{}{hint}", denied.message));
                continue;
            }
            if tried == ADDRESSES {
                break;
            }
            tried += 1;
            match reach(address) {
                Ok(server) => return Ok(server),
                Err(error) => failure = Answer::new(502, format!("`{place}` at {address} cannot be reached: {error}")),
            }
        }
        match refusal {
            Some(message) if tried == 0 => Err(self.refuse(message)),
            _ => Err(failure),
        }
    }

    /// Connects to a loopback address that a rule names as such.
    pub fn forward(&self, target: SocketAddr) -> io::Result<TcpStream> {
        reach(target)
    }

    fn refuse(&self, message: String) -> Answer {
        self.refused.note(&message);
        Answer::new(403, message)
    }
}

fn reach(address: SocketAddr) -> io::Result<TcpStream> {
    let server = TcpStream::connect_timeout(&address, CONNECT_TIME)?;
    // A peer whose machine vanished would keep its slot for ever.
    rustix::net::sockopt::set_socket_keepalive(&server, true)?;
    Ok(server)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::network::ProxyRules;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A gate whose names have these addresses, and how often it resolved one.
    fn gate(allow: &[&str], private: &[&str], found: &[&str]) -> (Gate, Arc<AtomicUsize>, tempfile::TempDir) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rules = ProxyRules { allow: owned(allow), private: owned(private) }.parse().unwrap();
        let place = tempfile::tempdir().unwrap();
        let mut gate = Gate::new(rules, Refused::open(&Folder::new(place.path())).unwrap());
        let found: Vec<IpAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        gate.resolve = Box::new(move |_, port| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(found.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
        });
        (gate, asked, place)
    }

    #[test]
    fn a_place_that_no_rule_names_is_refused_unresolved_and_noted() {
        let (gate, asked, place) = gate(&["a.example:443"], &[], &["127.0.0.1"]);
        for (host, port, shown) in
            [("b.example", 443, "b.example:443"), ("a.example", 80, "a.example:80"), ("::1", 443, "[::1]:443")]
        {
            let answer = gate.connect(host, port).unwrap_err();
            assert_eq!(answer.status, 403);
            let grant = format!("process: {{ network: {{ proxy: [\"{shown}\"] }} }}");
            assert!(answer.text().contains(&grant), "{answer:?}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert_eq!(crate::refused::read(&Folder::new(place.path())).len(), 3);
    }

    #[test]
    fn a_name_that_leads_to_a_private_address_is_refused() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let rule = format!("evil.example:{port}");
        for found in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1", "0.0.0.0"] {
            let (gate, _, place) = gate(&[&rule], &["192.168.0.0/16"], &[found]);
            let answer = gate.connect("evil.example", port).unwrap_err();
            assert!(answer.status == 403 && answer.message.contains("no public address"), "{answer:?}");
            assert!(answer.message.contains("egress"), "{answer:?}");
            assert_eq!(crate::refused::read(&Folder::new(place.path())), [answer.message]);
        }
        server.set_nonblocking(true).unwrap();
        assert!(server.accept().is_err(), "nobody came");
        // The guard, not the network: the same name gets there where an operator lists it, and resolves once.
        let (gate, asked, _place) = gate(&[&rule], &["127.0.0.0/8"], &["10.0.0.1", "127.0.0.1"]);
        assert!(gate.connect("evil.example", port).is_ok(), "the address that is not allowed is passed over");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_place_that_is_not_there_is_told() {
        // Bound and given up: nobody listens there now.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (gate, asked, place) = gate(&[&format!("127.0.0.1:{port}"), "gone.example:1"], &[], &[]);
        let answer = gate.connect("127.0.0.1", port).unwrap_err();
        assert!(answer.status == 502 && answer.message.contains("refused"), "{answer:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 0, "an address needs no resolver");
        assert_eq!(gate.connect("gone.example", 1).unwrap_err().status, 502);
        assert!(crate::refused::read(&Folder::new(place.path())).is_empty(), "that was no refusal");
    }
}
