//! A plan as anybody may see it: each object with what happens to it, sorted and counted. Made from the raw plan by
//! redaction; the raw one ends here.

use super::raw::{Change, Plan, Resource};
use super::redact::{Secrets, is_secret_variable};
use super::shown::{HIDDEN, Shown};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What happens to an object, the gravest first, which is the order in which people shall read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is gone afterwards.
    Delete,
    /// It is destroyed and another one made.
    Replace,
    /// It is changed in place.
    Update,
    /// It is made.
    Create,
    /// The state forgets it, and it lives on.
    Forget,
    /// A data source is read during apply.
    Read,
    /// Only its address, or where it is kept, changes.
    Move,
    /// It stays as it is.
    Nothing,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its address.
    pub address: String,
    /// What happens to it.
    pub action: Action,
    /// The actions in Terraform's words.
    pub actions: Vec<String>,
    /// Where it was before.
    pub previous_address: Option<String>,
    /// Why, in Terraform's word.
    pub reason: Option<String>,
    /// The object that a failed replacement left behind.
    pub deposed: Option<String>,
    /// The provider's id of an object that is taken over.
    pub import: Option<String>,
    /// The attributes that force a replacement.
    pub replace_paths: Vec<Vec<Value>>,
    /// How it is.
    pub before: Shown,
    /// How it will be.
    pub after: Shown,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made, without those that replace others.
    pub creates: u32,
    /// Changed in place.
    pub updates: u32,
    /// Destroyed and made anew.
    pub replaces: u32,
    /// Destroyed for good.
    pub deletes: u32,
    /// Forgotten.
    pub forgets: u32,
    /// Taken over.
    pub imports: u32,
    /// Moved, whatever else happens to them.
    pub moves: u32,
    /// Found changed behind the tool's back.
    pub drift: u32,
    /// Outputs that change.
    pub outputs: u32,
}

/// A check that does not pass.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What is checked.
    pub address: String,
    /// `fail`, `error` or `unknown`.
    pub status: String,
    /// In the author's words.
    pub problems: Vec<String>,
}

/// A plan without its secrets.
#[derive(Clone, Debug)]
pub struct View {
    /// What changes; the gravest first, then by address.
    pub changes: Vec<Entry>,
    /// What changed behind the tool's back.
    pub drift: Vec<Entry>,
    /// Actions that applying invokes beside the changes, by address.
    pub actions: Vec<String>,
    /// What is left for a later plan, with the reason.
    pub deferred: Vec<(String, Entry)>,
    /// Outputs that change.
    pub outputs: Vec<Entry>,
    /// Checks that do not pass.
    pub checks: Vec<Failure>,
    /// The root module's variables.
    pub variables: BTreeMap<String, Shown>,
    /// The outputs that are known and not secret.
    pub known_outputs: BTreeMap<String, Value>,
    /// The names of secret outputs.
    pub secret_outputs: Vec<String>,
    /// How many of each.
    pub counts: Counts,
    /// Terraform's version, format version, time, and whether it can be applied.
    pub about: Map<String, Value>,
}

impl View {
    /// What may be seen of a plan. `secret_variables` are secret whatever the configuration says of them.
    pub fn of(plan: &Plan, secret_variables: &BTreeSet<String>, secrets: &Secrets) -> Self {
        let mut changes: Vec<Entry> =
            plan.resource_changes.iter().map(|resource| entry(secrets, resource)).filter(Entry::is_news).collect();
        changes.sort_by(|a, b| (a.action, &a.address).cmp(&(b.action, &b.address)));
        let mut drift: Vec<Entry> = plan.resource_drift.iter().map(|resource| entry(secrets, resource)).collect();
        drift.sort_by(|a, b| a.address.cmp(&b.address));
        let deferred: Vec<(String, Entry)> = plan
            .deferred_changes
            .iter()
            .map(|deferred| (deferred.reason.clone(), entry(secrets, &deferred.resource_change)))
            .collect();
        let outputs: Vec<Entry> = plan
            .output_changes
            .iter()
            .map(|(name, change)| described(secrets, name, change))
            .filter(Entry::is_news)
            .collect();
        let checks = plan
            .checks
            .iter()
            .filter(|check| check.status != "pass")
            .map(|check| Failure {
                address: check.address.to_display.clone(),
                status: check.status.clone(),
                problems: check
                    .instances
                    .iter()
                    .flat_map(|instance| &instance.problems)
                    .map(|problem| secrets.hidden_in(&problem.message))
                    .collect(),
            })
            .collect();
        let variables = plan.variables.iter().map(|(name, variable)| {
            let mark = Value::Bool(is_secret_variable(plan, secret_variables, name));
            (name.clone(), secrets.shown(Some(&variable.value), &[&mark], &Value::Null))
        });
        let known = plan.planned_values.outputs.iter().filter(|(_, output)| !output.sensitive);
        let known_outputs = known.filter_map(|(name, output)| {
            let shown = secrets.shown(Some(output.value.as_ref()?), &[], &Value::Null);
            Some((name.clone(), shown.to_json()))
        });
        let secret = plan.planned_values.outputs.iter().filter(|(_, output)| output.sensitive);
        Self {
            counts: count(&changes, &drift, &outputs),
            variables: variables.collect(),
            known_outputs: known_outputs.collect(),
            secret_outputs: secret.map(|(name, _)| name.clone()).collect(),
            changes,
            drift,
            actions: plan.action_invocations.iter().map(|invocation| invocation.address.clone()).collect(),
            deferred,
            outputs,
            checks,
            about: about(plan),
        }
    }

