//! `spec.source` and `spec.sources`: where objects come from, and what makes them.

use super::check::refuse;
use super::read;
use super::renderer;
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::matching::address::without_secret;
use crate::yaml::Node;
use model::application::{Content, FolderPath, Renderer, Source};

/// The keys of a source of which one may be there.
pub(super) const RENDERERS: [&str; 4] = ["kustomize", "directory", "helm", "plugin"];

/// How many sources an application has, which decides what each of them may leave out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Only,
    OneOfSeveral,
}

pub(super) fn sources(spec: &Node, sink: &mut Sink) -> Vec<Source> {
    let several = read::items(spec, "sources");
    let single = read::entry(spec, "source");
    let wrong = |at, message: &str| Diagnostic::error(code::SOURCE, at, message.to_owned());
    match (single, several) {
        // Argo CD passes `source` over where there are `sources`; which of the two was meant is not for us to say.
        (Some((key, _)), [_, ..]) => {
            sink.push(wrong(key.span.clone(), "there are both `source` and `sources`").hint("leave one of them out"));
            Vec::new()
        }
        (Some((_, node)), []) => source(node, "spec.source", Place::Only, sink).into_iter().collect(),
        (None, []) => {
            let at = spec.entries().first().map_or(spec.span.clone(), |(key, _)| key.span.clone());
            // A hydrator stands for a source, and has been refused by its name.
            if read::value(spec, "sourceHydrator").is_none() {
                sink.push(wrong(at, "`spec` names no source").hint("write `source`, or a list of `sources`"));
            }
            Vec::new()
        }
        (None, several) => {
            let read = |(index, node): (usize, &Node)| {
                source(node, &format!("spec.sources[{index}]"), Place::OneOfSeveral, sink)
            };
            several.iter().enumerate().filter_map(read).collect()
        }
    }
}

fn source(node: &Node, path: &str, place: Place, sink: &mut Sink) -> Option<Source> {
    let (key, address) = read::entry(node, "repoURL")?;
    let repository = address.as_str()?;
    let content = content(node, path, place, sink);
    if without_secret(repository) != repository {
        let hint = "leave out what stands before the `@`; a token or password that was there is to be replaced, for Git keeps it";
        let message = "the URL contains credentials";
        sink.push(Diagnostic::error(code::URL_CREDENTIALS, address.span.clone(), message).hint(hint));
    }
    if repository.starts_with("oci://") && !matches!(content, Some(Content::Chart(_))) {
        refuse(key, &format!("{path}.repoURL"), "objects are not read from an image", sink);
    }
    Some(Source {
        repository: repository.to_owned(),
        revision: read::owned(node, "targetRevision").unwrap_or_else(|| "HEAD".to_owned()),
        content: content?,
        name: read::owned(node, "name"),
        reference: read::owned(node, "ref"),
        renderer: rendering(node, path, sink)?,
    })
}

fn content(node: &Node, path: &str, place: Place, sink: &mut Sink) -> Option<Content> {
    let at = node.entries().first().map_or(node.span.clone(), |(key, _)| key.span.clone());
    let wrong = |message: String| Diagnostic::error(code::SOURCE, at.clone(), message);
    match (read::entry(node, "path").filter(|_| read::text(node, "path").is_some()), read::owned(node, "chart")) {
        (Some(_), Some(_)) => {
            sink.push(wrong(format!("`{path}` has both `path` and `chart`")).hint("leave one of them out"));
            None
        }
        (None, Some(chart)) => Some(Content::Chart(chart)),
        (Some((_, value)), None) => match FolderPath::parse(value.as_str()?) {
            Ok(folder) => Some(Content::Folder(folder)),
            Err(why) => {
                let hint = "write the path from the top of the repository, without `/` in front";
                sink.push(Diagnostic::error(code::OUTSIDE, value.span.clone(), why.to_string()).hint(hint));
                None
            }
        },
        (None, None) if place == Place::OneOfSeveral && read::text(node, "ref").is_some() => Some(Content::Reference),
        (None, None) => {
            // A path of the wrong type has been told.
            if read::value(node, "path").is_none_or(|value| value.as_str().is_some()) {
                sink.push(
                    wrong(format!("`{path}` has neither `path` nor `chart`"))
                        .hint("for the whole repository write `path: .`"),
                );
            }
            None
        }
    }
}

/// One of the four, by name; none means that the files decide. `path` is how messages name the source, empty for the document.
pub(super) fn rendering(node: &Node, path: &str, sink: &mut Sink) -> Option<Renderer> {
    let mut named = RENDERERS.iter().filter_map(|kind| read::entry(node, kind));
    let Some((key, value)) = named.next() else { return Some(Renderer::Detected) };
    if let Some((other, _)) = named.next() {
        // ExplicitType in types.go refuses it as well.
        let what = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
        let message = format!("{what} has both `{}` and `{}`", key.text, other.text);
        sink.push(
            Diagnostic::error(code::SOURCE, other.span.clone(), message)
                .label("again here")
                .related(key.span.clone(), "first here")
                .hint("leave one of them out"),
        );
        return None;
    }
    let path = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
    Some(match key.text.as_str() {
        "kustomize" => Renderer::Kustomize(renderer::kustomize(value, &path, sink)),
        "directory" => Renderer::Directory(renderer::directory(value, sink)),
        "helm" => Renderer::Helm(renderer::helm(value)),
        _ => Renderer::Plugin(renderer::plugin(key, value, &path, sink)?),
    })
}
