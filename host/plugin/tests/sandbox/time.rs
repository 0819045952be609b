//! Waiting for what never comes.

use crate::guest::Attempt;
use model::Blame;
use std::time::Duration;

#[tokio::test]
async fn a_host_call_that_never_answers_fails_for_the_guest() {
    let attempt = Attempt::new("read").inputs("hang").limits(|limits| limits.host_call = Duration::from_millis(50));
    let ended = attempt.run().await;
    let failure = ended.failure();
    assert_eq!((failure.code.as_str(), failure.retryable), ("timed-out", true));
    assert_eq!(failure.message, "`workspace-read.read` took longer than 50 ms");
    assert_eq!(ended.receipt.calls["workspace-read.read"].failed, 1);
}

/// Nobody can stop the write any more, and perhaps it is done in the end.
#[tokio::test]
async fn an_effect_that_never_answers_is_not_worth_a_retry() {
    let attempt = Attempt::new("write").inputs("hang").limits(|limits| limits.host_call = Duration::from_millis(50));
    let ended = attempt.run().await;
    let failure = ended.failure();
    assert_eq!((failure.code.as_str(), failure.retryable), ("timed-out", false));
    assert_eq!(failure.message, "`workspace-write.write` took longer than 50 ms");
}

#[tokio::test]
async fn a_call_into_a_plugin_ends_with_its_wall_limit() {
    let attempt = Attempt::new("read").inputs("hang").limits(|limits| limits.wall = Duration::from_millis(50));
    let ended = attempt.run().await;
    ended.ended_by("timed-out", "it took longer than 50 ms");
    assert_eq!(ended.failure().blame, Blame::Plugin);
}

/// Asking which branch is the default one is a call as any other: counted, timed, and ended.
#[tokio::test]
async fn the_default_branch_is_asked_for_within_the_limits() {
    let ended = Attempt::new("default-branch").limits(|limits| limits.calls = 100).run().await;
    ended.ended_by("exhausted", "the plugin made more than 100 host calls");
    assert_eq!(ended.recorder.calls().len(), 100);
    let ended = Attempt::new("default-branch").limits(|limits| limits.effects = 100).run().await;
    ended.ended_by("exhausted", "the plugin made more than 100 calls with effects");
}
