//! Runs that are created at once.

use engine::{Builtin, Engine, NewRun, Options, Settings, Source};
use futures_util::future::join_all;
use jail::Shim;
use model::pipeline::{Concurrency, ConcurrencyPolicy};
use model::{Commit, CommitId, Digest, Event, Pipeline};
use std::path::Path;
use tempfile::TempDir;

/// Creators, each on a thread of its own.
const CREATORS: usize = 8;

fn open(folder: &Path) -> Engine {
    let settings = Settings { base: folder.to_owned(), ..Settings::default() };
    let builtin = Builtin { lock: r#"{"version": 1, "plugins": {}}"#, components: &[] };
    let shim = Shim::new("/nonexistent", vec![]);
    let options = Options { state: folder.join("state"), settings, builtin, shim, cache: None };
    Engine::open(options).expect("an engine").0
}

/// A run of which the newest is meant.
fn new_run(tree: &Path) -> NewRun {
    let none = || String::new();
    let concurrency = Concurrency { key: "one".to_owned(), policy: ConcurrencyPolicy::Latest };
    let id = CommitId("0".repeat(40));
    let event = Event {
        kind: "manual".to_owned(),
        repository: "tree".to_owned(),
        branch: None,
        change_request: None,
        commit: Commit { id, short: none(), subject: none(), author: none(), committer: none() },
        actor: "dana".to_owned(),
        changed_paths: None,
    };
    NewRun {
        pipeline: Pipeline {
            name: "p".to_owned(),
            triggers: Default::default(),
            concurrency: Some(concurrency),
            steps: vec![],
        },
        text: Digest::of(b""),
        event,
        source: Source::WorkTree(tree.to_owned()),
        files: vec![],
        begun: None,
    }
}

#[test]
fn of_runs_that_are_created_at_once_one_is_left() {
    let folder = TempDir::new().expect("a folder");
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).expect("a folder");
    let engine = open(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(CREATORS).enable_all().build();
    let made = runtime.expect("threads").block_on(async {
        let each = (0..CREATORS).map(|_| {
            let (engine, new) = (engine.clone(), new_run(&tree));
            tokio::spawn(async move { engine.create(new).await })
        });
        join_all(each).await
    });
    for created in made {
        created.expect("no panic").expect("a run");
    }
    let open = engine.reader().expect("a journal").open_marks().expect("runs");
    let left = open.iter().filter(|(_, _, stop)| stop.is_none()).count();
    assert_eq!((open.len(), left), (CREATORS, 1), "{open:?}");
}
