//! Whether a sync begins, and the reasons why not.

use crate::world::{NOW, World, config, hook, key, object};
use model::{Digest, Timestamp};
use planner::Verdict;
use planner::application::{Automated, Permit};
use planner::decide::{End, Ending, Last, Manual, Mode, Request, Window};
use planner::depend::{Dependency, Stand};
use planner::health::{Health, Status};
use planner::object::GroupKind;
use planner::plan::{Asked, Await};
use planner::reason::{Code, Reason};
use serde_json::json;

/// An application that is synced to its only object.
fn synced() -> World {
    let mut world = World::new(vec![config("a", "1"), config("b", "1")]);
    world.sync();
    world.now = world.now.plus_millis(3_600_000);
    world
}

fn drift(world: &mut World) {
    let object = world.objects.get_mut(&key("/ConfigMap/shop/a")).unwrap();
    object["spec"]["value"] = json!("by hand");
    let generation = object["metadata"]["generation"].as_u64().unwrap();
    object["metadata"]["generation"] = json!(generation + 1);
}

fn last(world: &mut World) -> &mut Last {
    world.last.as_mut().unwrap()
}

fn told(world: &World) -> String {
    match world.plan().verdict {
        Verdict::Hold(reasons) => reasons[0].to_string(),
        Verdict::Supersede(reason) => format!("supersede: {reason}"),
        Verdict::Sync(plan) => format!("sync for {}", plan.order.asked),
    }
}

#[test]
fn what_is_in_sync_is_left_alone() {
    let mut world = synced();
    assert_eq!(told(&world), "in-sync: every object is as desired");
    assert_eq!(world.by_hand().codes(), ["in-sync"]);
}

#[test]
fn an_application_syncs_by_itself_only_where_it_says_so() {
    let mut world = World::new(vec![config("a", "1")]);
    assert_eq!(told(&world), "sync for a change");
    world.app.automated = None;
    assert_eq!(told(&world), "automation-off: it does not sync by itself; `tidegate apps sync shop` does");
    world.by_hand();
    assert_eq!(told(&world), "sync for alice");
}

#[test]
fn what_failed_is_not_tried_again_by_itself() {
    let mut world = synced();
    world.manifests[0] = config("a", "2");
    let desired = world.desired();
    let subject = planner::decide::subject(&world.app, &desired);
    *last(&mut world) = Last { subject, end: End::Failed("quota".to_owned()), ..last(&mut world).clone() };
    assert_eq!(
        told(&world),
        "failed-already: its retries are used up (quota); a change or a sync by hand tries it again"
    );
    // Another revision with the same content is the same attempt; another content, policy or person is not.
    world.revision = "r9".to_owned();
    assert_eq!(world.codes(), ["failed-already"]);
    assert_eq!(told(world.by_hand()), "sync for alice");
    world.request = Request::Automatic;
    world.app.digest = Digest::of("another policy");
    assert_eq!(told(&world), "sync for a change");
    world.app.digest = Digest::of("policy");
    world.manifests[0] = config("a", "3");
    assert_eq!(told(&world), "sync for a change");
}

#[test]
fn what_was_stopped_stays_so() {
    let mut world = synced();
    drift(&mut world);
    last(&mut world).end = End::Stopped;
    assert_eq!(told(&world), "failed-already: its last sync was stopped; a sync by hand starts it again");
    // What was only superseded may be wanted again.
    last(&mut world).end = End::Superseded;
    assert_eq!(told(&world), "sync for a change");
}

#[test]
fn drift_is_healed_alone_and_with_patience() {
    let mut world = synced();
    drift(&mut world);
    let Verdict::Sync(plan) = world.plan().verdict else { panic!("{}", world.text()) };
    assert_eq!(plan.order.asked, Asked::Heal { healings: 1 });
    assert_eq!(plan.order.only.clone().unwrap().into_iter().collect::<Vec<_>>(), [key("/ConfigMap/shop/a")]);
    assert_eq!(plan.steps().count(), 1);
    // Five times in a row, the last one just now.
    world.now = NOW;
    *last(&mut world) = Last { healings: 4, at: NOW, ..last(&mut world).clone() };
    assert_eq!(
        told(&world),
        "self-heal-backoff: it drifted 4 times in a row; something works against it (until 2027-01-15T08:00:54.000Z)"
    );
    world.now = NOW.plus_millis(54_000);
    assert_eq!(told(&world), "sync for drift (5 in a row)");
    world.now = NOW.plus_millis(700_000);
    assert_eq!(told(&world), "sync for drift (1 in a row)");
    world.app.automated = Some(Automated { prune: Permit::Granted, self_heal: Permit::Refused });
    assert_eq!(told(&world), "self-heal-off: it drifted since its last sync, and `automated.selfHeal` is off");
}

#[test]
fn a_newer_state_takes_the_place_of_a_running_sync() {
    let mut world = synced();
    world.manifests[0] = config("a", "2");
    let running = planner::decide::subject(&world.app, &world.desired());
    world.running = Some(running);
    assert_eq!(told(&world), "running: a sync of this state is at work");
    assert_eq!(world.by_hand().codes(), ["running"]);
    world.request = Request::Automatic;
    world.manifests[0] = config("a", "3");
    world.revision = "r3".to_owned();
    assert_eq!(told(&world), "supersede: superseded: r3 takes the place of the sync at work");
    // Back to what the cluster still is: the sync at work would change it.
    world.manifests[0] = config("a", "1");
    assert_eq!(told(&world), "supersede: superseded: r3 is as the cluster is; the sync at work would change it");
    // Who may not begin does not stop others either.
    world.manifests[0] = config("a", "3");
    world.brakes.frozen = Some("an incident".to_owned());
    assert_eq!(world.codes(), ["frozen"]);
    world.brakes.frozen = None;
    world.render_fails = true;
    assert_eq!(world.codes(), ["render-failed"]);
}

