//! The end of an application.

use crate::world::{Chaos, World, config, definition, hook, key, object, options, wave};
use planner::Operation;
use planner::application::Finalizer;
use planner::deletion::Ending;
use planner::object::GroupKind;
use planner::operation::Outcome;
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
