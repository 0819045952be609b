//! Data in, text out; and a run that is crashed after every transition must converge.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::*;
use model::pipeline::Retry;
use model::{Blame, Failure, Pipeline, RunStatus, Step, StepKey, StepStatus, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn step(name: &str, needs: &[&str]) -> Step {
    Step {
        name: name.to_owned(),
        uses: "exec".to_owned(),
        needs: needs.iter().map(|n| (*n).to_owned()).collect(),
        ..Step::default()
    }
}

fn pipeline(steps: Vec<Step>) -> Pipeline {
    Pipeline { name: "p".to_owned(), steps, ..serde_json::from_value(json!({"name": "p", "steps": []})).unwrap() }
}

fn key(text: &str) -> StepKey {
    StepKey::from(text)
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed(Failure { retryable: true, ..Failure::new(Blame::Upstream, code, "it broke") })
}

/// Drives a run: each executed step ends as the script says (by name and attempt), everything else succeeds.
struct Drive {
    run: Run,
    now: Timestamp,
    log: Vec<String>,
    script: BTreeMap<String, Vec<Outcome>>,
    items: Vec<String>,
    skip: Vec<String>,
    crash_every: Option<usize>,
    transitions: usize,
}

impl Drive {
    fn new(steps: Vec<Step>) -> Self {
        Self {
            run: Run::new(pipeline(steps)),
            now: Timestamp(1_000_000),
            log: vec![],
            script: BTreeMap::new(),
            items: vec!["a".into(), "b".into()],
            skip: vec![],
            crash_every: None,
            transitions: 0,
        }
    }

    fn outcome(mut self, step: &str, outcomes: Vec<Outcome>) -> Self {
        self.script.insert(step.to_owned(), outcomes);
        self
    }

    fn apply(&mut self, input: Input) -> Vec<Effect> {
        self.transitions += 1;
        let effects = self.run.apply(input, self.now);
        if self.crash_every.is_some_and(|n| self.transitions.is_multiple_of(n)) {
            // What is not in the journal is forgotten: the effects just asked for as well.
            let rows: Vec<Value> = self.run.steps().iter().map(|s| serde_json::to_value(s).unwrap()).collect();
            let steps = rows.into_iter().map(|r| serde_json::from_value(r).unwrap()).collect();
            self.run = Run::restore(self.run.pipeline().clone(), steps, self.run.stop());
            return self.run.apply(Input::Start, self.now);
        }
        effects
    }

    fn go(&mut self) -> RunStatus {
        let mut effects = self.apply(Input::Start);
        for _ in 0..10_000 {
            let Some(effect) = (!effects.is_empty()).then(|| effects.remove(0)) else {
                let Some(wake) = self.run.next_wake() else { break };
                self.now = self.now.max(wake);
                effects.extend(self.apply(Input::Tick));
                if effects.is_empty() && self.run.next_wake().is_none() {
                    break;
                }
                continue;
            };
            let more = match effect {
                Effect::Resolve(key) if self.skip.contains(&key.0) => {
                    self.apply(Input::Resolved { key, verdict: Verdict::Skip("no".into()) })
                }
                Effect::Resolve(key) => self.apply(Input::Resolved { key, verdict: Verdict::Go { lane: None } }),
                Effect::Expand(key) => {
                    let items = self.items.clone();
                    self.apply(Input::Expanded { key, items })
                }
                Effect::Execute { key, resumption: Some(_), .. } => {
                    self.apply(Input::Ended { key, outcome: Outcome::Succeeded(json!({})) })
                }
                Effect::Execute { key, attempt, .. } | Effect::Recover { key, attempt } => {
                    self.log.push(format!("{key}#{attempt}"));
                    let outcomes = self.script.get(&key.0);
                    let outcome = outcomes
                        .and_then(|o| o.get(attempt as usize - 1).or(o.last()))
                        .cloned()
                        .unwrap_or_else(|| Outcome::Succeeded(json!({"by": key.0})));
                    self.apply(Input::Ended { key, outcome })
                }
                Effect::Interrupt { key, .. } => self.apply(Input::Ended { key, outcome: failed("cancelled") }),
                Effect::Finished(status) => {
                    self.log.push(format!("= {status}"));
                    vec![]
                }
            };
            // A crash answers with what is asked anew, so older requests are void.
            effects.extend(more);
        }
        self.run.status()
    }

    fn statuses(&self) -> String {
        let words: Vec<String> = self.run.steps().iter().map(|s| format!("{}={}", s.key, s.status())).collect();
        words.join(" ")
    }
}

#[test]
fn needs_give_the_order_and_independent_steps_go_together() {
    let mut drive = Drive::new(vec![step("c", &["a", "b"]), step("a", &[]), step("b", &[])]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.log, ["a#1", "b#1", "c#1", "= succeeded"]);
}

#[test]
fn a_failure_blocks_all_that_follow_but_who_asks_for_it() {
    let mut asking = step("report", &["b"]);
    asking.when_asks_status = true;
    asking.when = Some("always()".into());
    let steps = vec![step("a", &[]), step("b", &["a"]), step("c", &["b"]), step("other", &[]), asking];
    let mut drive = Drive::new(steps).outcome("a", vec![failed("exit-status")]);
    assert_eq!(drive.go(), RunStatus::Failed);
    assert_eq!(drive.statuses(), "a=failed b=skipped c=skipped other=succeeded report=succeeded");
    assert_eq!(drive.run.step(&key("c")).unwrap().reason.as_deref(), Some("`b` was skipped, because `a` is failed"));
    assert_eq!(drive.run.needs(&key("report")), [(key("b"), StepStatus::Failed)]);
}

#[test]
fn a_skipped_step_lets_its_dependants_run_unless_they_use_its_outputs() {
    let mut user = step("user", &["a"]);
    user.mentions = vec![("a".into(), "x".into())];
    let mut drive = Drive::new(vec![step("a", &[]), step("b", &["a"]), user]);
    drive.skip = vec!["a".into()];
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.statuses(), "a=skipped b=succeeded user=skipped");
    let mut all = Drive::new(vec![step("a", &[])]);
    all.skip = vec!["a".into()];
    assert_eq!(all.go(), RunStatus::Skipped);
}

