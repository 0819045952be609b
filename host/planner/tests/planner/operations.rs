//! A plan being carried out: what is asked for, in which order, and what follows from each answer.

use crate::world::{Chaos, NOW, World, config, definition, hook, key, object, options, wave};
use model::Timestamp;
use planner::Operation;
use planner::application::Finalizer;
use planner::decide::{Ending, Request};
use planner::deletion;
use planner::health::{Health, Status};
use planner::operation::{Action, Input, Outcome, Replanned, Sight, Stop};
use planner::plan::StepId;
use planner::retry::Retry;
use serde_json::{Value, json};

/// Answers whatever is asked as if all went well, and writes down what was asked.
struct Script {
    operation: Operation,
    now: Timestamp,
    log: Vec<String>,
}

impl Script {
    fn new(world: &World) -> Self {
        Self::of(world.operation())
    }

    fn of(operation: Operation) -> Self {
        let mut script = Self { operation, now: NOW, log: vec![] };
        script.feed(Input::Start);
        script
    }

    fn feed(&mut self, input: Input) -> Vec<Action> {
        let actions = self.operation.apply(input, self.now);
        self.log.extend(actions.iter().map(shown));
        actions
    }

    fn done(&mut self, phase: &str, name: &str, answer: Result<(), String>) {
        let phase = planner::phase::Phase::parse(phase).unwrap();
        let step = StepId { phase, key: key(name) };
        self.feed(Input::Done(vec![(step, answer)]));
    }

    /// All that is asked for is tried and stored.
    fn begun(mut self) -> Self {
        let stages = self.operation.plan.stages.iter().chain(&self.operation.plan.on_failure);
        let steps = stages.flat_map(|stage| {
            stage.batches.iter().flatten().map(|s| (StepId { phase: stage.phase, key: s.key.clone() }, Ok(())))
        });
        let answers = steps.collect();
        self.feed(Input::Checked(answers));
        self.feed(Input::Stored);
        self
    }

    fn see(&mut self, name: &str, status: Status) {
        let run = self.operation.hooks.keys().find(|step| step.key == key(name)).map(|step| self.operation.run(step));
        self.feed(Input::Seen(vec![(key(name), Sight::There { health: Health::new(status, "as told"), run })]));
    }

