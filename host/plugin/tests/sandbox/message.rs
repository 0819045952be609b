//! More than a call may hand over.

use crate::guest::Attempt;
use model::Blame;
use plugin::wit::step::{Effect, Outcome};
use serde_json::json;

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
    assert_eq!(ended.failure().details, Some(json!({ "note": note })));
    // They are an object, which this text is not.
    assert_eq!(Attempt::new("details").inputs(10).run().await.failure().details, None);
}

#[tokio::test]
async fn the_labels_of_artifacts_are_short_single_lines() {
    for text in ["a\u{1b}[2J", "a\nb", &"a".repeat(257)] {
        let ended = Attempt::new("label").inputs(text).run().await;
        let why = ["name", "media type"]
            .map(|what| format!("an artifact's {what} has at most 256 bytes and no control character"));
        assert_eq!(ended.outputs(), json!(why), "{text:?}");
        assert_eq!(ended.recorder.calls(), [""; 0]);
    }
    let ended = Attempt::new("label").inputs("a".repeat(256)).run().await;
    assert_eq!(ended.recorder.calls().len(), 2);
}

#[tokio::test]
async fn so_is_any_other_content() {
    let ended = Attempt::new("contents").inputs((1 << 20) + 1).run().await;
    let why = ["content", "content", "input", "body"]
        .map(|what| format!("the {what} is 1048577 bytes; at most 1048576 are allowed"));
    assert_eq!(ended.outputs(), json!(why));
    assert_eq!(ended.recorder.calls(), ["repository-write.begin config main"]);
    let fits = Attempt::new("contents").inputs(1 << 20).run().await;
    assert_eq!(fits.outputs(), json!(["ok", "ok", "ok", "ok"]));
}

/// A number asks for as much as the host gives, and not more.
#[tokio::test]
async fn numbers_are_cut_to_what_the_host_gives() {
    let ended = Attempt::new("most").run().await;
    assert!(ended.answer.is_ok(), "{:?}", ended.answer);
    let calls = ended.recorder.calls();
    assert_eq!(calls[..2], ["process.start key sh", "process.next 300000"]);
    assert!(calls[2].starts_with("artifact-read.read sha256:") && calls[2].ends_with(" of 1048576"), "{}", calls[2]);
    assert_eq!(calls[3..], ["http.send http://169.254.169.254/ within 600 s"]);
}

#[tokio::test]
async fn a_request_has_few_and_short_headers() {
    const MANY: &str = "a request has at most 128 headers of 16384 bytes";
    for (count, many, long) in [(128, "ok", "ok"), (129, MANY, "ok"), (16_384, MANY, "ok"), (16_385, MANY, MANY)] {
        let ended = Attempt::new("headers").inputs(count).run().await;
        assert_eq!(ended.outputs(), json!([many, long]), "{count}");
    }
}

#[tokio::test]
async fn an_archive_has_few_items_and_few_exclusions() {
    const MANY: &str = "an archive has at most 1024 items and 1024 exclusions";
    for (count, answer) in [(1_024, "ok"), (1_025, MANY)] {
        let ended = Attempt::new("items").inputs(count).run().await;
        assert_eq!(ended.outputs(), json!([answer, answer]), "{count}");
    }
}

#[tokio::test]
async fn the_names_of_secrets_are_short_and_end_no_placeholder() {
    const WHY: &str = "a secret's name has at most 256 bytes, and none of `{`, `}` and `#`";
    for (name, answer) in
        [("a}b", WHY), ("{a", WHY), ("a#b", WHY), ("a\nb", WHY), (&*"a".repeat(257), WHY), (&*"a".repeat(256), "ok")]
    {
        let ended = Attempt::new("secrets").inputs(name).run().await;
        assert_eq!(ended.outputs(), json!([answer, answer, answer, answer]), "{name:?}");
        assert_eq!(ended.recorder.calls().len(), if answer == "ok" { 4 } else { 0 });
    }
}

