//! Edits that are not finished, or that lie.

use crate::guest::Attempt;
use model::Blame;

#[tokio::test]
async fn a_trap_drops_an_open_transaction() {
    let ended = Attempt::new("trap-in-transaction").run().await;
    ended.ended_by("trapped", "it gave up (a panic, or `unreachable`)");
    assert_eq!(ended.recorder.calls(), ["repository-write.begin config main"]);
    assert_eq!(ended.recorder.transactions(), 0);
    assert!(!ended.receipt.calls.contains_key("repository-write.push"));
}

/// Commits are told apart by the host's own trailers.
#[tokio::test]
async fn a_forged_trailer_is_refused() {
    let forged = [
        "Tidegate-Run: r2",
        "tidegate-run: r2",
        "TIDEGATE-STEP : x",
        " Tidegate-Run: r2",
        "Tidegate-Anything: x",
        "traceparent: 00-0-0-00",
        "X: y\nTidegate-Run: r2",
        "X: y\rTidegate-Run: r2",
    ];
    for line in forged {
        let ended = Attempt::new("trailer").inputs(line).run().await;
        let failure = ended.failure();
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "invalid"), "{line:?}");
        assert_eq!(failure.message, format!("the trailer {line:?} is the host's, or is not one line"));
        assert_eq!(ended.receipt.calls["repository-write.push"].failed, 1);
    }
    assert!(Attempt::new("trailer").inputs("Tidegate: not one of the host's").run().await.answer.is_ok());
}

#[tokio::test]
async fn neither_does_a_proposal_carry_one() {
    let ended = Attempt::new("propose").inputs("main").run().await;
    let why = "the trailer \"Tidegate-Run: r2\" is the host's, or is not one line";
    assert_eq!(ended.outputs(), serde_json::json!(["there is no forge", why]));
}