#[test]
fn unchanged_carries_outputs_and_satisfies_needs() {
    let mut user = step("b", &["a"]);
    user.mentions = vec![("a".into(), "x".into())];
    let mut drive = Drive::new(vec![step("a", &[]), user]).outcome("a", vec![Outcome::Unchanged(json!({"x": 1}))]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.statuses(), "a=unchanged b=succeeded");
}

#[test]
fn retries_pause_longer_each_time_and_only_for_what_may_pass() {
    let mut flaky = step("a", &[]);
    flaky.retry = Some(Retry { limit: 2, duration_millis: 1000, factor: 3.0, max_millis: 60_000, on: vec![] });
    let ok = Outcome::Succeeded(json!({}));
    let mut drive = Drive::new(vec![flaky.clone()]).outcome("a", vec![failed("x"), failed("x"), ok]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.log, ["a#1", "a#2", "a#3", "= succeeded"]);
    assert_eq!(drive.now, Timestamp(1_000_000 + 1000 + 3000));
    let mut denied = Drive::new(vec![flaky.clone()]).outcome("a", vec![Outcome::Failed(Failure::denied("no"))]);
    assert_eq!(denied.go(), RunStatus::Denied);
    assert_eq!(denied.log, ["a#1", "= denied"]);
    flaky.retry.as_mut().unwrap().on = vec!["y".into()];
    let mut other = Drive::new(vec![flaky]).outcome("a", vec![failed("x")]);
    assert_eq!(other.go(), RunStatus::Failed);
    assert_eq!(other.log, ["a#1", "= failed"]);
}

#[test]
fn a_call_that_takes_too_long_is_interrupted_and_says_so() {
    let mut slow = step("a", &[]);
    slow.timeout_millis = Some(2000);
    let mut run = Run::new(pipeline(vec![slow]));
    let now = Timestamp(0);
    run.apply(Input::Start, now);
    run.apply(Input::Resolved { key: key("a"), verdict: Verdict::Go { lane: None } }, now);
    assert_eq!(run.next_wake(), Some(Timestamp(2000)));
    assert_eq!(run.apply(Input::Tick, Timestamp(1999)), []);
    let interrupt = Effect::Interrupt { key: key("a"), cause: Interruption::TimedOut };
    assert_eq!(run.apply(Input::Tick, Timestamp(2000)), [interrupt]);
    assert_eq!(run.apply(Input::Tick, Timestamp(2001)), [], "told once");
    run.apply(Input::Ended { key: key("a"), outcome: failed("cancelled") }, Timestamp(2500));
    let error = run.step(&key("a")).unwrap().error.clone().unwrap();
    assert_eq!(error.code, "timed-out");
    assert_eq!(error.message, "it took longer than its timeout of 2 s (it broke)");
}

