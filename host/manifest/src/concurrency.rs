//! Which runs or steps exclude each other. A policy that this version does not carry out is refused: what was to wait or
//! to give way would do neither.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::expression::Place;
use crate::reader::{self, fields};
use crate::reference::References;
use crate::yaml::Node;
use model::pipeline::{Concurrency, ConcurrencyPolicy};

/// Whose concurrency it is, and what is built of it.
pub(crate) struct Whose {
    shown: &'static str,
    /// Policies that may be written.
    built: &'static [&'static str],
    hint: &'static str,
}

/// Runs of a pipeline.
pub(crate) const OF_PIPELINE: Whose =
    Whose { shown: "pipeline", built: &["latest", "parallel"], hint: "write `latest` or `parallel`" };
/// Steps of a run. Without a policy, those of one key run one after the other.
pub(crate) const OF_STEP: Whose = Whose {
    shown: "step",
    built: &["parallel"],
    hint: "leave `policy` out: within a run, steps of one key then run one after the other",
};

pub(crate) fn read(
    node: &Node,
    whose: &Whose,
    text: &str,
    place: Place,
    references: &mut References,
    sink: &mut Sink,
) -> Option<Concurrency> {
    let parts = fields(node, "`concurrency`", &["key", "policy"], sink)?;
    let key_node = parts.require("key", "`concurrency`", sink)?;
    let key = reader::text(key_node, "`key`", sink)?;
    references.template(text, key_node, place, false, sink);
    let mut policy = ConcurrencyPolicy::default();
    if let Some(node) = parts.get("policy") {
        let word = reader::word(node, "`policy`", &["latest", "queue", "parallel"], sink)?;
        if !whose.built.contains(&word) {
            let message = format!("the policy `{word}` of a {} is not built in this version", whose.shown);
            sink.push(Diagnostic::error(code::NOT_BUILT, node.span.clone(), message).hint(whose.hint));
        }
        policy = match word {
            "queue" => ConcurrencyPolicy::Queue,
            "parallel" => ConcurrencyPolicy::Parallel,
            _ => ConcurrencyPolicy::Latest,
        };
    }
    Some(Concurrency { key: key.to_owned(), policy })
}
