//! One line an object: its kind, what it says of itself, how it is doing.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Health, Status, of};
use crate::hook::HOOK;
use crate::object::{GroupKind, ObjectKey};
use serde_json::{Value, json};

fn check(kind: &str, live: Value, expected: &str) {
    let (group, kind) = kind.split_once('/').unwrap();
    let key = ObjectKey::new(GroupKind::new(group, kind), "shop", "x");
    assert_eq!(of(&key, &live).to_string(), expected, "{live}");
}

#[test]
fn deployments() {
    let deployment = |generation: u32, spec: Value, status: Value| json!({"metadata": {"generation": generation}, "spec": spec, "status": status});
    let status = |updated: u32, replicas: u32, available: u32| json!({"observedGeneration": 2, "updatedReplicas": updated, "replicas": replicas, "availableReplicas": available});
    let spec = json!({"replicas": 3});
    let kind = "apps/Deployment";
    check(kind, deployment(2, spec.clone(), status(3, 3, 3)), "Healthy");
    check(
        kind,
        deployment(2, json!({"paused": true, "replicas": 3}), status(0, 0, 0)),
        "Suspended: the deployment is paused",
    );
    check(
        kind,
        deployment(3, spec.clone(), status(3, 3, 3)),
        "Progressing: its controller has not looked at the newest generation",
    );
    check(kind, deployment(2, spec.clone(), status(1, 3, 3)), "Progressing: 1 of 3 replicas are updated");
    check(kind, deployment(2, spec.clone(), status(3, 4, 3)), "Progressing: 1 old replicas have not ended");
    check(kind, deployment(2, spec.clone(), status(3, 3, 2)), "Progressing: 2 of 3 updated replicas are available");
    let mut late = status(1, 3, 3);
    late["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
    check(kind, deployment(2, spec.clone(), late), "Degraded: the rollout exceeded its progress deadline");
    check(
        kind,
        deployment(2, spec, Value::Null),
        "Progressing: its controller has not looked at the newest generation",
    );
}

#[test]
fn sets() {
    let set = |spec: Value, status: Value| json!({"metadata": {"generation": 2}, "spec": spec, "status": status});
    let spec = |strategy: Value| json!({"replicas": 3, "updateStrategy": strategy});
    let status = |ready: u32, updated: u32, current: &str| {
        json!({"observedGeneration": 2, "readyReplicas": ready, "updatedReplicas": updated,
               "currentRevision": current, "updateRevision": "b"})
    };
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    let kind = "apps/StatefulSet";
    check(kind, set(spec(rolling.clone()), status(3, 3, "b")), "Healthy");
    check(kind, set(spec(rolling.clone()), status(2, 3, "b")), "Progressing: 2 of 3 replicas are ready");
    check(
        kind,
        set(spec(rolling.clone()), status(3, 1, "a")),
        "Progressing: 1 of 3 replicas of the partition are updated",
    );
    check(kind, set(spec(rolling), status(3, 3, "a")), "Progressing: 3 replicas are at revision b");
    let partition = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    check(kind, set(spec(partition.clone()), status(3, 1, "a")), "Healthy: 1 replicas of the partition are updated");
    check(kind, set(spec(partition), status(3, 0, "a")), "Progressing: 0 of 1 replicas of the partition are updated");
    check(
        kind,
        set(spec(json!({"type": "OnDelete"})), status(3, 0, "a")),
        "Healthy: 3 replicas are ready; they are updated when deleted",
    );
    check(
        kind,
        set(spec(Value::Null), json!({})),
        "Progressing: its controller has not looked at the newest generation",
    );

    let kind = "apps/DaemonSet";
    let status = |updated: u32, available: u32| json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available});
    check(kind, set(json!({}), status(2, 2)), "Healthy");
    check(kind, set(json!({}), status(1, 2)), "Progressing: 1 of 2 pods are updated");
    check(kind, set(json!({}), status(2, 1)), "Progressing: 1 of 2 updated pods are available");
    check(
        kind,
        set(spec(json!({"type": "OnDelete"})), status(0, 0)),
        "Healthy: 0 of 2 pods are updated; they are when deleted",
    );

    let kind = "apps/ReplicaSet";
    check(kind, set(spec(json!(null)), json!({"observedGeneration": 2, "availableReplicas": 3})), "Healthy");
    check(
        kind,
        set(spec(json!(null)), json!({"observedGeneration": 2, "availableReplicas": 1})),
        "Progressing: 1 of 3 replicas are available",
    );
    let failed = json!({"observedGeneration": 2, "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]});
    check(kind, set(spec(json!(null)), failed), "Degraded: quota");
}

#[test]
fn jobs() {
    let job = |conditions: Value| json!({"status": {"conditions": conditions}});
    let condition = |name: &str, status: &str| json!([{"type": name, "status": status, "message": "m"}]);
    check("batch/Job", job(condition("Complete", "True")), "Healthy: m");
    check("batch/Job", job(condition("Failed", "True")), "Degraded: m");
    check("batch/Job", job(condition("Suspended", "True")), "Suspended: m");
    check("batch/Job", job(condition("Suspended", "False")), "Progressing: the job has not ended");
    check("batch/Job", json!({}), "Progressing: the job has not ended");
    let cron = |status: Value| json!({"spec": {}, "status": status});
    let kind = "batch/CronJob";
    check(kind, json!({"spec": {"suspend": true}}), "Healthy: it is suspended");
    check(kind, cron(Value::Null), "Healthy: it has not run yet");
    check(kind, cron(json!({"lastScheduleTime": "2026-01-02T00:00:00Z"})), "Healthy: it has never succeeded yet");
    let times = |succeeded: &str, active: Value| json!({"lastScheduleTime": "2026-01-02T00:00:00Z", "lastSuccessfulTime": succeeded, "active": active});
    check(kind, cron(times("2026-01-01T00:00:00Z", json!([]))), "Degraded: its last run did not succeed");
    check(kind, cron(times("2026-01-01T00:00:00Z", json!([{}]))), "Healthy: it is running");
    check(kind, cron(times("2026-01-02T00:01:00Z", json!([]))), "Healthy: its last run succeeded");
}

#[test]
fn pods() {
    let pod = |policy: &str, status: Value| json!({"spec": {"restartPolicy": policy}, "status": status});
    let kind = "/Pod";
    check(
        kind,
        pod("Always", json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})),
        "Healthy",
    );
    check(
        kind,
        pod("Never", json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})),
        "Progressing",
    );
    check(kind, pod("Always", json!({"phase": "Running"})), "Progressing");
    let ended = json!({"phase": "Running", "containerStatuses": [{"name": "web", "lastState": {"terminated": {}}}]});
    check(kind, pod("Always", ended), "Degraded: container `web` ended and is not ready");
    for (reason, expected) in [
        ("ImagePullBackOff", "Degraded: no such image"),
        ("ErrImagePull", "Degraded: no such image"),
        ("CreateContainerConfigError", "Degraded: no such image"),
        ("ContainerCreating", "Progressing"),
    ] {
        let waiting = json!({"state": {"waiting": {"reason": reason, "message": "no such image"}}});
        check(kind, pod("Always", json!({"phase": "Pending", "containerStatuses": [waiting]})), expected);
        check(kind, pod("Never", json!({"phase": "Pending", "containerStatuses": [waiting]})), "Progressing");
    }
    check(kind, pod("Never", json!({"phase": "Succeeded"})), "Healthy");
    let failed = |terminated: Value| json!({"phase": "Failed", "containerStatuses": [{"name": "web", "state": {"terminated": terminated}}]});
    check(kind, pod("Never", failed(json!({"exitCode": 3}))), "Degraded: container `web` ended with exit code 3");
    check(
        kind,
        pod("Never", failed(json!({"exitCode": 137, "reason": "OOMKilled"}))),
        "Degraded: container `web` ran out of memory",
    );
    check(kind, pod("Never", json!({"phase": "Failed", "message": "evicted"})), "Degraded: evicted");
    check(kind, json!({}), "Unknown");
    // A pod that counts as one that runs on, unless it is a hook.
    let annotated = |hook: Value| {
        let annotations = json!({"argocd.argoproj.io/ignore-restart-policy": "true", HOOK: hook});
        let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        json!({"metadata": {"annotations": annotations}, "spec": {"restartPolicy": "Never"}, "status": ready})
    };
    check(kind, annotated(Value::Null), "Healthy");
    check(kind, annotated(json!("PreSync")), "Progressing");
}

