//! Remotes that are folders of this machine. libgit2's own transport is not used: its push overwrites a branch
//! without comparing, and its fetch packs the trees of all tags again. Runs none of the remote's hooks.

use crate::error::Error;
use crate::lock::{self, Lock};
use crate::mirror::Mirror;
use crate::name;
use crate::note::{Held, Note};
use crate::redact::clean;
use crate::wire::Advertised;
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// How long a push waits for those before it, each of which takes about a millisecond.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tries of a move while a plain `git` holds the reference's own lock, with 5 ms between: about two seconds.
const TRIES: u32 = 400;

/// What came of moving a branch.
pub(crate) enum Move {
    /// It is where it was to go.
    Done,
    /// Somebody else moved it.
    Lost {
        /// Where it had to be.
        expected: Option<Oid>,
        /// Where it is.
        actual: Option<Oid>,
    },
}

/// Opens the remote.
pub(crate) fn open(mirror: &Mirror, path: &Path) -> Result<Repository, Error> {
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&OsStr>()).map_err(|e| {
        let why = match e.code() {
            ErrorCode::NotFound => "there is no repository there".to_owned(),
            _ => clean(e.message()),
        };
        Error::Unavailable { url: mirror.url(), doing: "reached", why }
    })
}

/// What an error of libgit2 on a path remote means: a repository that is being removed gives any of them.
pub(crate) fn broken(mirror: &Mirror, doing: &'static str, e: git2::Error) -> Error {
    let gone = fs::metadata(&mirror.remote().url).is_err();
    match (e.code(), e.class()) {
        _ if gone => Error::Unavailable { url: mirror.url(), doing, why: "there is no repository there".into() },
        (ErrorCode::NotFound, _) | (_, ErrorClass::Os | ErrorClass::Odb | ErrorClass::Reference | ErrorClass::Zlib) => {
            Error::Unavailable { url: mirror.url(), doing, why: clean(e.message()) }
        }
        _ => Error::Git { doing: "use the repository", url: mirror.url(), source: e },
    }
}

/// Copies what the mirror lacks of all branches and tags.
pub(crate) fn fetch(mirror: &Mirror, into: &Repository, path: &Path) -> Result<Advertised, Error> {
    let from = open(mirror, path)?;
    let advertised = advertise(&from).map_err(|e| broken(mirror, "fetched", e))?;
    let tips: Vec<Oid> = advertised.tips.iter().map(|(_, oid)| *oid).collect();
    copy(mirror, &from, into, &tips)?;
    Ok(advertised)
}

/// Copies what the mirror lacks of one reference.
pub(crate) fn fetch_one(mirror: &Mirror, into: &Repository, path: &Path, full: &str) -> Result<Option<Oid>, Error> {
    let from = open(mirror, path)?;
    let Some(tip) = tip(&from, full).map_err(|e| broken(mirror, "fetched", e))? else { return Ok(None) };
    copy(mirror, &from, into, &[tip])?;
    Ok(Some(tip))
}

fn advertise(from: &Repository) -> Result<Advertised, git2::Error> {
    let mut all = Advertised::default();
    for glob in ["refs/heads/*", "refs/tags/*"] {
        for reference in from.references_glob(glob)? {
            let reference = reference?;
            // A symbolic reference that leads nowhere is no tip, as for `git ls-remote`.
            if let (Ok(name), Some(oid)) = (reference.name(), reference.resolve().ok().and_then(|r| r.target())) {
                all.tips.push((name.to_owned(), oid));
            }
        }
    }
    let head = from.find_reference("HEAD")?;
    all.head = match head.symbolic_target() {
        Ok(Some(target)) => all.find(target).map(|_| target.to_owned()),
        // A detached HEAD, as after a checkout in CI: the branch that is at the same commit.
        _ => {
            let same = |name: &&(String, Oid)| Some(name.1) == head.target() && name.0.starts_with("refs/heads/");
            let mut names = all.tips.iter().filter(same).map(|(name, _)| name.clone());
            let first = names.next();
            names.chain(first.clone()).find(|n| n == "refs/heads/main" || n == "refs/heads/master").or(first)
        }
    };
    Ok(all)
}

