//! How long a call into a plugin may take, less what the host does for it meanwhile that may take any time: opening a
//! repository may clone it first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How soon it is looked again while the clock stands.
const STEP: Duration = Duration::from_secs(1);

/// A stopwatch that can stand still.
#[derive(Clone, Default)]
pub(crate) struct Wall(Arc<Mutex<Stood>>);

#[derive(Default)]
struct Stood {
    ended: Duration,
    since: Option<Instant>,
}

impl Wall {
    fn stood(&self) -> MutexGuard<'_, Stood> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the clock stand while something is done.
    pub(crate) async fn stand<T>(&self, work: impl Future<Output = T>) -> T {
        self.stood().since = Some(Instant::now());
        let answer = work.await;
        let mut stood = self.stood();
        stood.ended += stood.since.take().map(|since| since.elapsed()).unwrap_or_default();
        answer
    }

    /// What a call answers; `None` where it takes longer than so long.
    pub(crate) async fn within<T>(&self, most: Duration, call: impl Future<Output = T>) -> Option<T> {
        let mut call = std::pin::pin!(call);
        let end = Instant::now() + most;
        let mut deadline = end;
        loop {
            if let Ok(answer) = timeout_at(deadline, &mut call).await {
                return Some(answer);
            }
            let stood = self.stood();
            deadline = match stood.since {
                Some(_) => Instant::now() + STEP,
                None if end + stood.ended > deadline => end + stood.ended,
                None => return None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Wall;
    use std::time::Duration;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn what_the_host_does_meanwhile_is_not_counted() {
        let seconds = Duration::from_secs;
        for (before, opening, after, ends) in [(59, 0, 0, true), (61, 0, 0, false), (30, 900, 29, true), (30, 900, 32, false)] {
            let wall = Wall::default();
            let call = async {
                sleep(seconds(before)).await;
                wall.stand(sleep(seconds(opening))).await;
                sleep(seconds(after)).await;
            };
            assert_eq!(wall.within(seconds(60), call).await.is_some(), ends, "{before} {opening} {after}");
        }
    }
}
