//! Mappings: field by field.

use std::collections::HashSet;

use super::directive::{self, Directive};
use super::{MergeError, Outcome, Settled, Walker, quote, set_field};
use crate::node::{Mapping, Node};
use crate::schema::Known;

impl<'s> Walker<'s> {
    pub(super) fn map(
        self,
        dest: Option<&mut Node>,
        origin: Option<&mut Node>,
        known: Option<Known<'s>>,
    ) -> Result<Outcome, MergeError> {
        let dest = dest.and_then(Node::as_mapping_mut);
        match (dest, origin) {
            (None, Some(Node::Mapping(origin))) => {
                // An unknown directive is no error here, and stays.
                if directive::of_mapping(origin) == Ok(Directive::Delete) {
                    return Ok(Outcome::Clear);
                }
                self.settle_fields(origin, known)?;
                Ok(Outcome::Origin)
            }
            (Some(dest), None) => {
                self.fields(dest, None, known)?;
                Ok(Outcome::Dest)
            }
            (Some(dest), Some(Node::Mapping(origin))) => match directive::of_mapping(origin)? {
                Directive::Delete => Ok(Outcome::Clear),
                Directive::Replace => {
                    self.settle_fields(origin, known)?;
                    Ok(Outcome::Origin)
                }
                Directive::Merge => {
                    self.fields(dest, Some(origin), known)?;
                    Ok(Outcome::Dest)
                }
            },
            // The patch has a null.
            _ => Ok(Outcome::Clear),
        }
    }

    fn fields(
        self,
        dest: &mut Mapping,
        mut origin: Option<&mut Mapping>,
        known: Option<Known<'s>>,
    ) -> Result<(), MergeError> {
        let mut cleared = HashSet::new();
        for (key, value) in dest.iter_mut() {
            let patch = origin.as_mut().and_then(|origin| origin.get_mut(&key.text));
            let known = known.and_then(|known| known.field(&key.text));
            match patch {
                None => match self.walk(Some(value), None, known)? {
                    Outcome::Clear => {
                        cleared.insert(key.text.clone());
                    }
                    Outcome::Dest | Outcome::Origin => quote(value),
                },
                Some(patch) => match self.walk(Some(value), Some(patch), known)? {
                    Outcome::Clear => {
                        cleared.insert(key.text.clone());
                    }
                    Outcome::Dest => quote(value),
                    Outcome::Origin => replace(value, patch),
                },
            }
        }
        if !cleared.is_empty() {
            dest.retain(|key, _| !cleared.contains(&key.text));
        }
        match origin {
            Some(origin) => self.new_fields(dest, origin, &cleared, known),
            None => Ok(()),
        }
    }

    fn new_fields(
        self,
        dest: &mut Mapping,
        origin: &mut Mapping,
        cleared: &HashSet<String>,
        known: Option<Known<'s>>,
    ) -> Result<(), MergeError> {
        for (key, value) in origin.iter_mut() {
            if dest.contains_key(&key.text) || cleared.contains(&key.text) {
                continue;
            }
            let known = known.and_then(|known| known.field(&key.text));
            if self.walk(None, Some(value), known)? == Outcome::Origin {
                set_field(dest, key.clone(), value.clone());
            }
        }
        Ok(())
    }

    pub(super) fn settle_map(self, node: &mut Node, known: Option<Known<'s>>) -> Result<Settled, MergeError> {
        let Node::Mapping(fields) = node else { return Ok(Settled::Kept) };
        if directive::of_mapping(fields)? == Directive::Delete {
            return Ok(Settled::Cleared);
        }
        self.settle_fields(fields, known)?;
        Ok(Settled::Kept)
    }

    fn settle_fields(self, fields: &mut Mapping, known: Option<Known<'s>>) -> Result<(), MergeError> {
        let mut cleared = HashSet::new();
        for (key, value) in fields.iter_mut() {
            let known = known.and_then(|known| known.field(&key.text));
            match self.settle(value, known)? {
                Settled::Cleared => {
                    cleared.insert(key.text.clone());
                }
                Settled::Kept => quote(value),
            }
        }
        if !cleared.is_empty() {
            fields.retain(|key, _| !cleared.contains(&key.text));
        }
        Ok(())
    }
}

/// As [`set_field`] does it.
fn replace(value: &mut Node, patch: &Node) {
    let style = super::style_of(value);
    *value = patch.clone();
    if let Node::Scalar(scalar) = value {
        scalar.style = style;
    }
}
