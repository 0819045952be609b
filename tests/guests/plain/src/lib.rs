//! The renderer that docs/rendering.md shows: somebody's own, locked and granted like any.

use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::{Error, Renderer, Rendering, Request, source};

#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// A comment at the top.
    note: String,
    /// The files, in the folder.
    files: Vec<String>,
    /// What stands for `@NAME@` in them.
    values: BTreeMap<String, String>,
    /// The same, by environment.
    env: BTreeMap<String, String>,
}

pub struct Plain;

impl Renderer for Plain {
    const NAME: &'static str = "plain";
    const SUMMARY: &'static str = "Takes files as they are, with values put in";
    type Parameters = Parameters;

    fn render(request: &Request, parameters: Parameters) -> Result<Rendering, Error> {
        let mut parts = Vec::new();
        for file in &parameters.files {
            let path = format!("{}/{file}", request.path);
            let bytes = source::read("main", &path)?.ok_or_else(|| Error::invalid(format!("there is no {path}")))?;
            let text = String::from_utf8(bytes).map_err(|_| Error::invalid(format!("{path} is no text")))?;
            let values = parameters.values.iter().chain(&parameters.env);
            parts.push(values.fold(text, |text, (name, value)| text.replace(&format!("@{name}@"), value)));
        }
        let note = if parameters.note.is_empty() { String::new() } else { format!("# {}\n", parameters.note) };
        Ok(Rendering { manifests: note + &parts.join("---\n"), warnings: vec![] })
    }
}

tidegate::plugin! { name: "plain", version: "1.0.0", summary: "An example", renderers: [Plain] }
