//! The images that a file of a repository names, as far as its text alone tells: what a render makes of it, the sync of the
//! application judges. Pure.

use serde_json::Value;
use std::collections::BTreeSet;

/// The largest file that is read for its images, in bytes. Whatever a larger one names, the sync judges.
const LARGEST: usize = 4 << 20;
/// The deepest nesting that is looked at.
const DEEPEST: usize = 32;

/// The images that a file names: in the `images` of a kustomization, and under any key `image`. One without a tag and a digest is a
/// name for another file to complete.
pub(crate) fn named(path: &str, content: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_yaml = name == "Kustomization" || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
    let text = std::str::from_utf8(content).ok().filter(|text| is_yaml && text.len() <= LARGEST);
    // What is no YAML will not be rendered either.
    for document in text.and_then(|text| manifest::manifests(text).ok()).unwrap_or_default() {
        if manifest::is_kustomization(name) {
            let entries = document["images"].as_array().into_iter().flatten();
            found.extend(entries.filter_map(replaced));
        }
        collect(&document, 0, &mut found);
    }
    found
}

/// What an entry of a kustomization makes of an image.
fn replaced(entry: &Value) -> Option<String> {
    let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty());
    let name = text("newName").or(text("name"))?;
    match (text("digest"), text("newTag")) {
        (Some(digest), _) => Some(format!("{name}@{digest}")),
        (None, Some(tag)) => Some(format!("{name}:{tag}")),
        (None, None) => None,
    }
}

fn collect(value: &Value, depth: usize, found: &mut BTreeSet<String>) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(image) if key == "image" && is_complete(image) => {
                        found.insert(image.clone());
                    }
                    other => collect(other, depth + 1, found),
                }
            }
        }
        _ => {}
    }
}

/// Whether a reference has a tag or a digest: the colon of a tag comes after the last slash.
fn is_complete(image: &str) -> bool {
    image.rsplit('/').next().is_some_and(|last| last.contains([':', '@']))
}

#[cfg(test)]
mod tests {
    use super::named;

    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(named(path, text.as_bytes()).into_iter().collect::<Vec<_>>(), expected, "{path}");
    }

    #[test]
    fn images_of_kustomizations_and_manifests() {
        let images = "images:\n- {name: shop, newTag: v2}\n- {name: a, newName: r.example:5000/a, digest: \"sha256:1\"}\n- {name: b, newName: c}\n- {name: d, newTag: 1.2}\n";
        check("x/kustomization.yaml", images, &["r.example:5000/a@sha256:1", "shop:v2"]);
        // Elsewhere that list is somebody else's word.
        check("x/other.yaml", images, &[]);
        let pod = "kind: Pod\nspec:\n  containers: [{image: \"r.example:5000/shop\"}, {image: \"shop:v1\"}]\n---\nimage: x@sha256:2\n";
        check("pod.yml", pod, &["shop:v1", "x@sha256:2"]);
        check("pod.txt", pod, &[]);
        check("pod.yaml", ": no [ yaml", &[]);
        check("values.json", "{\"web\": {\"image\": \"shop:v3\"}}", &["shop:v3"]);
    }
}
