//! Whether a sync begins now, and what it is asked to do. Each "no" is a reason that `tidegate why` can show.
//! It never looks at an object's content and never begins anything.

use crate::application::{Application, Automated, Permit};
use crate::depend::Dependency;
use crate::desired::Desired;
use crate::object::ObjectKey;
use crate::owner::ApplicationName;
use crate::plan::{Asked, Await, Order};
use crate::reason::{Code, Reason, count};
use crate::retry;
use crate::survey::{Difference, Survey, SyncStatus};
use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who wants a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nobody in particular: the application was looked at.
    Automatic,
    /// A person.
    Manual(Manual),
    /// A sync of which an attempt failed: the same again, hooks and all, also where every object is as desired by now. A
    /// deletion is planned again by [`crate::deletion::end`] alone; its order is held here.
    Retry(Order),
}

/// What a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    /// Their name.
    pub who: String,
    /// Whether objects that should go are deleted.
    pub prune: Permit,
    /// These objects alone; hooks are then left out, as Argo CD does.
    pub only: Option<BTreeSet<ObjectKey>>,
    /// Whether the end is waited for.
    pub awaits: Await,
}

/// Whether an application's windows are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// It may sync.
    #[default]
    Open,
    /// It may not.
    Closed {
        /// When that changes, where it is known.
        until: Option<Timestamp>,
        /// Whether a person may.
        manual: Permit,
    },
}

/// What the destination is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is synced.
    #[default]
    Apply,
    /// It is only looked at.
    Observe,
}

/// What keeps an application from syncing, however much it needs to, and from being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brakes {
    /// Who suspended the application, and why.
    pub suspended: Option<String>,
    /// Who froze its cluster, and why.
    pub frozen: Option<String>,
    /// Its windows.
    pub window: Window,
    /// What its destination is for.
    pub mode: Mode,
    /// What its environments require and is not met.
    pub requirements: Vec<Reason>,
    /// Whether its file is gone, and its objects are going. It holds every sync, but not the deletion itself.
    pub ending: Ending,
}

/// Whom brakes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A sync that nobody asked for.
    Sync,
    /// A sync that a person asked for, whom a window may let through.
    Person,
    /// The end of the application.
    Deletion,
}

/// Whether an application is going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It is not.
    #[default]
    No,
    /// It is.
    Begun,
}

/// How the last sync ended, as its history has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Last {
    /// What it tried: see [`subject`].
    pub subject: Digest,
    /// The revision that it named.
    pub revision: String,
    /// How it ended.
    pub end: End,
    /// When.
    pub at: Timestamp,
    /// Healings in a row up to it.
    pub healings: u32,
}

/// How a sync ended, as far as the next one cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum End {
    /// Everything was applied.
    Applied,
    /// It failed, and its retries were used up.
    Failed(String),
    /// A person stopped it.
    Stopped,
    /// A newer state took its place, and may have gone again since.
    Superseded,
}

/// What a decision rests on besides the survey.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Who wants a sync.
    pub request: &'a Request,
    /// What holds it.
    pub brakes: &'a Brakes,
    /// How the last one ended.
    pub last: Option<&'a Last>,
    /// The subject of the one that is at work.
    pub running: Option<&'a Digest>,
    /// The applications that this one depends on.
    pub dependencies: &'a [Dependency],
    /// The time.
    pub now: Timestamp,
}

/// What a sync tries: the same content under the same policy is the same attempt, whatever revision it comes from.
pub fn subject(application: &Application, desired: &Desired) -> Digest {
    Digest::of_parts([application.digest.as_str().as_bytes(), desired.digest().as_str().as_bytes()])
}

/// Whether and what to sync; the reasons why not come most telling first.
pub(crate) fn decide(
    application: &Application,
    subject: &Digest,
    survey: &Survey,
    situation: &Situation<'_>,
) -> Result<Order, Vec<Reason>> {
    // A sync in the place of a deletion would put back what that has deleted.
    if let Request::Retry(Order { asked: Asked::Removal, .. }) = situation.request {
        let text = "the application is being deleted: only its deletion can be tried again";
        return Err(vec![Reason::new(Code::Deleting, text)]);
    }
    if !survey.problems.is_empty() {
        return Err(survey.problems.clone());
    }
    let retry = matches!(situation.request, Request::Retry(_));
    if situation.running == Some(subject) && !retry {
        return Err(vec![Reason::new(Code::Running, "a sync of this state is at work")]);
    }
    let order = match situation.request {
        Request::Retry(order) => order.clone(),
        Request::Manual(manual) => by_hand(manual, survey)?,
        Request::Automatic if survey.sync == SyncStatus::Synced => {
            return Err(vec![Reason::new(Code::InSync, "every object is as desired")]);
        }
        Request::Automatic => by_itself(application.automated, &application.name, subject, survey, situation)
            .map_err(|reason| vec![reason])?,
    };
    let who = if matches!(situation.request, Request::Manual(_)) { Held::Person } else { Held::Sync };
    let mut held = situation.brakes.hold(who);
    held.extend(situation.dependencies.iter().filter_map(Dependency::unmet));
    if held.is_empty() { Ok(order) } else { Err(held) }
}

