//! What a file says that it is, before anybody reads all of it: so that one which is broken, or means to be something
//! else, still finds the reader that tells what is wrong with it.

use crate::diagnostic::Sink;
use crate::source::Source;
use crate::yaml::{Node, parse};

/// What a file says that it is; each part where it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its `apiVersion`.
    pub api_version: Option<String>,
    /// Its `kind`.
    pub kind: Option<String>,
    /// Its `metadata.name`.
    pub name: Option<String>,
}

impl Head {
    /// Whether its `apiVersion` is one of Tidegate's, of whatever version.
    pub fn is_ours(&self) -> bool {
        self.api_version.as_deref().is_some_and(|version| version.starts_with("tidegate.dev/"))
    }
}

/// What a file says that it is. Of one that is not YAML, the lines at the outermost level are looked at.
pub fn head(source: &Source) -> Head {
    let word = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    if let Some(node) = parse(&source.text, &mut Sink::default()) {
        let name = word(node.get("metadata").and_then(|metadata| metadata.get("name")));
        return Head { api_version: word(node.get("apiVersion")), kind: word(node.get("kind")), name };
    }
    Head { api_version: line_of(source, "apiVersion"), kind: line_of(source, "kind"), name: None }
}

/// The `kind` of a file, where it says one.
pub fn kind_of(source: &Source) -> Option<String> {
    head(source).kind
}

/// The value of a key that begins a line.
fn line_of(source: &Source, key: &str) -> Option<String> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    // Beyond the size that is read, nothing is looked for.
    let start = &text[..crate::source::floor(text, 1 << 20)];
    start.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix(':')?;
        let value = rest.split(" #").next().unwrap_or(rest).trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    })
}
