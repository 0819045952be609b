//! Who may import whom: only downward, never sideways.

use serde_json::Value;
use std::collections::BTreeMap;

/// The crates of `host/` by ring, and the packages that a crate alone may name.
const RINGS: [(&str, u32); 18] = [
    ("model", 0),
    ("manifest", 1),
    ("scheduler", 1),
    ("access", 1),
    ("planner", 1),
    ("store", 2),
    ("cluster", 2),
    ("plugin", 2),
    ("git", 2),
    ("jail", 2),
    ("artifact", 2),
    ("workspace", 2),
    ("guest", 2),
    ("egress", 2),
    ("engine", 3),
    ("reconcile", 3),
    ("trigger", 3),
    ("cli", 5),
];

/// A package, and the only crate that names it in its own dependencies.
const OWNERS: [(&str, &[&str]); 11] = [
    ("wasmtime", &["plugin"]),
    ("wasmtime-wasi", &["plugin"]),
    ("rusqlite", &["store"]),
    ("git2", &["git"]),
    ("libgit2-sys", &["git"]),
    ("landlock", &["jail"]),
    ("serde-saphyr", &["manifest"]),
    ("kube", &["cluster"]),
    ("k8s-openapi", &["cluster"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

/// Crates that never do IO, so nothing that does may come in with their dependencies.
const PURE: u32 = 1;
const IMPURE: [&str; 4] = ["tokio", "rustix", "tempfile", "getrandom"];

/// What breaks the table, from the output of `cargo metadata --no-deps`.
pub fn problems(metadata: &Value) -> Vec<String> {
    let rings: BTreeMap<&str, u32> = RINGS.into_iter().collect();
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(folder) = folder(package) else { continue };
        let Some(&ring) = rings.get(folder) else {
            problems.push(format!("host/{folder} is in no ring: add it to the table in xtask and to ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // What tests need is no edge.
            if dependency["kind"] == "dev" {
                continue;
            }
            let name = dependency["name"].as_str().unwrap_or_default();
            let local = dependency["path"].as_str().and_then(|path| path.rsplit('/').next());
            if let Some(other) = local.and_then(|local| rings.get(local).map(|ring| (local, *ring))) {
                if other.1 >= ring {
                    problems
                        .push(format!("{folder} (ring {ring}) imports {} (ring {}): only downward", other.0, other.1));
                }
            } else if let Some((_, owners)) = OWNERS.iter().find(|(package, _)| *package == name)
                && !owners.contains(&folder)
            {
                problems.push(format!("{folder} names {name}, which only {} may", owners.join(" and ")));
            } else if ring <= PURE && IMPURE.contains(&name) {
                problems.push(format!("{folder} is pure (ring {ring}), and {name} does IO"));
            }
        }
    }
    problems
}

/// The folder's name of a package in `host/`.
fn folder(package: &Value) -> Option<&str> {
    let mut parts = package["manifest_path"].as_str()?.rsplit('/').skip(1);
    let folder = parts.next()?;
    (parts.next()? == "host").then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::problems;
    use serde_json::json;

    #[test]
    fn an_edge_upward_or_sideways_or_into_anothers_library_is_told() {
        let package = |folder: &str, dependencies: serde_json::Value| json!({"manifest_path": format!("/x/host/{folder}/Cargo.toml"), "dependencies": dependencies});
        let metadata = json!({"packages": [
            package("git", json!([{"name": "tidegate-jail", "kind": null, "path": "/x/host/jail"}])),
            package("store", json!([{"name": "tidegate-engine", "kind": null, "path": "/x/host/engine"}])),
            package("engine", json!([{"name": "wasmtime", "kind": null}, {"name": "clap", "kind": "dev"}])),
            package("scheduler", json!([{"name": "tokio", "kind": null}])),
            package("misc", json!([])),
            json!({"manifest_path": "/x/xtask/Cargo.toml", "dependencies": [{"name": "wasmtime", "kind": null}]}),
        ]});
        let told = problems(&metadata).join("\n");
        let expected = "git (ring 2) imports jail (ring 2): only downward
store (ring 2) imports engine (ring 3): only downward
engine names wasmtime, which only plugin may
scheduler is pure (ring 1), and tokio does IO
host/misc is in no ring: add it to the table in xtask and to ARCHITECTURE.md";
        assert_eq!(told, expected);
    }
}