#[test]
fn network_and_storage() {
    let address = json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}});
    check("/Service", json!({"spec": {"type": "ClusterIP"}}), "Healthy");
    check("/Service", json!({"spec": {"type": "LoadBalancer"}}), "Progressing: it has no address yet");
    check("/Service", json!({"spec": {"type": "LoadBalancer"}, "status": address}), "Healthy");
    check(
        "networking.k8s.io/Ingress",
        json!({"status": {"loadBalancer": {"ingress": []}}}),
        "Progressing: it has no address yet",
    );
    check("extensions/Ingress", json!({"status": address}), "Healthy");
    for (phase, expected) in [
        ("Bound", "Healthy"),
        ("Pending", "Progressing: it is not bound yet"),
        ("Lost", "Degraded: its volume is lost"),
    ] {
        check("/PersistentVolumeClaim", json!({"status": {"phase": phase}}), expected);
    }
    check("/PersistentVolumeClaim", json!({}), "Unknown: its phase is not known");
    check("/Namespace", json!({"status": {"phase": "Active"}}), "Healthy");
    check("/Namespace", json!({"status": {"phase": "Terminating"}}), "Progressing: it is being deleted");
}

#[test]
fn what_has_conditions() {
    let with = |conditions: Value| json!({"status": {"conditions": conditions}});
    let kind = "apiregistration.k8s.io/APIService";
    check(kind, json!({}), "Progressing: nobody has looked at it yet");
    check(
        kind,
        with(json!([{"type": "Available", "status": "True", "reason": "Passed", "message": "ok"}])),
        "Healthy: Passed: ok",
    );
    check(
        kind,
        with(json!([{"type": "Available", "status": "False", "reason": "No", "message": "no"}])),
        "Progressing: No: no",
    );
    let kind = "autoscaling/HorizontalPodAutoscaler";
    check(kind, json!({}), "Progressing: it has not scaled yet");
    check(kind, with(json!([{"type": "AbleToScale", "status": "True", "message": "ready"}])), "Healthy: ready");
    check(
        kind,
        with(
            json!([{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "m"}]),
        ),
        "Degraded: m",
    );
    let old = "[{\"type\":\"AbleToScale\",\"status\":\"False\",\"reason\":\"FailedGetScale\",\"message\":\"m\"}]";
    check(
        kind,
        json!({"metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions": old}}}),
        "Degraded: m",
    );
    let kind = "policy/PodDisruptionBudget";
    check(kind, json!({}), "Progressing: it has no status yet");
    check(kind, with(json!([{"status": "True", "reason": "SufficientPods"}])), "Healthy: SufficientPods");
    check(kind, with(json!([{"status": "False", "reason": "InsufficientPods"}])), "Healthy: InsufficientPods");
    check(kind, with(json!([{"status": "False", "reason": "SyncFailed"}])), "Degraded: SyncFailed");
    let kind = "apiextensions.k8s.io/CustomResourceDefinition";
    let condition = |name: &str, status: &str| json!({"type": name, "status": status, "message": "m", "reason": "r"});
    check(kind, json!({}), "Progressing: it is not established yet");
    check(kind, with(json!([condition("NamesAccepted", "True")])), "Progressing: it is not established yet");
    check(kind, with(json!([condition("NamesAccepted", "True"), condition("Established", "True")])), "Healthy");
    check(kind, with(json!([condition("NamesAccepted", "False"), condition("Established", "True")])), "Degraded: m");
    check(kind, with(json!([condition("Established", "False")])), "Degraded: m");
    check(
        kind,
        with(json!([condition("NonStructuralSchema", "True"), condition("Established", "True")])),
        "Degraded: m",
    );
    check(kind, with(json!([condition("Terminating", "True"), condition("Established", "True")])), "Progressing: m");
}

#[test]
fn argos_own_kinds_and_all_others() {
    let workflow = |phase: &str| json!({"status": {"phase": phase, "message": "m"}});
    let kind = "argoproj.io/Workflow";
    check(kind, workflow("Running"), "Progressing: m");
    check(kind, workflow("Succeeded"), "Healthy: m");
    check(kind, workflow("Error"), "Degraded: m");
    check(kind, workflow("Odd"), "Unknown: m");
    check("argoproj.io/Application", json!({"status": {"health": {"status": "Degraded"}}}), "Degraded");
    check("argoproj.io/Application", json!({}), "Progressing");
    check("/ConfigMap", json!({}), "Healthy");
    check("example.com/Widget", json!({"status": {"phase": "Failed"}}), "Healthy");
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    check("/ConfigMap", going, "Progressing: it is being deleted");
}

#[test]
fn the_worst_comes_last() {
    let order =
        [Status::Healthy, Status::Suspended, Status::Progressing, Status::Missing, Status::Degraded, Status::Unknown];
    assert!(order.is_sorted());
    let stored = serde_json::to_value(Health::healthy()).unwrap();
    assert_eq!(stored, json!({"status": "Healthy"}));
}
