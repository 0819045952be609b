//! Manifests in, keys and problems out.

use super::*;
use crate::object::GroupKind;
use crate::owner::MARK;
use serde_json::json;
use std::collections::BTreeMap;

fn scopes() -> Scopes {
    let kinds =
        [(GroupKind::new("", "ConfigMap"), Scope::Namespaced), (GroupKind::new("", "Namespace"), Scope::Cluster)];
    Scopes::discovered(kinds, BTreeMap::new())
}

fn read(namespace: &str, manifests: Vec<Value>) -> Desired {
    let application = Application::new("shop", namespace, Digest::of(""));
    Desired::new(manifests, &application, &scopes(), Marks::Written)
}

fn config(metadata: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

fn keys(desired: &Desired) -> Vec<String> {
    desired.items().iter().map(|item| item.key.text()).collect()
}

fn told(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(Reason::to_string).collect()
}

#[test]
fn namespaces_are_filled_in_where_they_belong() {
    let widget = |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "w"},
        "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Cluster"}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "odd"}});
    let desired = read(
        "shop",
        vec![config(json!({"name": "a"})), config(json!({"name": "b", "namespace": "x"})), namespace, widget("w"), crd],
    );
    assert_eq!(told(&desired.problems), [""; 0]);
    assert_eq!(
        keys(&desired),
        [
            "/ConfigMap/shop/a",
            "/ConfigMap/x/b",
            "/Namespace//n",
            // Nobody said where a definition lives, so it was taken for a namespaced kind.
            "apiextensions.k8s.io/CustomResourceDefinition/shop/w",
            "example.com/Widget//w",
        ]
    );
    let metadata = |i: usize| desired.items()[i].manifest["metadata"].clone();
    assert_eq!((&metadata(0)["namespace"], metadata(2).get("namespace")), (&json!("shop"), None));
    assert_eq!((&metadata(0)["labels"][MARK], &metadata(0)["annotations"][MARK]), (&json!("shop"), &json!("shop")));
}

#[test]
fn every_problem_is_told_at_once() {
    let annotated = |name: &str, annotation: &str, value: &str| {
        config(json!({"name": name, "namespace": "x", "annotations": {annotation: value}}))
    };
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let manifests = vec![
        json!("text"),
        json!({"apiVersion": "v1", "metadata": {"name": "a"}}),
        config(json!({"name": "homeless"})),
        config(json!({"generateName": "a-", "namespace": "x"})),
        annotated("wave", crate::phase::WAVE, "soon"),
        annotated("hook", crate::hook::HOOK, "Later"),
        annotated("option", SYNC_OPTIONS, "Prune=never"),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "all"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "deep"}, "data": deep}),
    ];
    assert_eq!(
        told(&read("", manifests).problems),
        [
            "bad-option: ConfigMap x/option: `Prune=never`: its values are true, false and confirm",
            "bad-object: object 1 of the render: it lacks apiVersion",
            "bad-object: object 2 of the render: it lacks kind",
            "bad-object: object 9 of the render: it nests deeper than 128",
            "bad-object: ConfigMap homeless: it lives in a namespace and names none, and the application's destination has none either",
            "bad-object: ConfigMap x/a-: only a hook may have `generateName`: applying it again would make another object each time",
            "bad-object: ConfigMap x/hook: `argocd.argoproj.io/hook` has no value `Later`",
            "bad-object: ConfigMap x/wave: `argocd.argoproj.io/sync-wave` is no whole number",
            "refused: ApplicationSet all: write its applications as files, generators are not built",
        ]
    );
}

#[test]
fn lists_children_and_repetitions() {
    let child = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "child"}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        config(json!({"name": "a", "labels": {"v": "1"}})),
        {"apiVersion": "v1", "kind": "ConfigMapList", "items": [config(json!({"name": "b"}))]},
    ]});
    let again = config(json!({"name": "a", "labels": {"v": "2"}}));
    let desired = read("shop", vec![list, child, again, Value::Null]);
    assert_eq!(keys(&desired), ["/ConfigMap/shop/a", "/ConfigMap/shop/b", "argoproj.io/Application//child"]);
    assert_eq!(desired.items()[0].manifest["metadata"]["labels"]["v"], "2");
    assert_eq!(
        told(&desired.notices),
        ["repeated-object: ConfigMap shop/a: the render has it more than once; the last one counts"]
    );
    assert_eq!(desired.children().count(), 1);
}

#[test]
fn a_child_is_what_its_document_says() {
    let child = |metadata: Value| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": {"a": 1}});
    let mut seen = child(json!({"name": "a", "namespace": "argocd", "uid": "1", "managedFields": []}));
    seen["status"] = json!({"health": {}});
    let (one, same) =
        (read("shop", vec![child(json!({"name": "a", "namespace": "argocd"}))]), read("shop", vec![seen]));
    assert_eq!(
        *one.items()[0].manifest,
        child(json!({"name": "a", "namespace": "argocd"})),
        "no mark, its own namespace"
    );
    assert_eq!(one.digest(), same.digest(), "what a server writes is nobody's");
    let hook = child(json!({"name": "hook", "annotations": {"argocd.argoproj.io/hook": "PreSync"}}));
    let option = child(json!({"name": "option", "annotations": {"argocd.argoproj.io/sync-options": "Purne=false"}}));
    let project = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "wide"}});
    let twins = [child(json!({"name": "a", "namespace": "x"})), child(json!({"name": "a", "namespace": "y"}))];
    let desired =
        read("shop", [vec![hook, option, project, child(json!({"generateName": "a-"}))], twins.into()].concat());
    let problems = told(&desired.problems);
    let begins = |text: &str| problems.iter().any(|problem| problem.starts_with(text));
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(begins("refused: argoproj.io/Application hook: an application cannot be a hook"), "{problems:#?}");
    assert!(begins("bad-option: argoproj.io/Application option: "), "{problems:#?}");
    assert!(begins("refused: AppProject wide: nobody gets a right from a render"), "{problems:#?}");
    assert!(begins("bad-object: an application in the render has no `metadata.name`"), "{problems:#?}");
    assert!(
        begins("repeated-object: argoproj.io/Application a: the render declares it more than once"),
        "{problems:#?}"
    );
}

#[test]
fn the_digest_is_of_the_content_and_of_nothing_else() {
    let digest = |manifests: Vec<Value>| read("shop", manifests).digest().clone();
    let (a, b) = (config(json!({"name": "a"})), config(json!({"name": "b"})));
    assert_eq!(digest(vec![a.clone(), b.clone()]), digest(vec![b.clone(), a.clone()]));
    assert_ne!(digest(vec![a.clone(), b]), digest(vec![a]));
}