#[tokio::test]
async fn the_entries_of_caches_have_short_keys_and_few_paths() {
    const KEY: &str = "a key of a cache has 1 to 256 bytes and no control character";
    const PATHS: &str = "an entry of a cache has 1 to 16 paths";
    const PREFIXES: &str = "a cache is asked with at most 8 prefixes";
    let list = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let kept = |path: &str| format!("{path:?} cannot be kept: it is the root or in `.git`, or another path holds it");
    let (long, longest) = ("k".repeat(257), "k".repeat(256));
    for (input, restored, saved) in [
        (format!("{longest}|{longest}|a"), "ok", "ok"),
        (format!("{long}|p|a"), KEY, KEY),
        (format!("k|{long}|a"), KEY, "ok"),
        ("|p|a".to_owned(), KEY, KEY),
        ("k||a".to_owned(), KEY, "ok"),
        ("a\nb|p|a".to_owned(), KEY, KEY),
        (format!("k|{}|a", list(8)), "ok", "ok"),
        (format!("k|{}|a", list(9)), PREFIXES, "ok"),
        (format!("k|p|{}", list(16)), "ok", "ok"),
        (format!("k|p|{}", list(17)), PATHS, PATHS),
        ("k|p".to_owned(), PATHS, PATHS),
        ("k|p|".to_owned(), &kept(""), &kept("")),
        ("k|p|.git".to_owned(), &kept(".git"), &kept(".git")),
        ("k|p|.git/hooks".to_owned(), &kept(".git/hooks"), &kept(".git/hooks")),
        ("k|p|a,a".to_owned(), &kept("a"), &kept("a")),
        ("k|p|a,a/b".to_owned(), &kept("a/b"), &kept("a/b")),
        ("k|p|a,ab".to_owned(), "ok", "ok"),
    ] {
        let ended = Attempt::new("cache").inputs(input.as_str()).run().await;
        assert_eq!(ended.outputs(), json!([restored, saved]), "{input:?}");
    }
}

#[tokio::test]
async fn the_keys_of_children_are_short_single_lines() {
    for key in ["", "a\nb", "a\u{1b}[2J", &"a".repeat(129)] {
        let ended = Attempt::new("key").inputs(key).run().await;
        assert_eq!(ended.failure().message, "a child's key has 1 to 128 bytes and no control character", "{key:?}");
        assert_eq!(ended.recorder.calls(), [""; 0]);
    }
    assert!(Attempt::new("key").inputs("a".repeat(128)).run().await.answer.is_ok());
}

#[tokio::test]
async fn an_error_is_cut() {
    let ended = Attempt::new("fail").inputs("x".repeat(8 << 10)).run().await;
    let failure = ended.failure();
    let lengths = (failure.code.len(), failure.message.len(), failure.hint.as_ref().map(String::len));
    assert_eq!(lengths, (128, 4096, Some(4096)));
}

#[tokio::test]
async fn signals_are_short_and_their_kind_is_clean() {
    let wait = |text: &str| Attempt::new("wait").inputs(text).run();
    let Ok(Outcome::Waiting(waiting)) = wait("ti\u{1b}[2Jmer|4096|65536").await.answer else {
        panic!("it is within the limits")
    };
    assert_eq!(waiting.signals[0].kind, "timer");
    let subject = "the subject of a signal is 4097 bytes; at most 4096 are allowed";
    assert_eq!(wait("timer|4097|2").await.failure().message, subject);
    let condition = "the condition of a signal is 65537 bytes; at most 65536 are allowed";
    assert_eq!(wait("timer|0|65537").await.failure().message, condition);
}

#[tokio::test]
async fn a_forecast_has_a_thousand_clean_effects_at_most() {
    let shown = Attempt::new("effects").inputs(1_000).preview().await.answer.expect("as many as are allowed");
    assert_eq!(shown.effects.len(), 1_000);
    for Effect { kind, subject, summary } in shown.effects {
        assert_eq!([kind, subject, summary], ["ab", "ab", "ab"]);
    }
    let ended = Attempt::new("effects").inputs(1_001).preview().await;
    assert_eq!(ended.failure().message, "its forecast has 1001 effects; at most 1000 are allowed");
}
