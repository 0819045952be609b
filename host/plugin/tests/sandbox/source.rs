//! Renderers: what they read, and that they do nothing else.

use crate::guest::{Attempt, answers};
use model::Failure;
use plugin::wit::source::{Entry, Kind};
use plugin::{Limits, Root, Roots, Source};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// One folder `f` with a file `a`, and what was asked.
#[derive(Default)]
struct Files(Mutex<Vec<String>>);

impl Files {
    fn note(&self, function: &str, path: &str) {
        self.0.lock().expect("no panic before").push(format!("{function} {path}"));
    }
}

impl Source for Files {
    fn look(&self, path: &str) -> Result<Option<Kind>, Failure> {
        self.note("look", path);
        Ok(match path {
            "" | "f" => Some(Kind::Directory),
            "f/a" => Some(Kind::Executable),
            _ => None,
        })
    }

    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        self.note("read", path);
        assert_eq!(most, 8 << 20);
        Ok((path == "f/a").then(|| b"content".to_vec()))
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Failure> {
        self.note("entries", path);
        let entry = |index| Entry { name: format!("n{index}"), kind: Kind::Link };
        Ok(match path {
            "f" => Some(vec![Entry { name: "a".to_owned(), kind: Kind::Executable }]),
            "many" => Some((0..=100_000).map(entry).collect()),
            _ => None,
        })
    }
}

/// `main` and `values`, of a repository each; one that cannot be read now, and no other.
struct Two(Arc<Files>);

impl Roots for Two {
    fn repository(&self, name: &str) -> Option<String> {
        ["main", "values", "away"].contains(&name).then(|| format!("{name}-repository"))
    }

    fn opened(&self, _: &str) -> Option<Option<Root>> {
        None
    }

    fn open(&self, name: &str) -> Result<Option<Root>, Failure> {
        self.0.note("open", name);
        match name {
            "main" | "values" => Ok(Some(Root { repository: format!("{name}-repository"), source: self.0.clone() })),
            "away" => Err(Failure::unavailable("it is away")),
            _ => Ok(None),
        }
    }
}

fn none() -> Arc<dyn Roots> {
    Arc::new(Two(Arc::default()))
}

async fn source(place: &str, grant: serde_json::Value) -> (Result<String, Failure>, Vec<String>) {
    let files: Arc<Files> = Arc::default();
    let ended = Attempt::new("source").inputs(place).grant(grant).render(Arc::new(Two(files.clone()))).await;
    let asked = files.0.lock().expect("no panic before").clone();
    (ended.answer.map(|rendering| rendering.manifests), asked)
}

#[tokio::test]
async fn a_renderer_reads_its_roots() {
    let all = json!({"source": {}});
    let (answer, asked) = source("main:f/a", all.clone()).await;
    assert_eq!(answer.expect("it may"), "Kind::Executable; content; nothing");
    assert_eq!(asked, ["open main", "look f/a", "open main", "read f/a", "open main", "entries f/a"]);
    let (answer, _) = source("values:f", all.clone()).await;
    assert_eq!(answer.expect("it may"), "Kind::Directory; nothing; a Kind::Executable");
    let (answer, _) = source("away:f", all.clone()).await;
    let failure = answer.expect_err("it is away");
    assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", true));
    let (answer, asked) = source("other:f", all).await;
    let failure = answer.expect_err("there is no such root");
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("not-found", "there is no root `other` in this request")
    );
    assert_eq!(asked, ["open other"], "that there is none is in the read set");
}

#[tokio::test]
async fn a_grant_narrows_repositories_and_folder() {
    let grant = json!({"source": {"repositories": ["main-*"], "path": "f"}});
    assert!(source("main:f/a", grant.clone()).await.0.is_ok());
    assert!(source("main:f", grant.clone()).await.0.is_ok());
    for (place, missing) in [
        ("values:f/a", "needs `source: { repositories: [values-repository] }`"),
        ("main:fa", "reading `fa` of the repository `main-repository`, which is not below `f`, is not granted"),
        ("main:", "reading `` of the repository `main-repository`, which is not below `f`, is not granted"),
    ] {
        let (answer, asked) = source(place, grant.clone()).await;
        let failure = answer.expect_err("it may not");
        assert!(failure.is_denied() && failure.message.contains(missing), "{}", failure.message);
        assert!(asked.is_empty(), "{place}: {asked:?}");
    }
    let (answer, asked) = source("main:f/a", json!({})).await;
    assert!(answer.expect_err("nothing is granted").is_denied() && asked.is_empty());
}

