//! A description that takes more than one may: anybody's component is described before anybody trusts it.

use crate::module::Module;
use crate::recorder::Recorder;
use model::{Blame, Failure};
use plugin::{Entry, Services};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOG: &str = r#"(import "tidegate:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))"#;

/// How describing ends, and what reached the log.
async fn described(module: Module) -> (Failure, Vec<Entry>) {
    let recorder = Arc::new(Recorder::default());
    let services: Arc<dyn Services> = recorder.clone();
    let failure = module.load().expect("a plugin").describe(services).await.expect_err("it does not come to an end");
    assert_eq!(failure.blame, Blame::Plugin, "{failure:?}");
    (failure, recorder.log())
}

#[tokio::test]
async fn it_has_128_mib_of_memory() {
    for (pages, why) in [
        (2_047, "the plugin, in `describe`: it gave up (a panic, or `unreachable`)"),
        (
            2_048,
            "the plugin, in `describe`: the plugin wanted more than 128 MiB of memory in all its memories and tables",
        ),
    ] {
        let describe = format!("(drop (memory.grow $own (i32.const {pages}))) unreachable");
        assert_eq!(described(Module { describe: describe.leak(), ..Module::default() }).await.0.message, why);
    }
}

#[tokio::test]
async fn it_has_a_hundred_lines_of_log_and_ten_thousand_calls() {
    // A line of one byte, which the memory holds: it is zero, and stripped.
    let describe = "(loop (call $write (i32.const 1) (i32.const 0) (i32.const 1)) (br 0)) unreachable";
    let world = "import tidegate:plugin/log@0.1.0;";
    let (failure, log) = described(Module { describe, world, fields: LOG.to_owned(), ..Module::default() }).await;
    let why = "the plugin, in `describe`: the plugin made more than 10000 host calls";
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("exhausted", why));
    assert_eq!(log.len(), 101, "the last one tells that it is full");
}

#[tokio::test]
async fn it_has_64_kib_of_log() {
    let describe = "(loop (call $write (i32.const 1) (i32.const 8192) (i32.const 8191)) (br 0)) unreachable";
    let world = "import tidegate:plugin/log@0.1.0;";
    // Eight lines of 8 KiB with their ends.
    let fields = format!(r#"{LOG} (data (i32.const 8192) "{}")"#, "x".repeat(8_191));
    let (failure, log) = described(Module { describe, world, fields, ..Module::default() }).await;
    assert_eq!(failure.code, "exhausted", "{failure:?}");
    assert_eq!(log.len(), 8 + 1);
}

/// WASI has timers, and what waits does not compute.
#[tokio::test]
async fn it_does_not_sleep() {
    let began = Instant::now();
    let (failure, _) = described(Module { describe: crate::wasi::SLEEP, ..crate::wasi::sleeper() }).await;
    let why = "the plugin, in `describe`: it took longer than 5 s";
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("timed-out", why));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// A person reads it before anything is granted.
#[tokio::test]
async fn its_texts_are_clean() {
    // The record at 16: name, version, summary, offers and annotations, each where it is and how long.
    let fields = r#"(data (i32.const 16)
            "\40\00\00\00\01\00\00\00" "\41\00\00\00\05\00\00\00" "\50\00\00\00\08\00\00\00"
            "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
        (data (i32.const 64) "g0.1.0")
        (data (i32.const 80) "one\1b[2J\n")"#;
    let module = Module { describe: "(i32.const 16)", fields: fields.to_owned(), ..Module::default() };
    let services: Arc<dyn Services> = Arc::new(Recorder::default());
    let description = module.load().expect("a plugin").describe(services).await.expect("a description");
    assert_eq!((description.version.as_str(), description.summary.as_str()), ("0.1.0", "one"));
}

/// Only WASI's timers and streams have any, and room for 64 is enough for every language. A timer takes two.
#[tokio::test]
async fn it_has_no_handles_of_its_own() {
    let describe = "(local $n i32)
        (loop
            (drop (call $subscribe (i64.const 0)))
            (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 40))))
        unreachable";
    let (failure, _) = described(Module { describe, ..crate::wasi::sleeper() }).await;
    assert_eq!(failure.message, "the plugin, in `describe`: it holds too many handles");
}