#[test]
fn every_brake_holds_and_is_named() {
    let mut world = World::new(vec![config("a", "1")]);
    world.brakes.suspended = Some("bob: maintenance".to_owned());
    world.brakes.frozen = Some("an incident".to_owned());
    world.brakes.window = Window::Closed { until: Some(Timestamp(0)), manual: Permit::Granted };
    world.brakes.mode = Mode::Observe;
    world.brakes.ending = Ending::Begun;
    world.brakes.requirements = vec![Reason::new(Code::Requirement, "prod asks for 2 of platform, and has 1")];
    world.dependencies = vec![Dependency { application: "db".into(), stand: Stand::Unknown }];
    let all = ["deleting", "observe-only", "suspended", "frozen", "window-closed", "requirement", "dependency"];
    assert_eq!(world.codes(), all);
    // A window may let people through; nothing else does.
    let by_hand: Vec<&str> = all.into_iter().filter(|code| *code != "window-closed").collect();
    assert_eq!(world.by_hand().codes(), by_hand);
    world.brakes.window = Window::Closed { until: None, manual: Permit::Refused };
    assert_eq!(world.codes(), all);
}

#[test]
fn dependencies_must_be_healthy_at_the_same_revision() {
    let mut world = World::new(vec![config("a", "1")]);
    let stand = |reached: &str, status: Status| Stand::At {
        wanted: "r1".to_owned(),
        reached: Some(reached.to_owned()),
        health: Health::new(status, ""),
    };
    world.dependencies = vec![Dependency { application: "db".into(), stand: stand("r0", Status::Healthy) }];
    assert_eq!(told(&world), "dependency: it depends on `db` at r1, which is synced to r0");
    world.dependencies[0].stand = stand("r1", Status::Healthy);
    assert_eq!(told(&world), "sync for a change");
}

#[test]
fn a_person_may_choose_objects_of_the_application_alone() {
    let mut world = World::new(vec![config("a", "1"), config("b", "1")]);
    let only = |name: &str| {
        let only = Some([key(&format!("/ConfigMap/shop/{name}"))].into());
        Request::Manual(Manual { who: "alice".to_owned(), prune: Permit::Refused, only, awaits: Await::Health })
    };
    world.request = only("b");
    let Verdict::Sync(plan) = world.plan().verdict else { panic!("{}", world.text()) };
    assert_eq!(
        plan.steps().map(|(_, step)| step.to_string()).collect::<Vec<_>>(),
        ["apply ConfigMap shop/b (missing)"]
    );
    assert_eq!(plan.own, [key("/ConfigMap/shop/b")]);
    world.request = only("c");
    assert_eq!(world.codes(), ["no-such-object"]);
}

#[test]
fn what_a_sync_leaves_alone_holds_none() {
    for left in [hook("Skip"), json!({"helm.sh/hook": "test"})] {
        let mut world = World::new(vec![
            config("a", "1"),
            object("example.com/Widget", "unserved", left.clone(), json!({})),
            object("batch/Job", "taken", left.clone(), json!({})),
            object("Pod", "unreadable", left, json!({})),
        ]);
        world.put(
            "batch/Job/shop/taken",
            object("batch/Job", "taken", json!({"tidegate.dev/application": "other"}), json!({})),
        );
        world.unreadable.insert(GroupKind::new("", "Pod"));
        assert_eq!(world.codes(), [""; 0], "{}", world.text());
        world.sync();
        assert_eq!(world.codes(), ["in-sync"]);
        assert!(world.objects.contains_key(&key("/ConfigMap/shop/a")) && world.objects.len() == 2);
    }
}

#[test]
fn health_is_that_of_the_worst_object() {
    let health = |world: &World| world.plan().survey.health.to_string();
    let mut world = World::new(vec![config("a", "1"), config("b", "1")]);
    assert_eq!(health(&world), "Missing: ConfigMap shop/a (and 1 more)");
    world.sync();
    assert_eq!(health(&world), "Healthy");
    let mut ignored = config("d", "1");
    ignored["kind"] = json!("Pod");
    ignored["status"] = json!({"phase": "Failed", "message": "evicted"});
    world.manifests.push(ignored.clone());
    world.put("/Pod/shop/d", ignored.clone());
    assert_eq!(health(&world), "Degraded: Pod shop/d: evicted");
    ignored["metadata"]["annotations"] = json!({"argocd.argoproj.io/ignore-healthcheck": "true"});
    world.put("/Pod/shop/d", ignored);
    assert_eq!(health(&world), "Healthy");
    world.render_fails = true;
    assert_eq!(health(&world), "Unknown: no such overlay");
}

#[test]
fn what_should_go_can_be_told_not_to_matter() {
    let mut world = synced();
    let gone = world.manifests.pop();
    world.app.automated = Some(Automated { prune: Permit::Refused, self_heal: Permit::Granted });
    assert_eq!(world.codes(), ["prune-off"]);
    let live = world.objects.get_mut(&key("/ConfigMap/shop/b")).unwrap();
    live["metadata"]["annotations"]["argocd.argoproj.io/compare-options"] = json!("IgnoreExtraneous");
    assert_eq!(world.codes(), ["in-sync"], "{gone:?}");
}
