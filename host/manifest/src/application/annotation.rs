//! What an application's annotations say to the host: those of Tidegate, and the one of Argo CD that holds it back. All
//! others are kept and left alone.

use super::read;
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::nearest::suggestion;
use crate::reader::unknown_key;
use crate::yaml::{Key, Node};
use model::application::{ApplicationName, Attention, MaxPrune};

const PREFIX: &str = "tidegate.dev/";
const DEPENDS_ON: &str = "tidegate.dev/depends-on";
const MAX_PRUNE: &str = "tidegate.dev/max-prune";
/// Where it is a tracking mark, on an application that another one deploys.
const TRACKED: &str = "tidegate.dev/application";
/// docs/user-guide/skip_reconcile.md.
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

/// The most applications that one can depend on: each is looked up before every sync.
const MOST: usize = 100;

/// What annotations say.
#[derive(Default)]
pub(super) struct Said {
    pub(super) attention: Attention,
    pub(super) depends_on: Vec<ApplicationName>,
    pub(super) max_prune: Option<MaxPrune>,
}

pub(super) fn read(metadata: &Node, sink: &mut Sink) -> Said {
    let mut said = Said::default();
    for (key, value) in read::value(metadata, "annotations").map(Node::entries).unwrap_or_default() {
        let Some(text) = value.as_str() else { continue };
        match key.text.as_str() {
            DEPENDS_ON => said.depends_on = names(text, value, sink),
            MAX_PRUNE => said.max_prune = max_prune(text, value, sink),
            TRACKED => {}
            SKIP => said.attention = attention(text, key, value, sink),
            other if other.starts_with(PREFIX) => {
                unknown_key(key, "`metadata.annotations`", &[DEPENDS_ON, MAX_PRUNE], sink);
            }
            _ => {}
        }
    }
    said
}

/// Names of applications, between commas.
fn names(text: &str, value: &Node, sink: &mut Sink) -> Vec<ApplicationName> {
    let mut found = Vec::new();
    if text.split(',').count() > MOST {
        let message = format!("`{DEPENDS_ON}` names more than {MOST} applications");
        sink.push(Diagnostic::error(code::BAD_VALUE, value.span.clone(), message));
        return found;
    }
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match ApplicationName::parse(part) {
            Ok(name) if found.contains(&name) => {}
            Ok(name) => found.push(name),
            Err(why) => sink.push(
                Diagnostic::error(code::BAD_NAME, value.span.clone(), why.to_string())
                    .hint("write names of applications with commas between them"),
            ),
        }
    }
    found
}

/// `12`, or `25%` of the application's objects.
fn max_prune(text: &str, value: &Node, sink: &mut Sink) -> Option<MaxPrune> {
    let found = match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(MaxPrune::Percent),
        None => text.parse().ok().map(MaxPrune::Objects),
    };
    if found.is_none() {
        let message = format!("`{MAX_PRUNE}` cannot be `{text}`");
        let hint = "write how many objects one sync may prune, `12`, or how many in a hundred, `25%`";
        sink.push(Diagnostic::error(code::BAD_VALUE, value.span.clone(), message).hint(hint));
    }
    found
}

/// It holds an application back, so a word for it that is not understood must not let the application go.
fn attention(text: &str, key: &Key, value: &Node, sink: &mut Sink) -> Attention {
    match text {
        // As Go's `ParseBool` reads it.
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Attention::Skipped,
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Attention::Reconciled,
        _ => {
            let message = format!("`{}` cannot be `{text}`", key.text);
            let hint = suggestion(text, ["true", "false"]);
            sink.push(Diagnostic::error(code::BAD_VALUE, value.span.clone(), message).maybe_hint(hint));
            Attention::Skipped
        }
    }
}
