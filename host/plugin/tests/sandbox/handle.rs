//! Handles that are never given back.

use crate::guest::{Attempt, HOST};
use crate::module::{Module, with_component};
use model::Blame;
use std::time::Duration;

#[tokio::test]
async fn a_flood_of_transactions() {
    let ended = Attempt::new("transactions").limits(|limits| limits.handles = 16).run().await;
    ended.ended_by("exhausted", "it holds too many handles");
    // The host's own handles have room for 64 more.
    assert!((16..=100).contains(&ended.recorder.calls().len()), "{}", ended.recorder.calls().len());
    assert_eq!(ended.recorder.transactions(), 0, "all are dropped with the instance");
}

#[tokio::test]
async fn a_flood_of_children() {
    let attempt = Attempt::new("children").limits(|limits| (limits.handles, limits.children) = (16, usize::MAX));
    let ended = attempt.run().await;
    ended.ended_by("exhausted", "it holds too many handles");
    assert!((16..=100).contains(&ended.recorder.calls().len()), "{}", ended.recorder.calls().len());
    assert_eq!(ended.recorder.children(), 0, "the last one, which got no handle, is dropped too");
}

#[tokio::test]
async fn a_child_that_cannot_be_ended_holds_nobody_up() {
    let limits = |limits: &mut plugin::Limits| {
        (limits.host_call, limits.wall) = (Duration::from_millis(50), Duration::from_secs(10));
    };
    let ended = Attempt::new("program").inputs("stubborn").limits(limits).run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    assert_eq!(ended.recorder.children(), 1, "the engine ends it with the attempt");
}

/// What takes no new row at the host is bounded by the calls alone.
#[tokio::test]
async fn a_long_child_and_a_long_transaction_are_two_effects() {
    let ended = Attempt::new("follow").inputs(50).limits(|limits| limits.effects = 2).run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    for call in ["process.next", "repository-write.head", "repository-write.read"] {
        assert_eq!(ended.receipt.calls[call].count, 50, "{call}");
    }
    let ended = Attempt::new("follow").limits(|limits| limits.effects = 1).run().await;
    ended.ended_by("exhausted", "the plugin made more than 1 calls with effects");
}

#[tokio::test]
async fn a_ninth_child_is_refused() {
    let ended = Attempt::new("children").run().await;
    let failure = ended.failure();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "exhausted"));
    assert_eq!(failure.message, "a step may have 8 children at a time");
    assert_eq!(failure.hint.as_deref(), Some("8 were started"));
    assert_eq!(ended.recorder.calls().len(), 8, "the ninth reached nobody");
    assert_eq!(ended.recorder.children(), 0, "the instance is gone, so its children are dropped");
}

#[tokio::test]
async fn a_child_that_is_left_and_cannot_be_ended_holds_nobody_up() {
    let limits = |limits: &mut plugin::Limits| limits.host_call = Duration::from_millis(50);
    let ended = Attempt::new("leave").inputs("stubborn").limits(limits).run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    assert_eq!(ended.recorder.children(), 1, "the engine ends it with the attempt");
}

/// A handle that is given back ends its child, and makes room for another.
#[tokio::test]
async fn children_one_after_the_other() {
    let ended = Attempt::new("in-turn").inputs(20).limits(|limits| limits.children = 1).run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    assert_eq!(ended.recorder.calls().len(), 20);
    assert_eq!(ended.recorder.children(), 0);
}

/// Resources of the guest's own are none of the host's, but the engine keeps a table of their handles, which the memory
/// limit does not count.
#[tokio::test]
async fn a_flood_of_the_guests_own_handles() {
    // The limit is 64, and 256 more for what languages need.
    for (count, code, why) in
        [(300, "trapped", "it gave up (a panic, or `unreachable`)"), (600, "exhausted", "it holds too many handles")]
    {
        let own = format!(
            r#"(component
                (type $thing (resource (rep i32)))
                (core func $new (canon resource.new $thing))
                (core module $flood
                    (import "" "new" (func $new (param i32) (result i32)))
                    (func $start (local $n i32)
                        (loop
                            (drop (call $new (i32.const 0)))
                            (local.set $n (i32.add (local.get $n) (i32.const 1)))
                            (br_if 0 (i32.lt_u (local.get $n) (i32.const {count})))))
                    (start $start))
                (core instance (instantiate $flood (with "" (instance (export "new" (func $new)))))))"#
        );
        let plugin = HOST.load(&with_component(Module::default().encode(), &own)).expect("a plugin");
        Attempt::of(plugin, "any").run().await.ended_by(code, why);
    }
}
