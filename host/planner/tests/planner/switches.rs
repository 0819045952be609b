//! Each sync option does what it says, from the application and from an object.

use crate::world::{World, config, definition, hook, key, object, options};
use planner::Verdict;
use planner::application::NamespaceMetadata;
use planner::ignore::{RuleText, Rules};
use planner::option::Propagation;
use planner::plan::{Act, Apply, Check, Ignored, Method, Run, Step, Validation};
use serde_json::{Value, json};

fn steps(world: &World) -> Vec<Step> {
    match world.plan().verdict {
        Verdict::Sync(plan) => plan.steps().map(|(_, step)| step.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

/// The first apply of a one-object application, by the application's options and by the object's.
fn both(kind: &str, option: &str) -> [Apply; 2] {
    let by_application = {
        let mut world = World::new(vec![object(kind, "x", Value::Null, json!({}))]);
        world.app.set_options([option]);
        world
    };
    let by_object = World::new(vec![object(kind, "x", options(option), json!({}))]);
    [by_application, by_object].map(|world| match steps(&world).remove(0).act {
        Act::Apply(apply) => apply,
        other => panic!("{other:?}"),
    })
}

#[test]
fn replace_and_force() {
    for (kind, option, method) in [
        ("ConfigMap", "ServerSideApply=true", Method::Apply),
        ("ConfigMap", "Replace=true", Method::Replace),
        // Whoever is deleted and made anew takes along all that is in it.
        ("Namespace", "Force=true", Method::Apply),
        ("apiextensions.k8s.io/CustomResourceDefinition", "Replace=true", Method::Replace),
    ] {
        assert_eq!(both(kind, option).map(|apply| apply.method), [method; 2], "{kind} {option}");
    }
    // Of an application it would delete objects that its file never deleted under Argo CD.
    assert_eq!(both("ConfigMap", "Force=true").map(|apply| apply.method), [Method::Apply, Method::ApplyOrRecreate]);
    let mut world = World::new(vec![config("a", "1"), object("batch/Job", "j", options("Replace=true"), json!({}))]);
    world.app.set_options(["Force=true"]);
    assert!(
        world.text().contains("replace batch/Job shop/j (missing)")
            && world.text().contains("note: option-without-effect: `Force=true` changes nothing"),
        "{}",
        world.text()
    );
    let world = World::new(vec![
        object("batch/Job", "j", options("Replace=true,Force=true"), json!({})),
        object("Namespace", "n", options("Replace=true,Force=true"), Value::Null),
    ]);
    let shown: Vec<String> = steps(&world).iter().map(Step::to_string).collect();
    assert_eq!(shown, ["replace Namespace n (missing)", "recreate batch/Job shop/j (missing)"]);
}

#[test]
fn validate() {
    assert_eq!(both("ConfigMap", "Validate=false").map(|apply| apply.validation), [Validation::Lenient; 2]);
    assert_eq!(both("ConfigMap", "Validate=true").map(|apply| apply.validation), [Validation::Strict; 2]);
    let mut annotations = options("Validate=false");
    annotations["argocd.argoproj.io/hook"] = json!("Sync");
    let world = World::new(vec![config("a", "1"), object("batch/Job", "j", annotations, json!({}))]);
    assert!(
        matches!(&steps(&world)[1].act, Act::Hook(Run { validation: Validation::Lenient, .. })),
        "{}",
        world.text()
    );
}

#[test]
fn apply_out_of_sync_only() {
    let manifests = vec![config("a", "1"), object("batch/Job", "j", options("Replace=true"), json!({}))];
    let mut world = World::new(manifests);
    world.sync();
    world.manifests[0] = config("a", "2");
    let shown = |world: &World| steps(world).iter().map(Step::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&world), ["apply ConfigMap shop/a (changed)", "replace batch/Job shop/j"]);
    world.app.set_options(["ApplyOutOfSyncOnly=true"]);
    assert_eq!(shown(&world), ["apply ConfigMap shop/a (changed)"]);
}

#[test]
fn create_namespace() {
    let mut world = World::new(vec![config("a", "1"), object("batch/Job", "j", hook("PreSync"), json!({}))]);
    let plain = |world: &World| steps(world).iter().map(Step::to_string).collect::<Vec<_>>();
    assert_eq!(plain(&world), ["run batch/Job shop/j", "apply ConfigMap shop/a (missing)"]);
    world.app.set_options(["CreateNamespace=true"]);
    let created = ["apply Namespace shop (missing)", "run batch/Job shop/j", "apply ConfigMap shop/a (missing)"];
    assert_eq!(plain(&world), created);
    // What lives in it cannot be tried on the server before it is there.
    let checks: Vec<Check> = steps(&world)
        .iter()
        .map(|step| match &step.act {
            Act::Apply(Apply { check, .. }) | Act::Hook(Run { check, .. }) => *check,
            Act::Prune(_) => panic!("{step}"),
        })
        .collect();
    assert_eq!(checks, [Check::Server, Check::Local, Check::Local]);
    world.sync();
    assert!(world.inventory.get(&key("/Namespace//shop")).is_none(), "it is never pruned");
    world.manifests[0] = config("a", "2");
    assert_eq!(plain(&world), ["run batch/Job shop/j", "apply ConfigMap shop/a (changed)"]);
    let labels = [("team".to_owned(), "shop".to_owned())].into();
    world.app.namespace_metadata = Some(NamespaceMetadata { labels, ..NamespaceMetadata::default() });
    let plan = match world.plan().verdict {
        Verdict::Sync(plan) => plan,
        other => panic!("{other:?}"),
    };
    let id = planner::plan::StepId { phase: planner::phase::Phase::PreSync, key: key("/Namespace//shop") };
    let made = plan.manifest(&id, &world.desired(), "").unwrap();
    assert_eq!(made["metadata"], json!({"name": "shop", "labels": {"team": "shop"}}));
    // What it should carry is looked at like any object.
    world.manifests[0] = config("a", "1");
    assert_eq!(world.codes(), [""; 0], "{}", world.text());
    world.app.namespace_metadata = Some(NamespaceMetadata::default());
    assert_eq!(world.codes(), ["in-sync"]);
    // A manifest of the namespace wins.
    world.manifests.push(object("Namespace", "shop", Value::Null, Value::Null));
    assert!(plain(&world)[0].starts_with("apply Namespace shop"), "{:?}", plain(&world));
    assert!(plan.step(&id).is_some() && world.desired().get(&key("/Namespace//shop")).is_some());
}

#[test]
fn prune_propagation_and_prune_last() {
    let gone = |option: &str, own: Value| {
        let mut world = World::new(vec![config("a", "1"), object("ConfigMap", "b", own, json!({}))]);
        world.app.set_options([option]);
        world.sync();
        world.manifests.truncate(1);
        let plan = match world.plan().verdict {
            Verdict::Sync(plan) => plan,
            other => panic!("{other:?}"),
        };
        let found = plan
            .stages
            .iter()
            .flat_map(|stage| stage.prunes.iter().flatten().map(|step| (stage.wave, step.act.clone())));
        match found.last() {
            Some((wave, Act::Prune(prune))) => (wave, prune.propagation),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(gone("Prune=true", Value::Null), (0, Propagation::Foreground));
    assert_eq!(gone("PrunePropagationPolicy=orphan", Value::Null), (0, Propagation::Orphan));
    let own = options("PrunePropagationPolicy=background,PruneLast=true");
    assert_eq!(gone("PrunePropagationPolicy=orphan", own), (1, Propagation::Background));
    assert_eq!(gone("PruneLast=true", Value::Null), (1, Propagation::Foreground));
}

#[test]
fn skip_dry_run_on_missing_resource() {
    let widget = |annotations: Value| object("example.com/Widget", "w", annotations, json!({}));
    assert_eq!(World::new(vec![widget(Value::Null)]).codes(), ["unknown-kind"]);
    let check = |world: World| match steps(&world).pop().unwrap().act {
        Act::Apply(apply) => apply.check,
        other => panic!("{other:?}"),
    };
    assert_eq!(check(World::new(vec![widget(options("SkipDryRunOnMissingResource=true"))])), Check::Local);
    let mut world = World::new(vec![widget(Value::Null)]);
    world.app.set_options(["SkipDryRunOnMissingResource=true"]);
    assert_eq!(check(world), Check::Local);
    assert_eq!(check(World::new(vec![widget(Value::Null), definition()])), Check::Local);
}

#[test]
fn respect_ignore_differences() {
    let rule =
        RuleText { kind: "ConfigMap".to_owned(), json_pointers: vec!["/spec/value".to_owned()], ..RuleText::default() };
    let ignored = |option: &str, kind: &str| {
        let mut world = World::new(vec![object(kind, "x", Value::Null, json!({"value": "1"}))]);
        world.app.rules = Rules::parse([&rule]).0;
        world.app.set_options([option]);
        match steps(&world).remove(0).act {
            Act::Apply(apply) => apply.ignored,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ignored("RespectIgnoreDifferences=true", "ConfigMap"), Ignored::Respected);
    assert_eq!(ignored("RespectIgnoreDifferences=true", "Secret"), Ignored::Written);
    assert_eq!(ignored("RespectIgnoreDifferences=false", "ConfigMap"), Ignored::Written);
    // And without a difference that counts nothing is to do.
    let mut world = World::new(vec![config("x", "1")]);
    world.sync();
    world.objects.get_mut(&key("/ConfigMap/shop/x")).unwrap()["spec"]["value"] = json!("2");
    world.objects.get_mut(&key("/ConfigMap/shop/x")).unwrap()["metadata"]["generation"] = json!(2);
    assert_eq!(steps(&world).len(), 1);
    world.app.rules = Rules::parse([&rule]).0;
    assert_eq!(world.codes(), ["in-sync"]);
}

#[test]
fn a_rule_of_ignored_differences_that_goes_leaves_a_difference() {
    let pointer = |field: &str| RuleText {
        kind: "ConfigMap".to_owned(),
        json_pointers: vec![format!("/spec/{field}")],
        ..RuleText::default()
    };
    let mut world = World::new(vec![object("ConfigMap", "x", Value::Null, json!({"replicas": 3}))]);
    world.app.rules = Rules::parse([&pointer("replicas")]).0;
    world.sync();
    let live = world.objects.get_mut(&key("/ConfigMap/shop/x")).unwrap();
    live["spec"]["replicas"] = json!(5);
    live["metadata"]["generation"] = json!(2);
    // It is found as desired, and remembered so.
    let plan = world.plan();
    assert_eq!((plan.survey.sync.to_string().as_str(), plan.survey.settled.len()), ("Synced", 1), "{plan}");
    for (key, owned) in plan.survey.settled {
        world.inventory.record(key, owned);
    }
    assert_eq!(world.plan().survey.settled, []);
    let shown = |world: &World| steps(world).iter().map(Step::to_string).collect::<Vec<_>>();
    for rules in [vec![], vec![pointer("paused")]] {
        world.app.rules = Rules::parse(&rules).0;
        world.app.digest = model::Digest::of("another policy");
        assert_eq!(shown(&world), ["apply ConfigMap shop/x (changed)"], "{rules:?}");
    }
    // A rule that changes nothing is remembered too, and one for other objects makes none be compared again.
    world.app.rules = Rules::parse([&pointer("replicas"), &pointer("paused")]).0;
    assert_eq!(world.plan().survey.settled.len(), 1);
    world.app.rules = Rules::parse([&pointer("replicas"), &RuleText { kind: "Secret".to_owned(), ..pointer("x") }]).0;
    assert_eq!(world.plan().survey.settled, []);
}

#[test]
fn an_object_of_another_application_is_a_conflict_with_or_without_the_option() {
    for option in ["FailOnSharedResource=true", "FailOnSharedResource=false"] {
        let mut world = World::new(vec![config("a", "1")]);
        world.app.set_options([option]);
        let mut taken = config("a", "1");
        taken["metadata"]["labels"] = json!({"tidegate.dev/application": "other"});
        world.put("/ConfigMap/shop/a", taken);
        assert_eq!(world.codes(), ["shared-object"]);
        assert!(world.by_hand().text().starts_with("Unknown"), "{}", world.text());
    }
}

#[test]
fn options_that_are_not_understood_stop_the_sync() {
    let world = World::new(vec![object("ConfigMap", "a", options("Prune=maybe"), json!({}))]);
    assert_eq!(world.codes(), ["bad-option"]);
    let mut world = World::new(vec![config("a", "1")]);
    world.app.set_options(["DeleteEverything=true"]);
    assert_eq!(world.by_hand().codes(), ["bad-option"]);
    let world = World::new(vec![object("ConfigMap", "a", options("ServerSideApply=false"), json!({}))]);
    assert!(
        world.text().contains("note: option-without-effect: ConfigMap shop/a: `ServerSideApply=false`"),
        "{}",
        world.text()
    );
    assert_eq!(world.codes(), [""; 0]);
}
