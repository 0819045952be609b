//! Argo CD's marks on live objects, read as it reads them (`util/argo/resource_tracking.go` and `controller/state.go` of 3.2,
//! `pkg/cache` of gitops-engine).

use super::Row;
use crate::live::LiveObject;
use crate::object::{GroupKind, ObjectKey, annotation};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// The annotation by which Argo CD tracks: `APPLICATION:GROUP/KIND:NAMESPACE/NAME`.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The label by which it tracks where it is told to, and by default before 3.0.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// Helm's own mark. Charts give their objects the label too, whoever installs them.
const HELM_RELEASE: &str = "meta.helm.sh/release-name";

/// Which application an object is marked for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// By the annotation.
    Id {
        /// The application as the id spells it, maybe with its namespace and `_` in front.
        application: String,
        /// Kind, namespace and name as the id spells them.
        names: Option<ObjectKey>,
    },
    /// By the label alone.
    Label(String),
}

impl Mark {
    /// The application, as the mark spells it.
    pub fn application(&self) -> &str {
        match self {
            Self::Id { application, .. } | Self::Label(application) => application,
        }
    }

    /// Whose id it is, where it is not this object's. An id of an object that lives in no namespace may name any: Argo CD
    /// writes the application's there (`isSelfReferencedObj`).
    pub(super) fn copied_from(&self, key: &ObjectKey) -> Option<String> {
        let Self::Id { names, .. } = self else { return None };
        let Some(names) = names else { return Some("no object".to_owned()) };
        let same_place = key.namespace().is_empty() || names.namespace() == key.namespace();
        let is_it = names.kind() == key.kind() && names.name() == key.name() && same_place;
        (!is_it).then(|| names.to_string())
    }
}

/// An application as Argo CD knows it.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// Its name.
    pub name: &'a str,
    /// The namespace of its own object, where its file says one. Applications outside of Argo CD's own namespace are spelled
    /// `NAMESPACE_NAME`.
    pub namespace: Option<&'a str>,
    /// The label that tracks where there is no annotation.
    pub label: &'a str,
}

/// Whether an object carries any mark, or tells about objects that do. What carries none need not be kept.
pub fn is_marked(live: &LiveObject, label: &str) -> bool {
    let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let metadata = &live.manifest["metadata"];
    has(&metadata["annotations"][TRACKING_ID]) || has(&metadata["labels"][label]) || is_stateful_set(&live.key)
}

impl Instance<'_> {
    /// The mark of an object. The annotation goes before the label.
    pub fn mark(&self, live: &LiveObject) -> Option<Mark> {
        let id = annotation(&live.manifest, TRACKING_ID);
        if !id.is_empty() {
            return Some(parse(id));
        }
        let label = live.manifest["metadata"]["labels"][self.label].as_str().filter(|label| !label.is_empty())?;
        Some(Mark::Label(label.to_owned()))
    }

    /// Whether a mark means this application.
    pub fn is(&self, mark: &Mark) -> bool {
        let spelled = mark.application();
        // Neither part can hold a `_`.
        let in_namespace = spelled.split_once('_').is_some_and(|(namespace, name)| {
            name == self.name && self.namespace.is_none_or(|expected| expected == namespace)
        });
        spelled == self.name || in_namespace
    }
}

fn parse(id: &str) -> Mark {
    let mut parts = id.splitn(3, ':');
    let (application, kind, place) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let names = kind.zip(place).and_then(|(kind, place)| {
        let ((group, kind), (namespace, name)) = (kind.split_once('/')?, place.split_once('/')?);
        Some(ObjectKey::new(GroupKind::new(group, kind), namespace, name))
    });
    Mark::Id { application: application.to_owned(), names }
}

/// The Helm release that an object with a label alone belongs to. An id says more than Helm's mark, which a chart that was
/// adopted by Argo CD keeps.
pub(super) fn helm_release(live: &LiveObject, mark: &Mark) -> Option<String> {
    let release = annotation(&live.manifest, HELM_RELEASE);
    (matches!(mark, Mark::Label(_)) && !release.is_empty()).then(|| release.to_owned())
}

/// Objects that controllers make after others, labels and all; Argo CD manages none of them.
pub(super) struct Made<'a> {
    stateful: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Made<'a> {
    pub fn among(found: &'a [LiveObject]) -> Self {
        let sets = found.iter().filter(|live| is_stateful_set(&live.key));
        Self { stateful: sets.map(|live| (live.key.namespace(), live.key.name())).collect() }
    }

    pub fn by_controller(&self, live: &LiveObject) -> bool {
        let key = &live.key;
        let has_owner =
            live.manifest["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
        // Those that a service makes name no owner, and neither do the claims of a stateful set: they are told by their names.
        has_owner || key.is("", "Endpoints") || key.is("", "PersistentVolumeClaim") && self.is_of_set(key)
    }

    /// `TEMPLATE-SET-ORDINAL`. The templates are not known, so every set of the namespace counts.
    fn is_of_set(&self, key: &ObjectKey) -> bool {
        let Some((rest, ordinal)) = key.name().rsplit_once('-') else { return false };
        let of = |(namespace, set): &(&str, &str)| {
            let template = rest.strip_suffix(set).and_then(|template| template.strip_suffix('-'));
            *namespace == key.namespace() && template.is_some_and(|template| !template.is_empty())
        };
        ordinal.bytes().all(|byte| byte.is_ascii_digit()) && self.stateful.iter().any(of)
    }
}

fn is_stateful_set(key: &ObjectKey) -> bool {
    key.is("apps", "StatefulSet")
}

/// An object that is served in two groups was found twice: the one that its id does not name goes.
pub(super) fn once_each(rows: &mut Vec<Row>) {
    let copied = |row: &Row| matches!(row.fate, super::Fate::Copied(_));
    let sound: HashSet<String> = rows.iter().filter(|row| !copied(row)).filter_map(|row| row.uid.clone()).collect();
    rows.retain(|row| !copied(row) || row.uid.as_ref().is_none_or(|uid| !sound.contains(uid)));
}
