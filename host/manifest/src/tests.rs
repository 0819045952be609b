//! What the readers say of whole files: data in, text out.

mod accounts;
mod applications;
mod discover;
mod examples;
mod expressions;
mod limits;
mod matching;
mod mistakes;
mod objects;
mod overrides;
mod refusals;
mod requirements;
mod robust;

use crate::{Catalog, Diagnostic, Source, StepOffer};
use serde_json::{Value, json};

/// A catalog like the first-party plugins'.
pub(crate) struct Fake;

fn inputs(uses: &str) -> Option<Value> {
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required });
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    Some(match uses {
        "exec" => object(
            json!({ "script": text, "shell": { "enum": ["sh", "bash"] }, "strict": { "type": "boolean" },
                    "env": { "type": "object" } }),
            &["script"],
        ),
        "image/build" => object(json!({ "context": text, "image": text, "tag": text, "platforms": texts }), &["image"]),
        "kustomize/set-image" => object(
            json!({ "repository": text, "path": text, "image": text, "reference": text,
                    "publish": { "enum": ["push", "changeRequest"] } }),
            &["repository", "path", "image"],
        ),
        "application/wait" => object(json!({ "application": text, "image": text, "commit": text }), &["application"]),
        "terraform/plan" => object(
            json!({ "directory": text, "varFiles": texts, "backendConfig": texts, "parallelism": { "type": "integer" } }),
            &["directory"],
        ),
        "terraform/apply" => object(json!({ "plan": text }), &["plan"]),
        "forge/comment" => object(json!({ "key": text, "body": text, "env": { "type": "object" } }), &["body"]),
        "forge/merged" => object(json!({}), &[]),
        _ => return None,
    })
}

impl Catalog for Fake {
    fn offer(&self, uses: &str) -> Option<StepOffer> {
        let outputs = match uses {
            "image/build" => Some(&["reference", "digest"][..]),
            "kustomize/set-image" => Some(&["commit"][..]),
            "terraform/plan" => Some(&["plan", "markdown"][..]),
            _ => None,
        };
        let outputs = outputs.map(|names| {
            let properties: serde_json::Map<String, Value> =
                names.iter().map(|n| ((*n).to_owned(), json!({ "type": "string" }))).collect();
            json!({ "type": "object", "properties": properties, "additionalProperties": false })
        });
        let inputs = inputs(uses)?;
        let (uses, summary) = (uses.to_owned(), format!("What {uses} does."));
        Some(StepOffer { uses, summary, inputs, outputs, interruption: "idempotent".to_owned() })
    }

    fn names(&self) -> Vec<String> {
        let names = [
            "exec",
            "image/build",
            "kustomize/set-image",
            "application/wait",
            "terraform/plan",
            "terraform/apply",
            "forge/comment",
            "forge/merged",
        ];
        names.map(str::to_owned).to_vec()
    }
}

/// A pipeline around these steps, which are indented by four.
pub(crate) fn around(steps: &str) -> Source {
    let head = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  steps:\n";
    Source::new("p.yaml", format!("{head}{steps}"))
}

/// One line a diagnostic: code, place, message, hint.
pub(crate) fn lines(source: &Source, diagnostics: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| {
        let (line, column) = source.position(d.span.start);
        let shown = &source.text[d.span.clone()];
        let hint = d.hint.as_ref().map(|h| format!(" | {h}")).unwrap_or_default();
        format!("{} {line}:{column} [{}] {}{hint}", d.code, shown.lines().next().unwrap_or(""), d.message)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is wrong with a host's configuration of this `spec`, which is indented by two.
pub(crate) fn wrong_host(spec: &str) -> String {
    let source = Source::new("tidegate.yaml", format!("apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n{spec}"));
    lines(&source, &crate::host(&source).diagnostics)
}

/// What is wrong with a pipeline of these steps.
pub(crate) fn wrong(steps: &str) -> String {
    let source = around(steps);
    lines(&source, &crate::pipeline(&source, &Fake).diagnostics)
}
