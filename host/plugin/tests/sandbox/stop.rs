//! A step that is being stopped, and goes on.

use crate::guest::{Attempt, answers};

/// What begins something new.
const BEGINS: [&str; 11] = [
    "archive.pack",
    "archive.unpack",
    "artifact-write.store",
    "artifact-write.store-file",
    "cache.restore",
    "cache.save",
    "http.send",
    "process.start",
    "repository-write.begin",
    "secret.placeholder",
    "secret.reveal",
];

#[tokio::test]
async fn it_begins_nothing_any_more() {
    let ended = Attempt::new("everything").stopped_at("").run().await;
    let mut met = Vec::new();
    for (function, answer) in answers(&ended.outputs().to_string()) {
        let function = function.split(' ').next().expect("a first part");
        if BEGINS.contains(&function) {
            assert_eq!(answer, format!("cancelled: `{function}` was refused: the step is being stopped"));
            met.push(function.to_owned());
        } else if !answer.starts_with("denied: ") {
            assert_eq!(answer, "ok", "{function}");
        }
    }
    met.dedup();
    met.sort();
    assert_eq!(met, BEGINS);
    for call in ended.recorder.calls() {
        assert!(!BEGINS.contains(&call.split(' ').next().expect("a first part")), "{call}");
    }
}

/// What was edited before is not published.
#[tokio::test]
async fn it_pushes_and_proposes_nothing_any_more() {
    let begin = "repository-write.begin";
    let ended = Attempt::new("trailer").inputs("X: y").stopped_at(begin).run().await;
    let failure = ended.failure();
    let why = "`repository-write.push` was refused: the step is being stopped";
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("cancelled", why));
    let ended = Attempt::new("propose").inputs("main").stopped_at(begin).run().await;
    assert_eq!(ended.outputs()[0], "`repository-write.propose` was refused: the step is being stopped");
    assert_eq!(ended.recorder.calls(), ["repository-write.begin config main"]);
}
