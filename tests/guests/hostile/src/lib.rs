//! A plugin that does whatever a plugin must not. The step's name says which misdeed, its inputs say how much of it, and
//! its outputs are what the host answered, so that a test can compare.
//!
//! It is written on the bare interfaces: the SDK would close handles and stop at the first refusal.

mod attempts;
mod exhaustion;
mod log;
mod misuse;

use tidegate::bindings::renderers::exports::tidegate::plugin::renderer;
use tidegate::bindings::steps::exports::tidegate::plugin::step;
use tidegate::bindings::tidegate::plugin::types::Error;

/// What a misdeed gives back when the host let it come to an end: a JSON text.
pub type Answer = Result<String, Error>;

pub fn misdeed(request: &step::Request) -> Answer {
    let inputs = &request.inputs;
    match request.name.as_str() {
        "loop" => exhaustion::endless_loop(),
        "recurse" => exhaustion::recurse(),
        "hoard" => exhaustion::hoard(),
        "transactions" => exhaustion::transactions(),
        "children" => exhaustion::children(),
        "in-turn" => exhaustion::in_turn(number(inputs)),
        "leave" => exhaustion::leave(&text(inputs)),
        "log-flood" => log::flood(),
        "log-blanks" => log::blanks(),
        "log-groups" => log::groups(),
        "log-progress" => log::progress(),
        "log-ends" => log::ends(),
        "titles" => log::titles(&text(inputs)),
        "free" => exhaustion::free(&text(inputs)),
        "draw" => exhaustion::draw(),
        "clock" => exhaustion::clock(),
        "chance" => exhaustion::chance(),
        "say" => log::say(inputs),
        "giant-line" => log::giant_line(number(inputs)),
        "many-lines" => log::many_lines(number(inputs)),
        "bytes" => misuse::bytes(number(inputs)),
        "strings" => misuse::strings(number(inputs)),
        "outputs" => Ok(json(&"x".repeat(number(inputs)))),
        "outputs-of" => Ok(text(inputs)),
        "fail" => Err(misuse::error(inputs)),
        "blame" => Err(misuse::blame(&text(inputs))),
        "again" => attempts::again(),
        "details" => Err(misuse::details(number(inputs))),
        "label" => misuse::label(&text(inputs)),
        "follow" => attempts::follow(number(inputs)),
        "path" => Ok(attempts::paths(&text(inputs))),
        "variable" => attempts::variable(&text(inputs)),
        "variables" => attempts::variables(&text(inputs)),
        "program" => attempts::program(&text(inputs)),
        "everything" => Ok(attempts::everything().to_string()),
        "default-branch" => attempts::default_branch(),
        "read" => attempts::read(&text(inputs)),
        "write" => attempts::write(&text(inputs)),
        "letters" => Ok(attempts::letters(&text(inputs))),
        "trap-in-transaction" => misuse::trap_in_transaction(),
        "trailer" => misuse::trailer(&text(inputs)),
        "propose" => misuse::propose(&text(inputs)),
        "contents" => misuse::contents(number(inputs)),
        "cache" => misuse::cached(&text(inputs)),
        "secrets" => misuse::secrets(&text(inputs)),
        "headers" => misuse::headers(number(inputs)),
        "items" => misuse::items(number(inputs)),
        "key" => misuse::key(&text(inputs)),
        "most" => misuse::most(),
        name => Err(Error::new("not-found", format!("no misdeed is called `{name}`"))),
    }
}

/// The misdeed in a preview: its answer is the body, or it is the forecast itself that is odd.
pub fn shown(request: &step::Request) -> Result<step::Forecast, Error> {
    match request.name.as_str() {
        "effects" => Ok(misuse::forecast(number(&request.inputs))),
        _ => misdeed(request).map(|body| step::Forecast { effects: Vec::new(), body }),
    }
}

/// The misdeed in a run, or an odd outcome.
pub fn done(request: &step::Request) -> Result<step::Outcome, Error> {
    match request.name.as_str() {
        "reason" => Ok(step::Outcome::Skipped(text(&request.inputs))),
        "wait" => Ok(step::Outcome::Waiting(misuse::wait(&text(&request.inputs)))),
        _ => misdeed(request).map(step::Outcome::Succeeded),
    }
}

/// The misdeed in a probe, or an odd finding.
pub fn found(request: &step::Request) -> Result<step::Finding, Error> {
    match request.name.as_str() {
        "reason" => Ok(step::Finding::Unknown(text(&request.inputs))),
        _ => misdeed(request).map(step::Finding::Done),
    }
}

/// The misdeed in a render, or odd warnings: the answer is the manifests.
pub fn rendered(request: &renderer::Request) -> Result<renderer::Rendering, Error> {
    let inputs = request.parameters.clone();
    let rendering = |manifests: String| renderer::Rendering { manifests, warnings: Vec::new() };
    match request.name.as_str() {
        "warnings" => Ok(renderer::Rendering { warnings: vec![text(&inputs); 150], ..rendering(String::new()) }),
        "manifests" => Ok(rendering("x".repeat(number(&inputs)))),
        "source" => attempts::source(&text(&inputs)).map(rendering),
        // Whoever is refused may still render something.
        "source-or" => Ok(rendering(attempts::source(&text(&inputs)).unwrap_or_else(|error| error.message))),
        name => misdeed(&step::Request {
            name: name.to_owned(),
            inputs,
            run: String::new(),
            key: String::new(),
            attempt: 1,
            environment: None,
            event: String::new(),
            resumption: None,
        })
        .map(rendering),
    }
}

fn number(inputs: &str) -> usize {
    inputs.parse().unwrap_or_default()
}

fn text(inputs: &str) -> String {
    serde_json::from_str(inputs).unwrap_or_default()
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Only in a component: a native linker takes the `@` in the exported names for a symbol's version.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "the exported functions are unsafe by their nature")]
mod component {
    use super::*;
    use tidegate::bindings::exports::tidegate::plugin::plugin as description;

    struct Component;

    impl description::Guest for Component {
        fn describe() -> description::Description {
            // Whoever locks a plugin must not thereby let it act: each interface is tried, and the answers are told.
            let tried = attempts::everything();
            let annotation = |(name, answer): (&String, &serde_json::Value)| {
                let value = answer.as_str().unwrap_or_default().to_owned();
                tidegate::bindings::tidegate::plugin::types::Annotation { name: name.clone(), value }
            };
            description::Description {
                name: "hostile".to_owned(),
                version: "0.1.0".to_owned(),
                summary: "Does whatever a plugin must not".to_owned(),
                offers: Vec::new(),
                annotations: tried.as_object().into_iter().flatten().map(annotation).collect(),
            }
        }
    }

    impl step::Guest for Component {
        fn preview(request: step::Request) -> Result<step::Forecast, Error> {
            shown(&request)
        }

        fn run(request: step::Request) -> Result<step::Outcome, Error> {
            done(&request)
        }

        fn probe(request: step::Request) -> Result<step::Finding, Error> {
            found(&request)
        }
    }

    impl renderer::Guest for Component {
        fn render(request: renderer::Request) -> Result<renderer::Rendering, Error> {
            rendered(&request)
        }
    }

    tidegate::bindings::export_guest!(Component with_types_in tidegate::bindings);
    tidegate::bindings::steps::export_steps!(Component with_types_in tidegate::bindings::steps);
    tidegate::bindings::renderers::export_renderers!(Component with_types_in tidegate::bindings::renderers);
}
