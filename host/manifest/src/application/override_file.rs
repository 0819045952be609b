//! `.argocd-source.yaml` and `.argocd-source-NAME.yaml`: what a folder itself says to the renderer of the source that it is
//! (docs/user-guide/parameters.md, and `mergeSourceParameters` in reposerver/repository/repository.go). Argo CD Image Updater
//! writes them. Where a source is they cannot say.

use super::check::check;
use super::field::{Field, Shape};
use super::fields::OVERRIDE;
use super::source::{RENDERERS, rendering};
use super::{read, written};
use crate::code;
use crate::diagnostic::{Diagnostic, Parsed, Sink};
use crate::source::Source;
use crate::yaml::{Key, Kind, Node, parse_one};
use model::application::{Application, Renderer};

/// The file that is for every application of a folder.
pub const OVERRIDES: &str = ".argocd-source.yaml";

/// The names of the files that are for one application, of which a folder has at most one. Argo CD calls an application that
/// is kept in another namespace than its own by both names; which namespace that is no file says.
pub fn own_overrides(application: &Application) -> Vec<String> {
    let name = &application.name;
    let mut names = vec![format!(".argocd-source-{name}.yaml")];
    names.extend(application.namespace.as_ref().map(|namespace| format!(".argocd-source-{namespace}_{name}.yaml")));
    names
}

/// What a source says to its renderer, with a file's JSON merge patch (RFC 7396) over it. It is held to the same rules as an
/// application's source.
pub fn overridden(renderer: &Renderer, file: &Source) -> Parsed<Renderer> {
    let mut sink = Sink::default();
    let value = parse_one(&file.text, &mut sink).and_then(|patch| {
        let base = written::written(renderer);
        other_renderer(&base, &patch, &mut sink)?;
        let merged = merged(Some(base), spelt(patch, OVERRIDE, Spelling::Exact));
        check(&merged, "", OVERRIDE, &mut sink);
        rendering(&merged, "", &mut sink)
    });
    sink.finish(&file.path, &file.text, value)
}

/// A source has one renderer; a patch that names a second one would be refused with a place in no file.
fn other_renderer(base: &Node, patch: &Node, sink: &mut Sink) -> Option<()> {
    let Some(own) = RENDERERS.iter().find(|kind| read::entry(base, kind).is_some()) else { return Some(()) };
    let stays = patch.get(own).is_none_or(|value| !value.is_null());
    let other = RENDERERS.iter().filter(|kind| *kind != own).find_map(|kind| read::entry(patch, kind));
    let Some((key, _)) = other.filter(|_| stays) else { return Some(()) };
    let message = format!("`{}` is for a source that has `{own}` already", key.text);
    let hint = format!("leave one of them out; `{own}: null` takes away what the application says");
    sink.push(Diagnostic::error(code::SOURCE, key.span.clone(), message).hint(hint));
    None
}

/// RFC 7396: mappings are merged, null removes, anything else replaces. Keys have the places of the patch.
fn merged(base: Option<Node>, patch: Node) -> Node {
    let Node { span, kind, style } = patch;
    let changes = match kind {
        Kind::Map(changes) => changes,
        kind => return Node { span, kind, style },
    };
    let mut entries = match base {
        Some(Node { kind: Kind::Map(entries), .. }) => entries,
        _ => Vec::new(),
    };
    for (key, value) in changes {
        let at = entries.iter().position(|(known, _)| known.text == key.text);
        let old = at.map(|at| entries.remove(at).1);
        if !value.is_null() {
            entries.push((key, merged(old, value)));
        }
    }
    Node { span, kind: Kind::Map(entries), style }
}

/// Whether keys must be as they are in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Exact,
    AnyCase,
}

/// Go reads keys in any case, and Argo CD Image Updater writes `forcestring`. It is so within lists alone, which are replaced:
/// elsewhere two spellings of a key would stand beside each other.
fn spelt(node: Node, keys: &'static [Field], spelling: Spelling) -> Node {
    let Node { span, kind, style } = node;
    let entries = match kind {
        Kind::Map(entries) => entries,
        kind => return Node { span, kind, style },
    };
    let entry = |(key, value): (Key, Node)| {
        let exact = keys.iter().find(|field| field.key == key.text);
        let alike = || keys.iter().find(|field| field.key.eq_ignore_ascii_case(&key.text));
        let Some(field) = exact.or_else(|| (spelling == Spelling::AnyCase).then(alike).flatten()) else {
            return (key, value);
        };
        let value = match (field.shape, value) {
            (Shape::Object(inner), value) => spelt(value, inner, spelling),
            (Shape::Objects(inner), Node { span, kind: Kind::Seq(items), style }) => {
                let items = items.into_iter().map(|item| spelt(item, inner, Spelling::AnyCase)).collect();
                Node { span, kind: Kind::Seq(items), style }
            }
            (_, value) => value,
        };
        (Key { text: field.key.to_owned(), span: key.span }, value)
    };
    Node { span, kind: Kind::Map(entries.into_iter().map(entry).collect()), style }
}
