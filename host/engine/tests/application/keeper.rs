//! A keeper of applications that says what a test told it.

use async_trait::async_trait;
use engine::{ApplicationStatus, Applications};
use model::{Blame, CommitId, Failure, Timestamp};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::watch;

pub(crate) const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
/// Its parent is [`OLD`].
pub(crate) const NEW: &str = "89abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn status(sync: &str, health: &str, synced: &str, images: &[&str]) -> ApplicationStatus {
    ApplicationStatus {
        target: CommitId(NEW.to_owned()),
        synced: Some(CommitId(synced.to_owned())),
        sync: sync.to_owned(),
        health: health.to_owned(),
        message: String::new(),
        observed: Timestamp(0),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
    }
}

pub(crate) struct Keeper {
    known: Mutex<BTreeMap<String, ApplicationStatus>>,
    dark: Mutex<bool>,
    hangs: Mutex<bool>,
    asked: watch::Sender<usize>,
}

impl Default for Keeper {
    fn default() -> Self {
        let asked = watch::Sender::new(0);
        Self { known: Mutex::default(), dark: Mutex::default(), hangs: Mutex::default(), asked }
    }
}

impl Keeper {
    /// An application stands so from now on, or is gone.
    pub(crate) fn says(&self, name: &str, status: Option<ApplicationStatus>) {
        let mut known = self.known.lock().expect("no panic");
        match status {
            Some(status) => _ = known.insert(name.to_owned(), status),
            None => _ = known.remove(name),
        }
    }

    /// Whether its cluster cannot be read.
    pub(crate) fn is_dark(&self, dark: bool) {
        *self.dark.lock().expect("no panic") = dark;
    }

    /// Whether it never answers.
    pub(crate) fn hangs(&self, hangs: bool) {
        *self.hangs.lock().expect("no panic") = hangs;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Until it is asked for the first time.
    pub(crate) async fn is_asked(&self) {
        self.asked.subscribe().wait_for(|asked| *asked > 0).await.expect("it is there");
    }

    async fn answer(&self) -> Result<(), Failure> {
        self.asked.send_modify(|asked| *asked += 1);
        if *self.hangs.lock().expect("no panic") {
            std::future::pending::<()>().await;
        }
        match *self.dark.lock().expect("no panic") {
            true => Err(Failure::unavailable("the cluster does not answer")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Applications for Keeper {
    async fn read(&self, name: &str) -> Result<Option<ApplicationStatus>, Failure> {
        self.answer().await?;
        Ok(self.known.lock().expect("no panic").get(name).cloned())
    }

    async fn contains(&self, name: &str, commit: &CommitId) -> Result<bool, Failure> {
        self.answer().await?;
        let known = self.known.lock().expect("no panic");
        let Some(status) = known.get(name) else {
            let failure = Failure::new(Blame::User, "not-found", format!("there is no application `{name}`"));
            let nearest = known.keys().next().map(|nearest| format!("did you mean `{nearest}`?"));
            return Err(nearest.into_iter().fold(failure, Failure::hint));
        };
        let synced = status.synced.as_ref().map(CommitId::as_str);
        Ok(synced == Some(commit.as_str()) || (synced == Some(NEW) && commit.as_str() == OLD))
    }

    async fn unproven(&self, _: &str, _: &str, _: &[String]) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}
