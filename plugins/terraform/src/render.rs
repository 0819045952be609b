//! A plan for people: `terraform show -json` in, Markdown and redacted JSON out. Pure functions.
//!
//! Nothing but `redact` sees a value in clear; all that comes after it works on what may be shown.

mod lines;
mod markdown;
mod raw;
mod redact;
mod shown;
pub mod text;
mod view;

pub use markdown::{LONGEST, Title, markdown};
pub use raw::Plan;
pub use redact::Secrets;
pub use shown::HIDDEN;
pub use view::{Action, Counts, Entry, View};

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Reads a plan and takes its secrets out; answers them beside it. `given` are the variables as this plugin gave them to the tool: one that came
/// out as something else was a placeholder, and is secret whatever the configuration says of it.
///
/// # Errors
/// In words, where it is not what the tool prints.
pub fn view(json: &[u8], given: &BTreeMap<String, String>) -> Result<(View, Secrets), String> {
    // Its place, not its words: those of a value of the wrong type quote it.
    let plan: Plan = serde_json::from_slice(json)
        .map_err(|error| format!("no plan in JSON (line {}, column {})", error.line(), error.column()))?;
    if !plan.format_version.starts_with("1.") && !plan.format_version.starts_with("0.") {
        return Err(format!("a plan of the unknown format {:?}", plan.format_version));
    }
    let secrets = Secrets::of(&plan, &swapped(&plan, given));
    Ok((View::of(&plan, &swapped(&plan, given), &secrets), secrets))
}

/// How the host's placeholders of secrets begin.
const PLACEHOLDER: &str = "{tidegate:secret:";

/// The variables that hold text which nobody gave: the host put a secret in its place.
fn swapped(plan: &Plan, given: &BTreeMap<String, String>) -> BTreeSet<String> {
    let is_swapped = |name: &str, given: &str| {
        let known = |text: &str| {
            let escaped = Value::from(text).to_string();
            let escaped = escaped.replace("${", "$${").replace("%{", "%%{");
            given.contains(text) || given.contains(escaped.trim_matches('"'))
        };
        // A number that was put there shows no text that nobody gave.
        given.contains(PLACEHOLDER)
            || plan.variables.get(name).is_some_and(|variable| !texts(&variable.value).into_iter().all(known))
    };
    given.iter().filter(|(name, given)| is_swapped(name, given)).map(|(name, _)| name.clone()).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(items) => items.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A redacted plan that fits, by leaving out values first and whole objects then, and that says so.
pub fn smaller(json: &Value, largest: usize) -> Value {
    let mut json = json.clone();
    json["cut"] = "values were left out because the plan is too large".into();
    for key in ["resource_changes", "resource_drift", "deferred_changes"] {
        for change in json[key].as_array_mut().into_iter().flatten() {
            let change = if key == "deferred_changes" { &mut change["resource_change"] } else { change };
            if let Some(change) = change["change"].as_object_mut() {
                for side in ["before", "after", "after_unknown", "before_sensitive", "after_sensitive"] {
                    change.remove(side);
                }
            }
        }
    }
    let mut keys = ["variables", "checks", "output_changes", "deferred_changes", "resource_drift"].into_iter();
    while json.to_string().len() > largest {
        match keys.next() {
            Some(key) => json[key] = Value::Null,
            None => {
                let Some(changes) = json["resource_changes"].as_array_mut() else { break };
                let kept = changes.len() / 2;
                changes.truncate(kept);
                json["cut"] =
                    format!("only the first {kept} changes, without their values: the plan is too large").into();
                if kept == 0 {
                    break;
                }
            }
        }
    }
    json
}
