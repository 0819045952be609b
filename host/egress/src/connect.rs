//! One connection: to an address that was judged, through the proxy where there is one, with TLS where the scheme says so.
//! It never sends a byte to a peer that it has not judged.

use crate::failure;
use crate::resolve::{Reach, Resolver};
use crate::settings::{Proxy, Settings};
use crate::tls::Tls;
use hyper::http::uri::{Scheme, Uri};
use hyper::http::{HeaderValue, uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use model::Failure;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// Opens connections under one set of private networks.
#[derive(Clone, Debug)]
pub struct Connector {
    tcp: HttpConnector<Resolver>,
    reach: Reach,
    proxy: Option<Proxy>,
    tls: Arc<Tls>,
    limit: Duration,
}

impl Connector {
    /// Opens none yet.
    pub fn new(settings: &Settings, reach: Reach, tls: Arc<Tls>) -> Self {
        let proxy = settings.proxy.clone();
        let reach = if proxy.is_some() { Reach::Any } else { reach };
        let mut tcp =
            HttpConnector::new_with_resolver(Resolver { names: settings.names.clone(), reach: reach.clone() });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        // Divided among the addresses, so that a dead one does not use up the time of a living one.
        tcp.set_connect_timeout(Some(settings.connect));
        Self { tcp, reach, proxy, tls, limit: settings.connect }
    }

    async fn open(mut self, uri: Uri) -> Result<Stream, Failure> {
        let uri = explicit(&uri)?;
        let host = uri.host().unwrap_or_default();
        let tcp = match &self.proxy {
            Some(proxy) => through(proxy, self.tcp, &uri).await?,
            None => {
                let stream = self.tcp.call(uri.clone()).await.map_err(|why| unconnected(&uri, &why))?;
                // The very address. The resolver has left out what is refused, but an address as a host does not pass
                // by it, and nothing here depends on how the library reads one.
                let peer = stream.inner().peer_addr().map_err(|why| unconnected(&uri, &why))?;
                self.reach.allow(host, peer.ip())?;
                stream
            }
        };
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(Stream { io: Box::new(tcp), h2: false });
        }
        let tls = self.tls.greet(host, tcp.into_inner()).await?;
        let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream { io: Box::new(TokioIo::new(tls)), h2 })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (limit, place) = (this.limit, uri.authority().map(ToString::to_string).unwrap_or_default());
            let late = |_| {
                Failure::unavailable(format!("connecting to `{place}` took longer than {}", failure::seconds(limit)))
            };
            tokio::time::timeout(limit, this.open(uri)).await.map_err(late)?
        })
    }
}

/// The URI with its port written out: a tunnel would otherwise take 443 for plain HTTP too.
fn explicit(uri: &Uri) -> Result<Uri, Failure> {
    let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if scheme == Scheme::HTTP { 80 } else { 443 });
    build(scheme, uri.host().unwrap_or_default(), port)
}

fn build(scheme: Scheme, host: &str, port: u16) -> Result<Uri, Failure> {
    uri::Builder::new()
        .scheme(scheme)
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|why| Failure::invalid(format!("`{host}:{port}` is no place to connect to: {why}")))
}

/// A tunnel through the proxy.
async fn through(proxy: &Proxy, tcp: HttpConnector<Resolver>, to: &Uri) -> Result<TokioIo<TcpStream>, Failure> {
    let mut tunnel = Tunnel::new(build(Scheme::HTTP, &proxy.host, proxy.port)?, tcp);
    if let Some(value) = &proxy.authorization {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::invalid("the proxy's authorization is no value of a header"))?;
        tunnel = tunnel.with_auth(value);
    }
    tunnel.call(to.clone()).await.map_err(|why| {
        let place = to.authority().map(ToString::to_string).unwrap_or_default();
        Failure::unavailable(format!("the proxy `{}:{}` opens no way to `{place}`: {why}", proxy.host, proxy.port))
    })
}

fn unconnected(uri: &Uri, error: &(dyn std::error::Error + 'static)) -> Failure {
    if let Some(own) = failure::cause::<Failure>(error) {
        return own.clone();
    }
    let place = uri.authority().map(ToString::to_string).unwrap_or_default();
    let why = failure::cause::<io::Error>(error).map_or_else(|| error.to_string(), failure::io);
    Failure::unavailable(format!("`{place}` cannot be connected to: {why}"))
}

trait Io: Read + Write + Send + Unpin {}
impl<T: Read + Write + Send + Unpin> Io for T {}

/// An open connection, with or without TLS.
pub struct Stream {
    io: Box<dyn Io>,
    h2: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        if self.h2 { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(context, to)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write_vectored(context, from)
    }
}

#[cfg(test)]
mod tests {
    use super::{Connector, Reach};
    use crate::settings::{Authorities, Names, Settings};
    use crate::tls::Tls;
    use std::net::TcpListener;
    use std::sync::Arc;
    use tower_service::Service;

    /// As if the library had connected to what the resolver left out.
    #[tokio::test]
    async fn a_peer_that_the_resolver_let_pass_is_refused_all_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let find = |_: &str| vec!["127.0.0.1".parse().expect("an address")];
        let settings = Settings { names: Names::Own(Arc::new(find)), ..Settings::default() };
        let mut connector = Connector::new(&settings, Reach::Any, Arc::new(Tls::new(Authorities::Only(Vec::new()))));
        let uri = || format!("http://api.test:{port}/").parse().expect("a URI");
        assert!(connector.call(uri()).await.is_ok());
        connector.reach = Reach::Granted(Arc::new([]));
        let refused = connector.call(uri()).await.map(drop).expect_err("it is connected");
        assert!(refused.is_denied(), "{refused}");
    }
}
