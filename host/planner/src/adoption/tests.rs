//! What is adopted, kept and left alone.

use super::*;
use crate::desired::Marks;
use crate::live::Live;
use crate::object::GroupKind;
use crate::owner::MARK;
use crate::reason::Code;
use crate::scope::Scopes;
use crate::{Application, Desired, Inventory};
use model::Digest;
use serde_json::{Value, json};
use std::sync::Arc;

fn live(kind: &str, namespace: &str, name: &str, metadata: Value) -> LiveObject {
    let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
    let mut metadata = metadata;
    metadata["name"] = json!(name);
    metadata["namespace"] = json!(namespace);
    metadata["uid"] = json!(format!("{kind}-{name}"));
    let key = ObjectKey::new(GroupKind::new(group, kind), namespace, name);
    LiveObject::new(key, Arc::new(json!({"metadata": metadata})))
}

fn id(text: &str) -> Value {
    json!({"annotations": {TRACKING_ID: text}})
}

fn label(text: &str) -> Value {
    json!({"labels": {INSTANCE: text}})
}

/// The application `shop`, whose file is in the namespace `team`, desires ConfigMap `shop/wanted` and a hook `shop/hook`.
fn check(found: &[LiveObject]) -> Vec<String> {
    let application = Application::new("shop", "shop", Digest::of("policy"));
    let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wanted"}});
    let hook = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "hook", "annotations": {"argocd.argoproj.io/hook": "PreSync"}}});
    let desired = Desired::new(vec![wanted, hook], &application, &Scopes::without_discovery(), Marks::Written);
    let (live, inventory) = (Live::default(), Inventory::default());
    let sides = Sides {
        application: &application,
        render: Render::Done(&desired),
        live: &live,
        inventory: &inventory,
        children: &[],
    };
    let forbids = |key: &ObjectKey| {
        (key.namespace() == "kube-system").then(|| Reason::new(Code::NotPermitted, "not there").about(key))
    };
    let owner = |key: &ObjectKey| (key.name() == "theirs").then(|| "blog".to_owned());
    let instance = Instance { name: "shop", namespace: Some("team"), label: INSTANCE };
    let rows = adoption(&sides, &instance, found, &Voices { forbids: &forbids, owner: &owner });
    rows.iter().map(|row| format!("{} {:?}", row.key, row.fate)).collect()
}

#[test]
fn by_id_and_by_label_what_is_in_git_and_what_has_left_it() {
    let rows = check(&[
        live("ConfigMap", "shop", "wanted", id("shop:/ConfigMap:shop/wanted")),
        live("ConfigMap", "shop", "left", id("team_shop:/ConfigMap:shop/left")),
        live("apps/Deployment", "shop", "labelled", label("shop")),
        live("ConfigMap", "shop", "foreign", label("blog")),
        live("ConfigMap", "shop", "other", id("elsewhere_shop:/ConfigMap:shop/other")),
    ]);
    assert_eq!(
        rows,
        ["ConfigMap shop/left Pruned", "ConfigMap shop/wanted InGit", "apps/Deployment shop/labelled Pruned"]
    );
}

#[test]
fn argo_cds_own_records_are_left_alone() {
    let rows =
        check(&[live("argoproj.io/Application", "argocd", "child", id("shop:argoproj.io/Application:argocd/child"))]);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("argoproj.io/Application argocd/child Left"), "{rows:?}");
}