fn wait(deadline: i64) -> Outcome {
    let signal = Signal { kind: "approval".into(), subject: String::new(), condition: json!({}) };
    let (memory, message) = ("m".to_owned(), "1 approval".to_owned());
    Outcome::Waiting(Wait { signals: vec![signal], deadline: Timestamp(deadline), memory, message })
}

#[test]
fn a_wait_ends_by_signal_or_deadline_within_the_same_attempt() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &[])]));
    for name in ["a", "b"] {
        run.apply(Input::Start, Timestamp(0));
        run.apply(Input::Resolved { key: key(name), verdict: Verdict::Go { lane: None } }, Timestamp(0));
        run.apply(Input::Ended { key: key(name), outcome: wait(5000) }, Timestamp(0));
    }
    assert_eq!(run.status(), RunStatus::Waiting);
    let fired = run.apply(Input::Fired { key: key("a"), occurrences: vec![json!(1)] }, Timestamp(10));
    let resumption = Some(Resumption { memory: "m".into(), occurrences: vec![json!(1)] });
    assert_eq!(fired, [Effect::Execute { key: key("a"), attempt: 1, resumption }]);
    assert_eq!(run.apply(Input::Fired { key: key("a"), occurrences: vec![] }, Timestamp(11)), [], "spurious");
    let late = run.apply(Input::Tick, Timestamp(5000));
    let resumption = Some(Resumption { memory: "m".into(), occurrences: vec![] });
    assert_eq!(late, [Effect::Execute { key: key("b"), attempt: 1, resumption }]);
}

/// A wait for an application, which is said to be so.
fn application(deadline: i64, so: &str) -> Outcome {
    let signal = Signal { kind: "application".into(), subject: "shop".into(), condition: json!({}) };
    let (memory, message) = (String::new(), so.to_owned());
    Outcome::Waiting(Wait { signals: vec![signal], deadline: Timestamp(deadline), memory, message })
}

#[test]
fn a_timeout_goes_on_while_no_person_is_waited_for() {
    let mut slow = step("a", &[]);
    slow.timeout_millis = Some(2000);
    slow.retry = Some(Retry { limit: 1, duration_millis: 1, factor: 1.0, max_millis: 1, on: vec![] });
    let mut run = Run::new(pipeline(vec![slow]));
    run.apply(Input::Start, Timestamp(0));
    run.apply(Input::Resolved { key: key("a"), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    // People may take their time, and the step's own begins when they have decided.
    run.apply(Input::Ended { key: key("a"), outcome: wait(9000) }, Timestamp(100));
    assert_eq!(run.apply(Input::Tick, Timestamp(5000)), []);
    run.apply(Input::Fired { key: key("a"), occurrences: vec![] }, Timestamp(5000));
    run.apply(Input::Ended { key: key("a"), outcome: application(90_000, "it is Progressing") }, Timestamp(5100));
    assert_eq!(run.next_wake(), Some(Timestamp(7000)), "before the wait's own deadline");
    // Waking does not give it more.
    run.apply(Input::Fired { key: key("a"), occurrences: vec![] }, Timestamp(6900));
    run.apply(Input::Ended { key: key("a"), outcome: application(90_000, "it is Degraded") }, Timestamp(6950));
    assert_eq!(run.apply(Input::Tick, Timestamp(6999)), []);
    run.apply(Input::Tick, Timestamp(7000));
    let error = run.step(&key("a")).unwrap().error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.retryable), ("timed-out", true));
    assert_eq!(error.message, "it took longer than its timeout of 2 s (it is Degraded)");
    // Another attempt has time of its own.
    run.apply(Input::Tick, Timestamp(7001));
    run.apply(Input::Ended { key: key("a"), outcome: application(90_000, "") }, Timestamp(7002));
    assert_eq!(run.next_wake(), Some(Timestamp(9001)));
}

