//! Moves a branch of a server to a commit. The server compares the old id; this module finds out what became of a
//! push whose answer is lost, so that neither a success nor a lost race is claimed that was none.

use crate::error::Error;
use crate::local::Move;
use crate::mirror::Mirror;
use crate::name;
use crate::redact::clean;
use crate::wire;
use git2::{ErrorClass, ErrorCode, Oid, PushOptions, Repository};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Tries while the server cannot lock the branch that is still where it was: pushes hold that lock for
/// milliseconds. The pauses add up to about a second.
const TRIES: u32 = 10;
/// What a server says beside its verdict is kept up to so many bytes: a hook's few lines.
const REMARKS: usize = 2048;

/// Where the branch has to be for the push to go through.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    /// At this commit, whose descendant is pushed.
    At(Oid),
    /// Wherever the server says it is when the push begins, or nowhere.
    AsSeen,
}

/// What one try came to.
enum Verdict {
    /// The server moved the branch.
    Accepted,
    /// The server said no, and why.
    Refused(String),
    /// The branch was not where it is expected; nothing was sent.
    NotThere,
    /// The connection or libgit2 failed: anything may have happened.
    Failed(git2::Error),
    /// The server gave no verdict.
    Silent,
}

/// Pushes a commit of this repository to a branch of the mirror's server.
pub(crate) fn push(
    mirror: &Mirror,
    repository: &Repository,
    branch: &str,
    expected: Expected,
    commit: Oid,
) -> Result<Move, Error> {
    let full = name::branch(branch)?;
    let mut last = String::new();
    for attempt in 1..=TRIES {
        let (verdict, seen) = once(mirror, repository, &full, expected, commit)?;
        match &verdict {
            Verdict::Accepted => {
                wire::anchor_at(repository, &full, commit);
                return Ok(Move::Done);
            }
            Verdict::Failed(e) if matches!(e.code(), ErrorCode::Auth | ErrorCode::Certificate) => {
                return Err(failed(mirror, verdict));
            }
            _ => {}
        }
        // libgit2 sends a request again when a kept connection breaks. So even a clear no may follow a yes: what the
        // branch holds is what counts.
        let now = match wire::fetch_one(repository, mirror.remote(), &full) {
            Ok(now) => now,
            Err(e) => return Err(if let Verdict::NotThere = verdict { e } else { failed(mirror, verdict) }),
        };
        if let Some(now) = now
            && holds(mirror, repository, now, commit)?
        {
            return Ok(Move::Done);
        }
        let before = match expected {
            Expected::At(old) => Some(Some(old)),
            Expected::AsSeen => seen,
        };
        let lost = before.filter(|before| *before != now);
        match (verdict, lost) {
            // The server compares with the old id, so a push that is still on its way can no longer land. Before any
            // word of the server: who lost a race in unknown words may try again, and is told then if it is forbidden.
            (_, Some(before)) => return Ok(Move::Lost { expected: before, actual: now }),
            (Verdict::Refused(why), _) if !is_contention(&why) => return Err(Error::Rejected { why }),
            (Verdict::Refused(why), None) => last = why,
            (Verdict::Failed(e), None) if e.code() == ErrorCode::NotFastForward => last = clean(e.message()),
            // Moved and moved back, or the server's own view was late.
            (Verdict::NotThere, None) => last = "its answers about the branch contradict each other".to_owned(),
            (verdict, None) => return Err(failed(mirror, verdict)),
        }
        std::thread::sleep(Duration::from_millis(20) * attempt);
    }
    Err(Error::Rejected { why: last })
}

/// Whether a history has the commit.
fn holds(mirror: &Mirror, repository: &Repository, tip: Oid, commit: Oid) -> Result<bool, Error> {
    if tip == commit {
        return Ok(true);
    }
    repository.graph_descendant_of(tip, commit).map_err(|e| mirror.git("compare the histories", e))
}

