//! The way from an exported function to a [`Step`] or [`Renderer`]: decodes, calls, encodes. Used by [`crate::plugin!`].

use crate::bindings::exports::tidegate::plugin::plugin as description;
use crate::bindings::renderers::exports::tidegate::plugin::renderer;
use crate::bindings::steps::exports::tidegate::plugin::step as wire;
use crate::{Context, Error, Finding, Outcome, Renderer, Step, describe, log};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use std::fmt::Write;
use std::panic;

/// Makes a panic say what it is: without WASI its message would be lost, and the host would see a bare trap.
pub fn prepare() {
    panic::set_hook(Box::new(|information| log::error(&format!("the plugin has a bug: {information}"))));
}

/// A step as an offer of the plugin's description.
pub fn offer<S: Step>() -> description::Offer {
    describe::offer::<S>()
}

/// A renderer as an offer of the plugin's description.
pub fn renderer_offer<R: Renderer>() -> description::Offer {
    describe::renderer::<R>()
}

/// A description of a plugin with these offers.
pub fn description(
    name: &str,
    version: &str,
    summary: &str,
    offers: Vec<description::Offer>,
) -> description::Description {
    description::Description {
        name: name.to_owned(),
        version: version.to_owned(),
        summary: summary.to_owned(),
        offers,
        annotations: Vec::new(),
    }
}

/// The request is for a step or a renderer that the plugin has not.
pub fn unknown(role: &str, name: &str) -> Error {
    Error::new("not-found", format!("this plugin has no {role} `{name}`"))
}

/// Calls [`Renderer::render`].
pub fn render<R: Renderer>(request: &renderer::Request) -> Result<renderer::Rendering, Error> {
    R::render(request, decode(&request.parameters)?)
}

/// Calls [`Step::preview`].
pub fn preview<S: Step>(request: wire::Request) -> Result<wire::Forecast, Error> {
    let (context, inputs) = open::<S>(request)?;
    S::preview(&context, inputs)
}

/// Calls [`Step::run`].
pub fn run<S: Step>(request: wire::Request) -> Result<wire::Outcome, Error> {
    let (context, inputs) = open::<S>(request)?;
    Ok(match S::run(&context, inputs)? {
        Outcome::Succeeded(outputs) => wire::Outcome::Succeeded(encode(&outputs)?),
        Outcome::Unchanged(outputs) => wire::Outcome::Unchanged(encode(&outputs)?),
        Outcome::Skipped(reason) => wire::Outcome::Skipped(reason),
        Outcome::Waiting(wait) => wire::Outcome::Waiting(wait),
    })
}

/// Calls [`Step::probe`].
pub fn probe<S: Step>(request: wire::Request) -> Result<wire::Finding, Error> {
    let (context, inputs) = open::<S>(request)?;
    Ok(match S::probe(&context, inputs)? {
        Finding::Done(outputs) => wire::Finding::Done(encode(&outputs)?),
        Finding::NotDone => wire::Finding::NotDone,
        Finding::Unknown(reason) => wire::Finding::Unknown(reason),
    })
}

fn open<S: Step>(request: wire::Request) -> Result<(Context, S::Inputs), Error> {
    let inputs = decode(&request.inputs)?;
    let event = serde_json::from_str(&request.event)
        .map_err(|error| Error::internal(format!("the run's event is not JSON: {error}")))?;
    let wire::Request { run, key, attempt, environment, resumption, .. } = request;
    Ok((Context { run, key, attempt, environment, event, resumption }, inputs))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut source = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let field = pointer(error.path());
        // The position within the JSON text means nothing to somebody who wrote YAML.
        let full = error.inner().to_string();
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
        match field.as_str() {
            "" => Error::invalid(format!("the inputs do not fit: {message}")),
            field => Error::invalid(format!("the input `{}` does not fit: {message}", &field[1..])),
        }
        .with_field(&field)
    })
}

fn encode(outputs: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(outputs).map_err(|error| Error::internal(format!("the outputs cannot be encoded: {error}")))
}

/// RFC 6901: `/` before each name, `~` and `/` within one escaped.
fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |mut text, segment| {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => return text,
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "/{part}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::decode;
    use std::collections::BTreeMap;

    #[test]
    fn a_wrong_input_is_named() {
        let error = decode::<BTreeMap<String, Vec<u32>>>(r#"{"a/b":[1,"x"]}"#).expect_err("a text is no number");
        assert_eq!(error.code, "invalid");
        assert_eq!(error.details.as_deref(), Some(r#"{"field":"/a~1b/1"}"#));
        assert!(!error.message.contains(" at line "), "{}", error.message);
    }
}
