//! Takes the secrets out of values: by the marks that stand beside them, and by value wherever a marked text turns up
//! again. The second matters: a provider hands back computed attributes without marks (`terraform_data.output` of a secret
//! `input`), and Terraform itself prints those.
//!
//! It never hides an address: a reviewer must see what is changed. Terraform takes no secret for a key of `for_each`.

use super::raw::{Change, Plan};
use super::shown::{HIDDEN, Shown, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// The shortest secret that is looked for elsewhere, in bytes. Shorter ones are words like `prod`, which are everywhere.
const SHORTEST: usize = 8;

/// The texts that must not be shown. Stored with a plan, for whoever shows what became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// All that a plan marks as secret, and the values of these variables.
    pub fn of(plan: &Plan, secret_variables: &BTreeSet<String>) -> Self {
        let mut secrets = Self::default();
        for (name, variable) in &plan.variables {
            if is_secret_variable(plan, secret_variables, name) {
                secrets.learn(&variable.value);
            }
        }
        let deferred = plan.deferred_changes.iter().map(|deferred| &deferred.resource_change);
        let resources = plan.resource_changes.iter().chain(&plan.resource_drift).chain(deferred);
        for change in resources.map(|resource| &resource.change).chain(plan.output_changes.values()) {
            let marks = [&change.before_sensitive, &change.after_sensitive];
            secrets.learn_marked(&change.before, &marks);
            secrets.learn_marked(&change.after, &marks);
        }
        for output in plan.planned_values.outputs.values().filter(|output| output.sensitive) {
            secrets.learn(output.value.as_ref().unwrap_or(&Value::Null));
        }
        secrets
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() >= SHORTEST => {
                self.0.insert(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(items) => items.values().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn learn_marked(&mut self, value: &Value, marks: &[&Value]) {
        if hides(value, marks) {
            return self.learn(value);
        }
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.learn_marked(item, &each(marks, |mark| mark.get(at)));
                }
            }
            Value::Object(items) => {
                for (key, item) in items {
                    self.learn_marked(item, &each(marks, |mark| mark.get(key)));
                }
            }
            _ => {}
        }
    }

    /// A text without the secrets in it. Only text that is no address.
    pub fn hidden_in(&self, text: &str) -> String {
        // The longest first: one secret may be a part of another.
        let mut found: Vec<&String> = self.0.iter().filter(|secret| text.contains(secret.as_str())).collect();
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
    }

    /// A value without the secrets in it, keys included.
    pub fn hidden_within(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hidden_in(text)),
            Value::Array(items) => items.iter().map(|item| self.hidden_within(item)).collect(),
            Value::Object(items) => {
                items.iter().map(|(key, item)| (self.hidden_in(key), self.hidden_within(item))).collect()
            }
            other => other.clone(),
        }
    }

    /// Both sides of a change. A secret on one side is one on the other: making an attribute sensitive must not show
    /// what it was.
    pub fn sides(&self, change: &Change) -> (Shown, Shown) {
        let marks = [&change.before_sensitive, &change.after_sensitive];
        let before = self.shown(Some(&change.before), &marks, &Value::Null);
        let after = self.shown(Some(&change.after), &marks, &change.after_unknown);
        (before, after)
    }

    /// A value under its marks.
    pub fn shown(&self, value: Option<&Value>, marks: &[&Value], unknown: &Value) -> Shown {
        if unknown == &Value::Bool(true) {
            return Shown::Unknown;
        }
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return match unknown {
                _ if !holds_true(unknown) => value.map_or(Shown::Absent, |_| Shown::Null),
                Value::Array(_) => self.shown(Some(&Value::Array(Vec::new())), marks, unknown),
                _ => self.shown(Some(&Value::Object(serde_json::Map::new())), marks, unknown),
            };
        };
        if hides(value, marks) {
            return Shown::Sensitive(fingerprint(&value.to_string()));
        }
        match value {
            Value::Null => Shown::Null,
            Value::Bool(value) => Shown::Bool(*value),
            Value::Number(value) => Shown::Number(value.clone()),
            Value::String(text) => {
                let shown = self.hidden_in(text);
                let fingerprint = if shown == *text { 0 } else { fingerprint(text) };
                Shown::Text(Text { text: shown, fingerprint })
            }
            Value::Array(items) => {
                let more = unknown.as_array().map_or(0, Vec::len);
                let item = |at: usize| {
                    let unknown = unknown.get(at).unwrap_or(&Value::Null);
                    self.shown(items.get(at), &each(marks, |mark| mark.get(at)), unknown)
                };
                Shown::List((0..items.len().max(more)).map(item).collect())
            }
            Value::Object(items) => {
                let more = unknown.as_object().into_iter().flatten().filter(|(_, mark)| holds_true(mark));
                let keys: BTreeSet<&String> = items.keys().chain(more.map(|(key, _)| key)).collect();
                let item = |key: &String| {
                    let unknown = unknown.get(key).unwrap_or(&Value::Null);
                    self.shown(items.get(key), &each(marks, |mark| mark.get(key)), unknown)
                };
                Shown::Map(keys.into_iter().map(|key| (self.hidden_in(key), item(key))).collect())
            }
        }
    }
}

