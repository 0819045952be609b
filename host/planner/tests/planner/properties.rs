//! What holds for every application, every cluster, every order of crashes.

use crate::world::{Chaos, World, config, definition, hook, key, object, wave};
use planner::Verdict;
use planner::application::{MaxPrune, Permit};
use planner::health::Status;
use planner::object::{GroupKind, ObjectKey};
use planner::operation::Outcome;
use planner::retry::{Limit, Retry};
use planner::survey::SyncStatus;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One manifest of a random application.
fn manifest() -> impl Strategy<Value = Value> {
    (0..8_u8, 0..5_u8, -2..3_i64, 0..4_u8).prop_map(|(kind, name, at, value)| {
        let name = format!("n{name}");
        let spec = json!({"value": value});
        let mut manifest = match kind {
            0 | 1 => object("ConfigMap", &name, wave(at), spec),
            2 | 3 => object("apps/Deployment", &name, wave(at), json!({"replicas": 1, "value": value})),
            4 => object("example.com/Widget", &name, wave(at), spec),
            5 => object("Namespace", &name, wave(at), Value::Null),
            6 => object(
                "batch/Job",
                &format!("job-{name}"),
                hook(["PreSync", "PostSync", "Sync", "PreSync,PostSync"][usize::from(value)]),
                spec,
            ),
            _ => {
                let mut inside = object("ConfigMap", "inside", wave(at), spec);
                inside["metadata"]["namespace"] = json!(name);
                inside
            }
        };
        if kind == 6 {
            manifest["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = json!(at.to_string());
        }
        manifest
    })
}

fn application() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(manifest(), 1..14).prop_map(|mut manifests| {
        // Whatever needs a definition or a namespace brings it along, at a random place: planning finds the order.
        manifests.insert(manifests.len() / 2, definition());
        for n in 0..5 {
            manifests.push(object("Namespace", &format!("n{n}"), wave(i64::from(n)), Value::Null));
        }
        manifests
    })
}

fn world(manifests: Vec<Value>) -> World {
    let mut world = World::new(manifests);
    world.app.max_prune = MaxPrune::Percent(100);
    world.app.retry = Retry { limit: Limit::Unlimited, ..Retry::automated() };
    world
}

fn kept(world: &World) -> BTreeSet<ObjectKey> {
    world.desired().resources().map(|item| item.key.clone()).collect()
}

