//! Hooks: objects that are not kept but run, at a point of a sync. Argo CD's annotations, and Helm's mapped to them.
//! It never runs one.

use crate::object::{ObjectKey, listed};
use crate::phase::Phase;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Makes an object a hook; several phases are separated by commas.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// When a hook's object is deleted.
pub const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// Helm's hook.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// Helm's policy of deletion.
pub const HELM_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
/// On an object that was made for a hook: the sync, attempt and phase that made it.
pub const RUN_OF: &str = "tidegate.dev/hook-run";

/// When a hook's object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeletePolicy {
    /// What an earlier sync left is deleted before it is created anew. The default.
    BeforeHookCreation,
    /// At the end of the sync, where the hook succeeded.
    HookSucceeded,
    /// At the end of the sync, where the hook failed.
    HookFailed,
}

/// What a manifest is to a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// An object that is kept as it says.
    Resource,
    /// An object that runs.
    Hook {
        /// In which phases.
        phases: BTreeSet<Phase>,
        /// When its object goes.
        deletes: BTreeSet<DeletePolicy>,
    },
    /// An object that a sync leaves alone, and why.
    Left(&'static str),
}

impl Role {
    /// Reads a manifest's annotations. An unknown word is an error, which gives annotation and word: Argo CD then leaves
    /// the whole object out without a word.
    pub fn of(manifest: &Value) -> Result<Self, (&'static str, String)> {
        let mut phases = BTreeSet::new();
        let (mut skip, mut left) = (false, false);
        for word in listed(manifest, HOOK) {
            match Phase::parse(word).filter(|phase| *phase != Phase::Delete) {
                Some(phase) => drop(phases.insert(phase)),
                None if word == "Skip" => skip = true,
                None => return Err((HOOK, word.to_owned())),
            }
        }
        if phases.is_empty() && skip {
            return Ok(Self::Left("it is annotated with `Skip`"));
        }
        // Argo CD ignores Helm's hooks on an object that has hooks of its own.
        if phases.is_empty() {
            for word in listed(manifest, HELM_HOOK) {
                match word {
                    "pre-install" | "pre-upgrade" => drop(phases.insert(Phase::PreSync)),
                    "post-install" | "post-upgrade" => drop(phases.insert(Phase::PostSync)),
                    "pre-delete" => drop(phases.insert(Phase::PreDelete)),
                    "post-delete" => drop(phases.insert(Phase::PostDelete)),
                    "test" | "test-success" | "test-failure" | "pre-rollback" | "post-rollback" => left = true,
                    // Helm 2 marked definitions so; they are ordinary objects.
                    "crd-install" => {}
                    _ => return Err((HELM_HOOK, word.to_owned())),
                }
            }
        }
        match phases.is_empty() {
            true if left => Ok(Self::Left("its Helm hook belongs to tests or rollbacks, which a sync has not")),
            true => Ok(Self::Resource),
            false => Ok(Self::Hook { phases, deletes: policies(manifest)? }),
        }
    }

    /// Whether it is an object that is kept.
    pub fn is_resource(&self) -> bool {
        matches!(self, Self::Resource)
    }

    /// Whether a sync has something to do with it: it keeps it, or runs it.
    pub fn is_of_sync(&self) -> bool {
        match self {
            Self::Resource => true,
            Self::Hook { phases, .. } => phases.iter().any(|phase| !phase.is_of_deletion()),
            Self::Left(_) => false,
        }
    }

    /// Whether it is a hook that runs when its application is deleted.
    pub fn is_of_deletion(&self) -> bool {
        matches!(self, Self::Hook { phases, .. } if phases.iter().any(|phase| phase.is_of_deletion()))
    }
}

fn policies(manifest: &Value) -> Result<BTreeSet<DeletePolicy>, (&'static str, String)> {
    let mut policies = BTreeSet::new();
    for name in [DELETE_POLICY, HELM_DELETE_POLICY] {
        for word in listed(manifest, name) {
            policies.insert(match word {
                "BeforeHookCreation" | "before-hook-creation" => DeletePolicy::BeforeHookCreation,
                "HookSucceeded" | "hook-succeeded" => DeletePolicy::HookSucceeded,
                "HookFailed" | "hook-failed" => DeletePolicy::HookFailed,
                _ => return Err((name, word.to_owned())),
            });
        }
    }
    if policies.is_empty() {
        policies.insert(DeletePolicy::BeforeHookCreation);
    }
    Ok(policies)
}

/// Whether objects of this kind run to an end. What is left of such a one never runs again, so that taking it for the hook
/// would be a success in which nothing was done.
pub fn runs_to_an_end(key: &ObjectKey) -> bool {
    key.is("batch", "Job") || key.is("", "Pod") || key.is("argoproj.io", "Workflow")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(annotations: Value, expected: &str) {
        let shown = match Role::of(&json!({"metadata": {"annotations": annotations}})) {
            Ok(Role::Hook { phases, deletes }) => format!("{phases:?} {deletes:?}"),
            Ok(Role::Resource) => "resource".to_owned(),
            Ok(Role::Left(why)) => why.to_owned(),
            Err((name, word)) => format!("{name}: {word}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn annotations_make_hooks() {
        check(json!({}), "resource");
        check(json!({HOOK: "PreSync"}), "{PreSync} {BeforeHookCreation}");
        check(
            json!({HOOK: "PostSync, PreSync", DELETE_POLICY: "HookSucceeded,HookFailed"}),
            "{PreSync, PostSync} {HookSucceeded, HookFailed}",
        );
        check(json!({HOOK: "Skip"}), "it is annotated with `Skip`");
        check(json!({HOOK: "Skip,SyncFail"}), "{SyncFail} {BeforeHookCreation}");
        check(json!({HOOK: "PreDelete"}), "{PreDelete} {BeforeHookCreation}");
        check(json!({HOOK: "PreSnyc"}), "argocd.argoproj.io/hook: PreSnyc");
        check(json!({HOOK: "Sync", DELETE_POLICY: "never"}), "argocd.argoproj.io/hook-delete-policy: never");
    }

    #[test]
    fn helms_annotations_map_to_the_same() {
        check(json!({HELM_HOOK: "pre-install,pre-upgrade"}), "{PreSync} {BeforeHookCreation}");
        check(json!({HELM_HOOK: "post-upgrade", HELM_DELETE_POLICY: "hook-succeeded"}), "{PostSync} {HookSucceeded}");
        check(json!({HELM_HOOK: "post-delete"}), "{PostDelete} {BeforeHookCreation}");
        check(json!({HELM_HOOK: "crd-install"}), "resource");
        check(json!({HELM_HOOK: "test"}), "its Helm hook belongs to tests or rollbacks, which a sync has not");
        check(json!({HELM_HOOK: "pre-instal"}), "helm.sh/hook: pre-instal");
        // Argo CD's own annotation wins.
        check(json!({HELM_HOOK: "post-install", HOOK: "PreSync"}), "{PreSync} {BeforeHookCreation}");
    }
}
