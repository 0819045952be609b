//! Lists: replaced, or merged item by item where the schema says by which keys.

use super::directive::{self, Directive};
use super::element::{self, Match, value_text};
use super::{MergeError, Outcome, Settled, Walker};
use crate::node::{Node, Scalar};
use crate::schema::Known;

/// Values of the merge keys of one item.
type Values = Vec<String>;

/// All items of both lists, and which of them stand in which list. Items are shared between lists, as kyaml's are.
struct Items {
    all: Vec<Node>,
    dest: Vec<usize>,
    origin: Origin,
    added: Vec<usize>,
}

enum Origin {
    Missing,
    Own(Vec<usize>),
    /// The list of the patch is the target.
    Dest,
}

impl<'s> Walker<'s> {
    pub(super) fn list(
        self,
        dest: Option<&mut Node>,
        origin: Option<&mut Node>,
        known: Option<Known<'s>>,
    ) -> Result<Outcome, MergeError> {
        let Some(keys) = known.and_then(|known| known.merge_keys()) else {
            return Ok(if origin.is_some() { super::overriding(origin) } else { Outcome::Dest });
        };
        let item = known.and_then(|known| known.items());
        match (dest.and_then(Node::as_sequence_mut), origin) {
            (None, Some(Node::Sequence(origin))) => {
                self.merge_items(origin, None, keys, item)?;
                Ok(Outcome::Origin)
            }
            (Some(dest), None) => {
                *dest = self.merged(Items::new(std::mem::take(dest), &[]), keys, item)?;
                Ok(Outcome::Dest)
            }
            (Some(dest), Some(Node::Sequence(origin))) => match directive::of_list(origin)? {
                Directive::Delete => Ok(Outcome::Clear),
                Directive::Replace => {
                    self.merge_items(origin, None, keys, item)?;
                    Ok(Outcome::Origin)
                }
                Directive::Merge => {
                    self.merge_items(dest, Some(origin), keys, item)?;
                    Ok(Outcome::Dest)
                }
            },
            _ => Ok(Outcome::Clear),
        }
    }

    pub(super) fn settle_list(self, items: &mut Vec<Node>, known: Option<Known<'s>>) -> Result<Settled, MergeError> {
        let Some(keys) = known.and_then(|known| known.merge_keys()) else { return Ok(Settled::Kept) };
        if directive::of_list(items)? == Directive::Delete {
            return Ok(Settled::Cleared);
        }
        self.merge_items(items, None, keys, known.and_then(|known| known.items()))?;
        Ok(Settled::Kept)
    }

    /// Merges `origin` into `dest`, or `dest` with itself.
    fn merge_items(
        self,
        dest: &mut Vec<Node>,
        origin: Option<&Vec<Node>>,
        keys: &[String],
        known: Option<Known<'s>>,
    ) -> Result<(), MergeError> {
        let mut items = Items::new(std::mem::take(dest), origin.map_or(&[], Vec::as_slice));
        items.origin = match origin {
            Some(_) => Origin::Own((items.dest.len()..items.all.len()).collect()),
            None => Origin::Dest,
        };
        *dest = self.merged(items, keys, known)?;
        Ok(())
    }

    fn merged(self, mut items: Items, keys: &[String], known: Option<Known<'s>>) -> Result<Vec<Node>, MergeError> {
        let plain = [String::new()];
        let (keys, mut found) =
            if keys.is_empty() { (&plain[..], items.plain_values()) } else { (keys, items.values(keys)) };
        if keys.len() > 1 {
            complete(&mut found);
        }
        let mut used: Vec<String> = Vec::new();
        for at in 0..found.len() {
            let values;
            (used, values) = present(&found, &found[at], keys);
            self.merge_item(&mut items, &used, &values, known)?;
        }
        if found.is_empty() {
            return Ok(items.take_dest());
        }
        items.append_dest(&used)?;
        Ok(items.take_added())
    }

