//! What a render depends on besides the files that it reads.

use model::Digest;
use serde_json::{Value, json};

/// Names all renders that would be the same if they read the same files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Digest);

/// The form of what is kept. A new one finds nothing of an old one.
const FORM: u32 = 2;

impl Key {
    /// Of this renderer with these parameters on these roots, named with their repositories. The commit is none of it:
    /// what was read of it counts.
    pub fn new(renderer: (&Digest, &str), job: [&str; 3], roots: &[(&str, &str)], parameters: &Value) -> Self {
        let (plugin, name) = renderer;
        let [application, namespace, path] = job;
        let whole = json!([FORM, plugin.as_str(), name, application, namespace, path, roots, sorted(parameters)]);
        Self(Digest::of(whole.to_string()))
    }

    /// As a file's name.
    pub fn hex(&self) -> &str {
        self.0.hex()
    }
}

/// The same with its keys in order: how somebody wrote an object changes nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use model::Digest;
    use serde_json::json;

    #[test]
    fn every_part_counts_and_the_order_of_keys_does_not() {
        let (plugin, other) = (Digest::of("a"), Digest::of("b"));
        let roots = [("main", "config")];
        let key =
            |plugin, name, job, roots: &[(&str, &str)], parameters| Key::new((plugin, name), job, roots, &parameters);
        let base = key(&plugin, "kustomize", ["app", "ns", "path"], &roots, json!({"a": 1, "b": {"c": 2, "d": 3}}));
        assert_eq!(
            base,
            key(&plugin, "kustomize", ["app", "ns", "path"], &roots, json!({"b": {"d": 3, "c": 2}, "a": 1}))
        );
        let parameters = || json!({"a": 1, "b": {"c": 2, "d": 3}});
        for different in [
            key(&other, "kustomize", ["app", "ns", "path"], &roots, parameters()),
            key(&plugin, "directory", ["app", "ns", "path"], &roots, parameters()),
            key(&plugin, "kustomize", ["app2", "ns", "path"], &roots, parameters()),
            key(&plugin, "kustomize", ["app", "", "path"], &roots, parameters()),
            key(&plugin, "kustomize", ["app", "ns", "path/x"], &roots, parameters()),
            key(&plugin, "kustomize", ["app", "ns", "path"], &[("main", "other")], parameters()),
            key(&plugin, "kustomize", ["app", "ns", "path"], &roots, json!({"a": 1})),
        ] {
            assert_ne!(base, different);
        }
    }
}
