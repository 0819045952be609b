//! The order of a sync: phase, wave, kind, name; namespaces and definitions before what needs them; prunes mirrored.

use crate::build::prune_step;
use crate::desired::Desired;
use crate::guard::{Doomed, Last};
use crate::object::{GroupKind, ObjectKey};
use crate::phase::{CUSTOM, Phase, rank};
use crate::plan::{Act, Stage, Step};
use crate::scope::Scopes;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// An object with its place.
pub(crate) struct Slot<'a> {
    pub phase: Phase,
    pub wave: i64,
    pub key: Cow<'a, ObjectKey>,
    /// What is done; nothing where it is already so.
    pub act: Option<Act>,
    waited_for: bool,
}

impl<'a> Slot<'a> {
    pub fn new(phase: Phase, wave: i64, key: &'a ObjectKey, act: Option<Act>) -> Self {
        Self { phase, wave, key: Cow::Borrowed(key), act, waited_for: false }
    }

    pub fn owned(phase: Phase, wave: i64, key: ObjectKey, act: Act) -> Self {
        Self { phase, wave, key: Cow::Owned(key), act: Some(act), waited_for: false }
    }

    /// The next stage begins when it is healthy.
    pub fn waited_for(self) -> Self {
        Self { waited_for: true, ..self }
    }
}

/// The stages of a sync, and those for its failure.
pub(super) fn stages(
    mut slots: Vec<Slot<'_>>,
    doomed: Vec<Doomed>,
    defined: impl Fn(&GroupKind) -> bool,
    desired: &Desired,
) -> (Vec<Stage>, Vec<Stage>) {
    bring_forward(&mut slots, desired);
    let mut stages = sorted(slots, defined);
    add_prunes(&mut stages, doomed);
    let (mut stages, on_failure): (Vec<Stage>, Vec<Stage>) =
        stages.into_values().partition(|stage| stage.phase != Phase::SyncFail);
    // Where nothing is to be done nothing is waited for.
    if stages.iter().all(|stage| stage.steps().next().is_none()) {
        stages.clear();
        return (stages, vec![]);
    }
    (stages, on_failure)
}

/// The stages of these objects, by phase and wave.
pub(super) fn sorted(slots: Vec<Slot<'_>>, defined: impl Fn(&GroupKind) -> bool) -> BTreeMap<(Phase, i64), Stage> {
    let mut batches: BTreeMap<(Phase, i64, u8), Vec<Slot<'_>>> = BTreeMap::new();
    for slot in slots {
        let kind = if defined(slot.key.kind()) { CUSTOM } else { rank(&slot.key) };
        batches.entry((slot.phase, slot.wave, kind)).or_default().push(slot);
    }
    let mut stages: BTreeMap<(Phase, i64), Stage> = BTreeMap::new();
    for ((phase, wave, _), mut batch) in batches {
        // Mostly they come by key already.
        batch.sort_by(|a, b| a.key.cmp(&b.key));
        let stage = stages.entry((phase, wave)).or_insert_with(|| empty(phase, wave));
        stage.waits.extend(batch.iter().filter(|slot| slot.waited_for).map(|slot| slot.key.clone().into_owned()));
        let step = |slot: Slot<'_>| Some(Step { act: slot.act?, key: slot.key.into_owned() });
        let steps: Vec<Step> = batch.into_iter().filter_map(step).collect();
        if !steps.is_empty() {
            stage.batches.push(steps);
        }
    }
    stages
}

fn empty(phase: Phase, wave: i64) -> Stage {
    Stage { phase, wave, batches: vec![], prunes: vec![], waits: vec![] }
}

/// A namespace goes where the first object goes that lives in it, and a definition where the first of its kind does.
fn bring_forward(slots: &mut [Slot<'_>], desired: &Desired) {
    let is_home = |slot: &Slot<'_>| slot.key.is_namespace() || slot.key.is_definition();
    if !slots.iter().any(is_home) {
        return;
    }
    let mut homes: HashMap<&str, (Phase, i64)> = HashMap::new();
    let mut kinds: HashMap<&GroupKind, (Phase, i64)> = HashMap::new();
    for slot in slots.iter().filter(|slot| !is_home(slot)) {
        let at = (slot.phase, slot.wave);
        let earlier = |known: &mut (Phase, i64)| *known = (*known).min(at);
        if !slot.key.namespace().is_empty() {
            homes.entry(slot.key.namespace()).and_modify(earlier).or_insert(at);
        }
        kinds.entry(slot.key.kind()).and_modify(earlier).or_insert(at);
    }
    let first = |slot: &Slot<'_>| {
        if slot.key.is_namespace() {
            return homes.get(slot.key.name()).copied();
        }
        let (kind, _) = Scopes::defined(&desired.get(&slot.key)?.manifest)?;
        kinds.get(&kind).copied()
    };
    let moves: Vec<Option<(Phase, i64)>> =
        slots.iter().map(|slot| first(slot).filter(|at| is_home(slot) && *at < (slot.phase, slot.wave))).collect();
    for (slot, at) in slots.iter_mut().zip(moves) {
        if let Some((phase, wave)) = at {
            (slot.phase, slot.wave) = (phase, wave);
        }
    }
}

/// Prunes go in the mirrored order of their waves: the first wave's objects where the last's would, and so on, among the
/// waves that prunes have (Argo CD does the same). `PruneLast` puts them after every other wave. Within a stage they come
/// after its objects are healthy, the last kinds first.
fn add_prunes(stages: &mut BTreeMap<(Phase, i64), Stage>, doomed: Vec<Doomed>) {
    let mut waves: Vec<i64> = doomed.iter().map(|d| d.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let mirrored = |wave: i64| {
        let place = waves.binary_search(&wave).unwrap_or(0);
        waves.get(waves.len().saturating_sub(place + 1)).copied().unwrap_or(wave)
    };
    let sync = stages.keys().filter(|(phase, _)| *phase == Phase::Sync).map(|(_, wave)| *wave);
    let after_all = sync.chain(waves.iter().copied()).max().unwrap_or(0).max(0).saturating_add(1);
    let mut placed: Vec<(i64, std::cmp::Reverse<u8>, Doomed)> = doomed
        .into_iter()
        .map(|d| {
            let wave = if d.last == Last::AfterAll { after_all } else { mirrored(d.wave) };
            (wave, std::cmp::Reverse(rank(&d.key)), d)
        })
        .collect();
    placed.sort_unstable_by(|a, b| (a.0, a.1, &a.2.key).cmp(&(b.0, b.1, &b.2.key)));
    let mut newest = None;
    for (wave, kind, d) in placed {
        let stage = stages.entry((Phase::Sync, wave)).or_insert_with(|| empty(Phase::Sync, wave));
        let step = prune_step(&d);
        match stage.prunes.last_mut().filter(|_| newest == Some((wave, kind))) {
            Some(batch) => batch.push(step),
            None => stage.prunes.push(vec![step]),
        }
        newest = Some((wave, kind));
    }
}
