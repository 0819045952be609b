//! Which kinds a cluster serves, and where, as values read from the documents of its discovery. What could not be read is kept
//! apart from what is not there.

use super::request::escaped;
use planner::object::GroupKind;
use planner::scope::{Scope, Scopes};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The kinds that a cluster serves.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    kinds: HashMap<GroupKind, Arc<Served>>,
    /// Groups of which not everything could be read, and why.
    broken: BTreeMap<String, String>,
    scopes: Arc<Scopes>,
}

/// How a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Served {
    group: String,
    /// Versions, each with the plural under which it is served, the server's preferred one first.
    versions: Vec<(String, String)>,
    pub scope: Scope,
    /// Whether its objects can be listed.
    pub is_listed: bool,
    /// Whether its objects can be listed and watched.
    pub is_watched: bool,
}

/// What is known about a kind.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    Served(&'a Arc<Served>),
    /// By the word of a discovery that was complete.
    Unserved,
    /// Nobody knows, and why.
    Unreadable(&'a str),
}

impl Catalogue {
    pub fn find(&self, kind: &GroupKind) -> Found<'_> {
        match (self.kinds.get(kind), self.broken.get(&kind.group)) {
            (Some(served), _) => Found::Served(served),
            (None, Some(why)) => Found::Unreadable(why),
            (None, None) => Found::Unserved,
        }
    }

    /// Whether every group could be read.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    pub fn scopes(&self) -> Arc<Scopes> {
        self.scopes.clone()
    }

    /// Every kind, in no order.
    pub fn kinds(&self) -> impl Iterator<Item = (&GroupKind, &Arc<Served>)> {
        self.kinds.iter()
    }

    /// Groups of which not everything could be read, and why.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        self.broken.iter().map(|(group, why)| (group.as_str(), why.as_str()))
    }
}

impl Served {
    /// Its version that the server prefers, as in `apiVersion`.
    pub fn preferred(&self) -> String {
        self.versions.first().map(|(version, _)| self.api_version(version)).unwrap_or_default()
    }

    fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// The path of all its objects, or of those of a namespace, in this version; nothing where it is not served so.
    pub fn collection(&self, api_version: &str, namespace: &str) -> Option<String> {
        let (version, plural) = self.versions.iter().find(|(version, _)| self.api_version(version) == api_version)?;
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", escaped(&self.group)) };
        let place = match (self.scope, namespace) {
            (Scope::Cluster, _) | (Scope::Namespaced, "") => String::new(),
            (Scope::Namespaced, namespace) => format!("/namespaces/{}", escaped(namespace)),
        };
        Some(format!("{root}/{}{place}/{}", escaped(version), escaped(plural)))
    }

    /// The versions that it is served in, for people.
    pub fn versions(&self) -> String {
        self.versions.iter().map(|(version, _)| self.api_version(version)).collect::<Vec<_>>().join(", ")
    }
}

/// Puts a catalogue together.
#[derive(Debug, Default)]
pub(super) struct Reader {
    kinds: HashMap<GroupKind, Served>,
    broken: BTreeMap<String, String>,
}

impl Reader {
    /// Takes an aggregated document (`APIGroupDiscoveryList`), which holds groups with all their kinds. Whether it is one.
    pub fn aggregated(&mut self, document: &Value) -> bool {
        if document["kind"] != "APIGroupDiscoveryList" {
            return false;
        }
        for group in items(&document["items"]) {
            let name = text(&group["metadata"]["name"]);
            for version in items(&group["versions"]) {
                // What is stale comes from an extension that does not answer at present.
                if version["freshness"] == "Stale" {
                    self.broke(name, format!("{name}/{}: its server does not answer", text(&version["version"])));
                }
                for resource in items(&version["resources"]) {
                    let kind = text(&resource["responseKind"]["kind"]);
                    let is_namespaced = resource["scope"] == "Namespaced";
                    let plural = text(&resource["resource"]);
                    self.kind(name, text(&version["version"]), kind, plural, is_namespaced, &resource["verbs"]);
                }
            }
        }
        true
    }

    /// Takes the document of one version (`APIResourceList`), as servers before 1.26 have them. Versions of a group must come
    /// in the server's order.
    pub fn version(&mut self, group: &str, version: &str, document: &Value) {
        for resource in items(&document["resources"]) {
            let plural = text(&resource["name"]);
            // With a `/` it is a part of another one, such as `pods/log`.
            if !plural.contains('/') {
                let is_namespaced = resource["namespaced"] == true;
                self.kind(group, version, text(&resource["kind"]), plural, is_namespaced, &resource["verbs"]);
            }
        }
    }

    /// Remembers that not all of a group could be read.
    pub fn broke(&mut self, group: &str, why: String) {
        self.broken.entry(group.to_owned()).or_insert(why);
    }

    fn kind(&mut self, group: &str, version: &str, kind: &str, plural: &str, is_namespaced: bool, verbs: &Value) {
        let can = |verb: &str| items(verbs).any(|v| v == verb);
        // What cannot be read is no object, but a question in an object's form.
        if kind.is_empty() || !can("get") {
            return;
        }
        let scope = if is_namespaced { Scope::Namespaced } else { Scope::Cluster };
        let served = self.kinds.entry(GroupKind::new(group, kind)).or_insert_with(|| Served {
            group: group.to_owned(),
            versions: Vec::new(),
            scope,
            is_listed: can("list"),
            is_watched: can("list") && can("watch"),
        });
        if !served.versions.iter().any(|(known, _)| known == version) {
            served.versions.push((version.to_owned(), plural.to_owned()));
        }
    }

