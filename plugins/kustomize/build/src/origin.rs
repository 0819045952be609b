//! Where objects came from, as `buildMetadata:` writes it into annotations.

use kustomize_yaml::{Mapping, Node, write};

use crate::error::{Error, Result};
use crate::remote;

/// The annotation that says where an object came from.
pub const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that says what changed an object.
pub const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// The object or built-in that made or changed another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maker {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub namespace: String,
}

/// Where an object came from, or where what changed it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub path: String,
    pub repository: String,
    pub reference: String,
    pub configured_in: String,
    pub configured_by: Maker,
}

impl Origin {
    /// With `path` below this one's; an address starts anew.
    #[must_use]
    pub fn append(&self, path: &str) -> Self {
        let mut origin = self.clone();
        match remote::repository(path) {
            Some(repository) => {
                origin.path = join("", &repository.folder);
                origin.repository = repository.clone;
                origin.reference = repository.reference;
            }
            None => origin.path = join(&self.path, path),
        }
        origin
    }

    /// A built-in generator or transformer of the kustomization file `file` here.
    pub fn builtin(&self, file: &str, kind: &str) -> Self {
        Self {
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            configured_in: join(&self.path, file),
            configured_by: Maker { api_version: "builtin".to_owned(), kind: kind.to_owned(), ..Maker::default() },
            path: String::new(),
        }
    }

    /// An object that is itself the configuration of a generator or transformer.
    pub fn plugin(&self, maker: Maker) -> Self {
        Self {
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            configured_in: self.path.clone(),
            configured_by: maker,
            path: String::new(),
        }
    }

    /// The annotation's value.
    pub fn text(&self) -> Result<String> {
        self.lines().map(|lines| lines.concat())
    }

    fn lines(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let fields = [
            ("path", &self.path),
            ("repo", &self.repository),
            ("ref", &self.reference),
            ("configuredIn", &self.configured_in),
        ];
        for (key, value) in fields {
            line(&mut lines, "", key, value)?;
        }
        if self.configured_by != Maker::default() {
            lines.push("configuredBy:\n".to_owned());
            let Maker { api_version, kind, name, namespace } = &self.configured_by;
            for (key, value) in [("apiVersion", api_version), ("kind", kind), ("name", name), ("namespace", namespace)]
            {
                line(&mut lines, "  ", key, value)?;
            }
        }
        Ok(lines)
    }
}

/// The value of the annotation for all that changed an object.
pub fn list(origins: &[Origin]) -> Result<String> {
    let mut text = String::new();
    for origin in origins {
        for (at, line) in origin.lines()?.iter().enumerate() {
            text.push_str(if at == 0 { "- " } else { "  " });
            text.push_str(line);
        }
    }
    Ok(text)
}

/// One field, quoted as the YAML writer quotes it.
fn line(lines: &mut Vec<String>, indent: &str, key: &str, value: &str) -> Result<()> {
    if !value.is_empty() {
        let mut mapping = Mapping::new();
        mapping.insert(key, Node::string(value));
        let mut text = indent.to_owned();
        write::document(&Node::Mapping(mapping), &mut text).map_err(|error| Error::invalid("", error))?;
        lines.push(text);
    }
    Ok(())
}

/// As Go's `filepath.Join`: `..` beyond the start stays.
fn join(base: &str, path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match (part, kept.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    kept.join("/")
}
