//! The promises of the journal, against a real file.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::*;
use model::{Digest, RunId, RunStatus, StepKey, StepStatus, Timestamp};
use serde_json::json;

fn new_run(id: &str) -> Command {
    let step = StepRow { key: "a".into(), status: StepStatus::Pending, state: json!({}) };
    let run = NewRun {
        id: id.into(),
        pipeline: "p".into(),
        repository: "app".into(),
        branch: None,
        commit: "0".repeat(40),
        actor: "alice".into(),
        pinned: json!({}),
        created: Timestamp(1),
    };
    Command::Create { run, steps: vec![step], begun: None, supersedes: vec![] }
}

fn record(run: &str, fence: i64, effects: Vec<EffectRow>, votes_seen: Option<i64>) -> Command {
    let (intents, outcomes) = effects.into_iter().partition(|e| e.outcome.is_none());
    Command::Record {
        run: run.into(),
        fence,
        steps: vec![StepRow { key: "a".into(), status: StepStatus::Running, state: json!({"x": 1}) }],
        intents,
        outcomes,
        artifacts: vec![],
        decisions: vec![],
        receipts: vec![],
        subjects: vec![],
        status: Some((RunStatus::Running, Timestamp(2))),
        votes_seen,
        at: Timestamp(2),
    }
}

fn effect(outcome: Option<serde_json::Value>) -> EffectRow {
    EffectRow { step: "a".into(), attempt: 1, effect: "start main".into(), intent: json!({"program": "sh"}), outcome }
}

fn vote() -> VoteRow {
    let (step, subject) = (StepKey::from("a"), Digest::of("x"));
    let text = String::new;
    VoteRow {
        step,
        subject,
        voter: "bob".into(),
        verdict: "approve".into(),
        comment: text(),
        verified: false,
        system_user: text(),
        at: Timestamp(3),
    }
}

#[test]
fn a_write_with_an_old_fence_fails_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.apply_blocking(new_run("r")).unwrap();
    let claim = |owner: &str| {
        journal.apply_blocking(Command::Claim { run: "r".into(), owner: owner.into(), until: Timestamp(9) })
    };
    assert_eq!(claim("one").unwrap(), Reply::Fence(1));
    assert_eq!(claim("two").unwrap(), Reply::Fence(2));
    assert!(matches!(
        journal.apply_blocking(record("r", 1, vec![], None)),
        Err(Error::Fenced { have: 1, newest: 2, .. })
    ));
    assert_eq!(journal.reader().unwrap().run("r").unwrap().status, RunStatus::Queued);
    journal.apply_blocking(record("r", 2, vec![], None)).unwrap();
    assert_eq!(journal.reader().unwrap().steps(&"r".into()).unwrap()[0].status, StepStatus::Running);
}

#[test]
fn an_effect_keeps_its_first_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.apply_blocking(new_run("r")).unwrap();
    journal.apply_blocking(record("r", 0, vec![effect(None)], None)).unwrap();
    journal.apply_blocking(record("r", 0, vec![effect(Some(json!(1)))], None)).unwrap();
    journal.apply_blocking(record("r", 0, vec![effect(Some(json!(2))), effect(None)], None)).unwrap();
    drop(journal);
    let journal = Journal::open(folder.path()).unwrap();
    let effects = journal.reader().unwrap().effects(&"r".into()).unwrap();
    assert_eq!(effects, [effect(Some(json!(1)))]);
}

#[test]
fn a_vote_between_count_and_claim_fails_the_claim() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.apply_blocking(new_run("r")).unwrap();
    let (seen, _) = journal.reader().unwrap().votes(&"r".into()).unwrap();
    journal.apply_blocking(Command::Vote("r".into(), vote())).unwrap();
    assert!(matches!(journal.apply_blocking(record("r", 0, vec![], Some(seen))), Err(Error::VotesMoved)));
    let (seen, votes) = journal.reader().unwrap().votes(&"r".into()).unwrap();
    assert_eq!(votes, [vote()]);
    journal.apply_blocking(record("r", 0, vec![], Some(seen))).unwrap();
}

#[test]
fn a_failing_command_is_undone_alone_and_the_audit_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // All at once, so that they share commits; every second one is a run that exists already.
    let results = runtime.block_on(async {
        let mut waiting = vec![];
        for i in 0..40 {
            waiting.push(journal.apply(new_run(&format!("r{:02}", i / 2))));
        }
        let mut results = vec![];
        for w in waiting {
            results.push(w.await);
        }
        results
    });
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 20);
    let reader = journal.reader().unwrap();
    assert_eq!(reader.runs(100).unwrap().len(), 20);
    assert!(matches!(reader.run("r"), Err(Error::NotFound(_))), "ambiguous");
    assert_eq!(reader.run("r07").unwrap().run.id, RunId::from("r07"));
    let audit = reader.audit().unwrap();
    assert_eq!(audit.len(), 20);
    assert_eq!(access::audit::broken_at(audit.iter().map(|(s, c, h)| (*s, c.as_str(), h.as_str()))), None);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let Err(error) = Journal::open(&file.join("state")) else { panic!("opened") };
    assert!(error.to_string().contains("state folder cannot be written"), "{error}");
}

