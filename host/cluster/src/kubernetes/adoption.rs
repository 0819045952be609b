//! Taking over the fields of those who applied an object before: kubectl's apply and Argo CD. They keep what they
//! once wrote until somebody takes it from them, so that a field that left Git since would stay in the cluster for good.
//! Values in, values out; after client-go's `csaupgrade`, from which it differs in this: it runs after our own first apply.

use planner::MANAGER;
use serde_json::{Map, Value, json};

/// Those whose fields become ours. Both wrote what Git said, as this host does.
const PREDECESSORS: [&str; 2] = ["kubectl-client-side-apply", "argocd-controller"];
/// The same of `kubectl apply --server-side`, for the fields and for the note of an object that was applied without it before.
const SERVER_SIDE: [&str; 2] = ["kubectl", "kubectl-last-applied"];
/// That note. It says that kubectl applied the object as a whole: without it `kubectl` may be somebody who has a few fields by
/// agreement, and keeps them.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object's `managedFields` with our predecessors' fields as ours; nothing where there are none of theirs. The apply that
/// must follow then takes out what it does not say, among it their own notes in annotations.
pub(super) fn adopted(object: &Value) -> Option<Vec<Value>> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    let is_noted = object["metadata"]["annotations"][LAST_APPLIED].is_string();
    let is_theirs = |entry: &Value| is_predecessors(entry) || is_noted && is_server_side(entry);
    let is_ours = |entry: &Value| entry["manager"] == MANAGER && entry["operation"] == "Apply" && is_whole(entry);
    let theirs: Vec<&Value> = entries.iter().filter(|entry| is_theirs(entry)).collect();
    let first = *theirs.first()?;
    let ours = entries.iter().find(|entry| is_ours(entry));
    // Fields are named in a version of the kind and cannot be moved into another one here. The server can, but knows one
    // entry of ours; the apply that follows says our own fields again, and only it can know those of theirs.
    let base = ours.filter(|entry| entry["apiVersion"] == first["apiVersion"]).unwrap_or(first);
    let version = &base["apiVersion"];
    let mut fields = Map::new();
    for entry in theirs.iter().copied().chain(ours).filter(|entry| entry["apiVersion"] == *version) {
        unite(&mut fields, &entry["fieldsV1"]);
    }
    // What a controller or a person writes there is not Git's.
    fields.remove("f:status");
    let mut united = json!({
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    if let Some(time) = base.get("time") {
        united["time"] = time.clone();
    }
    let rest = entries.iter().filter(|entry| !is_theirs(entry) && !is_ours(entry)).cloned();
    Some([united].into_iter().chain(rest).collect())
}

fn is_predecessors(entry: &Value) -> bool {
    is_whole(entry) && entry["manager"].as_str().is_some_and(|manager| PREDECESSORS.contains(&manager))
}

fn is_server_side(entry: &Value) -> bool {
    let is_one = entry["manager"].as_str().is_some_and(|manager| SERVER_SIDE.contains(&manager));
    is_one && is_whole(entry) && entry["operation"] == "Apply"
}

/// Whether it is of the object itself, not of its status or scale.
fn is_whole(entry: &Value) -> bool {
    entry["subresource"].as_str().unwrap_or_default().is_empty()
}

/// Adds the fields of a set to another one. A leaf stands for the value itself, which `.` stands for where there is more below.
fn unite(into: &mut Map<String, Value>, other: &Value) {
    for (step, below) in other.as_object().into_iter().flatten() {
        let below_map = below.as_object();
        let is_leaf = below_map.is_none_or(Map::is_empty);
        match into.get_mut(step).and_then(Value::as_object_mut) {
            None => drop(into.insert(step.clone(), below.clone())),
            Some(here) if here.is_empty() && is_leaf => {}
            Some(here) => {
                if here.is_empty() || is_leaf {
                    here.insert(".".to_owned(), json!({}));
                }
                unite(here, below);
            }
        }
    }
}

/// The patch that stores them. It names the object's version, so that it fails where somebody wrote meanwhile; and as an object
/// to be replaced, since a failed test of a JSON patch would say that it is invalid instead.
pub(super) fn patch(entries: &[Value], version: &Value) -> Value {
    json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, version: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": version, "time": manager, "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn check(entries: Value, expected: &[&str]) {
        let adopted = adopted(&json!({"metadata": {"managedFields": entries}}));
        let shown: Vec<String> = adopted
            .into_iter()
            .flatten()
            .map(|entry| {
                let text = |field: &str| entry[field].as_str().unwrap_or("-").to_owned();
                format!("{} {} {} {}", text("manager"), text("operation"), text("apiVersion"), entry["fieldsV1"])
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn kubectls_fields_become_ours_and_others_stay() {
        check(
            json!([
                entry("tidegate", "Apply", "v1", json!({"f:data": {"f:a": {}}})),
                entry("kubectl-client-side-apply", "Update", "v1", json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}})),
                entry("kubectl-edit", "Update", "v1", json!({"f:data": {"f:c": {}}})),
            ]),
            &[
                r#"tidegate Apply v1 {"f:data":{".":{},"f:a":{},"f:b":{}}}"#,
                r#"kubectl-edit Update v1 {"f:data":{"f:c":{}}}"#,
            ],
        );
    }

    #[test]
    fn argo_applied_or_updated() {
        check(
            json!([
                entry("argocd-controller", "Apply", "apps/v1", json!({"f:spec": {"f:replicas": {}}})),
                entry(
                    "argocd-controller",
                    "Update",
                    "apps/v1",
                    json!({"f:spec": {"f:paused": {}}, "f:status": {"f:x": {}}})
                ),
                entry("tidegate", "Apply", "apps/v1", json!({"f:spec": {"f:replicas": {}}})),
            ]),
            &[r#"tidegate Apply apps/v1 {"f:spec":{"f:replicas":{},"f:paused":{}}}"#],
        );
    }

    #[test]
    fn kubectl_on_the_servers_side_is_a_predecessor_where_it_left_its_note() {
        let entries = || {
            vec![
                entry("tidegate", "Apply", "v1", json!({"f:data": {"f:a": {}}})),
                entry("kubectl", "Apply", "v1", json!({"f:data": {"f:a": {}, "f:b": {}}})),
                entry("kubectl-last-applied", "Apply", "v1", json!({"f:metadata": {"f:annotations": {"f:note": {}}}})),
                entry("kubectl", "Update", "v1", json!({"f:data": {"f:c": {}}})),
            ]
        };
        check(Value::Array(entries()), &[]);
        let noted = json!({"metadata": {"annotations": {LAST_APPLIED: "{}"}, "managedFields": entries()}});
        let adopted = adopted(&noted).into_iter().flatten();
        let shown: Vec<String> = adopted.map(|entry| format!("{} {}", entry["manager"], entry["fieldsV1"])).collect();
        let united = r#"{"f:data":{"f:a":{},"f:b":{}},"f:metadata":{"f:annotations":{"f:note":{}}}}"#;
        assert_eq!(shown, [format!(r#""tidegate" {united}"#), r#""kubectl" {"f:data":{"f:c":{}}}"#.to_owned()]);
    }

    #[test]
    fn fields_of_another_version_are_taken_over_as_they_are() {
        check(
            json!([
                entry("tidegate", "Apply", "apps/v1", json!({"f:spec": {"f:replicas": {}}})),
                entry("kubectl-client-side-apply", "Update", "apps/v1beta2", json!({"f:spec": {"f:paused": {}}})),
            ]),
            &[r#"tidegate Apply apps/v1beta2 {"f:spec":{"f:paused":{}}}"#],
        );
    }

    #[test]
    fn a_value_and_what_is_below_it_are_two_fields() {
        check(
            json!([
                entry("kubectl-client-side-apply", "Update", "v1", json!({"f:data": {}, "f:x": {"f:y": {}}})),
                entry("tidegate", "Apply", "v1", json!({"f:data": {"f:a": {}}, "f:x": {}})),
            ]),
            &[r#"tidegate Apply v1 {"f:data":{".":{},"f:a":{}},"f:x":{"f:y":{},".":{}}}"#],
        );
    }

    #[test]
    fn nothing_is_adopted_from_others() {
        let scale =
            json!({"manager": "argocd-controller", "operation": "Update", "subresource": "scale", "fieldsV1": {}});
        check(json!([entry("helm", "Update", "v1", json!({})), scale]), &[]);
        assert_eq!(adopted(&json!({"metadata": {}})), None);
        let patch = patch(&[json!({})], &json!("7"));
        assert_eq!(patch[1], json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}));
    }
}