/// Where a reference of the remote is.
pub(crate) fn tip(from: &Repository, full: &str) -> Result<Option<Oid>, git2::Error> {
    match from.find_reference(full).and_then(|reference| reference.resolve()) {
        Ok(found) => Ok(found.target()),
        Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Copies the objects of these tips in one pack, without those the mirror has.
fn copy(mirror: &Mirror, from: &Repository, into: &Repository, tips: &[Oid]) -> Result<(), Error> {
    // A shallow clone's history ends where its `shallow` file says; without it the mirror's history would break.
    let (theirs, ours) = (from.commondir().join("shallow"), into.path().join("shallow"));
    let (wanted, have) = (fs::read(theirs).unwrap_or_default(), fs::read(&ours).unwrap_or_default());
    let same_depth = wanted == have;
    let reading = |e| broken(mirror, "fetched", e);
    let odb = into.odb().map_err(|e| mirror.git("open the mirror", e))?;
    let missing: Vec<Oid> = tips.iter().copied().filter(|tip| !same_depth || !odb.exists(*tip)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut walk = from.revwalk().map_err(reading)?;
    let mut pack = from.packbuilder().map_err(reading)?;
    for tip in missing {
        let mut object = from.find_object(tip, None).map_err(reading)?;
        while let Some(tag) = object.as_tag() {
            pack.insert_object(tag.id(), None).map_err(reading)?;
            object = tag.target().map_err(reading)?;
        }
        match object.kind() {
            Some(ObjectType::Commit) => walk.push(object.id()),
            _ => pack.insert_recursive(object.id(), None),
        }
        .map_err(reading)?;
    }
    if same_depth {
        for reference in into.references().map_err(|e| mirror.git("open the mirror", e))?.flatten() {
            let commit = reference.peel_to_commit().map(|commit| commit.id());
            // Forced pushes leave commits here that the remote has dropped.
            if let Ok(known) = commit
                && from.find_commit(known).is_ok()
            {
                walk.hide(known).map_err(reading)?;
            }
        }
    }
    pack.insert_walk(&mut walk).map_err(reading)?;
    if pack.object_count() > 0 {
        let mut writer = odb.packwriter().map_err(|e| mirror.git("open the mirror", e))?;
        let mut failed = None;
        let packed = pack.foreach(|bytes| {
            failed = writer.write_all(bytes).err();
            failed.is_none()
        });
        if let Some(e) = failed {
            return Err(Error::io("write a pack to", mirror.directory(), e));
        }
        packed.map_err(reading)?;
        writer.commit().map_err(|e| mirror.git("write a pack to the mirror", e))?;
    }
    if !same_depth {
        let written = if wanted.is_empty() { fs::remove_file(&ours) } else { replace(&ours, &wanted) };
        written.map_err(|e| Error::io("write", &ours, e))?;
    }
    Ok(())
}

fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut fresh = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    fresh.write_all(content)?;
    fresh.persist(path)?;
    Ok(())
}

/// Refuses a branch that a work tree has checked out: moving it would make the work tree look as if somebody had
/// undone the push, as `git push` refuses it for. `receive.denyCurrentBranch` may allow it.
fn check_not_checked_out(mirror: &Mirror, remote: &Repository, branch: &str, full: &str) -> Result<(), Error> {
    let allowed = remote.config().and_then(|config| config.get_string("receive.denyCurrentBranch"));
    if allowed.is_ok_and(|value| matches!(value.to_ascii_lowercase().as_str(), "ignore" | "warn" | "false")) {
        return Ok(());
    }
    let common = remote.commondir();
    let bare = remote.config().and_then(|config| config.get_bool("core.bare")).unwrap_or(false);
    let mut heads = if bare { vec![] } else { vec![common.join("HEAD")] };
    if let Ok(entries) = fs::read_dir(common.join("worktrees")) {
        heads.extend(entries.flatten().map(|entry| entry.path().join("HEAD")));
    }
    let checked_out = |head: &Path| {
        fs::read_to_string(head).is_ok_and(|text| text.strip_prefix("ref:").is_some_and(|name| name.trim() == full))
    };
    if heads.iter().any(|head| checked_out(head)) {
        return Err(Error::CheckedOut { url: mirror.url(), branch: branch.to_owned() });
    }
    Ok(())
}

/// Moves a branch to a commit that is in the remote already, if it is still where it is expected.
pub(crate) fn advance(
    mirror: &Mirror,
    remote: &Repository,
    branch: &str,
    expected: Option<Oid>,
    commit: Oid,
) -> Result<Move, Error> {
    let full = name::branch(branch)?;
    check_not_checked_out(mirror, remote, branch, &full)?;
    // The comparison is libgit2's, under Git's own lock. This lock only makes many Tidegates queue instead of
    // colliding there; where the folder or the file system does not allow it, they collide and try again.
    let path = remote.commondir().join(lock::FILE);
    let queue = match Lock::take(&path, PATIENCE) {
        Err(e) if e.kind() == std::io::ErrorKind::TimedOut => {
            let why = format!("another process holds {}", path.display());
            return Err(Error::Unavailable { url: mirror.url(), doing: "pushed to", why });
        }
        other => other.ok(),
    };
    let mut note = queue.as_ref().and_then(|queue| Note::read(queue).ok());
    if let Some(note) = &note {
        // Without it a kill right now leaves a lock that a person must remove; with it, nobody has to.
        let _ = note.begin(&full);
    }
    let moved = compare_and_move(mirror, remote, &full, expected, commit, note.as_ref());
    if let Some(note) = &mut note {
        let _ = note.end(&full);
    }
    moved
}

/// Moves a reference if it is where it is expected, and waits for a plain `git` that holds it.
fn compare_and_move(
    mirror: &Mirror,
    remote: &Repository,
    full: &str,
    expected: Option<Oid>,
    commit: Oid,
    note: Option<&Note<'_>>,
) -> Result<Move, Error> {
    let mut held: Option<Held> = None;
    for attempt in 0..TRIES {
        let now = tip(remote, full).map_err(|e| broken(mirror, "pushed to", e))?;
        if now == Some(commit) {
            return Ok(Move::Done);
        }
        if now != expected {
            return Ok(Move::Lost { expected, actual: now });
        }
        let moved = match expected {
            Some(old) => remote.reference_matching(full, commit, true, old, "push by tidegate"),
            None => remote.reference(full, commit, false, "push by tidegate"),
        };
        match moved {
            Ok(_) => return Ok(Move::Done),
            Err(e) if e.code() == ErrorCode::Locked => {
                let first = held.get_or_insert_with(|| Held::look(remote.commondir(), full).unwrap_or_default());
                // Left by a process that died here, and the same since a second ago.
                if attempt >= TRIES / 2 && note.is_some_and(|note| note.left(full)) {
                    let _ = first.break_if_same();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // Read again: somebody else was between the look and the move.
            Err(e) if matches!(e.code(), ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound) => {
                let now = tip(remote, full).map_err(|e| broken(mirror, "pushed to", e))?;
                if now == expected {
                    return Err(Error::Rejected { why: clean(e.message()) });
                }
            }
            Err(e) => return Err(broken(mirror, "pushed to", e)),
        }
    }
    let why = format!("the lock `{full}.lock` in it stays; remove it if no process is at work there");
    Err(Error::Unavailable { url: mirror.url(), doing: "pushed to", why })
}
