//! Calls that the interface allows and its texts do not.

use crate::attempts::{DIGEST, command, get, label as sound_label, packing};
use crate::{Answer, number};
use serde_json::Value;
use tidegate::bindings::steps::exports::tidegate::plugin::step;
use tidegate::bindings::tidegate::plugin::types::Error;
use tidegate::bindings::tidegate::plugin::{
    archive, artifact_read, artifact_write, cache, http, process, repository_write, secret, workspace_write,
};

/// One list of so many bytes.
pub(crate) fn bytes(length: usize) -> Answer {
    workspace_write::write("file", &vec![0; length])?;
    Ok("{}".to_owned())
}

/// So many texts, all empty: little memory here, much at the host.
pub(crate) fn strings(count: usize) -> Answer {
    let arguments = vec![String::new(); count];
    process::start("key", &process::Command { arguments, ..command("sh") })?;
    Ok("{}".to_owned())
}

/// An error whose every text is of somebody's choice.
pub(crate) fn error(inputs: &str) -> Error {
    let text = crate::text(inputs);
    Error { hint: Some(text.clone()), ..Error::new(&text, text.clone()) }
}

/// An error of this code, of which the host told nothing.
pub(crate) fn blame(code: &str) -> Error {
    Error { retryable: true, ..Error::new(code, "it was somebody else") }
}

/// An error with details of so many bytes.
pub(crate) fn details(length: usize) -> Error {
    Error { details: Some(crate::json(&"x".repeat(length.saturating_sub(2)))), ..Error::new("own", "x") }
}

/// An artifact of this name, and another one of this media type.
pub(crate) fn label(text: &str) -> Answer {
    let label = |name: &str, media_type: &str| artifact_write::Label {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        confidential: false,
    };
    let answers =
        [artifact_write::store(&label(text, "text/plain"), b"x"), artifact_write::store_file(&label("a", text), "a")];
    Ok(texts(answers.map(said)))
}

pub(crate) fn trap_in_transaction() -> Answer {
    let transaction = repository_write::begin("config", "main")?;
    transaction.put("file", b"half of it")?;
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    unreachable!("only a component is run");
}

/// A push with a trailer of the guest's choice.
pub(crate) fn trailer(line: &str) -> Answer {
    let transaction = repository_write::begin("config", "main")?;
    let trailers = vec!["Reviewed-by: somebody".to_owned(), line.to_owned()];
    let message = repository_write::Message { subject: "x".to_owned(), body: String::new(), trailers };
    let id = transaction.push(&message)?;
    Ok(crate::json(&id))
}

/// A proposal from this branch, and another one with a trailer of the host's.
pub(crate) fn propose(branch: &str) -> Answer {
    let transaction = repository_write::begin("config", "main")?;
    let propose = |trailers: &[&str], branch: &str| {
        let trailers = trailers.iter().map(|line| (*line).to_owned()).collect();
        let message = repository_write::Message { subject: "x".to_owned(), body: String::new(), trailers };
        let (title, body) = ("x".to_owned(), String::new());
        transaction.propose(&message, &repository_write::Proposal { branch: branch.to_owned(), title, body })
    };
    let answers = [propose(&[], branch), propose(&["Tidegate-Run: r2"], "main")];
    Ok(texts(answers.map(said)))
}

/// A content of so many bytes, wherever one is handed over whole.
pub(crate) fn contents(length: usize) -> Answer {
    let content = || vec![0; length];
    let input = process::Command { input: process::Input::Bytes(content()), ..command("sh") };
    let request = http::Request { body: http::Body::Bytes(content()), ..get() };
    Ok(texts([
        said(artifact_write::store(&sound_label(), &content())),
        said(repository_write::begin("config", "main")?.put("file", &content())),
        said(process::start("key", &input)),
        said(http::send(&request)),
    ]))
}

/// Cache entries under this key, with these prefixes, of these paths: `KEY|PREFIX,…|PATH,…`.
pub(crate) fn cached(text: &str) -> Answer {
    let mut parts = text.split('|');
    let key = parts.next().unwrap_or_default();
    let mut list = || parts.next().into_iter().flat_map(|part| part.split(',')).map(str::to_owned).collect::<Vec<_>>();
    let (prefixes, paths) = (list(), list());
    Ok(texts([said(cache::restore(key, &prefixes, &paths)), said(cache::save(key, &paths))]))
}

/// Secrets with this name, or this part.
pub(crate) fn secrets(text: &str) -> Answer {
    Ok(texts([
        said(secret::placeholder(text, "")),
        said(secret::placeholder("token", text)),
        said(secret::reveal(text, "")),
        said(secret::reveal("token", text)),
    ]))
}

/// A request with so many headers, and one with a header of so many bytes.
pub(crate) fn headers(count: usize) -> Answer {
    let header = |length: usize| http::Header { name: "x".to_owned(), value: "y".repeat(length.saturating_sub(1)) };
    let send = |headers: Vec<http::Header>| said(http::send(&http::Request { headers, ..get() }));
    Ok(texts([send(vec![header(1); count]), send(vec![header(count)])]))
}

/// An archive of so many items, and one without so many paths.
pub(crate) fn items(count: usize) -> Answer {
    let items = archive::Packing { items: vec![packing("a").items.remove(0); count], ..packing("a") };
    let exclude = archive::Packing { exclude: vec!["a".to_owned(); count], ..packing("a") };
    Ok(texts([said(archive::pack(&items, "b")), said(archive::pack(&exclude, "b"))]))
}

/// A child of this key.
pub(crate) fn key(key: &str) -> Answer {
    process::start(key, &command("sh"))?;
    Ok("{}".to_owned())
}

/// The most of whatever a number asks for: how long to wait, and how much to read.
pub(crate) fn most() -> Answer {
    let child = process::start("key", &command("sh"))?;
    child.next(u32::MAX)?;
    artifact_read::read(DIGEST, 0, u32::MAX)?;
    http::send(&http::Request { timeout_seconds: u32::MAX, ..get() })?;
    Ok("{}".to_owned())
}

fn said<T>(answer: Result<T, Error>) -> String {
    answer.err().map_or("ok".to_owned(), |error| error.message)
}

fn texts<const N: usize>(texts: [String; N]) -> String {
    Value::from(texts.to_vec()).to_string()
}

/// A wait for a signal of this kind, with a subject and a condition of so many bytes: `KIND|SUBJECT|CONDITION`.
pub(crate) fn wait(text: &str) -> step::Wait {
    let mut parts = text.split('|');
    let kind = parts.next().unwrap_or_default().to_owned();
    let mut size = || number(parts.next().unwrap_or_default());
    let subject = "x".repeat(size());
    let condition = crate::json(&"x".repeat(size().saturating_sub(2)));
    let signals = vec![step::Signal { kind, subject, condition }];
    step::Wait { signals, deadline_seconds: 1, memory: String::new(), message: String::new() }
}

/// A forecast of so many effects, each with escapes in its texts.
pub(crate) fn forecast(count: usize) -> step::Forecast {
    let text = || "a\u{1b}[2J\nb".to_owned();
    let effect = step::Effect { kind: text(), subject: text(), summary: text() };
    step::Forecast { effects: vec![effect; count], body: String::new() }
}
