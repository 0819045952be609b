//! What was not granted.

use crate::guest::{Attempt, answers, everything};
use model::Blame;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A denial that a step ends with says whose grant is missing.
const WHO: &str = "plugin `hostile`, step `misdeed`";

/// The jail keeps a child's own writes out of the workspace; these files the host opens for it.
#[tokio::test]
async fn the_files_of_a_child_need_the_workspace_grant() {
    let reading = "denied: reading the workspace is not granted: it needs `workspace: read`";
    let writing = "denied: writing the workspace is not granted: it needs `workspace: write`";
    for (workspace, input, output, starts) in
        [(None, reading, writing, 1), (Some("read"), "ok", writing, 2), (Some("write"), "ok", "ok", 4)]
    {
        let grant = json!({"workspace": workspace, "process": {"programs": ["sh"]}});
        let ended = Attempt::new("path").inputs("a").grant(grant).run().await;
        let answers: BTreeMap<_, _> = answers(&ended.outputs().to_string()).into_iter().collect();
        assert_eq!(answers["process.start in a folder"], "ok");
        assert_eq!(answers["process.start with input"], input, "{workspace:?}");
        assert_eq!(answers["process.start with output"], output, "{workspace:?}");
        assert_eq!(answers["process.start with errors"], output, "{workspace:?}");
        let started = ended.recorder.calls().into_iter().filter(|call| call.starts_with("process.start")).count();
        assert_eq!(started, starts, "{workspace:?}");
    }
}

#[tokio::test]
async fn all_variables_that_are_missing_are_named_and_the_hosts_own_are_not() {
    let grant = json!({"process": {"programs": ["sh"], "environment": []}});
    let own = "TIDEGATE_OUTPUT,TIDEGATE_RUN,TIDEGATE_STEP";
    let granted = Attempt::new("variables").inputs(own).grant(grant.clone()).run().await;
    assert_eq!(granted.recorder.calls(), ["process.start key sh"]);
    let ended = Attempt::new("variables").inputs(format!("{own},PATH,TIDEGATE_X")).grant(grant).run().await;
    let why = "giving the environment variables `PATH`, `TIDEGATE_X` is not granted: \
        it needs `process: { environment: [PATH, TIDEGATE_X] }`";
    assert_eq!(ended.failure().message, format!("{WHO}: {why}"));
}

#[tokio::test]
async fn a_variable_that_was_not_granted() {
    let grant = json!({"process": {"programs": ["sh"], "environment": ["CI_*"]}});
    let ended = Attempt::new("variable").inputs("LD_PRELOAD").grant(grant.clone()).run().await;
    let failure = ended.failure();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::User, "denied"));
    let why = "the environment variable `LD_PRELOAD` is not granted: it needs `process: { environment: [LD_PRELOAD] }`";
    assert_eq!(failure.message, format!("{WHO}: {why}"));
    assert_eq!(ended.recorder.calls(), [""; 0]);
    let granted = Attempt::new("variable").inputs("CI_RUN").grant(grant).run().await;
    assert_eq!(granted.recorder.calls(), ["process.start key sh"]);
}

#[tokio::test]
async fn a_program_that_was_not_granted() {
    let grant = json!({"process": {"programs": ["sh"]}});
    for program in ["bash", "sh2", "/bin/sh", "../sh", ""] {
        let ended = Attempt::new("program").inputs(program).grant(grant.clone()).run().await;
        let failure = ended.failure();
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::User, "denied"));
        let why = format!("running `{program}` is not granted: it needs `process: {{ programs: [{program}] }}`");
        assert_eq!(failure.message, format!("{WHO}: {why}"));
        assert_eq!(ended.recorder.calls(), [""; 0]);
    }
    let granted = Attempt::new("program").inputs("sh").grant(grant).run().await;
    assert_eq!(granted.recorder.calls(), ["process.start key sh"]);
}

#[tokio::test]
async fn without_grants_nothing_arrives() {
    let ended = Attempt::new("everything").grant(json!({})).run().await;
    let answers = answers(&ended.outputs().to_string());
    assert_eq!(answers.len(), 37);
    for (function, answer) in answers {
        assert!(answer.starts_with("denied: "), "{function} answered {answer}");
    }
    assert_eq!(ended.recorder.calls(), [""; 0]);
}

/// Whatever is granted, an interface that is not served says so by its name, as an answer and not as a trap.
#[tokio::test]
async fn interfaces_that_are_not_served() {
    const UNSERVED: [&str; 4] = ["change-read", "change-write", "state-read", "state-write"];
    let ended = Attempt::new("everything").grant(everything()).run().await;
    let mut met = Vec::new();
    for (function, answer) in answers(&ended.outputs().to_string()) {
        let interface = function.split('.').next().expect("a first part");
        if UNSERVED.contains(&interface) {
            let why =
                format!("denied: `{interface}` is not served by this version of Tidegate, so nothing can grant it");
            assert_eq!(answer, why, "{function}");
            met.push(interface.to_owned());
        } else if interface != "source" {
            assert_eq!(answer, "ok", "{function}");
        }
    }
    met.dedup();
    met.sort();
    assert_eq!(met, UNSERVED);
}

/// What `everything` is denied with one grant replaced: function, and what is not granted.
async fn denied(name: &str, granted: Value) -> BTreeMap<String, String> {
    let mut grant = everything();
    grant[name] = granted;
    let ended = Attempt::new("everything").grant(grant).run().await;
    let mut denied = BTreeMap::new();
    for (function, answer) in answers(&ended.outputs().to_string()) {
        match answer.strip_prefix("denied: ").map(|why| why.split_once(" is not granted")) {
            Some(Some((what, _))) => _ = denied.insert(function, what.to_owned()),
            // Not served.
            Some(None) => {}
            None => assert_eq!(answer, "ok", "{function}"),
        }
    }
    denied
}

