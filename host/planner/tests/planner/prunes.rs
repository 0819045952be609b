//! What is pruned, and everything that keeps it from being so. Each guard has a test that fails without it.

use crate::world::{World, config, definition, key, object, options, wave};
use planner::Verdict;
use planner::application::{Automated, MaxPrune, Permit};
use planner::plan::Act;
use serde_json::{Value, json};

fn world(manifests: Vec<Value>, stay: usize) -> World {
    let mut world = World::new(manifests);
    world.sync();
    world.manifests.truncate(stay);
    world
}

fn configs(n: usize) -> Vec<Value> {
    (0..n).map(|i| config(&format!("c{i}"), "1")).collect()
}

fn pruned(world: &World) -> Vec<String> {
    match world.plan().verdict {
        Verdict::Sync(plan) => {
            plan.steps().filter(|(_, s)| matches!(s.act, Act::Prune(_))).map(|(_, s)| s.to_string()).collect()
        }
        _ => vec![],
    }
}

#[test]
fn what_is_no_longer_desired_goes() {
    let mut world = world(configs(3), 2);
    assert_eq!(pruned(&world), ["prune ConfigMap shop/c2"]);
    world.sync();
    assert_eq!(world.deleted, [key("/ConfigMap/shop/c2")]);
    assert_eq!(world.codes(), ["in-sync"]);
    assert_eq!(world.inventory.len(), 2);
}

#[test]
fn pruning_is_off_unless_asked_for() {
    let mut world = world(configs(3), 2);
    world.app.automated = Some(Automated { prune: Permit::Refused, self_heal: Permit::Granted });
    assert_eq!(world.codes(), ["prune-off"]);
    world.manifests.push(config("new", "1"));
    let text = world.text();
    assert!(text.contains("1 to apply, 0 to prune"), "{text}");
    assert!(text.contains("note: prune-off: ConfigMap shop/c2: it should go"), "{text}");
    assert_eq!(pruned(&world), [""; 0]);
}

#[test]
fn an_empty_render_prunes_nothing_unless_it_may() {
    let mut world = world(configs(3), 0);
    assert_eq!(world.codes(), ["would-prune-all"]);
    world.by_hand();
    assert_eq!(world.codes(), ["would-prune-all"]);
    world.app.allow_empty = Permit::Granted;
    assert_eq!(pruned(&world).len(), 3);
}

#[test]
fn an_empty_render_that_may_prune_all_is_held_to_a_limit_that_was_written() {
    let mut world = world(configs(18), 0);
    world.app.allow_empty = Permit::Granted;
    assert_eq!(pruned(&world).len(), 18, "the third that nobody wrote");
    for (limit, passes) in [("17", false), ("50%", false), ("0", false), ("18", true), ("100%", true)] {
        world.app.set_max_prune(limit);
        let codes: &[&str] = if passes { &[] } else { &["too-many-prunes"] };
        assert_eq!(world.codes(), codes, "{limit}");
    }
}

#[test]
fn a_render_of_hooks_alone_is_as_empty() {
    let mut world = world(configs(3), 0);
    world.manifests.push(object("batch/Job", "j", crate::world::hook("PreSync"), json!({})));
    assert_eq!(world.codes(), ["would-prune-all"]);
}

#[test]
fn more_than_a_third_is_a_mistake() {
    let mut world = world(configs(18), 12);
    assert_eq!(pruned(&world).len(), 6);
    world.manifests.truncate(11);
    assert_eq!(world.codes(), ["too-many-prunes"]);
    let text = world.text();
    assert!(
        text.contains("7 of 18 objects would be pruned, more than 6; the annotation `tidegate.dev/max-prune`"),
        "{text}"
    );
    world.app.set_max_prune("40%");
    assert_eq!(pruned(&world).len(), 7);
    world.app.max_prune = MaxPrune::Objects(6);
    assert_eq!(world.codes(), ["too-many-prunes"]);
}

#[test]
fn five_may_always_go() {
    let mut world = world(configs(6), 1);
    assert_eq!(pruned(&world).len(), 5);
    world.app.max_prune = MaxPrune::Objects(0);
    assert_eq!(world.codes(), ["too-many-prunes"]);
}

#[test]
fn an_object_says_that_it_stays() {
    let annotated = |name: &str, annotations: Value| object("ConfigMap", name, annotations, json!({}));
    let manifests = vec![
        config("stays", "1"),
        annotated("no", options("Prune=false")),
        annotated("helm", json!({"helm.sh/resource-policy": "keep"})),
        annotated("asks", options("Prune=confirm")),
        config("goes", "1"),
    ];
    let mut world = world(manifests, 1);
    assert_eq!(pruned(&world), ["prune ConfigMap shop/asks once confirmed", "prune ConfigMap shop/goes"]);
    let text = world.text();
    assert!(text.contains("note: prune-kept: ConfigMap shop/no: `Prune=false`"), "{text}");
    assert!(text.contains("note: prune-kept: ConfigMap shop/helm: `helm.sh/resource-policy: keep`"), "{text}");
    // An option in the cluster that nobody understands might have been meant so.
    let mut odd = config("goes", "1");
    odd["metadata"]["annotations"] =
        json!({"argocd.argoproj.io/sync-options": "Purne=false", "tidegate.dev/application": "shop"});
    world.put("/ConfigMap/shop/goes", odd);
    assert_eq!(pruned(&world), ["prune ConfigMap shop/asks once confirmed"]);
    world.app.set_options(["Prune=false"]);
    assert_eq!(pruned(&world), ["prune ConfigMap shop/asks once confirmed"]);
}

#[test]
fn what_others_live_in_stays() {
    let mut inside = config("inside", "1");
    inside["metadata"]["namespace"] = json!("other");
    let widget = object("example.com/Widget", "w", wave(1), json!({}));
    let namespace = object("Namespace", "other", Value::Null, Value::Null);
    let mut world = World::new(vec![inside, widget, namespace, definition()]);
    world.sync();
    world.manifests.truncate(2);
    assert_eq!(pruned(&world), [""; 0]);
    let text = world.text();
    assert!(text.contains("Namespace other: desired objects live in it"), "{text}");
    assert!(text.contains("widgets.example.com: desired objects are of its kind"), "{text}");
    world.manifests = vec![config("a", "1")];
    assert_eq!(pruned(&world).len(), 4);
}

#[test]
fn what_is_no_longer_ours_is_forgotten_and_left() {
    let mut world = world(configs(4), 2);
    let mut taken = config("c2", "1");
    taken["metadata"]["annotations"] = json!({"tidegate.dev/application": "other"});
    world.put("/ConfigMap/shop/c2", taken);
    world.put("/ConfigMap/shop/c3", config("c3", "made anew"));
    let plan = world.plan();
    assert_eq!(plan.survey.lost, [key("/ConfigMap/shop/c2"), key("/ConfigMap/shop/c3")]);
    assert_eq!(world.codes(), ["in-sync"]);
}

#[test]
fn a_kind_that_vanished_prunes_and_forgets_nothing() {
    let mut world =
        World::new(vec![config("a", "1"), definition(), object("example.com/Widget", "w", Value::Null, json!({}))]);
    world.sync();
    world.manifests.truncate(1);
    world.objects.remove(&key("apiextensions.k8s.io/CustomResourceDefinition//widgets.example.com"));
    let plan = world.plan();
    assert_eq!(plan.survey.lost, [key("apiextensions.k8s.io/CustomResourceDefinition//widgets.example.com")]);
    assert_eq!(pruned(&world), [""; 0]);
}
