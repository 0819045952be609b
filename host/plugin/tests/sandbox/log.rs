//! A log that is too long, or that would rewrite the screen.

use crate::guest::Attempt;
use crate::module::Module;
use plugin::Entry;
use plugin::wit::log::Level;
use plugin::wit::step::{Finding, Outcome};
use serde_json::json;

#[tokio::test]
async fn a_flood_of_lines_is_cut_and_then_ended() {
    let attempt = Attempt::new("log-flood").limits(|limits| (limits.log_lines, limits.calls) = (100, 5_000));
    let ended = attempt.run().await;
    ended.ended_by("exhausted", "the plugin made more than 5000 host calls");
    let lines = ended.recorder.lines();
    assert_eq!(lines.len(), 101);
    let full = "the log of this step is full (100 lines or 16384 KiB); what follows is dropped";
    assert_eq!(lines[100], (Level::Warn, full.to_owned()));
    assert_eq!(lines.iter().filter(|(level, _)| *level == Level::Warn).count(), 1);
}

#[tokio::test]
async fn a_log_is_cut_by_its_bytes_too() {
    let attempt = Attempt::new("log-flood").limits(|limits| (limits.log_bytes, limits.calls) = (1 << 10, 5_000));
    let ended = attempt.run().await;
    // Two bytes a line with its end, and the notice.
    assert_eq!(ended.recorder.lines().len(), 512 + 1);
}

#[tokio::test]
async fn a_flood_of_what_leaves_no_line_ends() {
    for name in ["log-blanks", "log-groups", "log-ends"] {
        let ended = Attempt::new(name).limits(|limits| limits.calls = 5_000).run().await;
        ended.ended_by("exhausted", "the plugin made more than 5000 host calls");
        let groups = vec![Entry::Group("deeper".to_owned()); if name == "log-groups" { 8 } else { 0 }];
        assert_eq!(ended.recorder.log(), groups);
    }
}

#[tokio::test]
async fn reports_of_progress_take_room_as_lines_do() {
    let attempt = Attempt::new("log-progress").limits(|limits| (limits.log_lines, limits.calls) = (100, 5_000));
    let ended = attempt.run().await;
    ended.ended_by("exhausted", "the plugin made more than 5000 host calls");
    assert_eq!(ended.recorder.log().len(), 100 + 1);
    assert_eq!(ended.recorder.lines().len(), 1, "the notice");
    let attempt = Attempt::new("log-progress").limits(|limits| (limits.log_bytes, limits.calls) = (180, 5_000));
    // `busy`, `things`, and two numbers of four bytes each.
    assert_eq!(attempt.run().await.recorder.log().len(), 10 + 1);
}

#[tokio::test]
async fn one_giant_line_is_cut() {
    let ended = Attempt::new("giant-line").inputs(8 << 20).run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    let [(Level::Info, line)] = &ended.recorder.lines()[..] else { panic!("one line") };
    assert_eq!(line.len(), 16 << 10);
}

#[tokio::test]
async fn many_lines_in_one_message_count_each() {
    let attempt = Attempt::new("many-lines").inputs(1 << 20).limits(|limits| limits.log_lines = 10);
    let ended = attempt.run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    assert_eq!(ended.recorder.lines().len(), 11);
}

#[tokio::test]
async fn what_steers_a_terminal_is_stripped() {
    let text =
        "a\u{1b}[2J\u{1b}[1;1Hb\u{1b}]0;title\u{7}c\rd\u{8}\u{9b}e\u{202e}f\u{1b}]8;;http://x\u{1b}\\g\nsecond\u{0}";
    let ended = Attempt::new("say").inputs(text).run().await;
    let lines: Vec<_> = ended.recorder.lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["abcdef\u{5c}g", "second"]);
}

#[tokio::test]
async fn neither_does_an_error_steer_it() {
    let ended = Attempt::new("fail").inputs("one\u{1b}[2J\ntwo\u{202e}").run().await;
    let failure = ended.failure();
    assert_eq!((failure.message.as_str(), failure.hint.as_deref()), ("one\ntwo", Some("one\ntwo")));
    assert_eq!(failure.code, "onetwo");
    let shown = Attempt::new("outputs-of").inputs("one\u{1b}[2J\ntwo\u{202e}").preview().await;
    assert_eq!(shown.answer.expect("a forecast").body, "one\ntwo");
}

#[tokio::test]
async fn nor_do_titles_tasks_and_reasons() {
    let ended = Attempt::new("titles").inputs("one\u{1b}[2J\ntwo\u{202e}\u{2066}").run().await;
    let text = || "onetwo".to_owned();
    let progress = |text: String| Entry::Progress { task: text.clone(), done: 1, total: 2, unit: text };
    assert_eq!(ended.recorder.log(), [Entry::Group(text()), progress(text()), Entry::EndGroup]);
    let ended = Attempt::new("titles").inputs("x".repeat(1_000)).run().await;
    let cut = "x".repeat(512);
    assert_eq!(ended.recorder.log(), [Entry::Group(cut.clone()), progress(cut), Entry::EndGroup]);
    let text = "one\u{1b}[2J\ntwo";
    let skipped = Attempt::new("reason").inputs(text).run().await.answer.expect("a reason");
    assert!(matches!(&skipped, Outcome::Skipped(reason) if reason == "onetwo"), "{skipped:?}");
    let unknown = Attempt::new("reason").inputs(text).probe().await.answer.expect("a reason");
    assert!(matches!(&unknown, Finding::Unknown(reason) if reason == "onetwo"), "{unknown:?}");
}

/// A receipt quotes what was asked for, in the plugin's own words.
#[tokio::test]
async fn the_denials_of_a_receipt_are_few_clean_and_short() {
    let ended = Attempt::new("program").inputs("a\u{1b}[2J\nb").grant(json!({})).run().await;
    let why = "running `ab` is not granted: it needs `process: { programs: [ab] }`";
    assert_eq!(ended.receipt.denials, [why]);
    let ended = Attempt::new("program").inputs("x".repeat(8 << 10)).grant(json!({})).run().await;
    assert_eq!(ended.receipt.denials.iter().map(String::len).collect::<Vec<_>>(), [4096]);
    let ended = Attempt::new("everything").grant(json!({})).run().await;
    assert_eq!(ended.receipt.denials.len(), 16);
}

#[tokio::test]
async fn groups_take_room_as_lines_do() {
    let ended = Attempt::new("log-groups").limits(|limits| (limits.log_lines, limits.calls) = (3, 100)).run().await;
    let groups = ended.recorder.log().into_iter().filter(|entry| matches!(entry, Entry::Group(_))).count();
    assert_eq!(groups, 3);
}

/// A host call with an argument that is none ends the instance, in a function whose name is the plugin's choice.
#[tokio::test]
async fn what_ended_an_instance_is_told_without_its_own_names() {
    let fields = r#"(import "tidegate:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32)))
        (func $"evil\1b[2J" (call $write (i32.const 9) (i32.const 0) (i32.const 0)))"#;
    let (run, world) = (r#"(call $"evil\1b[2J") unreachable"#, "import tidegate:plugin/log@0.1.0;");
    let plugin = Module { run, world, fields: fields.to_owned(), ..Module::default() }.load().expect("a plugin");
    let ended = Attempt::of(plugin, "any").run().await;
    assert_eq!(ended.failure().code, "trapped");
    let message = &ended.failure().message;
    assert!(!message.contains("evil") && !message.chars().any(char::is_control), "{message:?}");
}
