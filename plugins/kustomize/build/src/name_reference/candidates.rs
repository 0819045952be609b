//! The objects that a name may mean, found by their former names.

use std::collections::{HashMap, HashSet};

use crate::id::{Gvk, Id};
use crate::resources::Resources;

/// An object that had another name or place before.
#[derive(Debug)]
pub struct Candidate {
    pub id: Id,
    pub name: String,
    pub namespace: String,
    previous: Vec<Id>,
    original_namespace: String,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// Who names an object.
#[derive(Debug)]
pub struct Referrer {
    pub id: Id,
    pub prefixes: Vec<String>,
    pub suffixes: Vec<String>,
    /// Other namespaces that it may refer to.
    pub bound: HashSet<String>,
}

/// All objects, by former name and by namespace.
#[derive(Debug)]
pub struct Candidates {
    all: Vec<Candidate>,
    by_name: HashMap<String, Vec<usize>>,
    by_original_namespace: HashMap<String, Vec<usize>>,
}

impl Candidates {
    pub fn new(resources: &Resources) -> Self {
        let mut candidates = Self { all: Vec::new(), by_name: HashMap::new(), by_original_namespace: HashMap::new() };
        for (at, resource) in resources.iter().enumerate() {
            let id = resource.id();
            let names: HashSet<&str> = resource.previous().iter().map(|id| id.name.as_str()).collect();
            for name in names {
                candidates.by_name.entry(name.to_owned()).or_default().push(at);
            }
            let original_namespace = resource.original().effective_namespace().to_owned();
            candidates.by_original_namespace.entry(original_namespace.clone()).or_default().push(at);
            candidates.all.push(Candidate {
                id: id.clone(),
                name: id.name.clone(),
                namespace: id.namespace.clone(),
                previous: resource.previous().to_vec(),
                original_namespace,
                prefixes: resource.prefixes().to_vec(),
                suffixes: resource.suffixes().to_vec(),
            });
        }
        candidates
    }

    /// The objects of a former name that `referrer` may refer to at all, in their order. `namespace` is the one that
    /// the reference names: where any object came from there, former namespaces count, else present ones.
    pub fn of_name(&self, name: &str, namespace: Option<&str>, referrer: &Referrer) -> Vec<&Candidate> {
        let Some(places) = self.by_name.get(name) else { return Vec::new() };
        let in_reach = places.iter().filter_map(|at| self.all.get(*at)).filter(|candidate| referrer.reaches(candidate));
        let Some(namespace) = namespace else { return in_reach.collect() };
        let origins = self.by_original_namespace.get(namespace).into_iter().flatten();
        let by_origin = origins.filter_map(|at| self.all.get(*at)).any(|candidate| referrer.reaches(candidate));
        let lives = |candidate: &&Candidate| match by_origin {
            true => candidate.original_namespace == namespace,
            false => candidate.id.effective_namespace() == namespace,
        };
        in_reach.filter(lives).collect()
    }
}

impl Referrer {
    fn reaches(&self, candidate: &Candidate) -> bool {
        self.id.cluster
            || candidate.id.cluster
            || self.id.effective_namespace() == candidate.id.effective_namespace()
            || self.bound.contains(&candidate.namespace)
    }
}

impl Candidate {
    /// Whether it ever was of a kind.
    pub fn was(&self, gvk: &Gvk) -> bool {
        self.previous.iter().any(|id| id.gvk.is_selected(gvk))
    }

    /// In the namespace of who names it, or in none; service accounts may be anywhere.
    pub fn lives_with(&self, referrer: &Id) -> bool {
        referrer.cluster
            || self.id.cluster
            || self.id.gvk.kind == "ServiceAccount"
            || self.id.effective_namespace() == referrer.effective_namespace()
    }

    /// The same last prefixes and suffixes; having none agrees with all.
    pub fn may_share_affixes(&self, referrer: &Referrer) -> bool {
        let agree =
            |mine: &[String], theirs: &[String]| mine.is_empty() || theirs.is_empty() || same_ending(mine, theirs);
        agree(&self.prefixes, &referrer.prefixes) && agree(&self.suffixes, &referrer.suffixes)
    }

    /// The same last prefixes and suffixes.
    pub fn shares_affixes(&self, referrer: &Referrer) -> bool {
        same_ending(&self.prefixes, &referrer.prefixes) && same_ending(&self.suffixes, &referrer.suffixes)
    }

    pub fn same_name(&self, other: &Candidate) -> bool {
        self.name == other.name
    }

    pub fn same_name_and_namespace(&self, other: &Candidate) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }
}

/// Whether the shorter list ends the longer one. An empty list ends only an empty one.
fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() > b.len() { (b, a) } else { (a, b) };
    long.ends_with(short) && (!short.is_empty() || long.is_empty())
}
