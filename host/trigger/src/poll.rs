//! Looks at a repository again and again. What moved is on the disk, as pushes to be looked at, before anybody is told.

use crate::heads::{Moves, moves};
use git::Mirror;
use model::{Failure, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{Command, Heads, Journal, Push};
use tokio::sync::watch;

/// The longest wait between two looks at a repository that does not answer.
const LONGEST: Duration = Duration::from_secs(300);

/// A repository that is looked at.
pub struct Watched {
    /// Its name in the configuration.
    pub name: String,
    /// Opens its mirror. Blocking.
    pub mirror: Box<dyn Fn() -> Result<Mirror, Failure> + Send + Sync>,
    /// How often.
    pub every: Duration,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("name", &self.name).field("every", &self.every).finish_non_exhaustive()
    }
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It was looked at for the first time since this process began.
    First(String),
    /// A branch or tag of it moved.
    Moved(String),
    /// It does not answer, and why.
    Away(String, Failure),
    /// It answers again.
    Back(String),
}

/// Looks at a repository until `drain` is true. `bell` asks for a look at once; `tell` hears what came of each.
pub async fn watch(
    watched: Watched,
    journal: Arc<Journal>,
    mut bell: watch::Receiver<u64>,
    mut drain: watch::Receiver<bool>,
    tell: impl Fn(News) + Send + Sync,
) {
    let watched = Arc::new(watched);
    let name = || watched.name.clone();
    let (mut failures, mut known) = (0_u32, None);
    while !*drain.borrow() {
        let (looked, shelf) = (watched.clone(), journal.clone());
        let look = tokio::task::spawn_blocking(move || look(&looked, &shelf)).await;
        let look = look.unwrap_or_else(|e| Err(Failure::internal(format!("looking at a repository panicked: {e}"))));
        let stored = match look {
            Ok((state, heads)) => match heads {
                Some(heads) => journal.apply(Command::Heads(heads)).await.map(|_| state).map_err(Failure::from),
                None => Ok(state),
            },
            Err(failure) => Err(failure),
        };
        match stored {
            Ok(state) => {
                if failures > 0 {
                    tell(News::Back(name()));
                }
                failures = 0;
                match known.replace(state.clone()) {
                    None => tell(News::First(name())),
                    Some(before) if before != state => tell(News::Moved(name())),
                    Some(_) => {}
                }
            }
            Err(failure) => {
                if failures == 0 {
                    tell(News::Away(name(), failure));
                }
                failures = failures.saturating_add(1);
            }
        }
        let pause = watched.every.saturating_mul(1 << failures.min(8));
        let pause = if failures > 0 { pause.min(LONGEST.max(watched.every)) } else { pause };
        tokio::select! {
            _ = drain.changed() => {}
            Ok(()) = bell.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Everything that names a commit, to see whether anything moved.
type State = Vec<(String, String)>;

/// Fetches, and compares with what is stored. The first look at a repository starts nothing: what is there already was there
/// before anybody asked for it to be watched.
fn look(watched: &Watched, journal: &Journal) -> Result<(State, Option<Heads>), Failure> {
    let git = |e: git::Error| e.failure();
    let mirror = (watched.mirror)()?;
    mirror.fetch().map_err(git)?;
    let branches: State = mirror.branches().map_err(git)?.into_iter().map(|(name, id)| (name, id.0)).collect();
    let before = journal.reader().and_then(|reader| reader.heads(&watched.name)).map_err(Failure::from)?;
    let at = now();
    let (first, before) = (before.is_none(), before.unwrap_or_default());
    let Moves { moved, gone } = moves(&before, &branches);
    let mut state = branches;
    state.extend(mirror.tags().map_err(git)?.into_iter().map(|(name, id)| (format!("refs/tags/{name}"), id.0)));
    state.extend(mirror.default_branch().map_err(git)?.map(|name| ("HEAD".to_owned(), name)));
    if moved.is_empty() && gone.is_empty() && !first {
        return Ok((state, None));
    }
    let push = |(branch, before, commit): &(String, Option<String>, String)| Push {
        number: 0,
        repository: watched.name.clone(),
        branch: branch.clone(),
        before: before.clone(),
        commit: commit.clone(),
        at,
    };
    let pushes = if first { Vec::new() } else { moved.iter().map(push).collect() };
    let set = moved.into_iter().map(|(branch, _, commit)| (branch, commit)).collect();
    Ok((state, Some(Heads { repository: watched.name.clone(), set, gone, pushes, at })))
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
