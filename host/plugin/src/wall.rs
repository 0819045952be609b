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
        let stood_now = stood.since.take().map(|since| since.elapsed()).unwrap_or_default();
        stood.ended += stood_now;
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
            deadline = later(&self.stood(), deadline, end, Instant::now())?;
        }
    }
}

/// Until when a call has time whose deadline has come; `None` where that was all.
fn later(stood: &Stood, deadline: Instant, end: Instant, now: Instant) -> Option<Instant> {
    match stood.since {
        Some(_) => Some(now + STEP),
        None => Some(end + stood.ended).filter(|until| *until > deadline),
    }
}

#[cfg(test)]
mod tests {
    use super::{STEP, Stood, Wall, later};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn what_the_host_does_meanwhile_is_not_counted() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let end = at(60);
        let nothing = Stood::default();
        assert_eq!(later(&nothing, end, end, at(60)), None);
        let opening = Stood { ended: Duration::ZERO, since: Some(at(30)) };
        assert_eq!(later(&opening, end, end, at(60)), Some(at(60) + STEP));
        let opened = Stood { ended: Duration::from_secs(900), since: None };
        assert_eq!(later(&opened, at(931), end, at(931)), Some(at(960)));
        assert_eq!(later(&opened, at(960), end, at(960)), None);
    }

    #[tokio::test]
    async fn a_call_that_ends_is_answered() {
        let wall = Wall::default();
        assert_eq!(wall.within(Duration::from_secs(60), wall.stand(async { 7 })).await, Some(7));
        assert!(wall.stood().since.is_none());
        assert_eq!(wall.within(Duration::ZERO, std::future::pending::<()>()).await, None);
    }
}