    /// One line: `2 to add, 1 to change, 0 to destroy`.
    pub fn summary(&self) -> String {
        let Counts { creates, updates, replaces, deletes, forgets, imports, moves, outputs, .. } = self.counts;
        let (add, destroy) = (creates + replaces, deletes + replaces);
        let only_outputs = add + updates + destroy + forgets + imports + moves == 0;
        if only_outputs && self.changes.is_empty() {
            return match outputs {
                0 => "no changes".to_owned(),
                1 => "1 output to change".to_owned(),
                outputs => format!("{outputs} outputs to change"),
            };
        }
        let mut parts = vec![format!("{add} to add"), format!("{updates} to change"), format!("{destroy} to destroy")];
        if imports > 0 {
            parts.insert(0, format!("{imports} to import"));
        }
        for (count, what) in [(forgets, "forget"), (moves, "move")] {
            if count > 0 {
                parts.push(format!("{count} to {what}"));
            }
        }
        parts.join(", ")
    }

    /// The plan in the shape of `terraform show -json`, as far as it is kept: what changes, and no secret.
    pub fn to_json(&self) -> Value {
        let resources = |entries: &[Entry]| entries.iter().map(Entry::to_json).collect::<Vec<_>>();
        let mut plan = self.about.clone();
        plan.insert("resource_changes".to_owned(), resources(&self.changes).into());
        plan.insert("resource_drift".to_owned(), resources(&self.drift).into());
        plan.insert(
            "deferred_changes".to_owned(),
            self.deferred
                .iter()
                .map(|(reason, entry)| json!({ "reason": reason, "resource_change": entry.to_json() }))
                .collect(),
        );
        let outputs = self.outputs.iter().map(|entry| (entry.address.clone(), entry.change()));
        plan.insert("output_changes".to_owned(), Value::Object(outputs.collect()));
        plan.insert(
            "checks".to_owned(),
            self.checks
                .iter()
                .map(|check| json!({ "address": check.address, "status": check.status, "problems": check.problems }))
                .collect(),
        );
        let variables = self.variables.iter().map(|(name, value)| (name.clone(), json!({ "value": value.to_json() })));
        plan.insert("variables".to_owned(), Value::Object(variables.collect()));
        Value::Object(plan)
    }
}

impl Entry {
    /// Whether there is something to say about it.
    fn is_news(&self) -> bool {
        self.action != Action::Nothing
    }

    fn to_json(&self) -> Value {
        json!({
            "address": self.address,
            "previous_address": self.previous_address,
            "deposed": self.deposed,
            "action_reason": self.reason,
            "change": self.change(),
        })
    }

    fn change(&self) -> Value {
        json!({
            "actions": self.actions,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "after_unknown": self.after.unknown(),
            "before_sensitive": self.before.sensitive(),
            "after_sensitive": self.after.sensitive(),
            "replace_paths": self.replace_paths,
            "importing": self.import.as_ref().map(|id| json!({ "id": id })),
        })
    }
}

fn entry(secrets: &Secrets, resource: &Resource) -> Entry {
    let mut entry = described(secrets, &resource.address, &resource.change);
    entry.previous_address = resource.previous_address.clone().filter(|previous| *previous != resource.address);
    entry.reason.clone_from(&resource.action_reason);
    entry.deposed.clone_from(&resource.deposed);
    if entry.action == Action::Nothing && (entry.previous_address.is_some() || entry.import.is_some()) {
        entry.action = Action::Move;
    }
    entry
}

fn described(secrets: &Secrets, address: &str, change: &Change) -> Entry {
    let (before, after) = secrets.sides(change);
    let actions: Vec<&str> = change.actions.iter().map(String::as_str).collect();
    // A path is made of attribute names and indices; an index may be a key that somebody holds secret.
    let step = |step: &Value| step.as_str().map_or_else(|| step.clone(), |step| secrets.hidden_in(step).into());
    Entry {
        address: address.to_owned(),
        action: action(&actions),
        actions: change.actions.clone(),
        previous_address: None,
        reason: None,
        deposed: None,
        import: change
            .importing
            .as_ref()
            .map(|import| import.id.as_deref().map_or_else(|| HIDDEN.to_owned(), |id| secrets.hidden_in(id))),
        replace_paths: change.replace_paths.iter().map(|path| path.iter().map(step).collect()).collect(),
        before,
        after,
    }
}

fn action(actions: &[&str]) -> Action {
    match actions {
        ["create"] => Action::Create,
        ["update"] => Action::Update,
        ["delete"] => Action::Delete,
        ["read"] => Action::Read,
        ["forget"] => Action::Forget,
        ["no-op"] | [] => Action::Nothing,
        // `delete, create`, `create, delete`, `create, forget`, and whatever a later version does: it must be read.
        _ => Action::Replace,
    }
}

fn count(changes: &[Entry], drift: &[Entry], outputs: &[Entry]) -> Counts {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let of = |action: Action| number(changes.iter().filter(|entry| entry.action == action).count());
    Counts {
        creates: of(Action::Create),
        updates: of(Action::Update),
        replaces: of(Action::Replace),
        deletes: of(Action::Delete),
        forgets: of(Action::Forget),
        imports: number(changes.iter().filter(|entry| entry.import.is_some()).count()),
        moves: number(changes.iter().filter(|entry| entry.previous_address.is_some()).count()),
        drift: number(drift.len()),
        outputs: number(outputs.len()),
    }
}

fn about(plan: &Plan) -> Map<String, Value> {
    let about = json!({
        "format_version": plan.format_version,
        "terraform_version": plan.terraform_version,
        "timestamp": plan.timestamp,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "errored": plan.errored,
    });
    about.as_object().cloned().unwrap_or_default()
}
