//! What a step with one effect writes (its claim with the intent, then its end with the outcome) against two bare commits
//! of SQLite on the same disk; and a hundred runs at once, which share commits.

use criterion::{Criterion, Throughput};
use model::{RunId, RunStatus, StepStatus, Timestamp};
use rusqlite::Connection;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use store::{Command, EffectRow, Journal, NewRun, Reply, StepRow};
use tidegate_benches::{main as run, median, ratio};

/// Runs at once.
const CROWD: usize = 100;

/// On the disk that the build is on, not in memory.
fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

async fn begin(journal: &Journal, id: &str) -> (RunId, i64) {
    let run = NewRun {
        id: id.into(),
        pipeline: "ship".into(),
        repository: "app".into(),
        branch: Some("main".into()),
        commit: "0".repeat(40),
        actor: "alice".into(),
        pinned: json!({}),
        created: Timestamp(1),
    };
    let id = run.id.clone();
    journal.apply(Command::Create { run, steps: vec![], begun: None, supersedes: vec![] }).await.expect("created");
    let claim = Command::Claim { run: id.clone(), owner: "bench".into(), until: Timestamp(i64::MAX) };
    let Ok(Reply::Fence(fence)) = journal.apply(claim).await else { panic!("no fence") };
    (id, fence)
}

/// The two records of a step.
async fn step(journal: &Journal, run: &RunId, fence: i64, number: u64) {
    // A run of ten steps, again and again.
    let (key, attempt) = (format!("step{}", number % 10), u32::try_from(number / 10).unwrap_or_default());
    let state = |phase: &str| json!({"key": key, "name": key, "phase": {"phase": phase}, "attempt": 1, "started": 1});
    let effect = |outcome| EffectRow {
        step: key.as_str().into(),
        attempt,
        effect: "push-1".into(),
        intent: json!({"kind": "push-commit", "repository": "config", "branch": "main", "paths": ["apps/shop/k.yaml"]}),
        outcome,
    };
    for (status, intents, outcomes) in [
        (StepStatus::Running, vec![effect(None)], vec![]),
        (StepStatus::Succeeded, vec![], vec![effect(Some(json!({"commit": "0".repeat(40)})))]),
    ] {
        let record = Command::Record {
            run: run.clone(),
            fence,
            steps: vec![StepRow { key: key.as_str().into(), status, state: state(status.as_str()) }],
            intents,
            outcomes,
            artifacts: vec![],
            decisions: vec![],
            receipts: vec![],
            subjects: vec![],
            status: Some((RunStatus::Running, Timestamp(2))),
            votes_seen: None,
            at: Timestamp(2),
        };
        journal.apply(record).await.expect("recorded");
    }
}

fn journal(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(30).measurement_time(Duration::from_secs(8));

    let bare = folder();
    let db = Connection::open(bare.path().join("bare.db")).expect("a database");
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a TEXT, b TEXT)")
        .expect("a table");
    let text = "x".repeat(300);
    group.bench_function("sqlite", |bencher| {
        bencher.iter(|| {
            for _ in 0..2 {
                db.execute("INSERT INTO t VALUES (?1, ?2)", [&text, &text]).expect("a commit");
            }
        });
    });

    let ours = folder();
    let journal = Arc::new(Journal::open(ours.path()).expect("a journal"));
    let (run, fence) = runtime.block_on(begin(&journal, "one"));
    let mut number = 0;
    group.bench_function("step", |bencher| {
        bencher.iter(|| {
            number += 1;
            runtime.block_on(step(&journal, &run, fence, number));
        });
    });

    let runs: Vec<(RunId, i64)> = (0..CROWD).map(|i| runtime.block_on(begin(&journal, &format!("crowd{i}")))).collect();
    group.throughput(Throughput::Elements(CROWD as u64));
    group.bench_function("crowd", |bencher| {
        bencher.iter(|| {
            number += 1;
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for (run, fence) in runs.clone() {
                    let journal = journal.clone();
                    tasks.spawn(async move { step(&journal, &run, fence, number).await });
                }
                while let Some(done) = tasks.join_next().await {
                    done.expect("recorded");
                }
            });
        });
    });
    group.finish();
}

fn main() {
    run(journal, || {
        ratio("journaled step against two bare SQLite commits", "journal/step", "journal/sqlite", "≤ 1.3 ×");
        if let (Some(one), Some(crowd)) = (median("journal/step"), median("journal/crowd")) {
            let rate = one * CROWD as f64 / crowd;
            println!("ratio  steps a second of {CROWD} concurrent runs against one: {rate:.1} ×  (goal ≥ 10 ×)");
        }
    });
}
