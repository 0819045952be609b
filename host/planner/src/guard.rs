//! Which objects may be pruned, and the guards against pruning by mistake. It never prunes what the survey does not call
//! extra, which only an object of the inventory can be.

use crate::application::{Application, MAX_PRUNE, MaxPrune, Permit};
use crate::desired::Desired;
use crate::live::LiveObject;
use crate::object::{GroupKind, ObjectKey, annotation, listed};
use crate::option::{Effective, HELM_RESOURCE_POLICY, Options, Place, Removal, SYNC_OPTIONS, Switch};
use crate::plan::{Consent, Prune};
use crate::reason::{Code, Reason, count};
use crate::scope::Scopes;
use serde_json::Value;
use std::collections::HashSet;

/// An object that is to go.
#[derive(Clone, Debug)]
pub(crate) struct Doomed {
    pub key: ObjectKey,
    pub wave: i64,
    pub prune: Prune,
    pub last: Last,
}

/// Whether a prune comes after all waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    InItsWave,
    AfterAll,
}

/// Which word of an object counts for its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// It is no longer desired: `Prune`.
    Prune,
    /// Its application goes: `Delete`.
    Deletion,
}

/// How a live object goes, or why it stays.
pub(crate) fn removal(application: &Application, live: &LiveObject, ground: Ground) -> Result<(Prune, Last), Reason> {
    let kept = |text: String| Reason::new(Code::PruneKept, text).about(&live.key);
    let (own, misfits) = Options::parse(Place::Object, listed(&live.manifest, SYNC_OPTIONS));
    // An option that is not understood might have been meant to keep it.
    if let Some(misfit) = misfits.iter().find(|misfit| !matches!(misfit, crate::option::Misfit::Idle { .. })) {
        return Err(kept(misfit.to_string()));
    }
    if annotation(&live.manifest, HELM_RESOURCE_POLICY) == "keep" {
        return Err(kept(format!("`{HELM_RESOURCE_POLICY}: keep`")));
    }
    let options = Effective { application: &application.options, object: &own };
    let (name, said) = match ground {
        Ground::Prune => ("Prune", options.prune()),
        Ground::Deletion => ("Delete", options.delete()),
    };
    let consent = match said {
        Removal::Never => return Err(kept(format!("`{name}=false`"))),
        Removal::Confirmed => Consent::Needed,
        Removal::Allowed => Consent::NotNeeded,
    };
    let last = if options.has(Switch::PruneLast) { Last::AfterAll } else { Last::InItsWave };
    Ok((Prune { propagation: options.propagation(), consent, uid: live.uid().map(str::to_owned) }, last))
}

/// Namespaces and kinds that desired objects need: deleting them would delete those as well.
pub(crate) struct Needed<'a> {
    namespaces: HashSet<&'a str>,
    kinds: HashSet<&'a GroupKind>,
}

impl<'a> Needed<'a> {
    pub fn by(desired: &'a Desired) -> Self {
        let keys = || desired.resources().map(|item| &item.key);
        Self { namespaces: keys().map(ObjectKey::namespace).collect(), kinds: keys().map(ObjectKey::kind).collect() }
    }

    /// Why an object cannot go while the others stay.
    pub fn by_others(&self, key: &ObjectKey, manifest: &Value) -> Option<Reason> {
        let text = if key.is_namespace() && self.namespaces.contains(key.name()) {
            "desired objects live in it"
        } else if key.is_definition() && Scopes::defined(manifest).is_some_and(|(kind, _)| self.kinds.contains(&kind)) {
            "desired objects are of its kind"
        } else {
            return None;
        };
        Some(Reason::new(Code::PruneKept, text).about(key))
    }
}

/// The guards over all prunes of a sync: of so many objects owned, so many would go.
pub(crate) fn judge(application: &Application, desired: &Desired, owned: usize, doomed: usize) -> Result<(), Reason> {
    if doomed == 0 {
        return Ok(());
    }
    if desired.resources().next().is_none() {
        if application.allow_empty == Permit::Refused {
            let all = if doomed == 1 { "its one object".to_owned() } else { format!("all {doomed} objects") };
            let text = format!(
                "nothing is desired any more, and {all} would be pruned; `automated.allowEmpty: true` allows it"
            );
            return Err(Reason::new(Code::WouldPruneAll, text));
        }
        // Who lets everything go cannot mean the third that nobody wrote; a limit that somebody wrote they can mean.
        if application.max_prune == MaxPrune::Third {
            return Ok(());
        }
    }
    let limit = application.max_prune.of(owned);
    if doomed > limit {
        let text = format!(
            "{doomed} of {} would be pruned, more than {limit}; the annotation `{MAX_PRUNE}` moves that limit",
            count(owned, "object")
        );
        return Err(Reason::new(Code::TooManyPrunes, text));
    }
    Ok(())
}