/// Each grant on its own, and each part of one: what is left is denied, and nothing else.
#[tokio::test]
async fn each_call_needs_all_of_its_grants() {
    let (reading, writing) = ("reading the workspace", "writing the workspace");
    let writes = [
        ("archive.pack", writing),
        ("archive.unpack", writing),
        ("artifact-read.extract", writing),
        ("cache.restore", writing),
        ("workspace-write.remove", writing),
        ("workspace-write.write", writing),
    ];
    let reads = [
        ("artifact-write.store-file", reading),
        ("cache.save", reading),
        ("workspace-read.entries", reading),
        ("workspace-read.read", reading),
        ("workspace-read.summarise", reading),
    ];
    let stores = [("artifact-write.store", "storing artifacts"), ("artifact-write.store-file", "storing artifacts")];
    let finds = ["artifact-read.extract", "artifact-read.find", "artifact-read.read"].map(|f| (f, "reading artifacts"));
    let repository = ["repository-read.changed-paths", "repository-read.read", "repository-read.resolve"]
        .map(|function| (function, "reading the repository `config`"));
    let begins = |what| ["repository-write.begin", "repository-write.begin of the default branch"].map(|f| (f, what));
    let (no_write, no_branch) =
        (begins("writing to the repository `config`"), begins("writing to the branch `main` of `config`"));
    let applications = ["application.contains", "application.read"].map(|f| (f, "asking about the application `shop`"));
    let cases = [
        ("workspace", json!(null), [&writes[..], &reads].concat()),
        ("workspace", json!("read"), writes.to_vec()),
        ("artifact", json!(null), [&stores[..], &finds].concat()),
        ("artifact", json!({}), stores.to_vec()),
        (
            "cache",
            json!(null),
            vec![("cache.restore", "taking cache entries"), ("cache.save", "keeping cache entries")],
        ),
        ("cache", json!({}), vec![("cache.save", "keeping cache entries")]),
        (
            "secret",
            json!({"names": ["other"], "reveal": true}),
            vec![("secret.placeholder", "the secret `token`"), ("secret.reveal", "the secret `token`")],
        ),
        ("secret", json!({"names": ["token"]}), vec![("secret.reveal", "seeing the secret `token` itself")]),
        ("http", json!(null), vec![("http.send", "calling servers")]),
        ("http", json!({"hosts": ["*"], "methods": ["POST"]}), vec![("http.send", "the method `GET`")]),
        ("approval", json!(null), vec![("approval.read", "reading votes")]),
        ("application", json!(null), applications.to_vec()),
        ("application", json!({"names": ["shop-*", "other"]}), applications.to_vec()),
        ("application", json!({"names": ["sh*"]}), vec![]),
        ("process", json!(null), vec![("process.start", "running `sh`")]),
        ("repository", json!({"read": ["other"]}), [&repository[..], &no_write].concat()),
        ("repository", json!({"read": ["config"]}), no_write.to_vec()),
        ("repository", json!({"write": {"other": {}}}), [&repository[..], &no_write].concat()),
        ("repository", json!({"write": {"config": {"branches": ["release/*"]}}}), no_branch.to_vec()),
    ];
    for (name, granted, expected) in cases {
        let expected = expected.into_iter().map(|(function, what)| (function.to_owned(), what.to_owned())).collect();
        assert_eq!(denied(name, granted.clone()).await, expected, "{name}: {granted}");
    }
}

#[tokio::test]
async fn a_file_of_a_request_needs_the_workspace_grant() {
    let (reading, writing) = (
        "denied: reading the workspace is not granted: it needs `workspace: read`",
        "denied: writing the workspace is not granted: it needs `workspace: write`",
    );
    for (workspace, body, save) in
        [(None, reading, writing), (Some("read"), "ok", writing), (Some("write"), "ok", "ok")]
    {
        let grant = json!({"workspace": workspace, "http": {"hosts": ["*"]}});
        let ended = Attempt::new("path").inputs("a").grant(grant).run().await;
        let answers: BTreeMap<_, _> = answers(&ended.outputs().to_string()).into_iter().collect();
        assert_eq!(answers["http.send of a path"], body, "{workspace:?}");
        assert_eq!(answers["http.send to a path"], save, "{workspace:?}");
    }
}

#[tokio::test]
async fn a_transaction_writes_what_was_granted() {
    let scope = json!({"branches": ["main"], "paths": ["apps/**"]});
    let grant = json!({"repository": {"write": {"config": scope}}});
    for (path, answer) in [
        ("apps/a", "ok"),
        (
            "other/a",
            "denied: writing `other/a` of the repository `config` is not granted: \
            it needs `repository: { write: { config: { paths: [other/a] } } }`",
        ),
    ] {
        let ended = Attempt::new("path").inputs(path).grant(grant.clone()).run().await;
        let answers: BTreeMap<_, _> = answers(&ended.outputs().to_string()).into_iter().collect();
        assert_eq!(answers["transaction.put"], answer);
        assert_eq!(answers["transaction.remove"], answer);
        assert_eq!(answers["transaction.read"], "ok");
    }
    let ended = Attempt::new("propose").inputs("other").grant(grant.clone()).run().await;
    let why = "writing to the branch `other` of `config` is not granted: \
        it needs `repository: { write: { config: { branches: [other] } } }`";
    assert_eq!(ended.outputs()[0], why);
    let ended = Attempt::new("propose").inputs("main").grant(grant).run().await;
    assert_eq!(ended.outputs()[0], "there is no forge");
}
