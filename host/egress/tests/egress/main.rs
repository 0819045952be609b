//! Requests against real servers on this machine, most of them hostile, TLS included.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod address;
mod bomb;
mod exchange;
mod header;
mod kit;
mod proxy;
mod redirect;
mod registry;
mod reuse;
mod time;
mod tls;
mod upload;
