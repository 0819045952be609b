//! Trying what may not be granted, and telling how the host answered.

use crate::Answer;
use serde_json::{Map, Value};
use tidegate::bindings::tidegate::plugin::types::Error;
use tidegate::bindings::tidegate::plugin::{
    application, approval, archive, artifact_read, artifact_write, cache, change, change_read, change_write, clock,
    http, process, repository_read, repository_write, secret, source, state_read, state_write, workspace_read,
    workspace_write,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn command(program: &str) -> process::Command {
    process::Command {
        program: program.to_owned(),
        arguments: Vec::new(),
        environment: Vec::new(),
        directory: String::new(),
        input: process::Input::Nothing,
        standard_output: process::Output::Events,
        standard_error: process::Output::Events,
        timeout_seconds: 1,
        grace_seconds: 0,
    }
}

pub(crate) fn label() -> artifact_write::Label {
    artifact_write::Label { name: "a".to_owned(), media_type: "text/plain".to_owned(), confidential: false }
}

/// The answers by function: `ok`, or the error's code and message.
#[derive(Default)]
struct Answers(Map<String, Value>);

impl Answers {
    fn note<T>(&mut self, function: &str, answer: Result<T, Error>) {
        let text = match answer {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{}: {}", error.code, error.message),
        };
        self.0.insert(function.to_owned(), Value::from(text));
    }
}

/// One call of each function that can be reached, with arguments that nobody could object to.
pub(crate) fn everything() -> Value {
    let mut answers = Answers::default();
    answers.note("workspace-read.read", workspace_read::read("a"));
    answers.note("workspace-read.entries", workspace_read::entries(""));
    answers.note("workspace-write.write", workspace_write::write("a", b"x"));
    answers.note("workspace-write.remove", workspace_write::remove("a"));
    answers.note("artifact-read.find", artifact_read::find(DIGEST));
    answers.note("artifact-read.read", artifact_read::read(DIGEST, 0, 1));
    answers.note("artifact-read.extract", artifact_read::extract(DIGEST, "a"));
    answers.note("artifact-write.store", artifact_write::store(&label(), b"x"));
    answers.note("artifact-write.store-file", artifact_write::store_file(&label(), "a"));
    answers.note("repository-read.resolve", repository_read::resolve("config", "main"));
    answers.note("repository-read.read", repository_read::read("config", COMMIT, "a"));
    answers.note("repository-read.changed-paths", repository_read::changed_paths("config", COMMIT, COMMIT));
    answers.note("repository-write.begin", repository_write::begin("config", "main"));
    answers.note("repository-write.begin of the default branch", repository_write::begin("config", ""));
    let requirement = approval::Requirement { subject: String::new(), count: 1, group: String::new() };
    answers.note("approval.read", approval::read(&requirement));
    answers.note("application.read", application::read("shop"));
    answers.note("application.contains", application::contains("shop", COMMIT));
    answers.note("process.start", process::start("key", &command("sh")));
    outside(&mut answers);
    unserved(&mut answers);
    Value::Object(answers.0)
}

/// All functions of `source` on a path of a root, written `root:path`; the answers as text.
pub(crate) fn source(place: &str) -> Answer {
    let (root, path) = place.rsplit_once(':').unwrap_or_default();
    let kind = |kind: Option<source::Kind>| kind.map_or("nothing".to_owned(), |kind| format!("{kind:?}"));
    let look = source::look(root, path).map(kind)?;
    let read = match source::read(root, path) {
        Ok(content) => content.map_or("nothing".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => format!("{}: {}", error.code, error.message),
    };
    let entries = match source::entries(root, path) {
        Ok(Some(entries)) => entries.iter().map(|e| format!("{} {:?}", e.name, e.kind)).collect::<Vec<_>>().join(", "),
        Ok(None) => "nothing".to_owned(),
        Err(error) => format!("{}: {}", error.code, error.message),
    };
    Ok(format!("{look}; {read}; {entries}"))
}

fn outside(answers: &mut Answers) {
    answers.note("workspace-read.summarise", workspace_read::summarise("a"));
    answers.note("archive.pack", archive::pack(&packing("a"), "b"));
    answers.note("archive.unpack", archive::unpack("a", "b"));
    answers.note("cache.restore", cache::restore("key", &[], &["a".to_owned()]));
    answers.note("cache.save", cache::save("key", &["a".to_owned()]));
    answers.note("secret.placeholder", secret::placeholder("token", ""));
    answers.note("secret.reveal", secret::reveal("token", ""));
    let request = get();
    answers.note("http.send", http::send(&request));
}

pub(crate) fn get() -> http::Request {
    http::Request {
        method: "GET".to_owned(),
        url: "http://169.254.169.254/".to_owned(),
        headers: Vec::new(),
        body: http::Body::Nothing,
        redirects: 0,
        save: None,
        timeout_seconds: 1,
    }
}

pub(crate) fn packing(path: &str) -> archive::Packing {
    let item = archive::Item { source: path.to_owned(), target: "t".to_owned(), user: 0, group: 0, mode: None };
    archive::Packing { items: vec![item], exclude: vec![], modified: 0, compression: archive::Compression::None }
}

fn unserved(answers: &mut Answers) {
    answers.note("source.look", source::look("root", "a"));
    answers.note("source.read", source::read("root", "a"));
    answers.note("source.entries", source::entries("root", ""));
    answers.note("change-read.read", change_read::read("config", "1"));
    answers.note("change-write.comment", change_write::comment("config", "1", "key", "text"));
    let status = change::CommitStatus {
        name: "a".to_owned(),
        state: "success".to_owned(),
        description: String::new(),
        url: String::new(),
    };
    answers.note("change-write.set-status", change_write::set_status("config", COMMIT, &status));
    answers.note("change-write.merge", change_write::merge("config", "1", COMMIT));
    answers.note("state-read.get", state_read::get("key"));
    answers.note("state-read.keys", state_read::keys());
    answers.note("state-write.put", state_write::put("key", "value"));
    answers.note("state-write.remove", state_write::remove("key"));
}

/// The same path through every argument that takes one.
pub(crate) fn paths(path: &str) -> String {
    let mut answers = Answers::default();
    answers.note("workspace-read.read", workspace_read::read(path));
    answers.note("workspace-read.entries", workspace_read::entries(path));
    answers.note("workspace-read.summarise", workspace_read::summarise(path));
    answers.note("archive.pack of a path", archive::pack(&packing(path), "b"));
    answers.note("archive.pack to a path", archive::pack(&packing("a"), path));
    let aimed = archive::Item { source: "a".to_owned(), target: path.to_owned(), ..packing("a").items.remove(0) };
    answers
        .note("archive.pack at a path", archive::pack(&archive::Packing { items: vec![aimed], ..packing("a") }, "b"));
    let without = archive::Packing { exclude: vec![path.to_owned()], ..packing("a") };
    answers.note("archive.pack without a path", archive::pack(&without, "b"));
    answers.note("archive.unpack of a path", archive::unpack(path, "b"));
    answers.note("archive.unpack to a path", archive::unpack("a", path));
    answers.note("cache.restore", cache::restore("key", &[], &[path.to_owned()]));
    answers.note("cache.save", cache::save("key", &[path.to_owned()]));
    answers
        .note("http.send of a path", http::send(&http::Request { body: http::Body::File(path.to_owned()), ..get() }));
    answers.note("http.send to a path", http::send(&http::Request { save: Some(path.to_owned()), ..get() }));
    answers.note("workspace-write.write", workspace_write::write(path, b"x"));
    answers.note("workspace-write.remove", workspace_write::remove(path));
    answers.note("artifact-read.extract", artifact_read::extract(DIGEST, path));
    answers.note("artifact-write.store-file", artifact_write::store_file(&label(), path));
    answers.note("repository-read.read", repository_read::read("config", COMMIT, path));
    let within = process::Command { directory: path.to_owned(), ..command("sh") };
    answers.note("process.start in a folder", process::start("key", &within));
    let reading = process::Command { input: process::Input::File(path.to_owned()), ..command("sh") };
    answers.note("process.start with input", process::start("key", &reading));
    let writing = process::Command { standard_output: process::Output::File(path.to_owned()), ..command("sh") };
    answers.note("process.start with output", process::start("key", &writing));
    let failing = process::Command { standard_error: process::Output::File(path.to_owned()), ..command("sh") };
    answers.note("process.start with errors", process::start("key", &failing));
    answers.note("process.start of a path", process::start("key", &command(&format!("/{path}"))));
    match repository_write::begin("config", "main") {
        Ok(transaction) => {
            answers.note("transaction.read", transaction.read(path));
            answers.note("transaction.put", transaction.put(path, b"x"));
            answers.note("transaction.remove", transaction.remove(path));
        }
        Err(error) => answers.note::<()>("repository-write.begin", Err(error)),
    }
    Value::Object(answers.0).to_string()
}

/// A child with a variable of this name.
pub(crate) fn variable(name: &str) -> Answer {
    let environment = vec![process::Variable { name: name.to_owned(), value: "x".to_owned() }];
    process::start("key", &process::Command { environment, ..command("sh") })?;
    Ok("{}".to_owned())
}

/// A child with variables of these names, with commas between.
pub(crate) fn variables(names: &str) -> Answer {
    let variable = |name: &str| process::Variable { name: name.to_owned(), value: "x".to_owned() };
    let environment = names.split(',').map(variable).collect();
    process::start("key", &process::Command { environment, ..command("sh") })?;
    Ok("{}".to_owned())
}

/// A child of this program.
pub(crate) fn program(name: &str) -> Answer {
    process::start("key", &command(name))?;
    Ok("{}".to_owned())
}

/// The default branch, again and again, of a repository that does not answer.
pub(crate) fn default_branch() -> Answer {
    loop {
        // An answer is not even looked at.
        let _ = repository_write::begin("broken", "");
    }
}

/// A child and a transaction, each looked at so many times.
pub(crate) fn follow(times: usize) -> Answer {
    let child = process::start("key", &command("sh"))?;
    let transaction = repository_write::begin("config", "main")?;
    for _ in 0..times {
        child.next(0)?;
        transaction.head()?;
        transaction.read("a")?;
    }
    Ok("{}".to_owned())
}

pub(crate) fn write(path: &str) -> Answer {
    workspace_write::write(path, b"x")?;
    Ok("{}".to_owned())
}

pub(crate) fn read(path: &str) -> Answer {
    workspace_read::read(path)?;
    Ok("{}".to_owned())
}

/// A call a letter: `r` reads a file, `m` one whose reading fails, `w` writes one, `n` asks for the time, `s` calls what
/// no host serves.
pub(crate) fn letters(letters: &str) -> String {
    let mut answers = Vec::new();
    for letter in letters.chars() {
        let answer = match letter {
            'r' => workspace_read::read("file").map(|_| ()),
            'm' => workspace_read::read("broken").map(|_| ()),
            'w' => workspace_write::write("file", b"x"),
            's' => state_write::put("key", "value"),
            _ => {
                clock::now();
                Ok(())
            }
        };
        answers.push(Value::from(answer.err().map_or("ok".to_owned(), |error| error.code)));
    }
    Value::Array(answers).to_string()
}

/// What was denied, said to be worth another try.
pub(crate) fn again() -> Answer {
    workspace_read::read("a").map_err(|error| Error { retryable: true, ..error })?;
    Ok("{}".to_owned())
}
