//! Hostile plugins against the host: each must be contained within a short limit, with an error that says which plugin
//! and step it was, whose doing, and what. `cargo xtask guests` builds `tests/guests`, which most of them need.

mod blame;
mod cache;
mod compute;
mod describe;
mod free;
mod grant;
mod guest;
mod handle;
mod import;
mod lock;
mod log;
mod memory;
mod message;
mod mode;
mod module;
mod path;
mod receipt;
mod recorder;
mod source;
mod stop;
mod time;
mod transaction;
mod wasi;
