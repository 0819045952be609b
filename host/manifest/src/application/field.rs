//! What is known of each field of Argo CD's format, as data: one table per mapping says its keys, their shapes, and
//! which of three outcomes each has. The reader's checks, the JSON Schema and a test of the book all go by it, so that
//! none of them can say something else than the others.

/// A key of a mapping.
pub(crate) struct Field {
    /// The key.
    pub(crate) key: &'static str,
    /// What it says.
    pub(crate) about: &'static str,
    /// What its value may be.
    pub(crate) shape: Shape,
    /// What becomes of it.
    pub(crate) outcome: Outcome,
    /// Whether it must be there.
    pub(crate) need: Need,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Truth,
    Whole,
    WholeOrText,
    Texts,
    TextMap,
    /// A mapping with these keys.
    Object(&'static [Field]),
    /// A list of mappings with these keys.
    Objects(&'static [Field]),
    /// A mapping with any keys and values.
    AnyMap,
    Anything,
}

/// What becomes of a field that is written.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// It does what it does in Argo CD.
    Honoured,
    /// It is the state of a server, which a file may carry and nobody reads.
    Ignored,
    /// It has no effect, and nothing can be harmed by that: a warning. Why.
    Warned(&'static str),
    /// It has no effect, and what it guards or changes is too much to go on without it: an error. Why.
    Refused(&'static str),
}

/// Whether a key must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

const fn field(key: &'static str, about: &'static str, shape: Shape) -> Field {
    Field { key, about, shape, outcome: Outcome::Honoured, need: Need::Optional }
}

pub(crate) const fn text(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::Text)
}

pub(crate) const fn truth(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::Truth)
}

pub(crate) const fn whole(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::Whole)
}

pub(crate) const fn whole_or_text(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::WholeOrText)
}

pub(crate) const fn texts(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::Texts)
}

pub(crate) const fn text_map(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::TextMap)
}

pub(crate) const fn any_map(key: &'static str, about: &'static str) -> Field {
    field(key, about, Shape::AnyMap)
}

pub(crate) const fn object(key: &'static str, about: &'static str, keys: &'static [Field]) -> Field {
    field(key, about, Shape::Object(keys))
}

pub(crate) const fn objects(key: &'static str, about: &'static str, keys: &'static [Field]) -> Field {
    field(key, about, Shape::Objects(keys))
}

/// The state of a server.
pub(crate) const fn state(key: &'static str) -> Field {
    Field { outcome: Outcome::Ignored, ..field(key, "State of a server; not read.", Shape::Anything) }
}

/// A field that is not honoured and guards, whatever is in it.
pub(crate) const fn refused(key: &'static str, about: &'static str, why: &'static str) -> Field {
    field(key, about, Shape::Anything).refused(why)
}

/// A field that has no effect, whatever is in it.
pub(crate) const fn warned(key: &'static str, about: &'static str, why: &'static str) -> Field {
    field(key, about, Shape::Anything).warned(why)
}

impl Field {
    pub(crate) const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    pub(crate) const fn refused(mut self, why: &'static str) -> Self {
        self.outcome = Outcome::Refused(why);
        self
    }

    pub(crate) const fn warned(mut self, why: &'static str) -> Self {
        self.outcome = Outcome::Warned(why);
        self
    }
}

/// Every key that a file of Argo CD's may have, those of servers apart.
#[cfg(test)]
pub(crate) fn keys_for_the_book() -> Vec<&'static str> {
    fn add(keys: &[Field], found: &mut std::collections::BTreeSet<&'static str>) {
        for field in keys.iter().filter(|field| !matches!(field.outcome, Outcome::Ignored)) {
            found.insert(field.key);
            if let Shape::Object(inner) | Shape::Objects(inner) = field.shape {
                add(inner, found);
            }
        }
    }
    let mut found = std::collections::BTreeSet::new();
    add(super::fields::APPLICATION, &mut found);
    add(super::fields::PROJECT, &mut found);
    found.into_iter().collect()
}
