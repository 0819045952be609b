//! Kinds that a cluster does not have yet: they come with the application, or by others.

use crate::scene::{AUTOMATED, Scene, config_map, until};

fn definition(group: &str, kind: &str) -> String {
    let plural = format!("{}s", kind.to_lowercase());
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{ name: {plural}.{group} }}
spec:
  group: {group}
  scope: Namespaced
  names: {{ kind: {kind}, plural: {plural}, singular: {} }}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{ openAPIV3Schema: {{ type: object, x-kubernetes-preserve-unknown-fields: true }} }}
",
        kind.to_lowercase()
    )
}

fn object(group: &str, kind: &str, options: &str) -> String {
    format!(
        "apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{ name: one, annotations: {options} }}\nspec: {{ size: 1 }}\n"
    )
}

#[test]
fn a_definition_and_its_objects_come_in_one_sync() {
    let (gauge, one) = (definition("one.example.com", "Gauge"), object("one.example.com", "Gauge", "{}"));
    let scene = Scene::new(
        "defines",
        AUTOMATED,
        &[("one.yaml", &one), ("gauge.yaml", &gauge), ("a.yaml", &config_map("a", "1"))],
    );
    let mut daemon = scene.daemon();
    scene.wait();
    daemon.until(": healthy");
    let there = scene.get("gauges.one.example.com", "one").expect("it is there");
    assert_eq!(there["spec"]["size"], 1);
    // Drift of its objects is healed like any other.
    scene.kubectl(&["patch", "gauges.one.example.com", "one", "--type=merge", "-p", r#"{"spec":{"size":9}}"#]);
    daemon.until(": healthy");
    assert_eq!(scene.get("gauges.one.example.com", "one").expect("it is there")["spec"]["size"], 1);
    assert_eq!(scene.history().len(), 2);
    // A definition is not pruned while there are objects of its kind.
    scene.remove("gauge.yaml");
    scene.write("a.yaml", &config_map("a", "2"));
    scene.push("no definition");
    daemon.until(&format!("defines at {}: healthy", &scene.head()[..7]));
    assert!(scene.get("gauges.one.example.com", "one").is_some());
    let shown = scene.world.tidegate(&["apps", "show", "defines"]).expect(0);
    assert!(shown.out.contains("desired objects are of its kind"), "{}", shown.out);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_kind_that_is_not_there_holds_everything_until_it_comes() {
    let scene = Scene::new(
        "lacks",
        AUTOMATED,
        &[("one.yaml", &object("two.example.com", "Gauge", "{}")), ("a.yaml", &config_map("a", "1"))],
    );
    let daemon = scene.daemon();
    let row = scene.until_told("unknown-kind");
    assert!(row["message"].as_str().is_some_and(|text| text.contains("Gauge lacks/one")), "{row:#}");
    assert!(scene.get("configmap", "a").is_none(), "one object that cannot be applied means that none is");
    scene.cluster.kubectl_with(&definition("two.example.com", "Gauge"), &["apply", "-f", "-"]).expect(0);
    scene.wait();
    assert!(scene.get("gauges.two.example.com", "one").is_some());
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn an_object_may_come_before_its_kind_where_it_says_so() {
    let skip = "{ argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true }";
    let policy =
        AUTOMATED.replace("limit: 3", "limit: 30").replace("duration: 1s, factor: 2", "duration: 1s, factor: 1");
    let files = [("one.yaml", object("three.example.com", "Gauge", skip)), ("a.yaml", config_map("a", "1"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let scene = Scene::new("early", &policy, &files);
    let daemon = scene.daemon();
    // The other object is applied, in the same wave; the definition comes by somebody else.
    scene.until_there("configmap", "a");
    scene.cluster.kubectl_with(&definition("three.example.com", "Gauge"), &["apply", "-f", "-"]).expect(0);
    until(|| scene.get("gauges.three.example.com", "one").map(drop).ok_or_else(|| format!("{:#}", scene.row())));
    scene.wait();
    assert_eq!(daemon.leave(), Some(0));
}
