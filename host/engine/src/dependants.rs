//! What comes behind a step, as far as it is known while the step runs: what an approval gate is about. It never runs
//! anything.

use crate::pinned::Pinned;
use model::{Step, StepKey};
use scheduler::Run;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every step that cannot begin before `key` has ended, by name, with its plugin and its inputs; what those take from
/// steps that have not ended yet stays an expression.
pub(crate) fn of(run: &Run, pinned: &Pinned, run_id: &str, key: &StepKey) -> Value {
    let Some(own) = run.step(key) else { return json!({}) };
    let unknown = |step: &str| run.steps().iter().filter(|state| state.name == step).any(|state| !state.is_ended());
    let mut known = BTreeMap::new();
    for (name, step) in behind(run.pipeline().steps.as_slice(), &own.name) {
        // The instance of the same item where there is one; what is not expanded yet is seen from here.
        let sibling = StepKey(format!("{name}[{}]", Value::from(own.item.clone().unwrap_or_default())));
        let seen_from = [sibling, StepKey(name.to_owned())].into_iter().find(|key| run.step(key).is_some());
        let scope = pinned.scope(run_id, run, seen_from.as_ref().unwrap_or(key));
        let with = manifest::resolve_partial(&step.with, &scope, &unknown);
        let plugin = pinned.steps.get(&step.uses).map(|pinned| pinned.digest.clone());
        let mut shown = json!({"uses": step.uses, "plugin": plugin, "with": with});
        if let (Value::Object(shown), Some(items)) = (&mut shown, &step.for_each) {
            shown.insert("forEach".to_owned(), Value::from(items.clone()));
        }
        known.insert(name, shown);
    }
    serde_json::to_value(known).unwrap_or_default()
}

/// The steps that need a step, directly or by others; members come with their group.
fn behind<'a>(steps: &'a [Step], from: &'a str) -> BTreeMap<&'a str, &'a Step> {
    // (name, definition, group); whoever needs a group needs its members, and a member needs what its group needs.
    let all: Vec<(&Step, Option<&Step>)> = steps
        .iter()
        .flat_map(|step| std::iter::once((step, None)).chain(step.steps.iter().map(move |member| (member, Some(step)))))
        .collect();
    let mut found: BTreeMap<&str, &Step> = BTreeMap::new();
    let mut reached: BTreeSet<&str> = BTreeSet::from([from]);
    loop {
        let before = reached.len();
        for (step, group) in &all {
            let own_group = group.filter(|group| group.steps.iter().any(|member| member.name == from));
            let needs = step.needs.iter().chain(group.iter().filter(|_| own_group.is_none()).flat_map(|g| &g.needs));
            let behind = needs.map(String::as_str).any(|need| {
                reached.contains(need)
                    || steps.iter().any(|g| g.name == need && g.steps.iter().any(|m| reached.contains(m.name.as_str())))
            });
            if behind && reached.insert(&step.name) {
                found.insert(&step.name, step);
            }
        }
        if reached.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::behind;
    use model::Step;

    fn step(name: &str, needs: &[&str], members: Vec<Step>) -> Step {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Step { name: name.to_owned(), needs, steps: members, ..Step::default() }
    }

    #[test]
    fn all_that_follows_is_behind_it() {
        let group = vec![step("plan", &[], vec![]), step("ask", &["plan"], vec![]), step("apply", &["ask"], vec![])];
        let steps = vec![
            step("test", &[], vec![]),
            step("gate", &["test"], vec![]),
            step("dev", &["gate"], vec![]),
            step("prod", &["dev"], vec![]),
            step("other", &["test"], vec![]),
            step("each", &["dev"], group),
            step("end", &["each"], vec![]),
        ];
        let names = |from: &str| behind(&steps, from).into_keys().collect::<Vec<_>>().join(" ");
        assert_eq!(names("gate"), "apply ask dev each end plan prod");
        assert_eq!(names("ask"), "apply end");
        assert_eq!(names("prod"), "");
    }
}
