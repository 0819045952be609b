//! Archives of a step's files.

use crate::attempt::Attempt;
use model::Failure;
use plugin::wit::archive;
use std::sync::Arc;
use workspace::{Compression, Item, Packing};

pub(crate) async fn pack(
    attempt: &Arc<Attempt>,
    packing: archive::Packing,
    to: String,
) -> Result<archive::Packed, Failure> {
    let item = |item: archive::Item| Item {
        source: item.source,
        target: item.target,
        user: item.user,
        group: item.group,
        mode: item.mode,
    };
    let packing = Packing {
        items: packing.items.into_iter().map(item).collect(),
        exclude: packing.exclude,
        modified: Some(packing.modified),
        compression: match packing.compression {
            archive::Compression::None => Compression::None,
            archive::Compression::Gzip => Compression::Gzip,
        },
    };
    let stopping = attempt.stopping.clone();
    let packed = attempt.files(move |files| files.pack(&packing, &to, &|| stopping.is_asked())).await?;
    Ok(archive::Packed {
        digest: packed.digest.to_string(),
        size: packed.size,
        content_digest: packed.content_digest.to_string(),
        entries: packed.entries,
    })
}

pub(crate) async fn unpack(attempt: &Arc<Attempt>, source: String, to: String) -> Result<u32, Failure> {
    let stopping = attempt.stopping.clone();
    attempt.files(move |files| files.unpack(&source, &to, &|| stopping.is_asked())).await
}
