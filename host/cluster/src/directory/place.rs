//! Where an object's file is: by group, kind, namespace and name, which every file system takes and which give no way out of
//! the folder.

use planner::object::{GroupKind, ObjectKey};
use std::path::PathBuf;

/// The folder of the core group.
const CORE: &str = "_core";
/// The folder of objects that live in no namespace.
const CLUSTER: &str = "_cluster";

/// The file of an object, relative to the destination's folder.
pub(crate) fn of(key: &ObjectKey) -> PathBuf {
    let GroupKind { group, kind } = key.kind();
    let group = if group.is_empty() { CORE.to_owned() } else { safe(group) };
    let namespace = if key.namespace().is_empty() { CLUSTER.to_owned() } else { safe(key.namespace()) };
    let mut path: PathBuf = [group, safe(kind), namespace].iter().collect();
    path.push(format!("{}.yaml", safe(key.name())));
    path
}

/// A name as a file's: what is no plain letter is written as `%` and two digits of each byte, and so is a dot at its begin.
fn safe(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || (at > 0 && (byte == b'.' || byte == b'_'));
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::of;
    use planner::object::{GroupKind, ObjectKey};

    #[test]
    fn a_place_for_every_name_and_none_outside() {
        let at = |group: &str, kind: &str, namespace: &str, name: &str| {
            of(&ObjectKey::new(GroupKind::new(group, kind), namespace, name)).display().to_string()
        };
        assert_eq!(at("apps", "Deployment", "shop", "web"), "apps/Deployment/shop/web.yaml");
        assert_eq!(at("", "Namespace", "", "shop"), "_core/Namespace/_cluster/shop.yaml");
        assert_eq!(
            at("rbac.authorization.k8s.io", "ClusterRole", "", "system:node"),
            "rbac.authorization.k8s.io/ClusterRole/_cluster/system%3anode.yaml"
        );
        assert_eq!(at("..", "..", "../x", ".."), "%2e./%2e./%2e.%2fx/%2e..yaml");
        // A namespace cannot take the place of what has none, nor a group that of the core one.
        assert_eq!(at("", "A", "_cluster", "a"), "_core/A/%5fcluster/a.yaml");
        assert_ne!(at("core", "A", "n", "a"), at("", "A", "n", "a"));
    }
}
