//! A mapping as it is read: keys once, merge keys put in.

use super::ReadError;
use super::compose::{Repeated, Rules};
use super::cursor::Mark;
use super::merge_key;
use crate::node::{Mapping, Node};
use crate::number::Dialect;

/// The fields so far.
pub struct Fields {
    mapping: Mapping,
    merge: Option<Node>,
    rules: Rules,
}

impl Fields {
    pub fn new(rules: Rules) -> Self {
        Self { mapping: Mapping::new(), merge: None, rules }
    }

    pub fn add(&mut self, key: Node, merge: bool, value: Node, mark: Mark) -> Result<(), ReadError> {
        if merge && self.rules.dialect == Dialect::V2 {
            return merge_key::put(&mut self.mapping, value).map_err(|what| mark.error(what));
        }
        if merge {
            let twice = self.merge.replace(value).is_some();
            return if twice { Err(mark.error("duplicate merge key")) } else { Ok(()) };
        }
        let Node::Scalar(key) = key else { return Err(mark.error("invalid map key: only a scalar can be one")) };
        if self.rules.repeated == Repeated::Refused && self.mapping.contains_key(&key.text) {
            return Err(mark.error(format!("mapping key {:?} already defined", key.text)));
        }
        self.mapping.insert_scalar(key, value);
        Ok(())
    }

    pub fn finish(self, mark: Mark) -> Result<Node, ReadError> {
        let mut mapping = self.mapping;
        if let Some(merge) = self.merge {
            merge_key::add(&mut mapping, merge).map_err(|what| mark.error(what))?;
        }
        Ok(Node::Mapping(mapping))
    }
}