/// Whether a variable's value must not be shown.
pub fn is_secret_variable(plan: &Plan, secret_variables: &BTreeSet<String>, name: &str) -> bool {
    let declared = plan.configuration.root_module.variables.get(name);
    secret_variables.contains(name) || declared.is_none_or(|variable| variable.sensitive || variable.ephemeral)
}

/// Whether marks hide all of a value: they say so, or they mark a part of something that has no such parts. Then nobody
/// can tell which part was meant.
fn hides(value: &Value, marks: &[&Value]) -> bool {
    marks.iter().any(|mark| match (mark, value) {
        (Value::Bool(mark), _) => *mark,
        (_, Value::Null) | (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => false,
        (mark, _) => holds_true(mark),
    })
}

fn each<'a>(marks: &[&'a Value], part: impl Fn(&'a Value) -> Option<&'a Value>) -> Vec<&'a Value> {
    marks.iter().filter_map(|mark| part(mark)).collect()
}

fn holds_true(mark: &Value) -> bool {
    match mark {
        Value::Bool(mark) => *mark,
        Value::Array(items) => items.iter().any(holds_true),
        Value::Object(items) => items.values().any(holds_true),
        _ => false,
    }
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // 0 says that nothing was hidden.
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::render::raw::{Change, Plan};
    use crate::render::shown::{HIDDEN, Shown};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn after(change: &Value) -> Value {
        let change: Change = serde_json::from_value(change.clone()).expect("a change");
        Secrets::default().sides(&change).1.to_json()
    }

    #[test]
    fn marks_hide_what_they_are_on() {
        let value = json!({"a": "x", "b": {"c": ["y", "z"]}});
        assert_eq!(
            after(&json!({"after": value, "after_sensitive": {"b": {"c": [false, true]}}})),
            json!({"a": "x", "b": {"c": ["y", HIDDEN]}})
        );
        assert_eq!(after(&json!({"after": value, "after_sensitive": true})), json!(HIDDEN));
        // On either side is on both.
        assert_eq!(after(&json!({"after": {"a": "x"}, "before_sensitive": {"a": true}})), json!({"a": HIDDEN}));
    }

    #[test]
    fn marks_that_do_not_fit_hide_everything() {
        for mark in [json!({"x": true}), json!([true]), json!([[], {"y": [true]}])] {
            assert_eq!(after(&json!({"after": {"a": "v"}, "after_sensitive": {"a": mark}})), json!({"a": HIDDEN}));
        }
        assert_eq!(after(&json!({"after": {"a": ["v"]}, "after_sensitive": {"a": {"0": true}}})), json!({"a": HIDDEN}));
        assert_eq!(after(&json!({"after": {"a": "v"}, "after_sensitive": {"a": {}}})), json!({"a": "v"}));
    }

    #[test]
    fn what_is_not_known_is_no_value() {
        let change =
            json!({"after": {"a": [null, 1]}, "after_unknown": {"id": true, "a": [true, false], "b": {"c": [true]}}});
        let change: Change = serde_json::from_value(change).expect("a change");
        let shown = Secrets::default().sides(&change).1;
        assert_eq!(shown.to_json(), json!({"a": [null, 1], "b": {"c": [null]}}));
        assert_eq!(shown.unknown(), json!({"id": true, "a": [true, false], "b": {"c": [true]}}));
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_turns_up() {
        let plan: Plan = serde_json::from_value(json!({
            "variables": {"a": {"value": "hunter2hunter2"}, "b": {"value": "hunter2hunter2-b"}, "c": {"value": "harmless value"}},
            "configuration": {"root_module": {"variables": {"a": {"sensitive": true}, "b": {}, "c": {}}}},
        }))
        .expect("a plan");
        let secrets = Secrets::of(&plan, &BTreeSet::from(["b".to_owned()]));
        let hidden = secrets.hidden_in("x hunter2hunter2-b hunter2hunter2! harmless value");
        assert_eq!(hidden, format!("x {HIDDEN} {HIDDEN}! harmless value"));
        // A change of what is hidden is still a change.
        let side = |text: &str| secrets.shown(Some(&json!(text)), &[], &Value::Null);
        assert_ne!(side("hunter2hunter2"), side("hunter2hunter2-b"));
        assert!(matches!(side("plain"), Shown::Text(text) if text.fingerprint == 0));
    }
}
