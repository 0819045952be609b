//! The end of an application.

use crate::world::{Chaos, NOW, World, config, definition, hook, key, object, options, wave};
use planner::Operation;
use planner::application::{Finalizer, Permit};
use planner::decide::{self, Mode, Window};
use planner::deletion::Ending;
use planner::object::GroupKind;
use planner::operation::Outcome;
use planner::reason::{Code, Reason};
use serde_json::{Value, json};

fn world() -> World {
    let mut world = World::new(vec![
        config("a", "1"),
        object("apps/Deployment", "web", wave(1), json!({})),
        object("ConfigMap", "kept", options("Delete=false"), json!({})),
        object("batch/Job", "backup", hook("PreDelete"), json!({})),
        object("batch/Job", "report", json!({"helm.sh/hook": "post-delete"}), json!({})),
        definition(),
    ]);
    world.sync();
    world.put("/ConfigMap/shop/foreign", config("foreign", "theirs"));
    world
}

#[test]
fn objects_stay_without_a_finalizer() {
    let mut world = world();
    assert!(matches!(world.end(), Ending::Forget(reason) if reason.code.as_str() == "orphaned"));
    world.app.finalizer = Finalizer::Foreground;
    world.render_fails = true;
    assert!(matches!(world.end(), Ending::Hold(reasons) if reasons[0].code.as_str() == "render-failed"));
    world.render_fails = false;
    world.unreadable.insert(GroupKind::new("apps", "Deployment"));
    assert!(matches!(world.end(), Ending::Hold(reasons) if reasons[0].code.as_str() == "live-unreadable"));
}

fn held(world: &World) -> Vec<String> {
    match world.end() {
        Ending::Hold(reasons) => reasons.iter().map(ToString::to_string).collect(),
        Ending::Delete(plan, _) => panic!("{plan}"),
        Ending::Forget(reason) => panic!("{reason}"),
    }
}

#[test]
fn what_cannot_be_read_right_holds_a_deletion() {
    let going = || {
        let mut world = world();
        world.app.finalizer = Finalizer::Foreground;
        world
    };
    // An option that may have been meant to keep the objects, of the application and of one of them.
    let mut odd = going();
    odd.app.set_options(["Delet=false"]);
    assert_eq!(held(&odd), ["bad-option: `Delet=false` is not an option that is known; the nearest is `Delete`"]);
    let mut odd = going();
    odd.manifests[0]["metadata"]["annotations"] = options("Delet=false");
    let told = "bad-option: ConfigMap shop/a: `Delet=false` is not an option that is known; the nearest is `Delete`";
    assert_eq!(held(&odd), [told]);
    // A backup that would be left out.
    let mut odd = going();
    odd.manifests[3]["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = json!("first");
    let told = "bad-object: batch/Job shop/backup: `argocd.argoproj.io/sync-wave` is no whole number";
    assert_eq!(held(&odd), [told]);
}

#[test]
fn a_hook_that_cannot_run_holds_a_deletion_and_no_sync() {
    let with = |phase: &str, kind: &str| {
        let mut world = World::new(vec![config("a", "1"), object(kind, "last", hook(phase), json!({}))]);
        world.app.finalizer = Finalizer::Foreground;
        world
    };
    for phase in ["PreDelete", "PostDelete"] {
        let mut world = with(phase, "example.com/Widget");
        assert_eq!(world.sync(), Outcome::Healthy);
        let told = "unknown-kind: example.com/Widget shop/last: the cluster has no such kind, so it cannot run";
        assert_eq!(held(&world), [told]);
        // A deletion makes no kinds, and skipping the dry run makes none either.
        world.app.set_options(["SkipDryRunOnMissingResource=true"]);
        assert_eq!(held(&world), [told]);

        let mut world = with(phase, "batch/Job");
        let taken = object("batch/Job", "last", json!({"tidegate.dev/application": "other"}), json!({}));
        world.put("batch/Job/shop/last", taken);
        assert_eq!(world.sync(), Outcome::Healthy);
        let told =
            "shared-object: batch/Job shop/last: it belongs to the application `other`: one object has one owner";
        assert_eq!(held(&world), [told]);

        let mut world = with(phase, "batch/Job");
        world.unreadable.insert(GroupKind::new("batch", "Job"));
        assert_eq!(world.sync(), Outcome::Healthy);
        assert_eq!(held(&world), ["live-unreadable: batch/Job shop/last: 503"]);
    }
    // What hooks of syncs left cannot be known either.
    let mut world = with("PostSync", "batch/Job");
    world.sync();
    world.unreadable.insert(GroupKind::new("batch", "Job"));
    assert_eq!(held(&world), ["live-unreadable: batch/Job shop/last: 503"]);
    // A hook of both is looked at by both.
    let world = with("PreSync,PreDelete", "example.com/Widget");
    assert_eq!(world.codes(), ["unknown-kind"]);
    assert_eq!(held(&world).len(), 1);
}

#[test]
fn what_would_keep_an_object_from_being_applied_holds_no_deletion() {
    let mut world = World::new(vec![config("a", "1")]);
    world.sync();
    world.app.finalizer = Finalizer::Foreground;
    world.manifests.push(object("example.com/Widget", "w", Value::Null, json!({})));
    world.manifests.push(config("taken", "1"));
    let mut taken = config("taken", "1");
    taken["metadata"]["annotations"] = json!({"tidegate.dev/application": "other"});
    world.put("/ConfigMap/shop/taken", taken);
    assert_eq!(world.codes(), ["shared-object", "unknown-kind"]);
    let Ending::Delete(plan, _) = world.end() else { panic!("it ends") };
    assert_eq!(plan.steps().map(|(_, step)| step.to_string()).collect::<Vec<_>>(), ["prune ConfigMap shop/a"]);
}

#[test]
fn every_brake_holds_a_deletion_but_that_it_has_begun() {
    let mut world = world();
    world.app.finalizer = Finalizer::Foreground;
    world.brakes.ending = decide::Ending::Begun;
    assert!(matches!(world.end(), Ending::Delete(..)));
    world.brakes.mode = Mode::Observe;
    world.brakes.suspended = Some("bob: maintenance".to_owned());
    world.brakes.frozen = Some("an incident".to_owned());
    world.brakes.window = Window::Closed { until: Some(NOW), manual: Permit::Granted };
    world.brakes.requirements = vec![Reason::new(Code::Requirement, "prod asks for 2 of platform, and has 1")];
    let expected = [
        "observe-only: the destination is only observed (`mode: observe`)",
        "suspended: bob: maintenance; `tidegate apps resume` lets it go on",
        "frozen: an incident",
        "window-closed: none of its windows is open (until 2027-01-15T08:00:00.000Z)",
        "requirement: prod asks for 2 of platform, and has 1",
    ];
    assert_eq!(held(&world), expected);
    // Without a finalizer nothing is done that a brake could hold.
    world.app.finalizer = Finalizer::None;
    assert!(matches!(world.end(), Ending::Forget(_)));
}

#[test]
fn hooks_run_before_and_after_and_waves_go_backwards() {
    let mut world = world();
    world.app.finalizer = Finalizer::Foreground;
    let Ending::Delete(plan, notices) = world.end() else { panic!("it ends") };
    let expected = "sync shop to r1, asked for by its removal: 0 to apply, 2 to prune, 2 to run
PreDelete wave 0
  run batch/Job shop/backup
Delete wave 1
  prune apps/Deployment shop/web
Delete wave 0
  prune ConfigMap shop/a
PostDelete wave 0
  run batch/Job shop/report
";
    assert_eq!(plan.to_string(), expected);
    let told: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "prune-kept: ConfigMap shop/kept: `Delete=false`",
            "prune-kept: apiextensions.k8s.io/CustomResourceDefinition widgets.example.com: definitions stay, since others may use them",
        ]
    );
    let operation = Operation::new("end", *plan, world.now);
    assert_eq!(world.drive(operation, &mut Chaos::of((0..120).map(|i| i % 3).collect())), Outcome::Applied);
    let mut left: Vec<&str> = world.objects.keys().map(|key| key.name()).collect();
    left.sort_unstable();
    assert_eq!(left, ["backup", "foreign", "kept", "report", "widgets.example.com"]);
}

