//! Content by digest, in files. Equal content is kept once; what is read is compared with its digest where it is read
//! whole. It knows no names, runs or grants.
#![deny(missing_docs)]

mod blobs;

pub use blobs::Blobs;
