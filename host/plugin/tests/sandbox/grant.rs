//! What was not granted.

use crate::guest::{Attempt, answers, everything};
use model::Blame;
use serde_json::json;
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
    const UNSERVED: [&str; 6] = ["application", "change-read", "change-write", "source", "state-read", "state-write"];
    let ended = Attempt::new("everything").grant(everything()).run().await;
    let mut met = Vec::new();
    for (function, answer) in answers(&ended.outputs().to_string()) {
        let interface = function.split('.').next().expect("a first part");
        if UNSERVED.contains(&interface) {
            let why =
                format!("denied: `{interface}` is not served by this version of Tidegate, so nothing can grant it");
            assert_eq!(answer, why, "{function}");
            met.push(interface.to_owned());
        } else {
            assert_eq!(answer, "ok", "{function}");
        }
    }
    met.dedup();
    met.sort();
    assert_eq!(met, UNSERVED);
}