fn failed(mirror: &Mirror, verdict: Verdict) -> Error {
    match verdict {
        Verdict::Failed(e) => wire::error(mirror.remote(), "pushed to", e),
        Verdict::Refused(why) => Error::Rejected { why },
        Verdict::Accepted | Verdict::NotThere | Verdict::Silent => {
            let why = "it does not say whether the push went through".to_owned();
            Error::Unavailable { url: mirror.url(), doing: "pushed to", why }
        }
    }
}

/// One try: the verdict, and where the server said the branch was, if it came to that.
fn once(
    mirror: &Mirror,
    repository: &Repository,
    full: &str,
    expected: Expected,
    commit: Oid,
) -> Result<(Verdict, Option<Option<Oid>>), Error> {
    let seen: Cell<Option<Option<Oid>>> = Cell::new(None);
    let elsewhere = Cell::new(false);
    let status: RefCell<Option<Option<String>>> = RefCell::new(None);
    let remarks: RefCell<Vec<u8>> = RefCell::new(Vec::new());
    let deadline = wire::deadline();
    let mut callbacks = wire::callbacks(mirror.remote(), deadline);
    callbacks.push_negotiation(|updates| {
        for update in updates.iter().filter(|update| update.dst_refname_bytes() == full.as_bytes()) {
            let old = Some(update.src()).filter(|old| !old.is_zero());
            seen.set(Some(old));
            if let Expected::At(wanted) = expected
                && old != Some(wanted)
            {
                elsewhere.set(true);
                return Err(git2::Error::new(ErrorCode::User, ErrorClass::Callback, "the branch is elsewhere"));
            }
        }
        Ok(())
    });
    callbacks.push_update_reference(|name, verdict| {
        if name == full {
            status.replace(Some(verdict.map(str::to_owned)));
        }
        Ok(())
    });
    callbacks.sideband_progress(|text| {
        let mut remarks = remarks.borrow_mut();
        let room = REMARKS.saturating_sub(remarks.len());
        remarks.extend_from_slice(&text[..text.len().min(room)]);
        // This takes the place of the callback that watches the time: a hook that talks for ever is ended here too.
        Instant::now() < deadline
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).proxy_options(wire::proxy());
    let force = if let Expected::AsSeen = expected { "+" } else { "" };
    let mut handle = wire::anonymous(repository, mirror.remote())?;
    let done = handle.push(&[format!("{force}{commit}:{full}")], Some(&mut options));
    drop(options);
    let verdict = match (done, status.into_inner()) {
        _ if elsewhere.get() => Verdict::NotThere,
        // A yes that was read counts, even where the connection broke right after it.
        (_, Some(None)) => Verdict::Accepted,
        (_, Some(Some(why))) => {
            let remarks = String::from_utf8_lossy(&remarks.into_inner()).into_owned();
            Verdict::Refused(clean(&if remarks.trim().is_empty() { why } else { format!("{why}: {remarks}") }))
        }
        (Err(e), None) => Verdict::Failed(e),
        (Ok(()), None) => Verdict::Silent,
    };
    Ok((verdict, seen.get()))
}

/// Whether a server's no may mean that somebody else pushed or was about to: the words of Git's receive-pack over
/// its versions, and of libgit2-based and JGit servers.
fn is_contention(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    [
        "non-fast-forward",
        "fetch first",
        "failed to update ref",
        "failed to lock",
        "cannot lock ref",
        "stale info",
        "incorrect old value provided",
        "reference already exists",
        "lock error",
        "lock_failure",
    ]
    .iter()
    .any(|words| why.contains(words))
        && !["hook declined", "protected branch"].iter().any(|words| why.contains(words))
}

#[cfg(test)]
mod tests {
    use super::is_contention;

    #[test]
    fn words_of_servers() {
        assert!(is_contention("failed to update ref"));
        assert!(is_contention("cannot lock ref 'refs/heads/main': is at 1 but expected 2"));
        assert!(!is_contention("pre-receive hook declined: no failed to update ref today"));
        assert!(!is_contention("branch is currently checked out"));
    }
}
