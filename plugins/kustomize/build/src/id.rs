//! What an object is called: group, version, kind, name and namespace, and the rules by which kustomize compares
//! those.

use std::fmt;

/// The namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";
/// What stands for a namespace where a kind has none.
const CLUSTER: &str = "_non_namespaceable_";

/// Group, version and kind. An empty part of a selector means any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    pub group: String,
    pub version: String,
    pub kind: String,
}

impl Gvk {
    /// From `apps/v1` or `v1`, and a kind.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Whether `selector` means this.
    pub fn is_selected(&self, selector: &Gvk) -> bool {
        selects(&selector.group, &self.group)
            && selects(&selector.version, &self.version)
            && selects(&selector.kind, &self.kind)
    }

    /// `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// `("apps", "v1")` of `apps/v1`, `("", "v1")` of `v1`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn selects(selector: &str, value: &str) -> bool {
    selector.is_empty() || selector == value
}

fn or<'a>(value: &'a str, absent: &'a str) -> &'a str {
    if value.is_empty() { absent } else { value }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, version) = (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"));
        write!(f, "{kind}.{version}.{}", or(&self.group, "[noGrp]"))
    }
}

/// An object's identity, or a selector of such.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Id {
    pub gvk: Gvk,
    pub name: String,
    pub namespace: String,
    /// Known to live outside of namespaces.
    pub cluster: bool,
}

impl Id {
    /// Never empty: what objects without a namespace share.
    pub fn effective_namespace(&self) -> &str {
        if self.cluster { CLUSTER } else { or(&self.namespace, DEFAULT_NAMESPACE) }
    }

    /// The same group, version, kind and name.
    pub fn same_gvkn(&self, other: &Id) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// The same object.
    pub fn same(&self, other: &Id) -> bool {
        self.same_gvkn(other) && self.effective_namespace() == other.effective_namespace()
    }

    /// Whether a selector without expressions means this. It does not know which kinds have no namespace.
    pub fn is_selected(&self, selector: &Id) -> bool {
        selects(&selector.name, &self.name)
            && self.gvk.is_selected(&selector.gvk)
            && (selector.namespace.is_empty()
                || or(&selector.namespace, DEFAULT_NAMESPACE) == or(&self.namespace, DEFAULT_NAMESPACE))
    }

    /// Names nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Id::default()
    }

    /// What no two objects of a build may share.
    pub fn key(&self) -> (Gvk, String, String) {
        (self.gvk.clone(), self.name.clone(), self.effective_namespace().to_owned())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.gvk, or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}
