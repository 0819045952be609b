//! Taking all the memory.

use crate::guest::{Attempt, HOST};
use crate::module::{Module, with_instances};

const FULL: &str = "the plugin wanted more than 64 MiB of memory in all its memories and tables";
const GAVE_UP: &str = "it gave up (a panic, or `unreachable`)";

#[tokio::test]
async fn a_hoard_in_one_memory() {
    let ended = Attempt::new("hoard").run().await;
    ended.ended_by("exhausted", FULL);
    assert!((32 << 20..=64 << 20).contains(&ended.receipt.peak_memory), "{}", ended.receipt.peak_memory);
}

/// Eight memories that each grow to 9 MiB: every one within the limit, and together above it.
fn many_memories() -> Module {
    let memories = (0..8).map(|index| format!("(memory $m{index} 1)")).collect::<String>();
    let run = "(drop (memory.grow $m0 (i32.const 143))) (drop (memory.grow $m1 (i32.const 143)))
        (drop (memory.grow $m2 (i32.const 143))) (drop (memory.grow $m3 (i32.const 143)))
        (drop (memory.grow $m4 (i32.const 143))) (drop (memory.grow $m5 (i32.const 143)))
        (drop (memory.grow $m6 (i32.const 143))) (drop (memory.grow $m7 (i32.const 143))) unreachable";
    Module { run, fields: memories, ..Module::default() }
}

#[tokio::test]
async fn a_hoard_in_many_memories_of_an_instance() {
    let plugin = many_memories().load().expect("a plugin");
    Attempt::of(plugin.clone(), "any").run().await.ended_by("exhausted", FULL);
    // Where there is room for the sum it goes on to its end, so it was the sum that ended it.
    let roomy = Attempt::of(plugin, "any").limits(|limits| limits.memory = 128 << 20).run().await;
    roomy.ended_by("trapped", GAVE_UP);
    assert!(roomy.receipt.peak_memory >= 72 << 20, "{}", roomy.receipt.peak_memory);
}

#[tokio::test]
async fn a_hoard_in_many_instances() {
    let component = with_instances(Module::default().encode(), "(module (memory 144))", 8);
    let plugin = HOST.load(&component).expect("a plugin");
    Attempt::of(plugin.clone(), "any").run().await.ended_by("exhausted", FULL);
    let roomy = Attempt::of(plugin, "any").limits(|limits| limits.memory = 128 << 20).run().await;
    roomy.ended_by("trapped", GAVE_UP);
    assert!(roomy.receipt.peak_memory >= 72 << 20, "{}", roomy.receipt.peak_memory);
}

#[tokio::test]
async fn a_hoard_in_tables() {
    let component = with_instances(Module::default().encode(), "(module (table 16384 funcref))", 24);
    let plugin = HOST.load(&component).expect("a plugin");
    // 24 tables of 128 KiB.
    let ended = Attempt::of(plugin.clone(), "any").limits(|limits| limits.memory = 2 << 20).run().await;
    ended.ended_by("exhausted", &FULL.replace("64", "2"));
    let roomy = Attempt::of(plugin, "any").limits(|limits| limits.memory = 4 << 20).run().await;
    roomy.ended_by("trapped", GAVE_UP);
}

/// A component with more memories than a slot of the engine holds is refused when it is loaded, not when it runs.
#[test]
fn more_memories_than_a_plugin_may_have() {
    let component = with_instances(Module::default().encode(), "(module (memory 1))", 100);
    let failure = HOST.load(&component).expect_err("too many");
    assert_eq!(failure.code, "invalid", "{failure:?}");
    assert!(failure.message.contains("memories") || failure.message.contains("instances"), "{}", failure.message);
}
