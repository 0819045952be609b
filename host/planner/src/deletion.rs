//! The end of an application: its hooks before, its objects in the reverse of their waves, its hooks after. Objects go only
//! where the application's file asked for it by a finalizer, and only those that it owns, or that its own hooks left. What
//! cannot be read right guards something, in a deletion more than anywhere: then none begins.

use crate::application::{Finalizer, Permit};
use crate::build::{Making, hook_slots, prune_step};
use crate::decide::{Brakes, Held, subject};
use crate::desired::{Desired, Naming};
use crate::guard::{self, Doomed, Ground};
use crate::hook::RUN_OF;
use crate::inventory::Claim;
use crate::live::{LiveObject, Seen};
use crate::object::{ObjectKey, annotation};
use crate::option::Propagation;
use crate::phase::{Phase, rank, wave};
use crate::plan::{Asked, Await, Order, Stage, SyncPlan};
use crate::reason::{Code, Reason};
use crate::retry::{Limit, Retry};
use crate::survey::{Occasion, Render, Sides, Survey};
use model::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

/// What the end of an application comes to.
#[derive(Clone, Debug)]
pub enum Ending {
    /// Its objects go by this plan, which an operation carries out; objects that stay are told in the notices. The retries
    /// of the plan have no end: half a deletion is not one.
    Delete(Box<SyncPlan>, Vec<Reason>),
    /// Its objects stay, and its inventory can be forgotten.
    Forget(Reason),
    /// It cannot go yet, and why; at least one reason.
    Hold(Vec<Reason>),
}

/// Plans the end of an application, and plans it again after an attempt that failed: [`crate::verdict::plan`] refuses the
/// order of a deletion. What holds it:
///
/// - every brake but `ending`; nobody asks for a deletion by hand, so a window that lets people through does not let it
///   through;
/// - every problem of the application's file and of its render: it may be an option or a hook that guards the objects;
/// - a hook of the deletion that cannot run, and what cannot be read of the cluster.
///
/// Dependencies do not, and neither does what keeps an object from being applied: nothing is applied.
pub fn end(sides: &Sides<'_>, revision: &str, brakes: &Brakes, now: Timestamp) -> Ending {
    let application = sides.application;
    if application.finalizer == Finalizer::None {
        let text = "its file has no finalizer, so its objects stay";
        return Ending::Forget(Reason::new(Code::Orphaned, text));
    }
    // Its hooks are in the render: one before a deletion may be a backup.
    let desired = match sides.render {
        Render::Done(desired) => desired,
        Render::Failed(why) => return Ending::Hold(vec![why.clone()]),
    };
    let mut held = sides.application.problems.clone();
    held.extend(desired.problems.iter().cloned());
    let hooks = desired.items().iter().filter(|item| item.role.is_of_deletion());
    held.extend(hooks.filter_map(|hook| sides.hindrance(hook, Occasion::Deletion)));
    let (mut doomed, notices) = doomed(sides, &mut held);
    doomed.extend(left_by_hooks(sides, desired, &mut held));
    held.extend(brakes.hold(Held::Deletion));
    if !held.is_empty() {
        return Ending::Hold(held);
    }
    let survey = Survey::of(sides);
    let subject = subject(application, desired);
    let order = Order { asked: Asked::Removal, prune: Permit::Granted, only: None, awaits: Await::Nothing };
    let making = Making {
        application,
        desired,
        live: sides.live,
        inventory: sides.inventory,
        revision,
        subject: subject.clone(),
        survey: &survey,
        order: order.clone(),
        now,
    };
    let hooks = match hook_slots(&making, &[Phase::PreDelete, Phase::PostDelete]) {
        Ok(hooks) => hooks,
        Err(problems) => return Ending::Hold(problems),
    };
    let mut stages = crate::build::hook_stages(hooks);
    stages.extend(prune_stages(doomed));
    stages.sort_by_key(|stage| {
        (stage.phase, if stage.phase == Phase::Delete { stage.wave.saturating_neg() } else { stage.wave })
    });
    let plan = SyncPlan {
        application: application.name.clone(),
        revision: revision.to_owned(),
        subject,
        order,
        own: vec![],
        stages,
        on_failure: vec![],
        retry: Retry { limit: Limit::Unlimited, ..application.retry },
        planned: now,
    };
    Ending::Delete(Box::new(plan), notices)
}

