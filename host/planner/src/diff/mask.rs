//! What may be shown of a value. Values of secrets are replaced by marks; within one diff equal values have equal marks, and
//! a mark tells nothing else: it is no digest, which somebody could guess at.

use crate::object::ObjectKey;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The marks of one diff.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<String, usize>);

impl Marks {
    /// A value as it may be shown.
    pub fn show(&mut self, key: &ObjectKey, top: &str, value: &Value) -> Value {
        if is_secret(key, top) { self.hide(value) } else { value.clone() }
    }

    fn hide(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(name, v)| (name.clone(), self.hide(v))).collect(),
            Value::Array(items) => items.iter().map(|v| self.hide(v)).collect(),
            scalar => {
                let next = self.0.len() + 1;
                let number = self.0.entry(scalar.to_string()).or_insert(next);
                Value::String(format!("(hidden {number})"))
            }
        }
    }
}

/// Whether the values below a top-level field are secret.
fn is_secret(key: &ObjectKey, top: &str) -> bool {
    key.is("", "Secret") && (top == "data" || top == "stringData")
}

/// A whole object as it may be shown, without what tools keep copies of it in.
pub(super) fn shown(key: &ObjectKey, object: &Value) -> Value {
    let mut marks = Marks::default();
    let fields = object.as_object().into_iter().flatten();
    let mut shown: Map<String, Value> =
        fields.map(|(name, value)| (name.clone(), marks.show(key, name, value))).collect();
    if let Some(annotations) =
        shown.get_mut("metadata").and_then(|m| m.get_mut("annotations")).and_then(Value::as_object_mut)
    {
        annotations.shift_remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    Value::Object(shown)
}