#[test]
fn a_run_and_the_stops_of_those_that_it_supersedes_are_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let superseding = |id: &str, others: &[&str]| {
        let Command::Create { run, steps, begun, .. } = new_run(id) else { panic!("no run") };
        Command::Create { run, steps, begun, supersedes: others.iter().map(|other| (*other).into()).collect() }
    };
    journal.apply_blocking(new_run("a")).unwrap();
    // One of them is unknown: nothing of it is there.
    assert!(journal.apply_blocking(superseding("b", &["a", "none"])).is_err());
    let reader = journal.reader().unwrap();
    assert!(reader.run("b").is_err());
    assert_eq!(reader.run("a").unwrap().stop, None);
    journal.apply_blocking(superseding("b", &["a"])).unwrap();
    assert_eq!(reader.run("a").unwrap().stop.as_deref(), Some("superseded"));
}

#[test]
fn a_whole_id_is_no_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    for id in ["r1", "r11", "q%"] {
        journal.apply_blocking(new_run(id)).unwrap();
    }
    let reader = journal.reader().unwrap();
    let found = |id: &str| reader.run(id).map(|row| row.run.id.0).ok();
    assert_eq!(found("r1").as_deref(), Some("r1"));
    assert_eq!(found("r11").as_deref(), Some("r11"));
    assert_eq!(found("Q").as_deref(), Some("q%"));
    assert_eq!((found("r"), found("%"), found("r2"), found("")), (None, None, None, None));
}

/// A journal of years is asked every second: what is asked must not grow with it.
#[test]
fn what_is_asked_often_scans_no_table() {
    use crate::query::{BY_BEGINNING, BY_ID, OPEN_MARKS, RUN};
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let reader = journal.reader().unwrap();
    let plan = |sql: &str| {
        let mut statement = reader.db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let given = vec!["x"; statement.parameter_count()];
        let rows = statement.query_map(rusqlite::params_from_iter(given), |row| row.get::<_, String>(3)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    for sql in [format!("{RUN} {BY_ID}"), format!("{RUN} {BY_BEGINNING}"), crate::push::STARTS.to_owned()] {
        let plan = plan(&sql);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{sql}: {plan}");
    }
    // All of an index in which there is nothing but what is open.
    let plan = plan(OPEN_MARKS);
    assert!(plan.contains("INDEX runs_open"), "{plan}");
}

#[test]
fn a_child_is_there_until_its_parent_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let child = |parent: &str, name: &str, document: i32| ChildRow {
        parent: parent.into(),
        name: name.into(),
        document: json!(document),
        descent: json!({}),
        leaving: None,
    };
    let declare =
        |row: ChildRow| journal.apply_blocking(Command::Child(Box::new(row), Timestamp(1))).map(drop).unwrap();
    let leave = |parent: &str, name: &str| {
        let command = Command::ChildLeaves { parent: parent.into(), name: name.into(), at: Timestamp(2) };
        journal.apply_blocking(command).map(drop).unwrap();
    };
    let forget = |name: &str| journal.apply_blocking(Command::Forget(name.into())).map(drop).unwrap();
    let rows = || {
        let rows = journal.reader().unwrap().children().unwrap();
        let row = |row: ChildRow| format!("{}/{} {} {:?}", row.parent, row.name, row.document, row.leaving);
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    declare(child("root", "a", 1));
    declare(child("root", "a", 2));
    declare(child("root", "b", 1));
    declare(child("other", "a", 3));
    assert_eq!(rows(), ["other/a 3 None", "root/a 2 None", "root/b 1 None"]);
    leave("root", "a");
    assert_eq!(rows()[1], "root/a 2 Some(Ends)");
    assert_eq!(journal.reader().unwrap().children_of("root").unwrap().len(), 1);
    // What is declared again stays.
    declare(child("root", "a", 4));
    journal.apply_blocking(Command::ChildSettles("root".into(), "a".into())).unwrap();
    assert_eq!(rows()[1], "root/a 4 None");
    // One that ended is forgotten where it was to end, and nowhere else.
    leave("root", "a");
    forget("a");
    assert_eq!(rows(), ["other/a 3 None", "root/b 1 None"]);
    // A parent that goes lets go of what it still has.
    forget("root");
    assert_eq!(rows(), ["other/a 3 None", "root/b 1 Some(LetGo)"]);
    // What leaves already goes as it was told.
    leave("other", "a");
    forget("other");
    assert_eq!(rows()[0], "other/a 3 Some(Ends)");
    // What another one declares need not end.
    journal.apply_blocking(Command::ChildSettles("root".into(), "b".into())).unwrap();
    assert_eq!(rows().len(), 1);
}
