//! Which objects a selector means: expressions that must match a whole name or kind, and label selectors as Kubernetes
//! writes them.

mod labels;
mod pattern;

pub use labels::Requirements;
pub use pattern::Pattern;

use crate::error::{Error, Result};
use crate::kustomization::Selector;
use crate::resource::Resource;

/// A selector, ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    /// kustomize reads label selectors only once an object fits the rest.
    meta: Result<MetaMatcher>,
}

/// The part of a selector that looks at labels and annotations.
#[derive(Debug)]
pub struct MetaMatcher {
    labels: Requirements,
    annotations: Requirements,
}

impl Matcher {
    /// # Errors
    /// An expression that is none.
    pub fn new(selector: &Selector) -> Result<Self> {
        let pattern = |field: &str, text: &str| {
            Pattern::whole(text).map_err(|error| Error::transform(field, error).within("selector"))
        };
        Ok(Self {
            group: pattern("group", &selector.id.gvk.group)?,
            version: pattern("version", &selector.id.gvk.version)?,
            kind: pattern("kind", &selector.id.gvk.kind)?,
            name: pattern("name", &selector.id.name)?,
            namespace: pattern("namespace", &selector.id.namespace)?,
            meta: MetaMatcher::new(selector),
        })
    }

    /// By the first or the present name and namespace.
    ///
    /// # Errors
    /// A label selector that is none, where the rest fits.
    pub fn matches(&self, resource: &Resource) -> Result<bool> {
        let (first, now) = (resource.original(), resource.id());
        let fits = (self.namespace.matches(first.effective_namespace())
            || self.namespace.matches(now.effective_namespace()))
            && (self.name.matches(&first.name) || self.name.matches(&now.name))
            && self.group.matches(&now.gvk.group)
            && self.version.matches(&now.gvk.version)
            && self.kind.matches(&now.gvk.kind);
        if !fits {
            return Ok(false);
        }
        self.meta.as_ref().map(|meta| meta.matches(resource)).map_err(Clone::clone)
    }
}

impl MetaMatcher {
    /// # Errors
    /// A label selector that is none.
    pub fn new(selector: &Selector) -> Result<Self> {
        Ok(Self {
            labels: Requirements::parse(&selector.labels)?,
            annotations: Requirements::parse(&selector.annotations)?,
        })
    }

    pub fn matches(&self, resource: &Resource) -> bool {
        let met = |requirements: &Requirements, field: &str| {
            requirements.met(|key| resource.meta_strings(field).find(|(name, _)| *name == key).map(|(_, value)| value))
        };
        met(&self.labels, "labels") && met(&self.annotations, "annotations")
    }
}