#[test]
fn what_hooks_of_syncs_left_goes_too() {
    let mut generated = object("batch/Job", "x", hook("PostSync"), json!({}));
    generated["metadata"] = json!({"generateName": "report-", "annotations": hook("PostSync")});
    let mut world =
        World::new(vec![config("a", "1"), object("batch/Job", "migrate", hook("PreSync"), json!({})), generated]);
    world.sync();
    // Of a hook's name, but nobody's run; and a run of something that is no hook.
    let marked = |run: &str| json!({"tidegate.dev/application": "shop", "tidegate.dev/hook-run": run});
    world.put("batch/Job/shop/report-by-hand", object("batch/Job", "report-by-hand", Value::Null, json!({})));
    world.put("batch/Job/shop/copy", object("batch/Job", "copy", marked("op.1.PreSync"), json!({})));
    world.app.finalizer = Finalizer::Foreground;
    let Ending::Delete(plan, _) = world.end() else { panic!("it ends") };
    let steps: Vec<String> = plan.steps().map(|(_, step)| step.to_string()).collect();
    let left = "prune batch/Job shop/report-r1-postsync-1800000000";
    assert_eq!(steps, ["prune batch/Job shop/migrate", left, "prune ConfigMap shop/a"]);
}

#[test]
fn a_deletion_may_ask_for_a_word() {
    let mut world = World::new(vec![object("ConfigMap", "a", options("Delete=confirm"), json!({}))]);
    world.sync();
    world.app.finalizer = Finalizer::Background;
    let Ending::Delete(plan, _) = world.end() else { panic!("it ends") };
    assert!(plan.to_string().contains("prune ConfigMap shop/a once confirmed"), "{plan}");
    let operation = Operation::new("end", *plan, world.now);
    world.drive(operation, &mut Chaos::none());
    assert_eq!(world.deleted, [key("/ConfigMap/shop/a")]);
}

#[test]
fn hooks_of_a_deletion_take_no_part_in_a_sync() {
    let world = World::new(vec![config("a", "1"), object("batch/Job", "backup", hook("PreDelete"), Value::Null)]);
    assert!(world.text().contains("1 to apply, 0 to prune, 0 to run"), "{}", world.text());
}
