//! References by name. After prefixes, suffixes and hashes have changed names, whoever named an object by a former name
//! gets the present one. Which of several objects of one former name is meant follows from kinds, namespaces, and the
//! prefixes and suffixes that both have in common.

mod candidates;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Mapping, Node};

use candidates::{Candidate, Candidates, Referrer};

use crate::config::NameReference;
use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec};
use crate::id::Gvk;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::scalar;

/// A field that may name an object of a kind.
type Filter<'c> = (&'c Gvk, &'c FieldSpec);

/// Puts present names in place of former ones.
///
/// # Errors
/// A name that may mean several objects, and fields of a shape that no reference has.
pub fn fix(resources: &mut Resources, references: &[NameReference], schema: &Schema) -> Result<()> {
    let candidates = Candidates::new(resources);
    let mut filters: HashMap<Gvk, Rc<[Filter<'_>]>> = HashMap::new();
    for resource in resources.list_mut() {
        let gvk = &resource.original().gvk;
        let filters = match filters.get(gvk) {
            Some(known) => known.clone(),
            None => filters.entry(gvk.clone()).or_insert(select(references, gvk)).clone(),
        };
        if !filters.is_empty() {
            fix_one(resource, &filters, &candidates)?;
            resource.refresh(schema);
        }
    }
    Ok(())
}

/// The fields of objects of a kind that name others.
fn select<'c>(references: &'c [NameReference], gvk: &Gvk) -> Rc<[Filter<'c>]> {
    let all = references.iter().flat_map(|reference| reference.referrers.iter().map(|spec| (&reference.target, spec)));
    all.filter(|(_, spec)| gvk.is_selected(&spec.gvk)).collect()
}

fn fix_one(resource: &mut Resource, filters: &[Filter<'_>], candidates: &Candidates) -> Result<()> {
    let version = resource.node().get("apiVersion");
    if version.is_some_and(|version| version.is_null() && !scalar::value(version).is_empty()) {
        return Err(Error::invalid("", format!("the apiVersion of {} is null", resource.id())));
    }
    let referrer = Referrer {
        id: resource.id().clone(),
        prefixes: resource.prefixes().to_vec(),
        suffixes: resource.suffixes().to_vec(),
        bound: bound_namespaces(resource)?,
    };
    let role = role(resource.node());
    for (target, spec) in filters {
        let role = role.as_ref().filter(|_| spec.path.ends_with("roleRef/name"));
        let search = Search { candidates, referrer: &referrer, target, role };
        spec.apply_anyway(resource.node_mut(), Create::Never, &mut |node, _| search.set(node)).map_err(|error| {
            error.within(&format!("updating name reference in '{}' field of '{}'", spec.path, referrer.id))
        })?;
    }
    Ok(())
}

/// Namespaces of the service accounts that a role binding names: it may refer to objects there.
///
/// # Errors
/// A subject that is no mapping, and a namespace that is there but no text, whether or not any name has changed.
fn bound_namespaces(resource: &Resource) -> Result<HashSet<String>> {
    let id = resource.id();
    let mut found = HashSet::new();
    if id.cluster || id.gvk.kind != "RoleBinding" {
        return Ok(found);
    }
    for subject in resource.node().get("subjects").and_then(Node::as_sequence).unwrap_or_default() {
        let subject =
            subject.as_mapping().ok_or_else(|| Error::invalid("", format!("a subject of {id} is no mapping")))?;
        let (Some(namespace), Some(kind)) = (subject.get("namespace"), subject.get("kind")) else { continue };
        let kind =
            kind.as_str().ok_or_else(|| Error::invalid("", format!("the kind of a subject of {id} is no text")))?;
        if kind == "ServiceAccount" {
            let blank = || Error::invalid("", format!("Invalid Input: namespace is blank for resource \"{id}\""));
            found.insert(namespace.as_str().ok_or_else(blank)?.to_owned());
        }
    }
    Ok(found)
}

/// Group and kind of the role that a binding means.
fn role(node: &Node) -> Option<Gvk> {
    let reference = node.get("roleRef")?;
    let text = |key: &str| reference.get(key).map(|node| scalar::value(node).to_owned());
    Some(Gvk { group: text("apiGroup")?, version: String::new(), kind: text("kind")? })
}

struct Search<'a> {
    candidates: &'a Candidates,
    referrer: &'a Referrer,
    target: &'a Gvk,
    role: Option<&'a Gvk>,
}

impl Search<'_> {
    fn set(&self, node: &mut Node) -> Result<()> {
        match node {
            Node::Sequence(items) => items.iter_mut().try_for_each(|item| match item {
                Node::Sequence(_) => {
                    Err(Error::invalid("", "a list is expected to be either a string or a map of string"))
                }
                item => self.set_single(item),
            }),
            node => self.set_single(node),
        }
    }

    fn set_single(&self, node: &mut Node) -> Result<()> {
        match node {
            Node::Mapping(mapping) => self.set_mapping(mapping),
            node if node.is_null() => Ok(()),
            node => self.set_scalar(node),
        }
    }

    fn set_scalar(&self, node: &mut Node) -> Result<()> {
        let name = scalar::value(node);
        match self.find(name, None, Candidate::same_name)? {
            Some(found) if found.name != name => scalar::overwrite(node, &found.name),
            _ => Ok(()),
        }
    }

    /// A mapping names an object by `name`, and where it lives by `namespace`.
    fn set_mapping(&self, mapping: &mut Mapping) -> Result<()> {
        let Some(name) = mapping.get("name").map(|name| scalar::value(name).to_owned()) else {
            return Err(Error::invalid("", "path config error; no 'name' field in node"));
        };
        let namespace = mapping.get("namespace").map(|namespace| scalar::value(namespace).to_owned());
        let found = self.find(&name, namespace.as_deref(), Candidate::same_name_and_namespace)?;
        let Some(found) = found.filter(|found| found.name != name || !found.namespace.is_empty()) else {
            return Ok(());
        };
        scalar::set_field(mapping, "name", &found.name);
        if !found.namespace.is_empty() {
            scalar::set_field(mapping, "namespace", &found.namespace);
        }
        Ok(())
    }

    fn find(
        &self,
        name: &str,
        namespace: Option<&str>,
        same: fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>> {
        let mut found = self.candidates.of_name(name, namespace, self.referrer);
        found.retain(|candidate| candidate.was(self.target));
        if let Some(role) = self.role {
            found.retain(|candidate| candidate.was(role));
        }
        found.retain(|candidate| candidate.lives_with(&self.referrer.id));
        if let [only] = found[..] {
            return Ok(Some(only));
        }
        found.retain(|candidate| candidate.may_share_affixes(self.referrer));
        if found.len() > 1 {
            found.retain(|candidate| candidate.shares_affixes(self.referrer));
        }
        match found[..] {
            [] => Ok(None),
            [first, ref rest @ ..] if rest.iter().all(|other| same(first, other)) => Ok(Some(first)),
            _ => Err(self.ambiguous(name, &found)),
        }
    }

    fn ambiguous(&self, name: &str, found: &[&Candidate]) -> Error {
        let ids: Vec<String> = found.iter().map(|candidate| candidate.id.to_string()).collect();
        Error::transform("nameReference", format!("'{name}': found multiple possible referrals: {}", ids.join(", ")))
            .hint("give the objects different names, or build them in kustomizations of their own")
    }
}