/// Every owned object that is there, and why some of them stay.
fn doomed(sides: &Sides<'_>, held: &mut Vec<Reason>) -> (Vec<Doomed>, Vec<Reason>) {
    let (mut doomed, mut notices) = (vec![], vec![]);
    let mut keys: Vec<&ObjectKey> = sides.inventory.objects().map(|(key, _)| key).collect();
    keys.sort_unstable();
    for key in keys {
        let live = match sides.live.see(key) {
            Seen::There(live) => live,
            Seen::Missing | Seen::Unserved => continue,
            Seen::Unreadable(why) => {
                held.push(Reason::new(Code::LiveUnreadable, why).about(key));
                continue;
            }
        };
        if let Claim::Lost(why) = sides.inventory.claim(&sides.application.name, live) {
            notices.push(Reason::new(Code::NoLongerOwned, why).about(key));
            continue;
        }
        // With a definition all objects of its kind go, whoever made them. Argo CD keeps definitions as well.
        if key.is_definition() {
            notices.push(Reason::new(Code::PruneKept, "definitions stay, since others may use them").about(key));
            continue;
        }
        match guard::removal(sides.application, live, Ground::Deletion) {
            Ok((mut prune, last)) => {
                if sides.application.finalizer == Finalizer::Background {
                    prune.propagation = Propagation::Background;
                }
                let wave = wave(&live.manifest).unwrap_or(0);
                doomed.push(Doomed { key: key.clone(), wave, prune, last });
            }
            Err(notice) => notices.push(notice),
        }
    }
    (doomed, notices)
}

/// What hooks of earlier syncs left. They are in no inventory, since no sync prunes them; these are the objects that carry
/// the application's mark and a run's, and the name of one of its hooks.
fn left_by_hooks(sides: &Sides<'_>, desired: &Desired, held: &mut Vec<Reason>) -> Vec<Doomed> {
    let mut names: HashSet<&ObjectKey> = HashSet::new();
    let mut prefixes: Vec<&ObjectKey> = vec![];
    for item in desired.items().iter().filter(|item| item.role.is_of_sync() && !item.role.is_resource()) {
        match item.naming {
            Naming::Fixed => drop(names.insert(&item.key)),
            Naming::Generated => prefixes.push(&item.key),
        }
        // Nobody knows what it left; what is a hook of the deletion as well has been told.
        if let Seen::Unreadable(why) = sides.live.see(&item.key)
            && !item.role.is_of_deletion()
        {
            held.push(Reason::new(Code::LiveUnreadable, why).about(&item.key));
        }
    }
    let begins = |key: &ObjectKey, prefix: &ObjectKey| {
        key.kind() == prefix.kind() && key.namespace() == prefix.namespace() && key.name().starts_with(prefix.name())
    };
    let ours = |live: &&LiveObject| {
        live.owner().is_some_and(|owner| owner.is_same(&sides.application.name))
            && !annotation(&live.manifest, RUN_OF).is_empty()
            && sides.inventory.get(&live.key).is_none()
            && (names.contains(&live.key) || prefixes.iter().any(|prefix| begins(&live.key, prefix)))
    };
    let mut left: Vec<&LiveObject> = sides.live.objects().filter(ours).collect();
    left.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let doomed = |live: &LiveObject| {
        let (prune, last) = guard::removal(sides.application, live, Ground::Deletion).ok()?;
        Some(Doomed { key: live.key.clone(), wave: wave(&live.manifest).unwrap_or(0), prune, last })
    };
    left.into_iter().filter_map(doomed).collect()
}

fn prune_stages(doomed: Vec<Doomed>) -> Vec<Stage> {
    let mut waves: BTreeMap<(i64, Reverse<u8>), Vec<Doomed>> = BTreeMap::new();
    for d in doomed {
        waves.entry((d.wave, Reverse(rank(&d.key)))).or_default().push(d);
    }
    let mut stages: BTreeMap<i64, Stage> = BTreeMap::new();
    for ((wave, _), batch) in waves {
        let empty = || Stage { phase: Phase::Delete, wave, batches: vec![], prunes: vec![], waits: vec![] };
        stages.entry(wave).or_insert_with(empty).prunes.push(batch.iter().map(prune_step).collect());
    }
    stages.into_values().collect()
}