    fn merge_item(
        self,
        items: &mut Items,
        keys: &[String],
        values: &[String],
        known: Option<Known<'s>>,
    ) -> Result<(), MergeError> {
        let (own_keys, own_values) = present(&[values.to_vec()], values, keys);
        let dest = items.find(&items.dest, &own_keys, &own_values);
        let result = match &items.origin {
            Origin::Missing => self.walk_pair(items, dest, None, known)?,
            Origin::Own(list) => {
                let origin = items.find(list, &own_keys, &own_values);
                self.walk_pair(items, dest, origin, known)?
            }
            Origin::Dest => match dest {
                Some(at) => (self.settle(&mut items.all[at], known)? == Settled::Kept).then_some(at),
                None => None,
            },
        };
        let result = result.filter(|at| !items.all[*at].is_null() && !is_empty_mapping(&items.all[*at]));
        let Some(at) = result else { return items.remove_from_dest(keys, values) };
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            give_key(&mut items.all[at], key, value)?;
        }
        items.add(at, keys, values)
    }

    /// Merges two items and returns the place of the one that holds the result.
    fn walk_pair(
        self,
        items: &mut Items,
        dest: Option<usize>,
        origin: Option<usize>,
        known: Option<Known<'s>>,
    ) -> Result<Option<usize>, MergeError> {
        let mut take = |at: Option<usize>| at.map(|at| std::mem::replace(&mut items.all[at], Node::null()));
        let (mut left, mut right) = (take(dest), take(origin));
        let outcome = self.walk(left.as_mut(), right.as_mut(), known);
        for (at, node) in [(dest, left), (origin, right)] {
            if let (Some(at), Some(node)) = (at, node) {
                items.all[at] = node;
            }
        }
        Ok(match outcome? {
            Outcome::Dest => dest,
            Outcome::Origin => origin,
            Outcome::Clear => None,
        })
    }
}

fn is_empty_mapping(node: &Node) -> bool {
    node.as_mapping().is_some_and(|fields| fields.is_empty())
}

/// An item has the keys it was found by. A plain value is written anew, which keeps its quotes and forgets its tag.
fn give_key(item: &mut Node, key: &str, value: &str) -> Result<(), MergeError> {
    match item {
        Node::Mapping(fields) if fields.contains_key(key) => Ok(()),
        Node::Mapping(fields) => {
            fields.insert(key, Node::plain(value));
            Ok(())
        }
        Node::Scalar(scalar) if key.is_empty() => {
            *scalar = Scalar::untagged(value, scalar.style);
            Ok(())
        }
        _ => Err(MergeError::Item { shape: item.shape() }),
    }
}

/// Those keys that any item has, with the values of this one. All keys, where no item has any.
fn present(all: &[Values], values: &[String], keys: &[String]) -> (Vec<String>, Values) {
    let has = |at: usize| all.iter().any(|values| values.get(at).is_some_and(|value| !value.is_empty()));
    if !(0..keys.len()).any(has) {
        return (keys.to_vec(), values.to_vec());
    }
    let pairs = keys.iter().zip(values).enumerate().filter(|(at, _)| has(*at));
    pairs.map(|(_, (key, value))| (key.clone(), value.clone())).unzip()
}

/// Two items that agree in one key and differ only in that one of them lacks the other are one item.
fn complete(all: &mut [Values]) {
    for i in 0..all.len() {
        let one = all[i].clone();
        for j in 0..all.len() {
            if let Some(both) = union(&one, &all[j]) {
                all[i].clone_from(&both);
                all[j] = both;
            }
        }
    }
}

