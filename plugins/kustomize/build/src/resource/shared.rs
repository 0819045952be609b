//! Values that follow one another. kyaml sets a label in several places with one node in memory; whoever changes one
//! of them later changes all. That shows in the output (an overlay that changes a label of the metadata changes the
//! selector of its base as well), so it is kept here: as places in the tree, since trees here do not share.

use kustomize_yaml::{Kind, Node, Scalar, Tag};

use crate::error::{Error, Result};
use crate::fieldspec::{Step, follow};
use crate::scalar;

/// Deepest place that is remembered.
const MAX_STEPS: usize = 32;

/// One key and value on their way into an object.
#[derive(Debug)]
pub struct Entry {
    key: String,
    value: String,
    /// Where the key is new: these share one value from now on.
    created: Vec<Vec<Step>>,
    /// Where the key was there before.
    overwritten: Vec<Vec<Step>>,
}

impl Entry {
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), created: Vec::new(), overwritten: Vec::new() }
    }

    /// Sets the entry in a mapping that stands at `place`.
    ///
    /// # Errors
    /// Anything but a mapping or null.
    pub fn set(&mut self, node: &mut Node, place: &[Step]) -> Result<()> {
        if node.is_null() {
            return Ok(());
        }
        let shape = node.shape();
        let Node::Mapping(mapping) = node else {
            let what = format!("wrong node kind: expected mapping but got {shape}");
            return Err(Error::invalid("", what));
        };
        let mut at = place.to_vec();
        at.push(Step::Key(self.key.clone()));
        match mapping.get_mut(&self.key) {
            Some(Node::Scalar(scalar)) => {
                scalar.text.clone_from(&self.value);
                scalar.kind = Kind::Str;
                scalar.tag = Tag::Set;
                self.overwritten.push(at);
            }
            Some(other) => *other = scalar::fresh(&self.value),
            None => {
                mapping.insert(self.key.as_str(), scalar::fresh(&self.value));
                self.created.push(at);
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
struct Group {
    places: Vec<Vec<Step>>,
    value: Scalar,
}

/// All values of an object that are shared.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    groups: Vec<Group>,
}

impl Groups {
    /// Notes what `entry` shares, and lets older shared values follow it.
    pub fn settle(&mut self, node: &mut Node, entry: Entry) {
        let touched = |group: &&mut Group| entry.overwritten.iter().any(|place| group.places.contains(place));
        for group in self.groups.iter_mut().filter(touched) {
            group.value = Scalar::string(entry.value.as_str());
            group.write(node);
        }
        let mut places = entry.created;
        places.retain(|place| place.len() <= MAX_STEPS);
        if places.len() > 1 {
            self.groups.retain_mut(|group| {
                group.places.retain(|place| !places.contains(place));
                group.places.len() > 1
            });
            self.groups.push(Group { places, value: Scalar::string(entry.value) });
        }
    }

    /// The values below `keys` were made anew: they share nothing any more.
    pub fn forget(&mut self, keys: &[&str]) {
        let below = |place: &Vec<Step>| {
            keys.iter().zip(place).all(|(key, step)| matches!(step, Step::Key(name) if name == key))
        };
        for group in &mut self.groups {
            group.places.retain(|place| !below(place));
        }
        self.groups.retain(|group| group.places.len() > 1);
    }

    /// Lets all of a group follow the one that was changed last, in the order in which kyaml merges.
    pub fn follow(&mut self, node: &mut Node) {
        for group in &mut self.groups {
            group.places.retain(|place| matches!(follow(node, place), Some(Node::Scalar(_))));
            let mut places: Vec<&Vec<Step>> = group.places.iter().collect();
            places.sort_by_key(|place| format!("{place:?}"));
            let mut changed = None;
            for place in places {
                if let Some(Node::Scalar(scalar)) = follow(node, place)
                    && *scalar != group.value
                {
                    changed = Some(scalar.clone());
                }
            }
            if let Some(value) = changed {
                group.value = value;
                group.write(node);
            }
        }
        self.groups.retain(|group| group.places.len() > 1);
    }
}

impl Group {
    fn write(&self, node: &mut Node) {
        for place in &self.places {
            if let Some(Node::Scalar(scalar)) = follow(node, place) {
                *scalar = Scalar { style: scalar.style, ..self.value.clone() };
            }
        }
    }
}