#[tokio::test]
async fn paths_stay_within_the_root() {
    for path in ["../f", "/f", "f/../a", "f//a", "f/", "./f", "f/.", "\u{0}"] {
        let (answer, asked) = source(&format!("main:{path}"), json!({"source": {}})).await;
        assert_eq!(answer.expect_err(path).code, "invalid", "{path}");
        assert!(asked.is_empty(), "{path}: {asked:?}");
    }
}

#[tokio::test]
async fn a_render_sees_neither_clock_nor_chance() {
    let chance = async || Attempt::new("chance").render(none()).await.answer.expect("it may").manifests;
    let first = chance().await;
    assert!(first.ends_with("] 1970-01-01T00:00:00.000Z 0"), "{first}");
    assert_eq!(chance().await, first);
}

#[tokio::test]
async fn a_folder_of_any_size_is_refused_beyond_a_bound() {
    let (answer, _) = source("main:many", json!({"source": {}})).await;
    let text = answer.expect("the other functions answer");
    assert_eq!(
        text,
        "nothing; nothing; too-large: the number of entries of a folder is 100001 bytes; at most 100000 are allowed"
    );
}

#[tokio::test]
async fn a_renderer_does_nothing_but_read_its_source() {
    let ended = Attempt::new("everything").render(none()).await;
    let text = ended.answer.expect("the refusals are answers").manifests;
    let mut refused = 0;
    for (function, answer) in answers(&text) {
        let function = function.split(' ').next().expect("a first part").to_owned();
        if !function.starts_with("source.") {
            assert_eq!(
                answer,
                format!("denied: `{function}` is refused: a renderer reads its source and nothing else")
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 34);
    assert_eq!(ended.recorder.calls(), [""; 0]);
}

#[tokio::test]
async fn a_step_has_no_source() {
    let ended = Attempt::new("everything").run().await;
    let Ok(plugin::wit::step::Outcome::Succeeded(text)) = ended.answer else { panic!("{:?}", ended.answer) };
    let mut met = 0;
    for (function, answer) in answers(&text).into_iter().filter(|(function, _)| function.starts_with("source.")) {
        assert_eq!(answer, format!("denied: `{function}` is for renderers: a step has its workspace"));
        met += 1;
    }
    assert_eq!(met, 3);
}

#[tokio::test]
async fn what_is_rendered_is_bounded_and_warnings_are_clean() {
    let rendered = |name, inputs: serde_json::Value| {
        Attempt::new(name).inputs(inputs).limits(|limits| *limits = Limits::rendering()).render(none())
    };
    assert_eq!(rendered("manifests", json!(32 << 20)).await.answer.expect("just so").manifests.len(), 32 << 20);
    let failure = rendered("manifests", json!((32 << 20) + 1)).await.answer.expect_err("too large");
    assert_eq!(failure.message, "what it rendered is 33554433 bytes; at most 33554432 are allowed");
    let warnings = rendered("warnings", json!("a\u{1b}[2Jb\nc")).await.answer.expect("it may warn").warnings;
    assert_eq!((warnings.len(), warnings[100].as_str()), (101, "and 50 more warnings"));
    assert!(!warnings[0].contains(['\u{1b}', '\n']), "{:?}", warnings[0]);
}

#[tokio::test]
async fn a_renderer_that_loops_is_ended() {
    let looping = Attempt::new("loop").limits(|limits| limits.compute = std::time::Duration::from_millis(50));
    let failure = looping.render(none()).await.answer.expect_err("it loops");
    let why = "plugin `hostile`, renderer `loop`, in `render`: it computed longer than 50 ms";
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("timed-out", why));
}