fn union(one: &[String], other: &[String]) -> Option<Values> {
    let mut common = false;
    let mut both = Vec::with_capacity(one.len());
    for (a, b) in one.iter().zip(other) {
        common |= a == b;
        if a != b && !a.is_empty() && !b.is_empty() {
            return None;
        }
        both.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(both)
}

impl Items {
    fn new(dest: Vec<Node>, origin: &[Node]) -> Self {
        let places = (0..dest.len()).collect();
        let mut all = dest;
        all.extend_from_slice(origin);
        Self { all, dest: places, origin: Origin::Missing, added: Vec::new() }
    }

    /// The places of all items, those of the patch first.
    fn in_order(&self) -> Vec<usize> {
        match &self.origin {
            Origin::Own(list) => list.iter().chain(&self.dest).copied().collect(),
            Origin::Missing | Origin::Dest => self.dest.clone(),
        }
    }

    fn values(&self, keys: &[String]) -> Vec<Values> {
        distinct(self.in_order().into_iter().map(|at| element::values(&self.all[at], keys)))
    }

    fn plain_values(&self) -> Vec<Values> {
        distinct(self.in_order().into_iter().map(|at| vec![value_text(&self.all[at]).to_owned()]))
    }

    fn find(&self, list: &[usize], keys: &[String], values: &[String]) -> Option<usize> {
        let items = list.iter().map(|at| &self.all[*at]);
        element::position(items, keys, values).and_then(|at| list.get(at).copied())
    }

    fn remove_from_dest(&mut self, keys: &[String], values: &[String]) -> Result<(), MergeError> {
        self.dest = self.without(&self.dest, keys, values)?;
        Ok(())
    }

    fn without(&self, list: &[usize], keys: &[String], values: &[String]) -> Result<Vec<usize>, MergeError> {
        let mut kept = Vec::with_capacity(list.len());
        for at in list {
            if element::compare(&self.all[*at], keys, values)? == Match::Other {
                kept.push(*at);
            }
        }
        Ok(kept)
    }

    /// Puts an item in the place of those that match, or at the end. Without values nothing else stays.
    fn add(&mut self, item: usize, keys: &[String], values: &[String]) -> Result<(), MergeError> {
        let mut list = Vec::with_capacity(self.added.len() + 1);
        let mut placed = false;
        for at in &self.added {
            match element::compare(&self.all[*at], keys, values)? {
                Match::Void => {}
                Match::Other if values.is_empty() => {}
                Match::Other => list.push(*at),
                Match::Found => {
                    placed = true;
                    list.push(item);
                }
            }
        }
        if !placed && !self.all[item].is_null() {
            list.push(item);
        }
        self.added = list;
        Ok(())
    }

    /// The items of the target go behind those of the patch, each in the place of its like.
    fn append_dest(&mut self, keys: &[String]) -> Result<(), MergeError> {
        for item in std::mem::take(&mut self.dest) {
            if keys.first().is_some_and(String::is_empty) {
                let value = value_text(&self.all[item]).to_owned();
                self.add(item, keys, &[value])?;
                continue;
            }
            let mut values = Values::new();
            for key in keys {
                match self.key_of(item, key)? {
                    Some(value) => values.push(value),
                    None => self.added.push(item),
                }
            }
            if keys.len() > 1 {
                self.added = self.without(&self.added, keys, &values)?;
            }
            self.add(item, keys, &values)?;
        }
        Ok(())
    }

    fn key_of(&self, item: usize, key: &str) -> Result<Option<String>, MergeError> {
        match &self.all[item] {
            Node::Mapping(fields) => Ok(fields.get(key).map(|value| value_text(value).to_owned())),
            node if node.is_null() => Ok(None),
            node => Err(MergeError::Item { shape: node.shape() }),
        }
    }

    fn take_dest(mut self) -> Vec<Node> {
        self.added = std::mem::take(&mut self.dest);
        self.take_added()
    }

    fn take_added(mut self) -> Vec<Node> {
        let mut left: Vec<usize> = vec![0; self.all.len()];
        self.added.iter().for_each(|at| left[*at] += 1);
        let mut list = Vec::with_capacity(self.added.len());
        for at in self.added {
            left[at] -= 1;
            let last = left[at] == 0;
            list.push(if last { std::mem::replace(&mut self.all[at], Node::null()) } else { self.all[at].clone() });
        }
        list
    }
}

fn distinct(all: impl Iterator<Item = Values>) -> Vec<Values> {
    let mut seen = std::collections::HashSet::new();
    all.filter(|values| seen.insert(values.clone())).collect()
}
