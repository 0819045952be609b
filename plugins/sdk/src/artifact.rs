//! Content that steps stored. Reading wants `artifact-read`, storing wants `artifact-write`.

use crate::Error;
use crate::bindings::tidegate::plugin::{artifact_read, artifact_write as wire};

pub use artifact_read::{Artifact, extract, find};
pub use wire::{store, store_file};
/// How an artifact is to be kept.
pub type Label = wire::Label;

/// Bytes of one call, which is the most that the host answers.
const PART: u32 = 1 << 20;

/// The whole content of an artifact, if it is at most `limit` bytes.
///
/// # Errors
/// `denied`, `not-found`, `too-large`.
pub fn read(digest: &str, limit: usize) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    loop {
        let part = artifact_read::read(digest, content.len() as u64, PART)?;
        if part.is_empty() {
            return Ok(content);
        }
        if content.len() + part.len() > limit {
            return Err(Error::new("too-large", format!("the artifact {digest} is larger than {limit} bytes")));
        }
        content.extend(part);
    }
}

/// A label of a name and a media type, of content that holds no secrets.
pub fn label(name: &str, media_type: &str) -> Label {
    Label { name: name.to_owned(), media_type: media_type.to_owned(), confidential: false }
}

/// A label of content that may hold secrets.
pub fn confidential(name: &str, media_type: &str) -> Label {
    Label { confidential: true, ..label(name, media_type) }
}
