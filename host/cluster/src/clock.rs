//! Time and chance, given to whoever waits: tests put their own in their place and wait for nothing.

use async_trait::async_trait;
use std::fmt;
use std::time::{Duration, Instant};

/// Where waiting and chance come from.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since a moment that stays the same.
    fn now(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, time: Duration);

    /// A number from 0 up to 1, which is left out; another one each time.
    fn random(&self) -> f64;
}

/// The machine's.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> f64 {
        // Without it all wait equally long, which is worse and no error.
        f64::from(getrandom::u32().unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}
