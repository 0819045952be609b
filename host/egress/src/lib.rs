//! The HTTP client through which plugins call servers: every hop is checked by host, method and the very address that is
//! connected to. It never parses what a server says beyond HTTP, follows no redirect unasked, and keeps no cookies.
//!
//! One reading of a URL (`target`) feeds every check and the connection, so that there is no second parser to deceive.
//! The address is judged twice: those that a name leads to before one is tried, and the peer of the socket before the
//! first byte is sent. Connections are pooled by the private networks under which they were allowed (see [`Client`]).
#![deny(missing_docs)]

mod client;
mod connect;
mod download;
mod failure;
mod header;
mod redirect;
mod request;
mod resolve;
mod rules;
mod settings;
mod target;
mod tls;
mod upload;

pub use client::{Client, Swap};
pub use request::{Body, Request, Response};
pub use rules::Rules;
pub use settings::{Authorities, Names, Proxy, Settings};