#[test]
fn the_time_of_a_wait_is_restored() {
    let mut slow = step("a", &[]);
    slow.timeout_millis = Some(2000);
    let mut run = Run::new(pipeline(vec![slow]));
    run.apply(Input::Start, Timestamp(0));
    run.apply(Input::Resolved { key: key("a"), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    run.apply(Input::Ended { key: key("a"), outcome: application(90_000, "it is Missing") }, Timestamp(0));
    let states = serde_json::to_value(run.steps()).unwrap();
    let mut run = Run::restore(run.pipeline().clone(), serde_json::from_value(states).unwrap(), None);
    run.apply(Input::Start, Timestamp(1000));
    assert_eq!(run.status(), RunStatus::Waiting);
    run.apply(Input::Tick, Timestamp(2000));
    assert_eq!(run.status(), RunStatus::Failed);
}

#[test]
fn nobody_waits_for_ever_by_waiting_again() {
    let mut run = Run::new(pipeline(vec![step("a", &[])]));
    run.apply(Input::Start, Timestamp(0));
    run.apply(Input::Resolved { key: key("a"), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    for _ in 0..MOST_WAITS {
        run.apply(Input::Ended { key: key("a"), outcome: wait(5000) }, Timestamp(0));
        run.apply(Input::Fired { key: key("a"), occurrences: vec![json!(1)] }, Timestamp(0));
    }
    assert_eq!(run.status(), RunStatus::Running);
    run.apply(Input::Ended { key: key("a"), outcome: wait(5000) }, Timestamp(0));
    assert_eq!(run.step(&key("a")).unwrap().error.clone().unwrap().code, "exhausted");
}

#[test]
fn stopping_ends_what_is_held_or_waits_and_interrupts_what_runs() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &[]), step("c", &["a"])]));
    run.apply(Input::Start, Timestamp(0));
    for name in ["a", "b"] {
        run.apply(Input::Resolved { key: key(name), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    }
    run.apply(Input::Ended { key: key("b"), outcome: wait(5000) }, Timestamp(0));
    let effects = run.apply(Input::Stop(Stop::Superseded), Timestamp(1));
    assert_eq!(effects, [Effect::Interrupt { key: key("a"), cause: Interruption::Stopped }]);
    let effects = run.apply(Input::Ended { key: key("a"), outcome: failed("cancelled") }, Timestamp(2));
    assert_eq!(effects, [Effect::Finished(RunStatus::Superseded)]);
    assert!(run.steps().iter().all(|s| s.status() == StepStatus::Superseded));
}

#[test]
fn for_each_makes_instances_that_need_their_own_siblings() {
    let group = Step {
        name: "each".into(),
        for_each: Some("['a','b']".into()),
        steps: vec![step("plan", &[]), step("apply", &["plan"])],
        ..Step::default()
    };
    let mut drive = Drive::new(vec![group.clone(), step("after", &["each"])]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    let order = drive.log.join(" ");
    assert!(order.ends_with("after#1 = succeeded"), "{order}");
    assert_eq!(drive.log.len(), 6, "{order}");
    // One instance fails: its sibling is blocked, the other item goes on, what follows the group is blocked.
    let mut drive = Drive::new(vec![group.clone(), step("after", &["each"])])
        .outcome("plan[\"a\"]", vec![Outcome::Failed(Failure::internal("x"))]);
    assert_eq!(drive.go(), RunStatus::Failed);
    let expected = "each=failed after=skipped plan[\"a\"]=failed apply[\"a\"]=skipped plan[\"b\"]=succeeded apply[\"b\"]=succeeded";
    assert_eq!(drive.statuses(), expected);
    let mut none = Drive::new(vec![group, step("after", &["each"])]);
    none.items.clear();
    assert_eq!(none.go(), RunStatus::Succeeded);
    assert_eq!(none.statuses(), "each=skipped after=succeeded");
    let mut single = step("lint", &[]);
    single.for_each = Some("['a','b']".into());
    let mut drive = Drive::new(vec![single]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.statuses(), "lint=succeeded lint[\"a\"]=succeeded lint[\"b\"]=succeeded");
}

#[test]
fn lanes_exclude_each_other() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &[])]));
    run.apply(Input::Start, Timestamp(0));
    let go = |k: &str| Input::Resolved { key: key(k), verdict: Verdict::Go { lane: Some("prod".into()) } };
    assert_eq!(run.apply(go("a"), Timestamp(0)).len(), 1);
    assert_eq!(run.apply(go("b"), Timestamp(0)), []);
    let done = Input::Ended { key: key("a"), outcome: Outcome::Succeeded(json!({})) };
    assert_eq!(run.apply(done, Timestamp(0)).len(), 1);
}

