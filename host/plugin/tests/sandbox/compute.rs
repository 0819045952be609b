//! Computing without end.

use crate::guest::Attempt;
use crate::module::Module;
use model::Blame;
use plugin::Silent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// Of about 30 with ticks of 10 ms; where the guest keeps the thread there is none, or one before it begins.
const TURNS: u32 = 5;

#[tokio::test]
async fn an_endless_loop_ends_with_its_compute_limit() {
    let ended = Attempt::new("loop").limits(|limits| limits.compute = Duration::from_millis(100)).run().await;
    ended.ended_by("timed-out", "it computed longer than 100 ms");
    assert!(!ended.failure().retryable, "the next attempt would compute as long");
}

/// One worker thread for everything, as on a machine with one core: others must get their turn meanwhile.
#[test]
fn other_tasks_go_on_while_a_guest_computes() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let over = Arc::new(AtomicBool::new(false));
    let met_its_end = runtime.block_on(async {
        let guest = tokio::spawn({
            let over = over.clone();
            async move {
                let ended =
                    Attempt::new("loop").limits(|limits| limits.compute = Duration::from_millis(300)).run().await;
                over.store(true, Ordering::SeqCst);
                ended.ended_by("timed-out", "it computed longer than 300 ms");
            }
        });
        let other = tokio::spawn(async move {
            // A timer, so that the driver must get its turn too. Each of its turns is one: what is late is not made up.
            let mut timer = tokio::time::interval(Duration::from_millis(1));
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for _ in 0..TURNS {
                timer.tick().await;
            }
            over.load(Ordering::SeqCst)
        });
        let met_its_end = other.await.expect("no panic");
        guest.await.expect("the guest is contained");
        met_its_end
    });
    assert!(!met_its_end, "another task had fewer than {TURNS} turns while the guest computed");
}

#[tokio::test]
async fn a_loop_in_describe_ends_within_its_second() {
    let plugin = Module { describe: "(loop (br 0)) unreachable", ..Module::default() }.load().expect("a plugin");
    let began = Instant::now();
    let failure = plugin.describe(Arc::new(Silent)).await.expect_err("it loops");
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "timed-out"));
    // Not by the clock on the wall: that one would also end an honest plugin on a busy machine.
    assert_eq!(failure.message, "the plugin, in `describe`: it computed longer than 1 s");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_loop_at_the_start_of_an_instance_ends_too() {
    let fields = "(func $forever (loop (br 0))) (start $forever)".to_owned();
    let plugin = Module { fields, ..Module::default() }.load().expect("a plugin");
    let attempt = Attempt::of(plugin, "any").limits(|limits| limits.compute = Duration::from_millis(50));
    attempt.run().await.ended_by("timed-out", "it computed longer than 50 ms");
}

#[tokio::test]
async fn unbounded_recursion_fills_the_stack_and_no_more() {
    let fields = "(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))".to_owned();
    let plugin = Module { run: "(call $deeper)", fields, ..Module::default() }.load().expect("a plugin");
    let ended = Attempt::of(plugin, "any").run().await;
    ended.ended_by("exhausted", "its calls nest too deeply, the stack is full");
    // A compiler's own stack, within the memory, is full long before.
    let ended = Attempt::new("recurse").run().await;
    ended.ended_by("trapped", "it trapped: out of bounds memory access");
    assert!(ended.failure().hint.as_ref().is_some_and(|hint| hint.contains("stack")), "{:?}", ended.failure());
}