/// Whatever JSON somebody may write where a manifest belongs; often it looks like one.
fn anything() -> impl Strategy<Value = Value> {
    let names =
        ["metadata", "annotations", "labels", "spec", "status", "conditions", "items", "data", "managedFields", "name"];
    let words =
        ["", "v1", "apps/v1", "Deployment", "Secret", "List", "Application", "shop", "a/b", "-1", "PreSync", "Prune=x"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        Just("kind".to_owned()),
        Just("apiVersion".to_owned())
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_has_an_answer(kind in 0..7_usize, fields in anything(), other in anything(), path in "[.a\\[\\]\"?|(),= 0-9selct-]{0,30}") {
        const KINDS: [&str; 7] =
            ["apps/Deployment", "Pod", "Secret", "batch/Job", "autoscaling/HorizontalPodAutoscaler", "ConfigMap", "Namespace"];
        let dressed = |fields: Value| {
            let mut manifest = object(KINDS[kind], "x", Value::Null, Value::Null);
            for (name, value) in fields.as_object().into_iter().flatten() {
                manifest[name] = value.clone();
            }
            manifest
        };
        let mut world = world(vec![fields.clone(), dressed(fields), config("a", "1")]);
        let rule = planner::ignore::RuleText { group: "*".into(), kind: "*".into(), json_pointers: vec!["/spec/0".into()],
            jq_path_expressions: vec![path], managed_fields_managers: vec!["x".into()], ..Default::default() };
        let (rules, problems) = planner::ignore::Rules::parse([&rule]);
        world.app.rules = rules;
        world.app.problems = problems;
        let text = planner::object::ObjectKey::new(GroupKind::new(KINDS[kind].split_once('/').map_or("", |k| k.0), KINDS[kind].rsplit('/').next().unwrap()), if kind == 6 { "" } else { "shop" }, "x").text();
        let mut live = dressed(other);
        live["metadata"] = json!({"labels": live["metadata"]});
        world.put(&text, live);
        prop_assert!(!world.text().is_empty());
        prop_assert!(!world.by_hand().text().is_empty());
        world.app.finalizer = planner::application::Finalizer::Foreground;
        world.end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_it_converges_and_then_nothing_is_to_do(
        first in application(),
        second in application(),
        trouble in prop::collection::vec(any::<u8>(), 0..200),
        more in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut world = world(first);
        world.put("/ConfigMap/shop/foreign", config("foreign", "theirs"));
        let outcome = world.drive(world.operation(), &mut Chaos::of(trouble));
        prop_assert!(matches!(outcome, Outcome::Healthy | Outcome::Applied), "{outcome}");
        // Every hook ran, and no run of one was begun twice.
        for item in world.desired().items().iter().filter(|item| !item.role.is_resource()) {
            prop_assert!(world.ran.iter().any(|run| run.starts_with(&format!("{}#", item.key.name()))), "{}", item.key);
        }
        let runs: BTreeSet<&String> = world.ran.iter().collect();
        prop_assert_eq!(runs.len(), world.ran.len(), "{:?}", world.ran);
        let before = kept(&world);
        world.ran.clear();
        world.manifests = second;
        world.revision = "r2".to_owned();
        if let Verdict::Sync(_) = world.plan().verdict {
            let outcome = world.drive(world.operation(), &mut Chaos::of(more));
            prop_assert!(matches!(outcome, Outcome::Healthy | Outcome::Applied), "{outcome}");
        }
        // All that is desired is there, all else that was owned is gone, and nothing else was touched.
        let plan = world.plan();
        prop_assert_eq!(plan.survey.sync, SyncStatus::Synced, "{}", plan);
        prop_assert_eq!(plan.survey.health.status, Status::Healthy, "{}", plan);
        prop_assert_eq!(world.codes(), ["in-sync"]);
        let after = kept(&world);
        for gone in before.difference(&after) {
            prop_assert!(!world.objects.contains_key(gone), "{} should have gone", gone);
        }
        prop_assert!(world.objects.contains_key(&key("/ConfigMap/shop/foreign")));
        for deleted in &world.deleted {
            let hook = deleted.is("batch", "Job");
            prop_assert!(hook || (before.contains(deleted) && !after.contains(deleted)), "{} was deleted", deleted);
        }
        // Also by hand there is nothing to apply or prune.
        if let Verdict::Sync(plan) = world.by_hand().plan().verdict {
            let kinds: BTreeSet<String> = plan.steps().map(|(_, step)| step.key.kind().to_string()).collect();
            prop_assert_eq!(kinds, BTreeSet::from(["batch/Job".to_owned()]));
        }
    }

    #[test]
    fn the_order_of_manifests_changes_nothing(manifests in application(), by in 0..20_usize) {
        // Of two manifests of one name the last counts, so that only distinct ones can change places.
        let mut seen = BTreeSet::new();
        let manifests: Vec<Value> = manifests
            .into_iter()
            .filter(|m| seen.insert(format!("{} {} {}", m["kind"], m["metadata"]["namespace"], m["metadata"]["name"])))
            .collect();
        let mut rotated = manifests.clone();
        rotated.rotate_left(by % manifests.len());
        rotated[1..].reverse();
        prop_assert_eq!(world(manifests).text(), world(rotated).text());
    }

    #[test]
    fn what_cannot_be_rendered_or_read_prunes_nothing(manifests in application(), mishap in 0..4_u8, by_hand in any::<bool>()) {
        let mut world = world(manifests);
        world.sync();
        world.revision = "r2".to_owned();
        match mishap {
            0 => world.render_fails = true,
            1 => world.manifests.clear(),
            2 => {
                world.manifests.truncate(1);
                world.unreadable.extend(world.inventory.objects().map(|(key, _)| key.kind().clone()).collect::<Vec<_>>());
            }
            _ => {
                world.manifests.truncate(1);
                world.unreadable.insert(GroupKind::new("", "Namespace"));
            }
        }
        if by_hand {
            world.by_hand();
        }
        let plan = world.plan();
        prop_assert!(matches!(plan.verdict, Verdict::Hold(_)), "{}", plan);
        let objects = world.objects.len();
        prop_assert!(objects > 0 && world.deleted.iter().all(|key| key.is("batch", "Job")));
    }

    #[test]
    fn only_what_is_owned_is_pruned(
        manifests in application(),
        strangers in prop::collection::vec((0..2_u8, 0..5_u8), 0..6),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut world = world(manifests);
        world.sync();
        for (kind, name) in strangers {
            let kind = ["/ConfigMap", "apps/Deployment"][usize::from(kind)];
            let copied = json!({"tidegate.dev/application": "shop"});
            world.put(&format!("{kind}/shop/stranger-{name}"), object("ConfigMap", "stranger", copied, Value::Null));
        }
        // Objects that the inventory has lost, or that were made anew by somebody else.
        let owned: Vec<ObjectKey> = { let mut keys: Vec<_> = world.inventory.objects().map(|(k, _)| k.clone()).collect(); keys.sort(); keys };
        for (i, index) in lost.iter().enumerate() {
            let key = index.get(&owned);
            let mut theirs = config("anew", "theirs");
            match i % 3 {
                0 => world.inventory.forget(key),
                1 => world.put(&key.text(), theirs),
                _ => {
                    theirs["metadata"]["annotations"] = json!({"tidegate.dev/application": "other"});
                    world.put(&key.text(), theirs);
                }
            }
        }
        world.manifests.truncate(1);
        world.app.allow_empty = Permit::Granted;
        if let Verdict::Sync(plan) = world.plan().verdict {
            for (_, step) in plan.steps().filter(|(_, step)| matches!(step.act, planner::plan::Act::Prune(_))) {
                prop_assert!(world.inventory.get(&step.key).is_some(), "{}", step);
                prop_assert!(!step.key.name().starts_with("stranger"));
                prop_assert!(!(world.objects[&step.key]["metadata"]["name"] == "anew"), "{}", step);
            }
        }
    }
}
