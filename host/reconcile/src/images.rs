//! The images that objects run, wherever a pod's specification stands in them.

use planner::Desired;
use serde_json::Value;
use std::collections::BTreeSet;

/// The deepest nesting that is looked at: a CronJob has its containers at the seventh level.
const DEEPEST: usize = 12;
/// The lists of a pod's specification that name images.
const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// What the containers of these objects run, sorted, each once.
pub(crate) fn images(desired: &Desired) -> Vec<String> {
    let mut found = BTreeSet::new();
    for item in desired.items() {
        collect(&item.manifest, 0, &mut found);
    }
    found.into_iter().collect()
}

fn collect(value: &Value, depth: usize, found: &mut BTreeSet<String>) {
    let Value::Object(fields) = value else { return };
    if depth > DEEPEST {
        return;
    }
    for (name, value) in fields {
        match value {
            Value::Array(containers) if LISTS.contains(&name.as_str()) => {
                let images = containers.iter().filter_map(|container| container["image"].as_str());
                found.extend(images.map(str::to_owned));
            }
            // Data of a ConfigMap is text, whatever it looks like.
            Value::Object(_) => collect(value, depth + 1, found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::collect;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn images_of_pods_wherever_they_are() {
        let job = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {
            "containers": [{"image": "b:1"}, {"image": "a:1"}], "initContainers": [{"image": "b:1"}, {"name": "x"}]}}}}}});
        let mut found = BTreeSet::new();
        collect(&job, 0, &mut found);
        collect(&json!({"kind": "ConfigMap", "data": {"containers": "image: c"}}), 0, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a:1", "b:1"]);
    }
}