#[test]
fn an_id_must_be_the_objects_own() {
    let rows = check(&[
        live("ConfigMap", "shop", "copy", id("shop:/ConfigMap:shop/wanted")),
        live("ConfigMap", "blog", "wanted", id("shop:/ConfigMap:shop/wanted")),
        live("ConfigMap", "shop", "short", id("shop")),
        // The label says nothing where there is an id.
        live("ConfigMap", "shop", "both", {
            let mut both = id("blog:/ConfigMap:shop/both");
            both["labels"] = json!({INSTANCE: "shop"});
            both
        }),
        // An object of the cluster may name any namespace; its name may hold colons.
        live(
            "rbac.authorization.k8s.io/ClusterRole",
            "",
            "a:b",
            id("shop:rbac.authorization.k8s.io/ClusterRole:shop/a:b"),
        ),
    ]);
    assert_eq!(
        rows,
        [
            "ConfigMap blog/wanted Copied(\"its tracking id names ConfigMap shop/wanted\")",
            "ConfigMap shop/copy Copied(\"its tracking id names ConfigMap shop/wanted\")",
            "ConfigMap shop/short Copied(\"its tracking id names no object\")",
            "rbac.authorization.k8s.io/ClusterRole a:b Pruned",
        ]
    );
}

#[test]
fn what_others_own_or_controllers_made_is_left_alone() {
    let of_set = label("shop");
    let mut marked = id("shop:/ConfigMap:shop/marked");
    marked["annotations"][MARK] = json!("blog");
    let mut helm = label("shop");
    helm["annotations"] = json!({"meta.helm.sh/release-name": "shop"});
    let mut owned = label("shop");
    owned["ownerReferences"] = json!([{"name": "web"}]);
    let mut stays = id("shop:/ConfigMap:shop/stays");
    stays["annotations"]["argocd.argoproj.io/sync-options"] = json!("Prune=false");
    let rows = check(&[
        live("ConfigMap", "shop", "wanted", id("blog:/ConfigMap:shop/wanted")),
        live("ConfigMap", "shop", "marked", marked),
        live("ConfigMap", "shop", "theirs", id("shop:/ConfigMap:shop/theirs")),
        live("ConfigMap", "kube-system", "a", id("shop:/ConfigMap:kube-system/a")),
        live("ConfigMap", "shop", "hook", id("shop:/ConfigMap:shop/hook")),
        live("ConfigMap", "shop", "helm", helm),
        live("ConfigMap", "shop", "stays", stays),
        live("apps/ReplicaSet", "shop", "web-1", owned),
        live("Endpoints", "shop", "web", label("shop")),
        live("apps/StatefulSet", "shop", "db", json!({})),
        live("PersistentVolumeClaim", "shop", "data-db-0", of_set.clone()),
        live("PersistentVolumeClaim", "shop", "data-0", of_set),
    ]);
    assert_eq!(
        rows,
        [
            "ConfigMap kube-system/a NotPermitted(\"not there\")",
            "ConfigMap shop/helm Other(\"it belongs to the Helm release `shop`\")",
            "ConfigMap shop/hook Left(\"it is a hook's, and no sync prunes those\")",
            "ConfigMap shop/marked Other(\"it carries the mark of the application `blog`\")",
            "ConfigMap shop/stays Kept(\"`Prune=false`\")",
            "ConfigMap shop/theirs Other(\"the application `blog` owns it\")",
            "ConfigMap shop/wanted Other(\"Argo CD tracks it for `blog`\")",
            "PersistentVolumeClaim shop/data-0 Pruned",
        ]
    );
}

#[test]
fn an_object_of_two_groups_is_one() {
    let twice = |kind: &str| {
        let mut one = live(kind, "shop", "a", id("shop:networking.k8s.io/Ingress:shop/a"));
        let mut manifest = Value::clone(&one.manifest);
        manifest["metadata"]["uid"] = json!("1");
        one.manifest = Arc::new(manifest);
        one
    };
    assert_eq!(
        check(&[twice("extensions/Ingress"), twice("networking.k8s.io/Ingress")]),
        ["networking.k8s.io/Ingress shop/a Pruned"]
    );
}

#[test]
fn without_a_namespace_in_the_file_any_spelling_is_the_application() {
    let anywhere = Instance { name: "shop", namespace: None, label: INSTANCE };
    let spelled = |text: &str| anywhere.is(&Mark::Label(text.to_owned()));
    assert_eq!((spelled("shop"), spelled("a_shop"), spelled("a_blog"), spelled("shop_a")), (true, true, false, false));
}
