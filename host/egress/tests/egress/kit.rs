//! Servers for tests: HTTP/1.1 and HTTP/2, plain and over TLS from an authority of their own, and raw ones that say
//! whatever a test wants. They listen at free ports of loopback addresses and are gone with the value that holds them.

use access::egress::Network;
use egress::{Authorities, Body, Client, Names, Request, Response, Rules, Settings};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::Failure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// What a server answers.
pub type Reply = hyper::Response<Full<Bytes>>;
/// What a server got.
pub type Got = hyper::Request<Bytes>;

/// An answer with a status, headers and a body.
pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = hyper::Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(Full::new(body.into())).unwrap()
}

/// A certificate authority that nobody knows.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Told apart by name: a signature is looked at only where the name fits.
        static FOUNDED: AtomicUsize = AtomicUsize::new(0);
        let number = FOUNDED.fetch_add(1, Ordering::SeqCst);
        params.distinguished_name.push(DnType::CommonName, format!("authority {number} of {}", std::process::id()));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Its certificate, as a PEM file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What a server with these names greets with.
    pub fn acceptor(&self, names: &[&str], protocols: &[&str]) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server, as long as it is held.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    got: Arc<Mutex<Vec<Got>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Runs `each` with every connection.
    pub async fn raw<F, E>(at: &str, each: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<Got>>>) -> E + Send + 'static,
        E: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((at, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, got) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, seen) = (Arc::clone(&connections), Arc::clone(&got));
        let task = tokio::spawn(async move {
            // Its tasks end with it.
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.spawn(each(stream, Arc::clone(&seen)));
            }
        });
        Self { address, connections, got, task }
    }

    /// Plain HTTP/1.1 at 127.0.0.1.
    pub async fn plain(answer: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        Self::plain_at("127.0.0.1", answer).await
    }

    /// Plain HTTP/1.1.
    pub async fn plain_at(at: &str, answer: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::raw(at, move |stream, got| {
            let answer = Arc::clone(&answer);
            async move {
                let service = service_fn(move |request| respond(request, Arc::clone(&answer), Arc::clone(&got)));
                // A client that goes away is no matter of the server.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// Over TLS, with HTTP/2 where that was agreed on.
    pub async fn tls(acceptor: TlsAcceptor, answer: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::raw("127.0.0.1", move |stream, got| {
            let (answer, acceptor) = (Arc::clone(&answer), acceptor.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let service = service_fn(move |request| respond(request, Arc::clone(&answer), Arc::clone(&got)));
                let stream = TokioIo::new(stream);
                if h2 {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(stream, service).await;
                } else {
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
                }
            }
        })
        .await
    }

    /// HTTP/2 that answers `/soon` soon, and of anything else says when it was asked and when it was left.
    pub async fn tls_slow(acceptor: TlsAcceptor, asked: Arc<Notify>, left: Arc<Notify>) -> Self {
        Self::raw("127.0.0.1", move |stream, _| {
            let (acceptor, asked, left) = (acceptor.clone(), Arc::clone(&asked), Arc::clone(&left));
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let (asked, left) = (Arc::clone(&asked), Tell(Arc::clone(&left)));
                    async move {
                        if request.uri().path() == "/soon" {
                            std::mem::forget(left);
                            return Ok::<_, Infallible>(reply(200, &[], ""));
                        }
                        asked.notify_one();
                        std::future::pending().await
                    }
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests that it got.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// Tells that it was dropped.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn respond<A: Fn(&Got) -> Reply>(
    request: hyper::Request<Incoming>,
    answer: Arc<A>,
    got: Arc<Mutex<Vec<Got>>>,
) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(reply(400, &[], "")) };
    let request = Got::from_parts(head, body.to_bytes());
    let reply = answer(&request);
    got.lock().unwrap().push(request);
    Ok(reply)
}

/// Settings under which every name that ends with `.test` leads to 127.0.0.1, and others nowhere.
pub fn settings() -> Settings {
    named(|name| if name.ends_with(".test") { vec!["127.0.0.1".parse().unwrap()] } else { Vec::new() })
}

/// Settings with names of one's own, and no authority.
pub fn named(find: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Settings {
    Settings { names: Names::Own(Arc::new(find)), authorities: Authorities::Only(Vec::new()), ..Settings::default() }
}

/// A client that believes an authority.
pub fn client(authority: &Authority) -> Client {
    Client::new(Settings { authorities: Authorities::Only(vec![authority.file()]), ..settings() })
}

/// Rules for these patterns, any method, and names that lead to 127.0.0.1.
pub fn rules(hosts: &[&str]) -> Rules {
    let mut rules = strict(hosts);
    rules.private = vec!["127.0.0.1/32".parse::<Network>().unwrap()];
    rules
}

/// Rules for these patterns and any method, with no private network.
pub fn strict(hosts: &[&str]) -> Rules {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Rules { hosts, methods: vec!["*".to_owned()], private: Vec::new() }
}

/// A `GET` that is answered soon or never.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url, Body::Nothing)
}

/// A request without headers.
pub fn request(method: &str, url: impl Into<String>, body: Body) -> Request {
    Request {
        method: method.to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body,
        redirects: 0,
        save: None,
        timeout: Duration::from_secs(20),
    }
}

/// With a header more.
pub fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

/// Sends without secrets.
pub async fn send(client: &Client, rules: &Rules, request: Request) -> Result<Response, Failure> {
    client.send(rules, request, &|_, _, _, value| Ok(value.to_owned())).await
}

/// The code of a failure.
#[track_caller]
pub fn code(result: Result<Response, Failure>) -> (String, String) {
    let failure = result.expect_err("it was answered");
    (failure.code, failure.message)
}

/// The value of a header that was answered.
pub fn value<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}
