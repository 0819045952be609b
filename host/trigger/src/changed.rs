//! Which paths a push changed: compared with the true merge base, never "all changed" because a branch is new.

use git::Mirror;
use model::{CommitId, Failure};
use store::Push;

/// Most paths that a push lists.
const PATHS: usize = 65_536;

/// What a push changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The paths in byte order; absent where there is nothing to compare with.
    pub paths: Option<Vec<String>>,
    /// Since when, in words: `since 1234567`, `since it left main at 1234567`.
    pub since: String,
}

/// Compares a push. On the default branch with where that was before; on another one with where it left the default branch,
/// so that a second push still shows what the first one changed. Where history was rewritten, the best common ancestor
/// is taken. Blocking.
pub fn changed(mirror: &Mirror, push: &Push, default: Option<(&str, &CommitId)>) -> Result<Changed, Failure> {
    let git = |e: git::Error| e.failure();
    let head = CommitId(push.commit.clone());
    let (base, since) = match default {
        Some((name, tip)) if name != push.branch => {
            let fork = mirror.merge_base(tip, &head).map_err(git)?;
            let since = fork.as_ref().map(|fork| format!("since it left `{name}` at {}", fork.short()));
            (fork, since.unwrap_or_else(|| format!("whose history shares nothing with `{name}`")))
        }
        _ => match known(mirror, push) {
            Some(before) => {
                let base = mirror.merge_base(&before, &head).map_err(git)?;
                let since = base.as_ref().map(|base| format!("since {}", base.short()));
                (base, since.unwrap_or_else(|| "whose history was replaced".to_owned()))
            }
            None => {
                let parent = mirror.parent(&head).map_err(git)?;
                let since = parent.as_ref().map(|parent| format!("since {}", parent.short()));
                (parent, since.unwrap_or_else(|| "its first commit".to_owned()))
            }
        },
    };
    let paths = base.map(|base| mirror.changed_paths(&base, &head, PATHS).map_err(git)).transpose()?;
    Ok(Changed { paths, since })
}

/// The commit before, where it is still there.
fn known(mirror: &Mirror, push: &Push) -> Option<CommitId> {
    let before = CommitId(push.before.clone()?);
    mirror.commit(&before).ok().map(|_| before)
}
