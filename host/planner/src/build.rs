//! From a survey and an order to a plan: who is in which phase and wave. The order of the steps is total, and the same
//! whatever order the manifests came in. It decides nothing about whether to sync.

mod arrange;

use crate::application::{Application, Permit};
use crate::desired::{Desired, Item, Naming};
use crate::guard::{self, Doomed, Ground, Needed};
use crate::home::Home;
use crate::hook::{DeletePolicy, Role, runs_to_an_end};
use crate::inventory::Inventory;
use crate::live::{Live, Seen};
use crate::object::{GroupKind, ObjectKey};
use crate::option::{Effective, Switch};
use crate::phase::Phase;
use crate::plan::{Act, Apply, Check, Content, Ignored, Method, Order, Run, Stage, Step, SyncPlan, Validation};
use crate::reason::{Code, Reason};
use crate::survey::{Difference, Row, Survey};
use arrange::Slot;
use model::{Digest, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a plan is made of.
pub(crate) struct Making<'a> {
    pub application: &'a Application,
    pub desired: &'a Desired,
    pub live: &'a Live,
    pub inventory: &'a Inventory,
    pub revision: &'a str,
    pub subject: Digest,
    pub survey: &'a Survey,
    pub order: Order,
    pub now: Timestamp,
}

/// A plan with what is worth knowing about it, or why there can be none.
pub(crate) fn build(making: &Making<'_>) -> Result<(SyncPlan, Vec<Reason>), Vec<Reason>> {
    let mut notices = vec![];
    let mut slots = resources(making);
    slots.extend(namespace(making));
    slots.extend(hooks(making)?);
    let doomed = doomed(making, &mut notices);
    guard::judge(making.application, making.desired, making.inventory.len(), doomed.len())
        .map_err(|reason| vec![reason])?;
    let defined = |kind: &GroupKind| making.desired.defines(kind);
    let (stages, on_failure) = arrange::stages(slots, doomed, defined, making.desired);
    let selected = making.desired.resources().filter(|item| is_selected(&making.order, &item.key));
    let plan = SyncPlan {
        application: making.application.name.clone(),
        revision: making.revision.to_owned(),
        subject: making.subject.clone(),
        order: making.order.clone(),
        own: selected.filter(|item| making.inventory.get(&item.key).is_none()).map(|item| item.key.clone()).collect(),
        stages,
        on_failure,
        retry: making.application.retry,
        planned: making.now,
    };
    Ok((plan, notices))
}

fn is_selected(order: &Order, key: &ObjectKey) -> bool {
    order.only.as_ref().is_none_or(|only| only.contains(key))
}

/// The kept objects: what differs is applied, and all are waited for.
fn resources<'a>(making: &'a Making<'_>) -> Vec<Slot<'a>> {
    let rows = making.survey.rows.iter().filter(|row| is_selected(&making.order, &row.key));
    let homeless = homeless(making);
    let slot = |row: &'a Row| {
        let item = making.desired.get(&row.key)?;
        let act = apply(making, &homeless, item, row.difference).map(Act::Apply);
        Some(Slot::new(Phase::Sync, item.wave, &item.key, act).waited_for())
    };
    rows.filter_map(slot).collect()
}

fn apply(making: &Making<'_>, homeless: &HashSet<String>, item: &Item, difference: Difference) -> Option<Apply> {
    let options = Effective { application: &making.application.options, object: &item.options };
    // Who is deleted and made anew takes everything along that is in it.
    let is_home = item.key.is_namespace() || item.key.is_definition();
    let method = match (options.has(Switch::Replace), options.has(Switch::Force)) {
        (false, false) => Method::Apply,
        (false, true) if is_home => Method::Apply,
        (false, true) => Method::ApplyOrRecreate,
        (true, true) if !is_home => Method::Recreate,
        (true, _) => Method::Replace,
    };
    // Applying what is already so does nothing and is left out; replacing does something each time.
    let again = matches!(method, Method::Replace | Method::Recreate) && !options.has(Switch::ApplyOutOfSyncOnly);
    if difference == Difference::None && !again {
        return None;
    }
    let respects = options.has(Switch::RespectIgnoreDifferences) && making.application.rules.concern(&item.key);
    Some(Apply {
        difference,
        method,
        check: check(making, homeless, &item.key),
        validation: validation(options),
        ignored: if respects { Ignored::Respected } else { Ignored::Written },
        content: Content::Rendered(item.digest.clone()),
    })
}

fn validation(options: Effective<'_>) -> Validation {
    if options.has(Switch::Validate) { Validation::Strict } else { Validation::Lenient }
}

/// Namespaces that this sync is yet to make.
fn homeless(making: &Making<'_>) -> HashSet<String> {
    let Application { namespace: destination, options, .. } = making.application;
    let created = Some(destination).filter(|name| options.has(Switch::CreateNamespace) && !name.is_empty());
    let desired = making.desired.items().iter().filter(|item| item.key.is_namespace()).map(|item| item.key.name());
    let missing = |name: &&str| {
        let key = ObjectKey::new(GroupKind::new("", "Namespace"), "", name);
        matches!(making.live.see(&key), Seen::Missing)
    };
    created.map(String::as_str).into_iter().chain(desired).filter(missing).map(str::to_owned).collect()
}

/// A server cannot try an object in a namespace, or of a kind, that this sync is yet to make.
fn check(making: &Making<'_>, homeless: &HashSet<String>, key: &ObjectKey) -> Check {
    let unserved = matches!(making.live.see(key), Seen::Unserved);
    if unserved || homeless.contains(key.namespace()) { Check::Local } else { Check::Server }
}

