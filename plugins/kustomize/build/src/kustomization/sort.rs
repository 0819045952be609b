//! `sortOptions:`.

use kustomize_yaml::Node;

use crate::decode::{Fields, Mode};
use crate::error::{Error, Result};
use crate::order;

/// The order of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// As the objects came.
    Fifo,
    /// By kind: the first ones, all others, the last ones.
    Legacy { first: Vec<String>, last: Vec<String> },
}

/// What `sortOptions:` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortOptions {
    pub order: Order,
}

impl Order {
    /// What kustomize sorts by when nothing is said.
    pub fn legacy() -> Self {
        let owned = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Self::Legacy { first: owned(order::FIRST), last: owned(order::LAST) }
    }
}

impl SortOptions {
    /// From a mapping.
    ///
    /// # Errors
    /// An order that is not known, and options of another order.
    pub fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["order", "legacySortOptions"])?;
        let legacy = fields.object("legacySortOptions", |node, place| {
            let fields = Fields::new(node, place, mode, &["orderFirst", "orderLast"])?;
            Ok(Order::Legacy { first: fields.strings("orderFirst")?, last: fields.strings("orderLast")? })
        })?;
        let order = match (fields.string("order")?.as_str(), legacy) {
            ("legacy", legacy) => legacy.unwrap_or_else(Order::legacy),
            ("fifo", None) => Order::Fifo,
            ("fifo", Some(_)) => {
                let what = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo'";
                return Err(Error::invalid("", what));
            }
            _ => return Err(Error::invalid("", "the field 'sortOptions.order' must be one of [fifo, legacy]")),
        };
        Ok(Self { order })
    }
}