    pub fn catalogue(self) -> Catalogue {
        let scopes = self.kinds.iter().map(|(kind, served)| (kind.clone(), served.scope));
        let scopes = Scopes::discovered(scopes, self.broken.clone());
        let kinds = self.kinds.into_iter().map(|(kind, served)| (kind, Arc::new(served))).collect();
        Catalogue { kinds, broken: self.broken, scopes: Arc::new(scopes) }
    }
}

/// Groups and their versions of an `APIGroupList`, in the server's order: the preferred version first.
pub(super) fn groups(document: &Value) -> Vec<(String, Vec<String>)> {
    let group = |group: &Value| {
        let preferred = text(&group["preferredVersion"]["version"]);
        let others = items(&group["versions"]).map(|version| text(&version["version"]));
        let all = [preferred].into_iter().chain(others.filter(|version| *version != preferred));
        (text(&group["name"]).to_owned(), all.filter(|v| !v.is_empty()).map(str::to_owned).collect())
    };
    items(&document["groups"]).map(group).collect()
}

/// The versions of the core group (`APIVersions`).
pub(super) fn core_versions(document: &Value) -> Vec<String> {
    items(&document["versions"]).map(|version| text(version).to_owned()).collect()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    const ALL: [&str; 3] = ["get", "list", "watch"];

    fn shown(catalogue: &Catalogue, group: &str, kind: &str) -> String {
        match catalogue.find(&GroupKind::new(group, kind)) {
            Found::Served(served) => {
                let path = served.collection(&served.preferred(), "shop").unwrap();
                format!("{path} of {} {:?} {}", served.versions(), served.scope, served.is_watched)
            }
            Found::Unserved => "unserved".to_owned(),
            Found::Unreadable(why) => format!("unreadable: {why}"),
        }
    }

    #[test]
    fn both_forms_of_discovery_say_the_same() {
        let resource = |kind: &str, plural: &str, scope: &str| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": ALL, "subresources": []});
        let mut reader = Reader::default();
        let core = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": [
            {"version": "v1", "freshness": "Current", "resources": [resource("Namespace", "namespaces", "Cluster")]}]}]});
        let others = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": "x.io"}, "versions": [
            {"version": "v2", "resources": [resource("Widget", "widgets", "Namespaced")]},
            {"version": "v1", "resources": [resource("Widget", "widgets", "Namespaced")]}]}]});
        assert!(reader.aggregated(&core) && reader.aggregated(&others));
        let aggregated = reader.catalogue();

        let groups_document = json!({"groups": [{"name": "x.io", "preferredVersion": {"version": "v2"},
            "versions": [{"version": "v1"}, {"version": "v2"}]}]});
        assert_eq!(groups(&groups_document), [("x.io".to_owned(), vec!["v2".to_owned(), "v1".to_owned()])]);
        assert_eq!(core_versions(&json!({"versions": ["v1"]})), ["v1"]);
        let old = |kind: &str, plural: &str, namespaced: bool| json!({"name": plural, "kind": kind, "namespaced": namespaced, "verbs": ALL});
        let mut reader = Reader::default();
        assert!(!reader.aggregated(&groups_document));
        reader.version("", "v1", &json!({"resources": [old("Namespace", "namespaces", false)]}));
        let widgets = [old("Widget", "widgets", true), old("Scale", "widgets/scale", true)];
        reader.version("x.io", "v2", &json!({"resources": widgets}));
        reader.version("x.io", "v1", &json!({"resources": widgets}));
        let listed = reader.catalogue();

        for catalogue in [&aggregated, &listed] {
            assert_eq!(shown(catalogue, "", "Namespace"), "/api/v1/namespaces of v1 Cluster true");
            assert_eq!(
                shown(catalogue, "x.io", "Widget"),
                "/apis/x.io/v2/namespaces/shop/widgets of x.io/v2, x.io/v1 Namespaced true"
            );
            assert_eq!(shown(catalogue, "x.io", "Scale"), "unserved");
            assert_eq!(shown(catalogue, "y.io", "Widget"), "unserved");
            assert_eq!(catalogue.scopes().of(&GroupKind::new("x.io", "Widget")), Some(Scope::Namespaced));
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_unserved() {
        let mut reader = Reader::default();
        let stale = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": "m.io"},
            "versions": [{"version": "v1", "freshness": "Stale", "resources": []}]}]});
        reader.aggregated(&stale);
        reader.broke("n.io", "503".to_owned());
        let catalogue = reader.catalogue();
        assert_eq!(shown(&catalogue, "m.io", "Metric"), "unreadable: m.io/v1: its server does not answer");
        assert_eq!(shown(&catalogue, "n.io", "Thing"), "unreadable: 503");
        assert_eq!(shown(&catalogue, "o.io", "Thing"), "unserved");
    }

    #[test]
    fn questions_in_the_form_of_objects_are_no_kinds() {
        let mut reader = Reader::default();
        let review = json!({"name": "tokenreviews", "kind": "TokenReview", "namespaced": false, "verbs": ["create"]});
        reader.version("authentication.k8s.io", "v1", &json!({"resources": [review]}));
        assert_eq!(shown(&reader.catalogue(), "authentication.k8s.io", "TokenReview"), "unserved");
    }
}
