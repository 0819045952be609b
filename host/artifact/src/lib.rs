//! Content by digest, in files. Equal content is kept once; what is read whole is compared with its digest.
//! Confidential content is encrypted at rest. Several processes may use one folder, and may be killed at any moment. It
//! knows no names, runs or grants, and never decides what may be thrown away.
#![deny(missing_docs)]

mod blobs;
mod failure;
mod keyring;
mod read;
mod seal;
mod sealed;
mod shelf;
mod sweep;

pub use blobs::Blobs;
pub use keyring::Keyring;