#[test]
fn a_stop_that_nobody_heard_is_carried_out_when_somebody_drives_the_run_again() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &[]), step("c", &["a"]), step("d", &[])]));
    run.apply(Input::Start, Timestamp(0));
    for name in ["a", "b", "d"] {
        run.apply(Input::Resolved { key: key(name), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    }
    run.apply(Input::Ended { key: key("a"), outcome: wait(5000) }, Timestamp(0));
    run.apply(Input::Ended { key: key("d"), outcome: Outcome::Unknown("who knows".into()) }, Timestamp(0));
    let steps = run.steps().to_vec();
    let mut again = Run::restore(run.pipeline().clone(), steps, Some(Stop::Cancelled));
    let effects = again.apply(Input::Start, Timestamp(1));
    let recover = Effect::Recover { key: key("b"), attempt: 1 };
    let interrupt = Effect::Interrupt { key: key("b"), cause: Interruption::Stopped };
    assert_eq!(effects, [recover.clone(), interrupt.clone()]);
    // A second crash forgets nothing of it.
    let mut third = Run::restore(again.pipeline().clone(), again.steps().to_vec(), Some(Stop::Cancelled));
    assert_eq!(third.apply(Input::Start, Timestamp(2)), [recover, interrupt]);
    assert_eq!(third.apply(Input::Settled { key: key("d"), outcome: None }, Timestamp(3)), [], "it has ended");
    let effects = third.apply(Input::Ended { key: key("b"), outcome: failed("cancelled") }, Timestamp(3));
    assert_eq!(effects, [Effect::Finished(RunStatus::Cancelled)]);
}

#[test]
fn a_run_whose_lane_is_held_by_a_wait_waits() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &[])]));
    run.apply(Input::Start, Timestamp(0));
    for name in ["a", "b"] {
        let verdict = Verdict::Go { lane: Some("prod".into()) };
        run.apply(Input::Resolved { key: key(name), verdict }, Timestamp(0));
    }
    run.apply(Input::Ended { key: key("a"), outcome: wait(5000) }, Timestamp(0));
    assert_eq!(run.status(), RunStatus::Waiting);
}

#[test]
fn only_so_many_steps_execute_at_a_time() {
    let names: Vec<String> = (0..WIDTH + 3).map(|i| format!("s{i}")).collect();
    let mut run = Run::new(pipeline(names.iter().map(|name| step(name, &[])).collect()));
    run.apply(Input::Start, Timestamp(0));
    let go = |name: &String| Input::Resolved { key: key(name), verdict: Verdict::Go { lane: None } };
    let begun: usize = names.iter().map(|name| run.apply(go(name), Timestamp(0)).len()).sum();
    assert_eq!(begun, WIDTH);
    let done = Input::Ended { key: key("s3"), outcome: Outcome::Succeeded(json!({})) };
    let next = Effect::Execute { key: key(&names[WIDTH]), attempt: 1, resumption: None };
    assert_eq!(run.apply(done, Timestamp(0)), [next]);
}

#[test]
fn what_a_group_forgives_fails_no_run() {
    let group = Step {
        name: "each".into(),
        for_each: Some("['a','b']".into()),
        steps: vec![step("plan", &[])],
        continue_on_error: true,
        ..Step::default()
    };
    let mut drive = Drive::new(vec![group, step("after", &["each"])])
        .outcome("plan[\"a\"]", vec![Outcome::Failed(Failure::internal("x"))]);
    assert_eq!(drive.go(), RunStatus::Succeeded);
    assert_eq!(drive.statuses(), "each=failed after=succeeded plan[\"a\"]=failed plan[\"b\"]=succeeded");
}

