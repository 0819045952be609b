//! `tidegate apps cancel` and `confirm`: a word to the sync that is at work, and whether it was heard.

use super::Desk;
use super::sync::LOOK;
use crate::exit::Exit;
use crate::place::Asked;
use crate::screen::Screen;
use model::{Blame, Failure};
use planner::decide::Request;
use planner::operation::{Outcome, Stop};
use planner::plan;
use reconcile::{Memory, Word};
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long is waited until a word was heard. A sync hears none while it waits for a cluster's answer.
const HEARD: Duration = Duration::from_secs(30);
/// The exit code where a word was not heard by then.
const UNHEARD: u8 = 5;

impl Desk {
    /// Stops the sync that is at work. 0 where it was cancelled; 1 where it had ended otherwise; 5 where it has not ended yet.
    pub(super) async fn cancel(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find_any(name)?.entry;
        let Some(operation) = self.floor.books.memory(name)?.operation else {
            return Err(Failure::new(Blame::User, "conflict", format!("no sync of `{name}` is at work")).into());
        };
        let (id, is_removal) = (operation.id, operation.plan.order.asked == plan::Asked::Removal);
        match &self.asked {
            Some(asked) => {
                asked.daemon.fleet.say(name, Word::Stop(Stop::Cancelled))?;
                let ended = |memory: &Memory| memory.operation.as_ref().is_none_or(|operation| operation.id != id);
                if !self.heard(asked, name, ended).await? {
                    let text = "asked; its sync ends once what is under way is answered";
                    return Ok(told(name, "asked", text, UNHEARD, screen));
                }
            }
            None => {
                // Nobody is at work where this succeeds: whoever was, is gone, and its sync ends here.
                let _lock = self.engine.lock()?;
                let (words, mut heard) = mpsc::channel(1);
                // Room for one is there.
                let _ = words.try_send(Word::Stop(Stop::Cancelled));
                self.keeper(&entry).await?.keep(Request::Automatic, &mut heard, &|_| {}).await?;
            }
        }
        let history = self.floor.books.history(name)?;
        let past = history.into_iter().find(|(of, ..)| *of == id).map(|(_, _, past)| past.outcome);
        let cancelled = Outcome::Stopped(Stop::Cancelled).to_string();
        Ok(match past {
            Some(outcome) if outcome != cancelled => {
                told(name, "ended", &format!("its sync had ended already: {outcome}"), 1, screen)
            }
            None if is_removal => told(name, "ended", "its deletion had ended already", 1, screen),
            _ if is_removal => {
                let text = "its deletion is cancelled; it begins again unless the application is suspended";
                told(name, "cancelled", text, 0, screen)
            }
            _ => {
                let text = "its sync is cancelled; a sync by hand or a new commit starts the next one";
                told(name, "cancelled", text, 0, screen)
            }
        })
    }

    /// Confirms what the sync that is at work asks about. 0 where there is one; 5 where it has not heard it yet.
    pub(super) async fn confirm(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        self.find_any(name)?;
        let operation = self.floor.books.memory(name)?.operation;
        let (Some(asked), Some(operation)) = (&self.asked, operation) else {
            let failure = Failure::new(Blame::User, "conflict", format!("no sync of `{name}` is at work in a daemon"));
            return Err(failure
                .hint("the annotation `argocd.argoproj.io/deletion-approved` in its file says the same")
                .into());
        };
        let at = reconcile::now();
        asked.daemon.fleet.say(name, Word::Confirm)?;
        let confirmed = |memory: &Memory| match &memory.operation {
            Some(now) if now.id == operation.id => now.confirmed.is_some_and(|confirmed| confirmed >= at),
            _ => true,
        };
        if !self.heard(asked, name, confirmed).await? {
            let text = "asked; its sync hears it once what is under way is answered";
            return Ok(told(name, "asked", text, UNHEARD, screen));
        }
        Ok(told(name, "confirmed", "confirmed", 0, screen))
    }

    /// Waits until what is stored of an application is so; false where that takes long, or nobody waits any more.
    async fn heard(&self, asked: &Asked, name: &str, is_so: impl Fn(&Memory) -> bool) -> Result<bool, Failure> {
        let mut changes = asked.daemon.fleet.changes();
        let (mut drain, mut interrupts) = (asked.daemon.drain.subscribe(), asked.interrupts.clone());
        let end = Instant::now() + HEARD;
        loop {
            changes.borrow_and_update();
            if is_so(&self.floor.books.memory(name)?) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            tokio::select! {
                // Woken early or late, it looks again.
                _ = tokio::time::timeout_at(end.min(Instant::now() + LOOK), changes.changed()) => {}
                _ = drain.wait_for(|leaves| *leaves) => {
                    let message = "the host is leaving, and what was said may be forgotten: say it again";
                    return Err(Failure::new(Blame::Host, "unavailable", message));
                }
                Ok(()) = interrupts.changed() => return Ok(false),
            }
        }
    }
}

/// Says what came of a word.
fn told(name: &str, status: &str, text: &str, code: u8, screen: &Screen) -> u8 {
    if screen.json {
        screen.document(&json!({"name": name, "status": status, "message": text}));
    } else {
        screen.out(&format!("{name}: {text}"));
    }
    code
}