impl Brakes {
    /// Every brake that holds.
    pub(crate) fn hold(&self, who: Held) -> Vec<Reason> {
        let Self { suspended, frozen, window, mode, requirements, ending } = self;
        let mut held = vec![];
        if *ending == Ending::Begun && who != Held::Deletion {
            held.push(Reason::new(Code::Deleting, "the application is being deleted"));
        }
        if *mode == Mode::Observe {
            held.push(Reason::new(Code::ObserveOnly, "the destination is only observed (`mode: observe`)"));
        }
        if let Some(why) = suspended {
            held.push(Reason::new(Code::Suspended, format!("{why}; `tidegate apps resume` lets it go on")));
        }
        if let Some(why) = frozen {
            held.push(Reason::new(Code::Frozen, why.clone()));
        }
        if let Window::Closed { until, manual } = window
            && !(*manual == Permit::Granted && who == Held::Person)
        {
            let reason = Reason::new(Code::WindowClosed, "none of its windows is open");
            held.push(Reason { until: *until, ..reason });
        }
        held.extend(requirements.iter().cloned());
        held
    }
}

fn by_hand(manual: &Manual, survey: &Survey) -> Result<Order, Vec<Reason>> {
    let rows: BTreeSet<&ObjectKey> = survey.rows.iter().map(|row| &row.key).collect();
    let unknown = manual.only.iter().flatten().filter(|key| !rows.contains(key));
    let unknown: Vec<Reason> =
        unknown.map(|key| Reason::new(Code::NoSuchObject, "the application has no such object").about(key)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let Manual { who, prune, only, awaits } = manual.clone();
    Ok(Order { asked: Asked::Person(who), prune, only, awaits })
}

fn by_itself(
    automated: Option<Automated>,
    name: &ApplicationName,
    subject: &Digest,
    survey: &Survey,
    situation: &Situation<'_>,
) -> Result<Order, Reason> {
    let Some(Automated { prune, self_heal }) = automated else {
        let text = format!("it does not sync by itself; `tidegate apps sync {name}` does");
        return Err(Reason::new(Code::AutomationOff, text));
    };
    let out = || survey.rows.iter().filter(|row| row.sync() == SyncStatus::OutOfSync);
    if prune == Permit::Refused && out().all(|row| row.difference == Difference::Extra) {
        let text = format!("{} should go, and `automated.prune` is off", count(out().count(), "object"));
        return Err(Reason::new(Code::PruneOff, text));
    }
    let whole = Order { asked: Asked::Change, prune, only: None, awaits: Await::Health };
    let Some(last) = situation.last.filter(|last| last.subject == *subject) else { return Ok(whole) };
    match &last.end {
        End::Failed(why) => {
            let text = format!("its retries are used up ({why}); a change or a sync by hand tries it again");
            Err(Reason::new(Code::FailedAlready, text))
        }
        End::Superseded => Ok(whole),
        // Whoever stopped it may well start it again: but not the host by itself, as that would undo the stop.
        End::Stopped => {
            Err(Reason::new(Code::FailedAlready, "its last sync was stopped; a sync by hand starts it again"))
        }
        End::Applied if self_heal == Permit::Refused => {
            let text = "it drifted since its last sync, and `automated.selfHeal` is off";
            Err(Reason::new(Code::SelfHealOff, text))
        }
        End::Applied => {
            let healings = retry::in_a_row(last.healings, last.at, situation.now);
            let next = retry::next_healing(healings, last.at);
            if next > situation.now {
                let text = format!("it drifted {healings} times in a row; something works against it");
                return Err(Reason::new(Code::SelfHealBackoff, text).until(next));
            }
            // Only what drifted, and no hooks: nothing was released.
            let only = Some(out().map(|row| row.key.clone()).collect());
            Ok(Order { asked: Asked::Heal { healings: healings.saturating_add(1) }, only, ..whole })
        }
    }
}