#[test]
fn what_a_crash_left_open_waits_for_a_person() {
    let mut run = Run::new(pipeline(vec![step("a", &[]), step("b", &["a"])]));
    run.apply(Input::Start, Timestamp(0));
    run.apply(Input::Resolved { key: key("a"), verdict: Verdict::Go { lane: None } }, Timestamp(0));
    assert_eq!(run.apply(Input::Start, Timestamp(1)), [Effect::Recover { key: key("a"), attempt: 1 }]);
    run.apply(Input::Ended { key: key("a"), outcome: Outcome::Unknown("who knows".into()) }, Timestamp(2));
    assert_eq!(run.status(), RunStatus::Unknown);
    let again = run.apply(Input::Settled { key: key("a"), outcome: None }, Timestamp(3));
    assert_eq!(again, [Effect::Execute { key: key("a"), attempt: 2, resumption: None }]);
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Succeeded(json!({"x": 1}))),
        1 => Just(Outcome::Unchanged(json!({"x": 1}))),
        1 => Just(Outcome::Skipped("nothing to do".into())),
        2 => Just(failed("exit-status")),
        1 => Just(Outcome::Failed(Failure::denied("no grant"))),
        1 => Just(wait(2_000_000)),
    ]
}

prop_compose! {
    fn any_steps()(n in 1usize..9)(
        steps in (0..n).map(|i| (prop::collection::vec(0..n, 0..3), any::<[bool; 4]>()).prop_map(move |(needs, flags)| {
            let needs: Vec<String> = needs.into_iter().filter(|j| *j < i).map(|j| format!("s{j}")).collect();
            let [retry, forgive, asks, group] = flags;
            let policy = Retry { limit: 2, duration_millis: 10, factor: 2.0, max_millis: 100, on: vec![] };
            let mut made = Step { name: format!("s{i}"), uses: "exec".into(), needs, ..Step::default() };
            made.retry = retry.then_some(policy);
            made.continue_on_error = forgive;
            made.when_asks_status = asks;
            made.for_each = (group && i % 3 == 0).then(|| "x".to_owned());
            made
        })).collect::<Vec<_>>(),
    ) -> Vec<Step> { steps }
}

proptest! {
    /// Whatever the graph and the outcomes, a run comes to its end, no step runs before its needs have ended, and no
    /// attempt runs twice.
    #[test]
    fn every_run_converges(steps in any_steps(), outcomes in prop::collection::vec(any_outcome(), 30)) {
        let mut drive = Drive::new(steps.clone());
        for (i, step) in steps.iter().enumerate() {
            drive.script.insert(step.name.clone(), outcomes[i * 3..i * 3 + 3].to_vec());
        }
        let status = drive.go();
        prop_assert!(status.is_final() || status == RunStatus::Waiting, "{status} {}", drive.statuses());
        let ended: Vec<&str> = drive.log.iter().map(|l| l.split(['#', '[']).next().unwrap()).collect();
        for step in &steps {
            let Some(first) = ended.iter().position(|e| *e == step.name) else { continue };
            for need in &step.needs {
                let last = ended.iter().rposition(|e| e == need);
                prop_assert!(last.is_none_or(|l| l < first), "{} ran before {need}: {:?}", step.name, drive.log);
            }
        }
    }

    /// The same graph, crashed after every n-th transition, comes to the same end as without a crash.
    #[test]
    fn a_crash_changes_nothing(steps in any_steps(), outcomes in prop::collection::vec(any_outcome(), 30), n in 2usize..6) {
        // An outcome by key alone, so that it does not matter how often a call is made.
        let mut plain = Drive::new(steps.clone());
        for (i, step) in steps.iter().enumerate() {
            let outcome = match &outcomes[i] { Outcome::Waiting(_) => Outcome::Succeeded(json!({})), o => o.clone() };
            plain.script.insert(step.name.clone(), vec![outcome]);
        }
        let mut crashed = Drive::new(steps);
        crashed.script = plain.script.clone();
        crashed.crash_every = Some(n);
        let (a, b) = (plain.go(), crashed.go());
        prop_assert_eq!(a, b);
        let sorted = |d: &Drive| {
            let mut words: Vec<String> = d.statuses().split(' ').map(str::to_owned).collect();
            words.sort();
            words
        };
        prop_assert_eq!(sorted(&plain), sorted(&crashed));
    }
}
