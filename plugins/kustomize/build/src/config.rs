//! The transformer configuration: which fields of which kinds each transformation means. The built-in tables, what
//! `configurations:` and `crds:` add, and the merging of those.

mod crds;
mod tables;

use std::rc::Rc;
use std::sync::OnceLock;

use kustomize_yaml::Node;

pub use crds::from_crds;

use crate::decode::{Fields, Mode};
use crate::error::Result;
use crate::fieldspec::{FieldSpec, merge_all};
use crate::id::Gvk;
use crate::order;

/// Which fields name objects of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameReference {
    /// The kind that is named.
    pub target: Gvk,
    /// Who names it, and where.
    pub referrers: Vec<FieldSpec>,
}

/// All field specs of one kustomization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    pub name_prefix: Vec<FieldSpec>,
    pub name_suffix: Vec<FieldSpec>,
    pub namespace: Vec<FieldSpec>,
    pub common_labels: Vec<FieldSpec>,
    pub labels: Vec<FieldSpec>,
    pub template_labels: Vec<FieldSpec>,
    pub common_annotations: Vec<FieldSpec>,
    pub name_references: Vec<NameReference>,
    pub var_references: Vec<FieldSpec>,
    pub images: Vec<FieldSpec>,
    pub replicas: Vec<FieldSpec>,
}

const KEYS: &[&str] = &[
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "nameReference",
    "varReference",
    "images",
    "replicas",
];

impl Config {
    /// What kustomize does without any configuration.
    pub fn builtin() -> &'static Config {
        static BUILTIN: OnceLock<Config> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let mut config = tables::builtin();
            config.sort();
            config
        })
    }

    /// A file of `configurations:`.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        let fields = Fields::new(node, place, Mode::Converting, KEYS)?;
        let specs = |name: &str| fields.list(name, |item, at| FieldSpec::decode(item, at, Mode::Converting));
        let mut config = Self {
            name_prefix: specs("namePrefix")?,
            name_suffix: specs("nameSuffix")?,
            namespace: specs("namespace")?,
            common_labels: specs("commonLabels")?,
            labels: specs("labels")?,
            template_labels: specs("templateLabels")?,
            common_annotations: specs("commonAnnotations")?,
            name_references: fields.list("nameReference", NameReference::decode)?,
            var_references: specs("varReference")?,
            images: specs("images")?,
            replicas: specs("replicas")?,
        };
        config.sort();
        Ok(config)
    }

    /// Adds what `more` has and this has not.
    ///
    /// # Errors
    /// Field specs of one path that differ in `create`.
    pub fn merge(&mut self, more: &Config) -> Result<()> {
        for (mine, theirs) in self.lists_mut().into_iter().zip(more.lists()) {
            merge_all(mine, theirs)?;
        }
        for reference in &more.name_references {
            self.merge_reference(reference)?;
        }
        self.sort();
        Ok(())
    }

    fn merge_reference(&mut self, reference: &NameReference) -> Result<()> {
        let mut known = self.name_references.iter_mut().filter(|known| known.target == reference.target).peekable();
        if known.peek().is_some() {
            return known.try_for_each(|known| merge_all(&mut known.referrers, &reference.referrers));
        }
        self.name_references.push(reference.clone());
        Ok(())
    }

    fn lists_mut(&mut self) -> [&mut Vec<FieldSpec>; 10] {
        [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_references,
            &mut self.images,
            &mut self.replicas,
        ]
    }

    fn lists(&self) -> [&Vec<FieldSpec>; 10] {
        [
            &self.name_prefix,
            &self.name_suffix,
            &self.namespace,
            &self.common_labels,
            &self.labels,
            &self.template_labels,
            &self.common_annotations,
            &self.var_references,
            &self.images,
            &self.replicas,
        ]
    }

    fn sort(&mut self) {
        for list in self.lists_mut() {
            list.sort_by_cached_key(|spec| order::key(&spec.gvk));
        }
        self.name_references.sort_by_cached_key(|reference| order::key(&reference.target));
    }
}

impl NameReference {
    fn decode(node: &Node, place: &str) -> Result<Self> {
        let fields = Fields::new(node, place, Mode::Converting, &["group", "version", "kind", "fieldSpecs"])?;
        let referrers = fields.list("fieldSpecs", |item, at| FieldSpec::decode(item, at, Mode::Converting))?;
        Ok(Self { target: fields.gvk()?, referrers })
    }
}

/// A configuration that is shared until it is changed: nearly every kustomization has the built-in one.
#[derive(Debug, Clone, Default)]
pub enum Shared {
    /// No field spec at all.
    #[default]
    Empty,
    Builtin,
    Own(Rc<Config>),
}

impl Shared {
    /// A configuration of its own, unless it says nothing.
    pub fn own(config: Config) -> Self {
        if config == Config::default() { Self::Empty } else { Self::Own(Rc::new(config)) }
    }

    /// The field specs.
    pub fn get(&self) -> &Config {
        static EMPTY: OnceLock<Config> = OnceLock::new();
        match self {
            Self::Empty => EMPTY.get_or_init(Config::default),
            Self::Builtin => Config::builtin(),
            Self::Own(config) => config,
        }
    }

    /// As [`Config::merge`]. The built-in ones with themselves are the built-in ones.
    pub fn merge(self, more: &Shared) -> Result<Self> {
        match (&self, more) {
            (_, Self::Empty) | (Self::Builtin, Self::Builtin) => return Ok(self),
            (Self::Empty, Self::Builtin) => return Ok(Self::Builtin),
            _ => {}
        }
        let mut config = self.get().clone();
        config.merge(more.get())?;
        Ok(Self::Own(Rc::new(config)))
    }
}
