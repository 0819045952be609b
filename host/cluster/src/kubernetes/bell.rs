//! Telling those who wait for an application that something of it may have changed.

use planner::owner::ApplicationName;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// One number an application.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<HashMap<String, watch::Sender<u64>>>);

impl Bells {
    pub fn receiver(&self, application: &ApplicationName) -> watch::Receiver<u64> {
        self.all().entry(application.label()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// For the application that is tracked by this label.
    pub fn ring(&self, label: &str) {
        if let Some(bell) = self.all().get(label) {
            bell.send_modify(|count| *count += 1);
        }
    }

    /// For all: what concerns a kind concerns whoever has objects of it, there or not.
    pub fn ring_all(&self) {
        for bell in self.all().values() {
            bell.send_modify(|count| *count += 1);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
