//! Calls that the interface allows and its texts do not.

use crate::Answer;
use crate::attempts::command;
use tidegate::bindings::tidegate::plugin::types::Error;
use tidegate::bindings::tidegate::plugin::{artifact_write, process, repository_write, workspace_write};

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
    let answers = answers.map(|answer| answer.err().map_or("ok".to_owned(), |error| error.message));
    Ok(serde_json::Value::from(answers.to_vec()).to_string())
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
