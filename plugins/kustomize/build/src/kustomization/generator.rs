//! Entries of `configMapGenerator:` and `secretGenerator:`, and the options that all of them share.

use std::collections::BTreeMap;

use kustomize_yaml::Node;

use crate::decode::{Fields, Mode};
use crate::error::Result;

/// What happens where an object of the name is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behavior {
    /// Nothing said: as `create`.
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    /// As kustomize calls it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }

    /// Anything unknown counts as not said.
    pub fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }
}

/// `options:` of a generator, or `generatorOptions:` of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneratorOptions {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub disable_name_suffix_hash: bool,
    pub immutable: bool,
}

impl GeneratorOptions {
    /// From a mapping.
    pub fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let known = ["labels", "annotations", "disableNameSuffixHash", "immutable"];
        let fields = Fields::new(node, place, mode, &known)?;
        Ok(Self {
            labels: fields.string_map("labels")?,
            annotations: fields.string_map("annotations")?,
            disable_name_suffix_hash: fields.bool("disableNameSuffixHash")?,
            immutable: fields.bool("immutable")?,
        })
    }

    /// Takes from `global` what is not said here. A flag that is set anywhere is set.
    fn inherit(&mut self, global: &GeneratorOptions) {
        let fill = |mine: &mut BTreeMap<String, String>, theirs: &BTreeMap<String, String>| {
            for (key, value) in theirs {
                mine.entry(key.clone()).or_insert_with(|| value.clone());
            }
        };
        fill(&mut self.labels, &global.labels);
        fill(&mut self.annotations, &global.annotations);
        self.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        self.immutable |= global.immutable;
    }
}

/// A config map or secret that is made from files, environment files and literals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generator {
    pub name: String,
    pub namespace: String,
    pub behavior: Behavior,
    pub literals: Vec<String>,
    pub files: Vec<String>,
    pub envs: Vec<String>,
    pub options: GeneratorOptions,
    /// Secrets alone; empty means `Opaque`.
    pub secret_type: String,
}

const FIELDS: [&str; 9] = ["namespace", "name", "behavior", "literals", "files", "envs", "env", "options", "type"];

impl Generator {
    /// An entry of `configMapGenerator:`.
    pub fn config_map(node: &Node, place: &str) -> Result<Self> {
        Self::decode(node, place, Mode::Strict, &FIELDS[..8])
    }

    /// An entry of `secretGenerator:`.
    pub fn secret(node: &Node, place: &str) -> Result<Self> {
        Self::decode(node, place, Mode::Strict, &FIELDS)
    }

    /// A `ConfigMapGenerator` or `SecretGenerator` of `generators:`; those may be named by their metadata as well.
    pub fn plugin(node: &Node) -> Result<Self> {
        let mut generator = Self::decode(node, "", Mode::Lenient, &FIELDS)?;
        let metadata = |key: &str| node.at(&["metadata", key]).and_then(Node::text).unwrap_or_default().to_owned();
        if generator.name.is_empty() {
            generator.name = metadata("name");
        }
        if generator.namespace.is_empty() {
            generator.namespace = metadata("namespace");
        }
        Ok(generator)
    }

    fn decode(node: &Node, place: &str, mode: Mode, known: &[&str]) -> Result<Self> {
        let fields = Fields::new(node, place, mode, known)?;
        let mut envs = fields.strings("envs")?;
        // Plugins are not fixed as kustomizations are: there `env` has no effect.
        let env = fields.string("env")?;
        if !env.is_empty() && mode == Mode::Strict {
            envs.push(env);
        }
        let options = fields.object("options", |node, place| GeneratorOptions::decode(node, place, mode))?;
        Ok(Self {
            name: fields.string("name")?,
            namespace: fields.string("namespace")?,
            behavior: Behavior::parse(&fields.string("behavior")?),
            literals: fields.strings("literals")?,
            files: fields.strings("files")?,
            envs,
            options: options.unwrap_or_default(),
            secret_type: fields.string("type")?,
        })
    }

    /// With what `generatorOptions:` says.
    #[must_use]
    pub fn with_global(mut self, global: Option<&GeneratorOptions>) -> Self {
        if let Some(global) = global {
            self.options.inherit(global);
        }
        self
    }
}