/// The namespace that `CreateNamespace` makes. It is never pruned, so it is not owned.
fn namespace<'a>(making: &'a Making<'_>) -> Option<Slot<'a>> {
    let Home { key, made, difference } = making.survey.home.as_ref()?;
    let apply = Apply {
        difference: *difference,
        method: Method::Apply,
        check: Check::Server,
        validation: Validation::Strict,
        ignored: Ignored::Written,
        content: Content::Made(made.clone()),
    };
    let needed = *difference != Difference::None;
    needed.then(|| Slot::new(Phase::PreSync, 0, key, Some(Act::Apply(apply))))
}

/// The hooks of a sync. A partial one has none, as in Argo CD; neither has one in which nothing is released.
fn hooks<'a>(making: &'a Making<'_>) -> Result<Vec<Slot<'a>>, Vec<Reason>> {
    const PHASES: [Phase; 4] = [Phase::PreSync, Phase::Sync, Phase::PostSync, Phase::SyncFail];
    if making.order.only.is_some() {
        return Ok(vec![]);
    }
    hook_slots(making, &PHASES)
}

/// The hooks of some phases, each with its name for this run.
pub(crate) fn hook_slots<'a>(making: &'a Making<'_>, phases: &[Phase]) -> Result<Vec<Slot<'a>>, Vec<Reason>> {
    let (mut slots, mut problems) = (vec![], vec![]);
    let mut names: BTreeMap<(Phase, ObjectKey), u32> = BTreeMap::new();
    let homeless = homeless(making);
    for item in making.desired.items() {
        let Role::Hook { phases: own, deletes } = &item.role else { continue };
        for phase in phases.iter().filter(|phase| own.contains(phase)) {
            let key = match item.naming {
                Naming::Fixed => item.key.clone(),
                Naming::Generated => {
                    let key = generated(making, &item.key, *phase);
                    let times = names.entry((*phase, key.clone())).or_insert(0);
                    *times += 1;
                    if *times == 1 { key } else { renamed(&key, &format!("{}-{times}", key.name())) }
                }
            };
            problems.extend(stands_in_the_way(making, &key, deletes));
            let run = Run {
                content: item.digest.clone(),
                deletes: deletes.clone(),
                check: check(making, &homeless, &key),
                validation: validation(Effective { application: &making.application.options, object: &item.options }),
            };
            slots.push(Slot::owned(*phase, item.wave, key, Act::Hook(run)));
        }
    }
    if problems.is_empty() { Ok(slots) } else { Err(problems) }
}

/// The name of a hook that has only a prefix: as Argo CD makes it, of revision, phase and time.
fn generated(making: &Making<'_>, prefix: &ObjectKey, phase: Phase) -> ObjectKey {
    let revision: String = making.revision.chars().filter(char::is_ascii_alphanumeric).take(7).collect();
    let name = format!("{}{revision}-{phase}-{}", prefix.name(), making.now.0 / 1000);
    renamed(prefix, &name.to_ascii_lowercase())
}

fn renamed(key: &ObjectKey, name: &str) -> ObjectKey {
    ObjectKey::new(key.kind().clone(), key.namespace(), name)
}

/// What an earlier run of a hook, or somebody else, left under its name.
fn stands_in_the_way(making: &Making<'_>, key: &ObjectKey, deletes: &BTreeSet<DeletePolicy>) -> Option<Reason> {
    let live = making.live.see(key).object()?;
    let marked = live.owner().is_some_and(|owner| owner.is_same(&making.application.name));
    if !marked && making.inventory.get(key).is_none() {
        let text = "an object of this name is there that is not the application's: give the hook another name";
        return Some(Reason::new(Code::HookNotOwned, text).about(key));
    }
    if runs_to_an_end(key) && !deletes.contains(&DeletePolicy::BeforeHookCreation) {
        let text = "an earlier run left it, and its policy does not let it be deleted: add `BeforeHookCreation`";
        return Some(Reason::new(Code::HookLeftOver, text).about(key));
    }
    None
}

/// What goes, where pruning is allowed.
fn doomed(making: &Making<'_>, notices: &mut Vec<Reason>) -> Vec<Doomed> {
    let rows = making.survey.rows.iter().filter(|row| row.difference == Difference::Extra);
    let extras: Vec<&Row> = rows.filter(|row| is_selected(&making.order, &row.key)).collect();
    if making.order.prune == Permit::Refused {
        if let Some(first) = extras.first() {
            let others = match extras.len() {
                1 => String::new(),
                all => format!(", as {all} objects in all should"),
            };
            let text = format!("it should go{others}; pruning was not asked for");
            notices.push(Reason::new(Code::PruneOff, text).about(&first.key));
        }
        return vec![];
    }
    let needed = Needed::by(making.desired);
    let mut doomed = vec![];
    for row in extras {
        let Some(live) = making.live.see(&row.key).object() else { continue };
        let kept = needed.by_others(&row.key, &live.manifest);
        match kept.map_or_else(|| guard::removal(making.application, live, Ground::Prune), Err) {
            Ok((prune, last)) => doomed.push(Doomed { key: row.key.clone(), wave: row.wave, prune, last }),
            Err(notice) => notices.push(notice),
        }
    }
    doomed
}

/// Stages of hooks alone.
pub(crate) fn hook_stages(slots: Vec<Slot<'_>>) -> Vec<Stage> {
    arrange::sorted(slots, |_| false).into_values().collect()
}

/// A step that goes.
pub(crate) fn prune_step(doomed: &Doomed) -> Step {
    Step { key: doomed.key.clone(), act: Act::Prune(doomed.prune.clone()) }
}
