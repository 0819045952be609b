//! What a whole file holds, in a line. It keeps no more of it in memory than a buffer.

use crate::Workspace;
use crate::tree::failed;
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};

impl Workspace {
    /// The digest and size in bytes of a file, whatever its size; `None` where there is nothing. Errors: those of
    /// [`Workspace::open_file`].
    pub fn summarise(&self, path: &str) -> Result<Option<(Digest, u64)>, Failure> {
        let Some(mut file) = self.open_file(path)? else { return Ok(None) };
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 << 10]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Some((finish(hash)?, size))),
                Ok(read) => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed("read", path, &e)),
            }
        }
    }
}

/// What was hashed, in the host's words.
pub(crate) fn finish(hash: Sha256) -> Result<Digest, Failure> {
    let text = format!("sha256:{}", hex::encode(hash.finalize()));
    Digest::parse(&text).map_err(|e| Failure::internal(e.to_string()))
}
