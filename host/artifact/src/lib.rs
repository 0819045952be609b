//! Content by digest, in files. Equal content is kept once; what is read whole is compared with its digest. Several
//! processes may use one folder, and may be killed at any moment. It knows no names, runs or grants, and never decides
//! what may be thrown away.
#![deny(missing_docs)]

mod blobs;
mod failure;
mod read;
mod sweep;

pub use blobs::Blobs;