    fn tick(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.feed(Input::Tick);
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

fn shown(action: &Action) -> String {
    let steps = |steps: &[StepId]| steps.iter().map(|step| step.key.name().to_owned()).collect::<Vec<_>>().join(" ");
    let keys = |keys: &[planner::object::ObjectKey]| {
        keys.iter().map(|key| key.name().to_owned()).collect::<Vec<_>>().join(" ")
    };
    match action {
        Action::DryRun(list) => format!("dry-run {}", steps(list)),
        Action::Own(list) => format!("own {}", keys(list)),
        Action::Clear { steps: list, .. } => format!("clear {}", steps(list)),
        Action::Apply(list) => format!("apply {}", steps(list)),
        Action::Run { steps: list, .. } => format!("run {}", steps(list)),
        Action::Watch(list) => format!("watch {}", keys(list)),
        Action::AskConsent(list) => format!("ask {}", keys(list)),
        Action::Prune(list) => format!("prune {}", steps(list)),
        Action::Delete(list) => format!("delete {}", steps(list)),
        Action::Plan(_) => "plan".to_owned(),
        Action::PlanEnd => "plan the end".to_owned(),
        Action::Finished(outcome) => format!("finished {outcome}"),
    }
}

fn job(name: &str, phase: &str, policy: &str) -> Value {
    let mut annotations = hook(phase);
    annotations["argocd.argoproj.io/hook-delete-policy"] = json!(policy);
    object("batch/Job", name, annotations, json!({}))
}

#[test]
fn first_tried_then_owned_then_applied_then_waited_for() {
    let manifests = vec![config("a", "1"), object("apps/Deployment", "web", wave(1), json!({}))];
    let mut script = Script::new(&World::new(manifests)).begun();
    assert_eq!(script.take(), ["dry-run a web", "own a web", "apply a"]);
    script.done("Sync", "/ConfigMap/shop/a", Ok(()));
    script.see("/ConfigMap/shop/a", Status::Healthy);
    script.done("Sync", "apps/Deployment/shop/web", Ok(()));
    script.see("apps/Deployment/shop/web", Status::Progressing);
    assert_eq!(script.operation.to_string(), "Sync wave 1: waiting for apps/Deployment shop/web: Progressing: as told");
    script.see("apps/Deployment/shop/web", Status::Healthy);
    assert_eq!(script.take(), ["watch a", "apply web", "watch web", "finished healthy"]);
    // What comes late or twice changes nothing.
    script.done("Sync", "/ConfigMap/shop/a", Err("late".to_owned()));
    script.feed(Input::Stop(Stop::Cancelled));
    assert_eq!(script.operation.outcome(), Some(&Outcome::Healthy));
}

#[test]
fn one_failed_dry_run_and_nothing_is_applied() {
    let mut world = World::new(vec![config("a", "1"), object("ConfigMap", "b", Value::Null, json!({"invalid": true}))]);
    let operation = world.operation();
    let outcome = world.drive(operation, &mut Chaos::none());
    let why = "1 object failed the dry run, and nothing was applied: ConfigMap shop/b: spec.invalid: unknown field";
    assert_eq!(outcome, Outcome::Failed(why.to_owned()));
    assert!(world.objects.is_empty() && world.inventory.is_empty());
}

#[test]
fn one_bad_object_of_a_batch_does_not_stop_the_report_on_the_others() {
    let mut script = Script::new(&World::new(vec![
        config("a", "1"),
        config("b", "1"),
        object("Service", "s", Value::Null, json!({})),
    ]))
    .begun();
    script.take();
    script.done("Sync", "/ConfigMap/shop/a", Err("quota".to_owned()));
    assert_eq!(script.take(), [""; 0]);
    script.done("Sync", "/ConfigMap/shop/b", Ok(()));
    assert_eq!(script.take(), ["finished failed: 1 object could not be applied: ConfigMap shop/a: quota"]);
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let manifests = vec![config("a", "1"), config("b", "1"), object("ConfigMap", "late", wave(1), json!({}))];
    let mut script = Script::new(&World::new(manifests)).begun();
    script.done("Sync", "/ConfigMap/shop/a", Ok(()));
    let before = script.operation.clone();
    script.done("Sync", "/ConfigMap/shop/a", Err("told twice, the second time wrongly".to_owned()));
    script.done("Sync", "/ConfigMap/shop/late", Err("too early".to_owned()));
    script.done("PreSync", "/ConfigMap/shop/b", Err("of another phase".to_owned()));
    script.feed(Input::Stored);
    script.feed(Input::Planned(Replanned::Nothing));
    assert_eq!(script.operation, before);
}

#[test]
fn hooks_are_cleared_run_and_deleted_as_their_policies_say() {
    let manifests = vec![
        job("pre", "PreSync", "BeforeHookCreation"),
        job("post", "PostSync", "HookSucceeded"),
        job("fail", "SyncFail", "HookSucceeded"),
        config("a", "1"),
    ];
    let mut script = Script::new(&World::new(manifests.clone())).begun();
    assert_eq!(script.take(), ["dry-run pre a post fail", "own a", "clear pre"]);
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.see("batch/Job/shop/pre", Status::Progressing);
    assert_eq!(script.take(), ["run pre", "watch pre"]);
    script.see("batch/Job/shop/pre", Status::Healthy);
    script.done("Sync", "/ConfigMap/shop/a", Ok(()));
    script.see("/ConfigMap/shop/a", Status::Healthy);
    script.done("PostSync", "batch/Job/shop/post", Ok(()));
    script.see("batch/Job/shop/post", Status::Healthy);
    script.done("PostSync", "batch/Job/shop/post", Ok(()));
    assert_eq!(script.take(), ["apply a", "watch a", "run post", "watch post", "delete post", "finished healthy"]);

    let mut script = Script::new(&World::new(manifests)).begun();
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.take();
    script.see("batch/Job/shop/pre", Status::Degraded);
    assert_eq!(script.take(), ["run fail"]);
    script.done("SyncFail", "batch/Job/shop/fail", Ok(()));
    script.see("batch/Job/shop/fail", Status::Healthy);
    script.done("SyncFail", "batch/Job/shop/fail", Ok(()));
    let finished = "finished failed: the hook PreSync batch/Job shop/pre failed: as told";
    assert_eq!(script.take(), ["watch fail", "delete fail", finished]);
}

#[test]
fn a_hook_is_known_by_its_run() {
    let mut script = Script::new(&World::new(vec![job("pre", "PreSync", "HookFailed"), config("a", "1")])).begun();
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.take();
    let other = Sight::There { health: Health::new(Status::Healthy, ""), run: Some("op.0.PreSync".to_owned()) };
    script.feed(Input::Seen(vec![(key("batch/Job/shop/pre"), other)]));
    assert_eq!(script.take(), [""; 0]);
    script.feed(Input::Seen(vec![(key("batch/Job/shop/pre"), Sight::Missing)]));
    let outcome = script.take().pop();
    assert_eq!(outcome.as_deref(), Some("delete pre"));
}

#[test]
fn a_degraded_object_is_borne_for_a_while() {
    let manifests =
        vec![object("apps/Deployment", "web", Value::Null, json!({})), object("ConfigMap", "late", wave(1), json!({}))];
    let mut script = Script::new(&World::new(manifests)).begun();
    script.done("Sync", "apps/Deployment/shop/web", Ok(()));
    script.see("apps/Deployment/shop/web", Status::Degraded);
    script.take();
    script.tick(59_000);
    assert_eq!(script.take(), [""; 0]);
    script.tick(1_000);
    assert_eq!(script.take(), ["finished failed: apps/Deployment shop/web is Degraded: as told"]);
}

#[test]
fn the_last_wave_may_be_unhealthy_and_all_is_applied_still() {
    let mut script = Script::new(&World::new(vec![object("apps/Deployment", "web", Value::Null, json!({}))])).begun();
    script.done("Sync", "apps/Deployment/shop/web", Ok(()));
    script.see("apps/Deployment/shop/web", Status::Degraded);
    script.tick(60_000);
    let outcome = script.operation.outcome().unwrap();
    assert_eq!(outcome.to_string(), "applied, not healthy: apps/Deployment shop/web is Degraded: as told");
    assert_eq!(outcome.end(), planner::decide::End::Applied);

    let mut script = Script::new(&World::new(vec![object("apps/Deployment", "web", Value::Null, json!({}))])).begun();
    script.done("Sync", "apps/Deployment/shop/web", Ok(()));
    script.see("apps/Deployment/shop/web", Status::Progressing);
    script.tick(15 * 60_000);
    let outcome = script.operation.outcome().unwrap().to_string();
    assert_eq!(
        outcome,
        "applied, not healthy: Sync wave 0: waiting for apps/Deployment shop/web: Progressing: as told"
    );
}

#[test]
fn a_stuck_sync_is_stopped_in_time_and_not_retried() {
    let mut world = World::new(vec![job("pre", "PreSync", "HookFailed"), config("a", "1")]);
    world.app.retry = Retry::automated();
    let mut script = Script::new(&world).begun();
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.take();
    assert_eq!(script.operation.next_wake(), Some(NOW.plus_millis(60_000)));
    script.tick(60_000);
    assert_eq!(script.operation.next_wake(), Some(NOW.plus_millis(900_000)));
    script.tick(840_000);
    assert_eq!(script.take(), ["watch pre", "delete pre"]);
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    let finished =
        "finished failed: it took longer than 15 min: PreSync wave 0: waiting for the hook batch/Job shop/pre";
    assert_eq!(script.take(), [finished]);
}

#[test]
fn a_stop_deletes_hooks_that_run_and_nothing_else() {
    let mut script = Script::new(&World::new(vec![job("pre", "PreSync", "HookFailed"), config("a", "1")])).begun();
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    script.take();
    script.feed(Input::Stop(Stop::Superseded));
    script.feed(Input::Stop(Stop::Cancelled));
    script.done("PreSync", "batch/Job/shop/pre", Ok(()));
    assert_eq!(script.take(), ["delete pre", "finished superseded"]);
}

#[test]
fn a_failed_attempt_is_tried_again_until_its_retries_are_used_up() {
    let mut world = World::new(vec![job("post", "PostSync", "BeforeHookCreation"), config("a", "1")]);
    world.manifests[0]["spec"]["fails"] = json!(true);
    world.app.retry = Retry { limit: planner::retry::Limit::Times(2), ..Retry::automated() };
    let operation = world.operation();
    let outcome = world.drive(operation, &mut Chaos::none());
    assert_eq!(outcome, Outcome::Failed("the hook PostSync batch/Job shop/post failed: as told".to_owned()));
    // Each attempt runs the hook anew, although all objects are as desired after the first.
    assert_eq!(world.ran, ["post#op.1.PostSync", "post#op.2.PostSync", "post#op.3.PostSync"]);
    assert!(world.now >= NOW.plus_millis(15_000), "5 s and 10 s were waited");
    assert_eq!(world.codes(), ["in-sync"]);
}

#[test]
fn a_brake_holds_a_retry_without_failing_it() {
    let mut world = World::new(vec![config("a", "1")]);
    world.app.retry = Retry::automated();
    let mut script = Script::new(&world).begun();
    script.done("Sync", "/ConfigMap/shop/a", Err("quota".to_owned()));
    script.take();
    script.tick(5_000);
    assert_eq!(script.take(), ["plan"]);
    world.brakes.frozen = Some("an incident".to_owned());
    world.request = Request::Retry(script.operation.plan.order.clone());
    let held = Replanned::of(world.plan().verdict, script.now);
    assert_eq!(held, Replanned::Later(script.now.plus_millis(60_000)));
    script.feed(Input::Planned(held));
    script.tick(60_000);
    world.brakes.frozen = None;
    script.feed(Input::Planned(Replanned::of(world.plan().verdict, script.now)));
    assert_eq!(script.take(), ["plan", "dry-run a"]);
    assert_eq!(script.operation.attempt, 2);
    // What does not pass by itself ends it.
    world.manifests[0]["metadata"]["annotations"] = options("Prune=maybe");
    let held = Replanned::of(world.plan().verdict, script.now);
    assert!(matches!(&held, Replanned::Held(why) if why.starts_with("bad-option")), "{held:?}");
}

#[test]
fn a_deletion_is_planned_again_as_a_deletion_until_it_is_done() {
    let mut world = World::new(vec![config("a", "1")]);
    world.sync();
    world.app.finalizer = Finalizer::Foreground;
    world.brakes.ending = Ending::Begun;
    let deletion::Ending::Delete(plan, _) = world.end() else { panic!("it ends") };
    let mut script = Script::of(Operation::new("end", *plan, NOW)).begun();
    for attempt in 1..20 {
        assert_eq!(script.operation.attempt, attempt);
        script.done("Delete", "/ConfigMap/shop/a", Err("a webhook is down".to_owned()));
        script.tick(180_000);
        assert_eq!(script.take().last().map(String::as_str), Some("plan the end"));
        // A sync in its place would put back what it deletes, or end it half done.
        let order = Request::Retry(script.operation.plan.order.clone());
        for ending in [Ending::Begun, Ending::No] {
            world.brakes.ending = ending;
            world.request = order.clone();
            assert_eq!(world.codes(), ["deleting"]);
        }
        world.brakes.ending = Ending::Begun;
        // Whatever holds it, even what somebody must mend, it is asked again.
        world.app.set_options(["Delet=false"]);
        let held = Replanned::of_end(world.end(), script.now);
        assert_eq!(held, Replanned::Later(script.now.plus_millis(60_000)));
        script.feed(Input::Planned(held));
        world.app.problems.clear();
        script.tick(60_000);
        assert_eq!(script.take(), ["plan the end"]);
        script.feed(Input::Planned(Replanned::of_end(world.end(), script.now)));
    }
    script.done("Delete", "/ConfigMap/shop/a", Ok(()));
    script.feed(Input::Seen(vec![(key("/ConfigMap/shop/a"), Sight::Missing)]));
    assert_eq!(script.take(), ["prune a", "watch a", "finished applied"]);
    // Where the objects are to stay after all, that is its end too.
    world.app.finalizer = Finalizer::None;
    assert_eq!(Replanned::of_end(world.end(), script.now), Replanned::Nothing);
}

#[test]
fn a_deletion_that_takes_too_long_goes_on_until_a_person_stops_it() {
    let mut world = World::new(vec![config("a", "1")]);
    world.sync();
    world.app.finalizer = Finalizer::Foreground;
    let deletion::Ending::Delete(plan, _) = world.end() else { panic!("it ends") };
    let mut script = Script::of(Operation::new("end", *plan, NOW));
    script.done("Delete", "/ConfigMap/shop/a", Ok(()));
    script.see("/ConfigMap/shop/a", Status::Progressing);
    assert_eq!(script.take(), ["prune a", "watch a"]);
    script.tick(15 * 60_000);
    assert_eq!(script.operation.next_wake(), Some(script.now.plus_millis(5_000)));
    script.tick(5_000);
    script.feed(Input::Planned(Replanned::of_end(world.end(), script.now)));
    assert_eq!(script.take(), ["plan the end", "prune a"]);
    script.feed(Input::Stop(Stop::Cancelled));
    assert_eq!(script.take(), ["finished cancelled"]);
}

#[test]
fn prunes_that_need_a_word_wait_for_it_as_long_as_it_takes() {
    let mut world = World::new(vec![config("a", "1"), object("ConfigMap", "b", options("Prune=confirm"), json!({}))]);
    world.sync();
    world.manifests.truncate(1);
    let mut script = Script::new(&world).begun();
    script.see("/ConfigMap/shop/a", Status::Healthy);
    script.take();
    assert!(
        script
            .operation
            .to_string()
            .starts_with("Sync wave 0: waiting until somebody confirms that ConfigMap shop/b goes")
    );
    assert_eq!(script.operation.next_wake(), None);
    script.tick(86_400_000);
    script.feed(Input::Confirmed(Timestamp(script.operation.begun.0 - 1)));
    assert_eq!(script.take(), [""; 0]);
    let now = script.now;
    script.feed(Input::Confirmed(now));
    script.done("Sync", "/ConfigMap/shop/b", Ok(()));
    script.feed(Input::Seen(vec![(key("/ConfigMap/shop/b"), Sight::Missing)]));
    assert_eq!(script.take(), ["prune b", "watch b", "finished healthy"]);
}

#[test]
fn definitions_are_established_before_their_kinds_are_applied() {
    let mut script =
        Script::new(&World::new(vec![definition(), object("example.com/Widget", "w", Value::Null, json!({}))])).begun();
    script.take();
    let crd = "apiextensions.k8s.io/CustomResourceDefinition//widgets.example.com";
    script.done("Sync", crd, Ok(()));
    script.see(crd, Status::Progressing);
    assert_eq!(script.take(), ["watch widgets.example.com"]);
    script.see(crd, Status::Healthy);
    assert_eq!(script.take(), ["apply w"]);
}

#[test]
fn what_vanishes_while_it_is_waited_for_fails_the_sync() {
    let manifests = vec![config("a", "1"), object("ConfigMap", "late", wave(1), json!({}))];
    let mut script = Script::new(&World::new(manifests)).begun();
    script.done("Sync", "/ConfigMap/shop/a", Ok(()));
    script.take();
    script.feed(Input::Seen(vec![(key("/ConfigMap/shop/a"), Sight::Missing)]));
    assert_eq!(script.take(), ["finished failed: ConfigMap shop/a was deleted meanwhile"]);
}
