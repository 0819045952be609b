//! Argo CD's files: every Application and AppProject of a YAML stream, each with its own problems, so that one that cannot
//! be read never hides the others. It never fetches what they name, and never applies their rules.

mod annotation;
mod check;
mod field;
mod fields;
mod override_file;
mod project;
mod read;
mod renderer;
mod schema;
mod source;
mod spec;
mod sync;
mod written;

#[cfg(test)]
pub(crate) use field::keys_for_the_book as fields_of_the_book;
pub use override_file::{OVERRIDES, overridden, own_overrides};
pub(crate) use schema::schema;

use crate::code;
use crate::diagnostic::{Diagnostic, Parsed, Sink};
use crate::nearest::nearest;
use crate::source::Source;
use crate::yaml::{Node, parse_all};
use model::application::{Application, Project};
use std::collections::HashMap;
use std::ops::Range;

/// What a file of Argo CD's declares.
#[derive(Clone, Debug)]
pub struct Declarations {
    /// Each document that is one of Argo CD's, in the order of the file.
    pub documents: Vec<Declared>,
    /// Problems of the file itself. With an error among them there may be more documents than were found: what was known
    /// from an earlier reading of the file is then unknown, not gone.
    pub diagnostics: Vec<Diagnostic>,
}

/// One document.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its kind.
    pub kind: DeclaredKind,
    /// Its `metadata.name`, also where the rest of it cannot be used.
    pub name: Option<String>,
    /// Its `spec.project`, likewise.
    pub project: Option<String>,
    /// Where it stands, in bytes of the file's text.
    pub span: Range<usize>,
    /// What it is, where none of its diagnostics is an error. Without it an application is unknown: nothing of it is
    /// synced or pruned.
    pub value: Option<Declaration>,
    /// Its own problems.
    pub diagnostics: Vec<Diagnostic>,
}

/// A kind of Argo CD's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredKind {
    /// An application.
    Application,
    /// A project.
    AppProject,
    /// Something that makes applications; it is refused by name.
    ApplicationSet,
}

/// What a document declares.
#[derive(Clone, Debug, PartialEq)]
pub enum Declaration {
    /// An application.
    Application(Box<Application>),
    /// A project.
    Project(Box<Project>),
}

const GROUP: &str = "argoproj.io/";
const VERSION: &str = "argoproj.io/v1alpha1";
const KINDS: [(&str, DeclaredKind); 3] = [
    ("Application", DeclaredKind::Application),
    ("AppProject", DeclaredKind::AppProject),
    ("ApplicationSet", DeclaredKind::ApplicationSet),
];

/// Reads every document of Argo CD's in a file, also those within a `List`. Others are nobody's business here.
pub fn applications(source: &Source) -> Declarations {
    let mut sink = Sink::default();
    let mut documents = Vec::new();
    let mut seen = HashMap::new();
    for document in parse_all(&source.text, &mut sink) {
        let nodes = unwrapped(&document.node);
        let found = document.problems.into_found();
        for node in &nodes {
            let Some(kind) = kind_of(node, &mut sink) else { continue };
            let mut problems = own_problems(&found, node, &nodes);
            let value = declaration(node, kind, &mut problems);
            let word =
                |of: &str, key: &str| node.get(of).and_then(|n| n.get(key)).and_then(Node::as_str).map(str::to_owned);
            let name = word("metadata", "name");
            same_name(node, kind, name.as_deref(), &mut seen, &mut problems);
            let Parsed { value, diagnostics } = problems.finish(&source.path, &source.text, value);
            let span = node.span.clone();
            documents.push(Declared { kind, name, project: word("spec", "project"), span, value, diagnostics });
        }
    }
    Declarations { documents, diagnostics: sink.finish(&source.path, &source.text, Some(())).diagnostics }
}

/// The objects of a document: itself, or the items of a list (`kubectl get -o yaml` writes one).
pub(crate) fn unwrapped(node: &Node) -> Vec<&Node> {
    let is_list =
        matches!(node.get("kind").and_then(Node::as_str), Some("List" | "ApplicationList" | "AppProjectList"));
    match node.get("items") {
        Some(Node { kind: crate::yaml::Kind::Seq(items), .. }) if is_list => items.iter().collect(),
        _ => vec![node],
    }
}

/// The problems of a document's YAML that are an object's: all that do not stand within another one.
fn own_problems(found: &[Diagnostic], node: &Node, nodes: &[&Node]) -> Sink {
    let mut sink = Sink::default();
    for problem in found {
        let within = |other: &&&Node| other.span.contains(&problem.span.start);
        if nodes.iter().find(within).is_none_or(|other| std::ptr::eq(*other, node)) {
            sink.push(problem.clone());
        }
    }
    sink
}

/// Which of Argo CD's kinds an object is. One that is nearly named like them is told: it may be meant to guard something.
fn kind_of(node: &Node, sink: &mut Sink) -> Option<DeclaredKind> {
    let version = node.get("apiVersion").and_then(Node::as_str)?;
    let (written, kind) = node.get("kind").and_then(|kind| Some((kind, kind.as_str()?)))?;
    if !version.starts_with(GROUP) {
        return None;
    }
    let found = KINDS.iter().find(|(name, _)| *name == kind).map(|(_, found)| *found);
    if found.is_none()
        && let Some(near) = nearest(kind, KINDS.iter().map(|(name, _)| *name))
    {
        let message = format!("there is no kind `{kind}` of Argo CD's; the document is not read");
        let hint = format!("did you mean `{near}`?");
        sink.push(Diagnostic::warning(code::KIND, written.span.clone(), message).hint(hint));
    }
    found
}

fn declaration(node: &Node, kind: DeclaredKind, sink: &mut Sink) -> Option<Declaration> {
    let version = node.get("apiVersion")?;
    if version.as_str() != Some(VERSION) {
        let message = format!("the apiVersion `{}` is not served", version.as_str().unwrap_or_default());
        sink.push(
            Diagnostic::error(code::API_VERSION, version.span.clone(), message).hint(format!("write `{VERSION}`")),
        );
        return None;
    }
    match kind {
        DeclaredKind::Application => {
            spec::application(node, sink).map(|found| Declaration::Application(Box::new(found)))
        }
        DeclaredKind::AppProject => project::project(node, sink).map(|found| Declaration::Project(Box::new(found))),
        DeclaredKind::ApplicationSet => {
            let at = node.get("kind").map_or(node.span.clone(), |kind| kind.span.clone());
            let message = "an `ApplicationSet` is not read by this version: none of its applications is there";
            let hint = "write the applications that it makes into files, or leave it to Argo CD";
            sink.push(Diagnostic::error(code::APPLICATION_SET, at, message).hint(hint));
            None
        }
    }
}

/// Two of one name would take turns at being deployed.
fn same_name(
    node: &Node,
    kind: DeclaredKind,
    name: Option<&str>,
    seen: &mut HashMap<(String, String), Range<usize>>,
    sink: &mut Sink,
) {
    let (Some(name), Some(value)) = (name, node.get("metadata").and_then(|n| n.get("name"))) else { return };
    if let Some(first) = seen.insert((format!("{kind:?}"), name.to_owned()), value.span.clone()) {
        let message = format!("`{name}` is declared twice in this file");
        sink.push(
            Diagnostic::error(code::SAME_APPLICATION, value.span.clone(), message)
                .label("again here")
                .related(first, "first here"),
        );
    }
}
