//! The digest that people approve: all that decides what would happen, computed by the host alone.

use model::Digest;
use serde::Serialize;
use serde_json::Value;

/// What an approval is for. Two subjects are the same thing only where every field is equal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject<'a> {
    /// The run's pipeline.
    pub pipeline: &'a str,
    /// The step's key.
    pub step: &'a str,
    /// The digest of the plugin's component.
    pub plugin: &'a str,
    /// Its inputs, resolved; artifacts are in them by digest.
    pub inputs: &'a Value,
    /// What it forecast: effects and body.
    pub forecast: &'a Value,
    /// The commit that the run is for.
    pub commit: &'a str,
    /// Environments concerned, with all their rules, so that a changed rule voids votes.
    pub environments: &'a Value,
}

impl Subject<'_> {
    /// SHA-256 over the canonical JSON: keys sorted, no blanks.
    pub fn digest(&self) -> Digest {
        let value = serde_json::to_value(self).unwrap_or_default();
        Digest::of(canonical(&value))
    }
}

/// JSON with sorted keys and no blanks, so that equal values have equal texts.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(k, _)| *k);
            let inner: Vec<String> =
                entries.iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), canonical(v))).collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
