//! The body of a response, as it was sent: it is never decompressed, and never held beyond 4 MiB.

use crate::failure;
use crate::target::Target;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use model::{Blame, Failure};
use std::fs::File;
use std::io;
use tokio::io::AsyncWriteExt;

/// Most bytes of a body that is answered.
pub const LARGEST: u64 = 4 << 20;

/// Reads a body into memory.
pub async fn whole(mut body: Incoming, target: &Target) -> Result<Vec<u8>, Failure> {
    let hint = "name a file of the workspace in `save`: what is saved may be larger";
    let large = || too_large(target, LARGEST).hint(hint);
    if body.size_hint().lower() > LARGEST {
        return Err(large());
    }
    let mut bytes = Vec::with_capacity(body.size_hint().lower() as usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|why| failure::of(&why, target))?.into_data() else { continue };
        if bytes.len() as u64 + data.len() as u64 > LARGEST {
            return Err(large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Writes a body into a file, and says how many bytes it had.
pub async fn save(mut body: Incoming, file: File, most: u64, target: &Target) -> Result<u64, Failure> {
    if body.size_hint().lower() > most {
        return Err(too_large(target, most));
    }
    let mut file = tokio::fs::File::from_std(file);
    let mut written = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|why| failure::of(&why, target))?.into_data() else { continue };
        written += data.len() as u64;
        if written > most {
            return Err(too_large(target, most));
        }
        file.write_all(&data).await.map_err(|why| unwritable(&why))?;
    }
    file.flush().await.map_err(|why| unwritable(&why))?;
    Ok(written)
}

fn too_large(target: &Target, most: u64) -> Failure {
    let size = if most >= 1 << 20 { format!("{} MiB", most >> 20) } else { format!("{most} bytes") };
    Failure::new(Blame::Upstream, "too-large", format!("`{}` answered more than {size}", target.origin()))
}

fn unwritable(why: &io::Error) -> Failure {
    let code = if why.kind() == io::ErrorKind::StorageFull { "exhausted" } else { "internal" };
    Failure::new(Blame::Host, code, format!("saving a response: {why}"))
}
