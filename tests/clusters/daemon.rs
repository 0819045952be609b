//! `tidegate serve` on a Kubernetes cluster: what Git says comes, what hands do goes, and what others have stays.

use crate::scene::{AUTOMATED, Scene, annotated, config_map, deployment, shared, until};
use serde_json::json;
use std::process::Stdio;

/// As people write it for Argo CD, to the letter.
const AS_FOR_ARGO_CD: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://gitlab.example.com/company/k8s-config.git
    targetRevision: main
    path: apps/web
  destination:
    server: https://kubernetes.default.svc
    namespace: web
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
    retry: {limit: 3, backoff: {duration: 5s, factor: 2}}
";

const PLAYED: &str = "{ played: \"yes\" }";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [{ port: 80, protocol: TCP }] }\n";

#[test]
fn a_daemon_keeps_a_cluster_equal_to_git() {
    let cluster = shared();
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let web = deployment("web", 2, PLAYED, "{}");
    let files =
        [("web.yaml", web.as_str()), ("service.yaml", SERVICE), ("settings.yaml", &config_map("settings", "blue"))];
    let scene = Scene::on(cluster, &kubeconfig, "web", AS_FOR_ARGO_CD, &files);
    let mut daemon = scene.daemon();
    scene.wait();
    assert_eq!(scene.value("settings"), "blue");
    assert!(scene.cluster.get("", "namespace", "web").is_some());
    // A commit changes what is there.
    scene.write("settings.yaml", &config_map("settings", "red"));
    scene.push("red");
    scene.wait();
    assert_eq!(scene.value("settings"), "red");
    daemon.until(&format!("web at {}: healthy", &scene.head()[..7]));
    // Hands change it too: an editor, another number of replicas, a deletion.
    let mut edit = scene.cluster.kubectl_command(&["-n", "web", "edit", "configmap", "settings"]);
    edit.env("KUBE_EDITOR", "sed -i s/red/by-hand/").stdin(Stdio::null()).stdout(Stdio::null());
    assert!(edit.status().expect("kubectl").success());
    daemon.until(": healthy");
    assert_eq!(scene.value("settings"), "red");
    scene.kubectl(&["scale", "deployment", "web", "--replicas", "7"]);
    daemon.until(": healthy");
    assert_eq!(scene.get("deployment", "web").expect("it is there")["spec"]["replicas"], 2);
    scene.kubectl(&["delete", "service", "web"]);
    daemon.until(": healthy");
    assert!(scene.get("service", "web").is_some());
    // What a commit takes away goes, and nothing else.
    let kept = [scene.uid("configmap", "settings"), scene.uid("deployment", "web")];
    scene.remove("service.yaml");
    scene.push("no service");
    scene.wait();
    assert!(scene.get("service", "web").is_none(), "it is pruned");
    assert_eq!(kept, [scene.uid("configmap", "settings"), scene.uid("deployment", "web")]);
    assert_eq!(daemon.leave(), Some(0));
    let asked: Vec<_> = scene.history().iter().map(|sync| sync["sync"]["asked"].clone()).collect();
    assert_eq!(asked.len(), 6, "each of these was one sync: {asked:?}");
}

