//! A value as anybody may see it. What is secret in it is gone already: what is left of it is a fingerprint, which says
//! whether it changed and is never shown.

use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// What stands where a secret was.
pub const HIDDEN: &str = "(sensitive value)";

/// A value without its secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// There is no such attribute.
    Absent,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Text),
    /// A list, set or tuple.
    List(Vec<Shown>),
    /// A map or object.
    Map(BTreeMap<String, Shown>),
    /// A secret, by its fingerprint.
    Sensitive(u64),
    /// Known after apply.
    Unknown,
}

/// A text, in which secrets may have been hidden.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What can be shown.
    pub text: String,
    /// Tells two texts apart that differ in what was hidden; 0 where nothing was.
    pub fingerprint: u64,
}

impl Shown {
    /// Whether there is nothing to show.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// Whether it holds no others.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// The value with [`HIDDEN`] for secrets, and without what is not known.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Absent | Self::Null | Self::Unknown => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(value.clone()),
            Self::Text(text) => Value::String(text.text.clone()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(items) => Value::Object(fields(items, |item| {
                (!matches!(item, Self::Absent | Self::Unknown)).then(|| item.to_json())
            })),
            Self::Sensitive(_) => HIDDEN.into(),
        }
    }

    /// The tree of what is not known, as Terraform writes it: `true`, or containers that hold one.
    pub fn unknown(&self) -> Value {
        self.marks(&|item| matches!(item, Self::Unknown)).unwrap_or(Value::Bool(false))
    }

    /// The tree of what is secret, as Terraform writes it.
    pub fn sensitive(&self) -> Value {
        self.marks(&|item| matches!(item, Self::Sensitive(_))).unwrap_or(Value::Bool(false))
    }

    fn marks(&self, wanted: &impl Fn(&Self) -> bool) -> Option<Value> {
        if wanted(self) {
            return Some(Value::Bool(true));
        }
        match self {
            Self::List(items) => {
                let marks: Vec<Option<Value>> = items.iter().map(|item| item.marks(wanted)).collect();
                marks
                    .iter()
                    .any(Option::is_some)
                    .then(|| marks.into_iter().map(|mark| mark.unwrap_or(Value::Bool(false))).collect())
            }
            Self::Map(items) => {
                let marks = fields(items, |item| item.marks(wanted));
                (!marks.is_empty()).then_some(Value::Object(marks))
            }
            _ => None,
        }
    }
}

fn fields(items: &BTreeMap<String, Shown>, each: impl Fn(&Shown) -> Option<Value>) -> Map<String, Value> {
    items.iter().filter_map(|(key, item)| Some((key.clone(), each(item)?))).collect()
}
