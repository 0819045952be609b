//! Asking an attempt to stop: once asked it stays asked.

use tokio::sync::watch;

/// The side that asks.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// The side that is asked.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

pub(crate) fn pair() -> (Stopper, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stopping(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Until somebody asks; for ever where the asker is gone.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
