//! What needs no grant is bounded all the same.

use crate::guest::Attempt;
use serde_json::json;

#[tokio::test]
async fn calls_that_need_no_grant_are_counted() {
    for (function, call) in
        [("now", "clock.now"), ("elapsed", "clock.elapsed"), ("draw", "random.draw"), ("", "cancellation.requested")]
    {
        let ended = Attempt::new("free").inputs(function).limits(|limits| limits.calls = 1_000).run().await;
        ended.ended_by("exhausted", "the plugin made more than 1000 host calls");
        assert_eq!(ended.receipt.calls[call].count, 1_000);
    }
}

#[tokio::test]
async fn one_call_draws_four_kibibytes_at_most() {
    assert_eq!(Attempt::new("draw").run().await.outputs(), 4096);
}

#[tokio::test]
async fn the_clock_never_goes_back() {
    let times = Attempt::new("clock").run().await.outputs();
    assert_eq!(times[0], times[1]);
    assert_ne!(times[0], json!(null));
}
