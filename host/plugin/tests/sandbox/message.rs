//! More than a call may hand over.

use crate::guest::Attempt;
use model::Blame;

const TOO_LARGE: &str = "it handed more to one host call than the host takes";

#[tokio::test]
async fn a_huge_list_never_reaches_the_host() {
    let ended = Attempt::new("bytes").inputs(2 << 20).limits(|limits| limits.message = 1 << 20).run().await;
    ended.ended_by("too-large", TOO_LARGE);
    assert_eq!(ended.recorder.calls(), [""; 0]);
}

/// A list costs the host what it allocates for it, not what the guest did: a million empty texts.
#[tokio::test]
async fn many_small_texts_cost_what_they_take_at_the_host() {
    let ended = Attempt::new("strings").inputs(1_000_000).run().await;
    ended.ended_by("too-large", TOO_LARGE);
    assert_eq!(ended.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn the_limit_is_of_one_call_and_not_of_all() {
    let attempt = Attempt::new("log-flood").limits(|limits| (limits.message, limits.calls) = (64, 1_000));
    attempt.run().await.ended_by("exhausted", "the plugin made more than 1000 host calls");
}

/// What fits into a message is still too much for a file.
#[tokio::test]
async fn content_above_a_mebibyte_is_refused() {
    let ended = Attempt::new("bytes").inputs((1 << 20) + 1).run().await;
    let failure = ended.failure();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "too-large"));
    assert_eq!(failure.message, "the content is 1048577 bytes; at most 1048576 are allowed");
    assert_eq!(ended.recorder.calls(), [""; 0]);
    let fits = Attempt::new("bytes").inputs(1 << 20).run().await;
    assert_eq!(fits.recorder.calls(), ["workspace-write.write file of 1048576"]);
}

#[tokio::test]
async fn outputs_above_a_mebibyte_are_not_kept() {
    let length = 1 << 20;
    let failure = Attempt::new("outputs").inputs(length).run().await.answer.expect_err("two quotes too many");
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "too-large"));
    let why = "its outputs are 1048578 bytes; at most 1048576 are kept, store an artifact instead";
    assert_eq!(failure.message, why);
    assert!(Attempt::new("outputs").inputs(length - 2).run().await.answer.is_ok());
    let found = Attempt::new("outputs").inputs(length).probe().await;
    assert_eq!(found.failure().message, why);
    let shown = Attempt::new("outputs").inputs(length).preview().await;
    assert_eq!(shown.failure().code, "too-large");
    // An answer that is not even taken over from the guest.
    let ended = Attempt::new("outputs").inputs(length).limits(|limits| limits.message = 1 << 19).run().await;
    ended.ended_by("too-large", TOO_LARGE);
}

#[tokio::test]
async fn details_that_are_too_large_are_dropped_with_a_note() {
    let ended = Attempt::new("details").inputs((64 << 10) + 1).run().await;
    let note = "the details are 65537 bytes and were dropped; at most 65536 are kept";
    assert_eq!(ended.failure().details, Some(serde_json::json!({ "note": note })));
}

#[tokio::test]
async fn the_labels_of_artifacts_are_short_single_lines() {
    for text in ["a\u{1b}[2J", "a\nb", &"a".repeat(257)] {
        let ended = Attempt::new("label").inputs(text).run().await;
        let why = ["name", "media type"]
            .map(|what| format!("an artifact's {what} has at most 256 bytes and no control character"));
        assert_eq!(ended.outputs(), serde_json::json!(why), "{text:?}");
        assert_eq!(ended.recorder.calls(), [""; 0]);
    }
    let ended = Attempt::new("label").inputs("a".repeat(256)).run().await;
    assert_eq!(ended.recorder.calls().len(), 2);
}
