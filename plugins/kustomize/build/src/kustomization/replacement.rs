//! Entries of `replacements:`.

use kustomize_yaml::Node;

use super::patch::{Selector, decode_id};
use crate::decode::{Fields, Mode};
use crate::error::Result;
use crate::id::Id;

/// How a field is read or written: a part of it, or as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldOptions {
    pub delimiter: String,
    pub index: i64,
    pub create: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    pub id: Id,
    pub field_path: String,
    pub options: FieldOptions,
}

/// Where a value goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    pub select: Option<Selector>,
    pub reject: Vec<Selector>,
    pub field_paths: Vec<String>,
    pub options: FieldOptions,
}

/// A value that is copied from one object into others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replacement {
    pub source: Option<Source>,
    pub targets: Option<Vec<Target>>,
}

/// A replacement, or the file that holds one or many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplacementField {
    pub replacement: Replacement,
    pub path: String,
}

impl ReplacementField {
    /// An entry of a kustomization.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        Self::decode_as(node, place, Mode::Strict)
    }

    /// The same in a plugin's configuration.
    pub fn decode_as(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["path", "source", "targets"])?;
        Ok(Self { path: fields.string("path")?, replacement: Replacement::from_fields(&fields, mode)? })
    }
}

impl Replacement {
    /// From a mapping with `source` and `targets`, as in a file of their own.
    pub fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        Self::from_fields(&Fields::new(node, place, mode, &["source", "targets"])?, mode)
    }

    fn from_fields(fields: &Fields<'_>, mode: Mode) -> Result<Self> {
        let targets = fields.list("targets", |node, place| Target::decode(node, place, mode))?;
        Ok(Self {
            source: fields.object("source", |node, place| Source::decode(node, place, mode))?,
            targets: fields.get("targets").map(|_| targets),
        })
    }
}

impl Source {
    fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let known = ["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
        let fields = Fields::new(node, place, mode, &known)?;
        Ok(Self {
            id: decode_id(&fields)?,
            field_path: fields.string("fieldPath")?,
            options: FieldOptions::decode(&fields, mode)?,
        })
    }
}

impl Target {
    fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["select", "reject", "fieldPaths", "options"])?;
        let selector = |node: &Node, place: &str| Selector::decode(node, place, mode);
        Ok(Self {
            select: fields.object("select", selector)?,
            reject: fields.list("reject", selector)?,
            field_paths: fields.strings("fieldPaths")?,
            options: FieldOptions::decode(&fields, mode)?,
        })
    }
}

impl FieldOptions {
    fn decode(fields: &Fields<'_>, mode: Mode) -> Result<Self> {
        let options = fields.object("options", |node, place| {
            let fields = Fields::new(node, place, mode, &["delimiter", "index", "encoding", "create"])?;
            // `encoding` is read and has no effect, as in kustomize.
            fields.string("encoding")?;
            let (delimiter, index) = (fields.string("delimiter")?, fields.int("index")?);
            Ok(Self { delimiter, index, create: fields.bool("create")? })
        });
        Ok(options?.unwrap_or_default())
    }
}
