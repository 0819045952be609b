//! Folders of a step that are kept from one run to the next.

use crate::attempt::{Attempt, Saving};
use crate::cache::{Cache, Entry, Scope};
use crate::core::aside;
use crate::pinned::Source;
use model::{Digest, Failure};
use plugin::wit::cache;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use workspace::{Compression, Item, Packing, Workspace};

/// Where an entry is while it comes and goes, in the workspace.
const ARCHIVE: &str = ".tidegate-cache.tar";
const ASIDE: &str = ".tidegate-cache";

/// What this attempt may see and keep. A run of a change request from outside is not trusted, nor is one of a bare commit,
/// which is on no branch.
fn scope(attempt: &Attempt) -> Result<Scope, Failure> {
    let event = &attempt.pinned.event;
    let (place, default) = match &attempt.pinned.source {
        Source::Commit => {
            let default = attempt.core.mirror(&event.repository)?.default_branch().map_err(|e| e.failure())?;
            (format!("repository {}", event.repository), default)
        }
        Source::WorkTree(root) => (format!("work tree {}", root.display()), None),
    };
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let trusted = event.change_request.is_none() && event.branch.is_some();
    Ok(Scope { place: format!("{place} on {platform}"), branch: event.branch.clone(), default, trusted })
}

pub(crate) async fn restore(
    attempt: &Arc<Attempt>,
    key: String,
    prefixes: Vec<String>,
    paths: Vec<String>,
) -> Result<Option<cache::Hit>, Failure> {
    let attempt = attempt.clone();
    aside(move || {
        let Some((entry, archive)) = attempt.core.cache.find(&scope(&attempt)?, &key, &prefixes, &paths)? else {
            return Ok(None);
        };
        let files = Workspace::open(&attempt.workspace_folder())?;
        for path in &paths {
            if files.has(path)? {
                let message = format!("`{path}` is there already, so the entry `{}` is not restored", entry.key);
                return Err(Failure::new(model::Blame::Plugin, "conflict", message));
            }
        }
        let placed = place(&attempt, &files, &entry, &archive, &paths);
        // Whatever became of it, nothing of the way is left.
        files.remove(ARCHIVE)?;
        files.remove(ASIDE)?;
        placed?;
        Cache::touch(&archive);
        Ok(Some(cache::Hit {
            exact: entry.key == key,
            key: entry.key,
            branch: entry.branch,
            at: entry.at.to_string(),
            size: entry.size,
        }))
    })
    .await
}

fn place(attempt: &Attempt, files: &Workspace, entry: &Entry, archive: &Path, paths: &[String]) -> Result<(), Failure> {
    let mut digest = None;
    files.create_file(ARCHIVE, &mut |file| {
        digest = Some(copy(archive, file)?);
        Ok(())
    })?;
    if digest.as_ref() != Some(&entry.digest) {
        let message = format!("the entry `{}` of the cache was damaged on disk", entry.key);
        return Err(Failure::new(model::Blame::Host, "invalid", message));
    }
    let stopping = attempt.stopping.clone();
    files.unpack_with_times(ARCHIVE, ASIDE, &|| stopping.is_asked())?;
    for path in paths {
        let from = format!("{ASIDE}/{path}");
        if files.has(&from)? {
            files.rename(&from, path)?;
        }
    }
    Ok(())
}

/// Copies a file and answers the digest of what was copied.
fn copy(from: &Path, to: &mut File) -> io::Result<Digest> {
    let (mut file, mut hash, mut buffer) = (File::open(from)?, Sha256::new(), vec![0; 128 << 10]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let text = format!("sha256:{}", hex::encode(hash.finalize()));
            return Digest::parse(&text).map_err(io::Error::other);
        }
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

pub(crate) async fn save(attempt: &Arc<Attempt>, key: String, paths: Vec<String>) -> Result<cache::Saved, Failure> {
    let attempt = attempt.clone();
    aside(move || {
        let scope = scope(&attempt)?;
        let Some(branch) = scope.branch.clone().filter(|_| scope.trusted) else {
            return Err(Failure::denied("a change from outside, or a run that is on no branch, keeps nothing"));
        };
        if let Some(known) = attempt.core.cache.existing(&scope, &key, &paths) {
            return Ok(cache::Saved { stored: false, size: known.size });
        }
        let files = Workspace::open(&attempt.workspace_folder())?;
        let mut items = Vec::new();
        for path in &paths {
            if files.has(path)? {
                items.push(Item { source: path.clone(), target: path.clone(), user: 0, group: 0, mode: None });
            }
        }
        if items.is_empty() {
            let message = format!("there is nothing at {} to be kept", paths.join(", "));
            return Err(Failure::new(model::Blame::User, "not-found", message));
        }
        let stopping = attempt.stopping.clone();
        // Times are kept, for build tools compare them.
        let packing = Packing { items, exclude: vec![], modified: None, compression: Compression::Gzip };
        let packed = files.pack(&packing, ARCHIVE, &|| stopping.is_asked());
        let kept = packed.and_then(|packed| {
            let limit = attempt.core.settings.artifacts.max_bytes;
            if packed.size > limit {
                let message = format!("the entry has {} bytes, where {limit} are allowed", packed.size);
                return Err(Failure::new(model::Blame::User, "too-large", message));
            }
            let archive = attempt.folder().join(format!("cache-{}", packed.digest.hex()));
            std::fs::rename(attempt.workspace_folder().join(ARCHIVE), &archive)
                .map_err(|e| crate::state::unusable(attempt.core.state.root(), &e))?;
            Ok((packed, archive))
        });
        files.remove(ARCHIVE)?;
        let (packed, archive) = kept?;
        let entry = Entry { key, paths, branch, at: crate::now(), size: packed.size, digest: packed.digest };
        let size = entry.size;
        if let Ok(mut book) = attempt.book.lock() {
            book.saving.push(Saving { scope, entry, archive });
        }
        Ok(cache::Saved { stored: true, size })
    })
    .await
}
