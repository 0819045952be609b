//! From a name to the addresses that may be connected to. Those that may not never reach whoever connects.

use crate::settings::Names;
use access::egress::{Network, allow_address};
use hyper_util::client::legacy::connect::dns::Name;
use model::Failure;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;
use tower_service::Service;

/// Which addresses a name may lead to.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Public ones, and those in these networks.
    Granted(Arc<[Network]>),
    /// Any: the operator named the host, not a plugin.
    Any,
}

impl Reach {
    /// Whether a host may have an address.
    pub fn allow(&self, host: &str, found: IpAddr) -> Result<(), Failure> {
        match self {
            Self::Granted(private) => allow_address(host, found, private),
            Self::Any => Ok(()),
        }
    }
}

/// A resolver for the HTTP library's connector, which asks it for names only: what it takes for an address, it connects
/// to unasked. Those are judged by [`connect`](crate::connect), like every peer.
#[derive(Clone, Debug)]
pub struct Resolver {
    pub names: Names,
    pub reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { names, reach } = self.clone();
        Box::pin(async move { find(&names, &reach, name.as_str()).await.map(Vec::into_iter) })
    }
}

/// The addresses of a name that it may lead to; where all are refused, why the first one is.
async fn find(names: &Names, reach: &Reach, name: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found: Vec<SocketAddr> = match names {
        Names::Machine => match tokio::net::lookup_host((name, 0)).await {
            Ok(found) => found.collect(),
            Err(why) => return Err(Failure::unavailable(format!("the address of `{name}` cannot be found: {why}"))),
        },
        Names::Own(find) => find(name).into_iter().map(|address| (address, 0).into()).collect(),
    };
    let mut refused = None;
    let mut allowed = Vec::with_capacity(found.len());
    for address in found {
        match reach.allow(name, address.ip()) {
            Ok(()) => allowed.push(address),
            Err(failure) => _ = refused.get_or_insert(failure),
        }
    }
    match refused {
        Some(failure) if allowed.is_empty() => Err(failure),
        None if allowed.is_empty() => Err(Failure::unavailable(format!("`{name}` has no address"))),
        _ => Ok(allowed),
    }
}
