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

/// Compares a push. On the default branch with where it was before; on another one with where it left the default branch, so that
/// a second push still shows what the first one changed, and where all of it is in the default branch (a promotion by fast-forward,
/// a branch that was merged) with where it was before. Where history was rewritten, the best common ancestor is taken. Blocking.
pub fn changed(mirror: &Mirror, push: &Push, (name, tip): (&str, &CommitId)) -> Result<Changed, Failure> {
    let git = |e: git::Error| e.failure();
    let head = CommitId(push.commit.clone());
    let before = || -> Result<Option<(Option<CommitId>, String)>, Failure> {
        let Some(before) = known(mirror, push) else { return Ok(None) };
        let base = mirror.merge_base(&before, &head).map_err(git)?;
        let since = base.as_ref().map(|base| format!("since {}", base.short()));
        Ok(Some((base, since.unwrap_or_else(|| "whose history was replaced".to_owned()))))
    };
    let (base, since) = if name == push.branch {
        before()?.unwrap_or_else(|| (None, "with nothing to compare it with".to_owned()))
    } else {
        let fork = mirror.merge_base(tip, &head).map_err(git)?;
        let within = if fork.as_ref() == Some(&head) { before()? } else { None };
        within.unwrap_or_else(|| {
            let since = fork.as_ref().map(|fork| format!("since it left `{name}` at {}", fork.short()));
            (fork, since.unwrap_or_else(|| format!("whose history shares nothing with `{name}`")))
        })
    };
    let Some(base) = base else { return Ok(Changed { paths: None, since }) };
    match mirror.changed_paths(&base, &head, PATHS) {
        Ok(paths) => Ok(Changed { paths: Some(paths), since }),
        // Too much, or too deep: nobody can say that a path is as it was, and the push is none the less one.
        Err(git::Error::TooLarge { .. } | git::Error::Path { .. }) => {
            Ok(Changed { paths: None, since: "with more paths than can be compared".to_owned() })
        }
        Err(e) => Err(e.failure()),
    }
}

/// The commit before, where it is still there.
fn known(mirror: &Mirror, push: &Push) -> Option<CommitId> {
    let before = CommitId(push.before.clone()?);
    mirror.commit(&before).ok().map(|_| before)
}
