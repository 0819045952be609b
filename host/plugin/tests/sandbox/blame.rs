//! Errors that say it was somebody else.

use crate::guest::Attempt;
use model::Blame;
use serde_json::json;

/// Neither a missing grant nor a bug of the host: nobody was told of any.
#[tokio::test]
async fn the_hosts_words_in_a_plugins_mouth_are_the_plugins_doing() {
    for (said, code) in [("denied", "refused"), ("internal", "bug"), ("own", "own")] {
        let ended = Attempt::new("blame").inputs(said).run().await;
        let failure = ended.failure();
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, code));
        assert!(failure.message.ends_with("it was somebody else"), "{}", failure.message);
        assert!(!failure.is_denied());
        assert_eq!(Attempt::new("blame").inputs(said).preview().await.failure().code, code);
        assert_eq!(Attempt::new("blame").inputs(said).probe().await.failure().code, code);
    }
}

#[tokio::test]
async fn what_the_host_said_keeps_its_blame() {
    let denied = Attempt::new("read").inputs("a").grant(json!({})).run().await;
    let failure = denied.failure();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::User, "denied"));
    let why = "plugin `hostile`, step `misdeed`: reading the workspace is not granted: it needs `workspace: read`";
    assert_eq!(failure.message, why);
    let broken = Attempt::new("read").inputs("broken").run().await;
    let failure = broken.failure();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Upstream, "unavailable"));
    assert_eq!(failure.message, "the disk is gone");
}

/// Nothing that was denied is granted a moment later.
#[tokio::test]
async fn what_was_denied_is_not_tried_again() {
    let ended = Attempt::new("again").grant(json!({})).run().await;
    assert!(ended.failure().is_denied() && !ended.failure().retryable, "{:?}", ended.failure());
}