#[test]
fn a_namespace_is_made_with_its_labels_and_left_where_it_was() {
    let policy =
        "{ automated: {}, syncOptions: [CreateNamespace=true], managedNamespaceMetadata: { labels: { team: shop } } }";
    let scene = Scene::new("homes", policy, &[("a.yaml", &config_map("a", "1"))]);
    let daemon = scene.daemon();
    scene.wait();
    let home = scene.cluster.get("", "namespace", "homes").expect("it is made");
    assert_eq!(home["metadata"]["labels"]["team"], "shop");
    assert_eq!(home["metadata"]["labels"]["tidegate.dev/application"], json!(null), "others may live in it");
    // It says nothing of what others say about it.
    scene.cluster.kubectl(&["label", "namespace", "homes", "cost-centre=7", "team=other", "--overwrite"]).expect(0);
    scene.world.tidegate(&["apps", "sync", "homes"]).expect(0);
    let home = scene.cluster.get("", "namespace", "homes").expect("it is there");
    assert_eq!(
        (&home["metadata"]["labels"]["team"], &home["metadata"]["labels"]["cost-centre"]),
        (&json!("shop"), &json!("7"))
    );
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn prunes_have_guards() {
    let many: Vec<(String, String)> =
        (1..=12).map(|n| (format!("{n}.yaml"), config_map(&format!("n{n}"), "1"))).collect();
    let kept = annotated("kept", "1", "{ argocd.argoproj.io/sync-options: Prune=false }");
    let mut files: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("kept.yaml", &kept));
    let scene = Scene::new("guards", AUTOMATED, &files);
    let mut daemon = scene.daemon();
    scene.wait();
    let ids: Vec<String> = (1..=12).map(|n| scene.uid("configmap", &format!("n{n}"))).collect();
    // Nothing is left: that is no wish, but a mistake.
    for (path, _) in &files {
        scene.remove(path);
    }
    scene.write("README.md", "moved away");
    scene.push("nothing");
    let row = scene.until_told("would-prune-all");
    assert!(row["message"].as_str().is_some_and(|text| text.contains("allowEmpty")), "{row:#}");
    // More than a third, though not all.
    for (path, text) in &many[..4] {
        scene.write(path, text);
    }
    scene.push("four");
    scene.until_told("too-many-prunes");
    // As people mean it: a third goes, and what says that it stays, stays.
    for (path, text) in &many[..8] {
        scene.write(path, text);
    }
    scene.write("1.yaml", &config_map("n1", "2"));
    let head = scene.push("eight");
    daemon.until(&format!("guards at {}: healthy", &head[..7]));
    let names: Vec<String> = scene.names("configmap").into_iter().collect();
    assert_eq!(names, ["kept", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"]);
    let now: Vec<String> = (1..=8).map(|n| scene.uid("configmap", &format!("n{n}"))).collect();
    assert_eq!(now, ids[..8], "none of them was ever gone");
    let shown = scene.world.tidegate(&["apps", "show", "guards"]).expect(0);
    assert!(shown.out.contains("`Prune=false`"), "{}", shown.out);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn fields_of_others_stay_and_those_of_git_are_taken_back() {
    let scene = Scene::new("fields", AUTOMATED, &[("a.yaml", &config_map("a", "1"))]);
    let mut daemon = scene.daemon();
    scene.wait();
    daemon.until(": healthy");
    let others = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata: {data}\n");
    let apply = ["apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-"];
    // Looked at while it is suspended, so that what a sync would do can be read before it is done.
    scene.world.tidegate(&["apps", "suspend", "fields", "--reason", "a look"]).expect(0);
    scene.kubectl_with(&others("{ extra: theirs }"), &apply);
    scene.world.tidegate(&["apps", "diff", "fields"]).expect(0);
    scene.kubectl_with(&others("{ extra: theirs, value: theirs }"), &apply);
    let diff = scene.world.tidegate(&["apps", "diff", "fields"]).expect(1).out;
    assert!(diff.contains("-  value: theirs\n") && diff.contains("+  value: \"1\"  # taken from other"), "{diff}");
    assert!(!diff.contains("extra"), "{diff}");
    scene.world.tidegate(&["apps", "resume", "fields"]).expect(0);
    daemon.until(": healthy");
    let object = scene.get("configmap", "a").expect("it is there");
    assert_eq!(object["data"], json!({"value": "1", "extra": "theirs"}));
    let manages = |field: &str| -> Vec<String> {
        let entries = object["metadata"]["managedFields"].as_array().expect("managers");
        let has = entries.iter().filter(|entry| entry["fieldsV1"]["f:data"].get(field).is_some());
        has.filter_map(|entry| entry["manager"].as_str()).map(str::to_owned).collect()
    };
    assert_eq!((manages("f:value"), manages("f:extra")), (vec!["tidegate".to_owned()], vec!["other".to_owned()]));
    // What they let go of goes, and is nobody's drift.
    scene.kubectl_with(&others("{}"), &apply);
    until(|| match &scene.get("configmap", "a").expect("it is there")["data"] {
        data if data["extra"].is_null() => Ok(()),
        data => Err(format!("{data}")),
    });
    scene.world.tidegate(&["apps", "diff", "fields"]).expect(0);
    assert_eq!(scene.history().len(), 2);
    assert_eq!(daemon.leave(), Some(0));
}
