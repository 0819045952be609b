//! What runs pods: deployments, sets, jobs.

use super::{Health, Status, condition, conditions, count, is_behind, number, text};
use serde_json::Value;

fn progressing(message: impl Into<String>) -> Health {
    Health::new(Status::Progressing, message)
}

pub(super) fn deployment(live: &Value) -> Health {
    let (spec, status) = (&live["spec"], &live["status"]);
    if spec["paused"] == true {
        return Health::new(Status::Suspended, "the deployment is paused");
    }
    if is_behind(live) {
        return progressing("its controller has not looked at the newest generation");
    }
    if condition(live, "Progressing").is_some_and(|c| c["reason"] == "ProgressDeadlineExceeded") {
        return Health::new(Status::Degraded, "the rollout exceeded its progress deadline");
    }
    let (updated, available) = (count(&status["updatedReplicas"]), count(&status["availableReplicas"]));
    let all = count(&status["replicas"]);
    match number(&spec["replicas"]) {
        Some(wanted) if updated < wanted => progressing(format!("{updated} of {wanted} replicas are updated")),
        _ if all > updated => progressing(format!("{} old replicas have not ended", all - updated)),
        _ if available < updated => progressing(format!("{available} of {updated} updated replicas are available")),
        _ => Health::healthy(),
    }
}

pub(super) fn stateful_set(live: &Value) -> Health {
    let (spec, status) = (&live["spec"], &live["status"]);
    if count(&status["observedGeneration"]) == 0 || is_behind(live) {
        return progressing("its controller has not looked at the newest generation");
    }
    let (ready, updated) = (count(&status["readyReplicas"]), count(&status["updatedReplicas"]));
    let wanted = number(&spec["replicas"]);
    if let Some(wanted) = wanted.filter(|wanted| ready < *wanted) {
        return progressing(format!("{ready} of {wanted} replicas are ready"));
    }
    let strategy = &spec["updateStrategy"];
    if strategy["type"] == "RollingUpdate" && strategy["rollingUpdate"].is_object() {
        let partition = number(&strategy["rollingUpdate"]["partition"]);
        return match wanted.zip(partition).map(|(wanted, partition)| wanted.saturating_sub(partition)) {
            Some(due) if updated < due => {
                progressing(format!("{updated} of {due} replicas of the partition are updated"))
            }
            // A partition leaves the rest at their revision on purpose; without one all must have come to it.
            _ if partition.unwrap_or(0) == 0 => revisions(status),
            _ => Health::new(Status::Healthy, format!("{updated} replicas of the partition are updated")),
        };
    }
    if strategy["type"] == "OnDelete" {
        return Health::new(Status::Healthy, format!("{ready} replicas are ready; they are updated when deleted"));
    }
    revisions(status)
}

/// Argo CD compares the revisions only where `rollingUpdate` is absent. The server always fills it in, with partition 0, so
/// that a rollout that has just begun would pass for healthy.
fn revisions(status: &Value) -> Health {
    let (current, update) = (text(&status["currentRevision"]), text(&status["updateRevision"]));
    match current == update {
        true => Health::healthy(),
        false => progressing(format!("{} replicas are at revision {update}", count(&status["updatedReplicas"]))),
    }
}

pub(super) fn daemon_set(live: &Value) -> Health {
    let status = &live["status"];
    if is_behind(live) {
        return progressing("its controller has not looked at the newest generation");
    }
    let wanted = count(&status["desiredNumberScheduled"]);
    let (updated, available) = (count(&status["updatedNumberScheduled"]), count(&status["numberAvailable"]));
    if live["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Health::new(Status::Healthy, format!("{updated} of {wanted} pods are updated; they are when deleted"));
    }
    if updated < wanted {
        return progressing(format!("{updated} of {wanted} pods are updated"));
    }
    if available < wanted {
        return progressing(format!("{available} of {wanted} updated pods are available"));
    }
    Health::healthy()
}

pub(super) fn replica_set(live: &Value) -> Health {
    if is_behind(live) {
        return progressing("its controller has not looked at the newest generation");
    }
    if let Some(failure) = condition(live, "ReplicaFailure").filter(|c| c["status"] == "True") {
        return Health::new(Status::Degraded, text(&failure["message"]));
    }
    let available = count(&live["status"]["availableReplicas"]);
    match number(&live["spec"]["replicas"]) {
        Some(wanted) if available < wanted => progressing(format!("{available} of {wanted} replicas are available")),
        _ => Health::healthy(),
    }
}

/// Argo CD takes every condition of these types as met, whatever its status says; a resumed job has `Suspended` with the
/// status False and is running, so the status counts here.
pub(super) fn job(live: &Value) -> Health {
    let met = |name: &str| conditions(live).find(|c| c["type"] == *name && c["status"] == "True");
    let message = |c: &Value| text(&c["message"]).to_owned();
    if let Some(failed) = met("Failed") {
        return Health::new(Status::Degraded, message(failed));
    }
    if let Some(complete) = met("Complete") {
        return Health::new(Status::Healthy, message(complete));
    }
    match met("Suspended") {
        Some(suspended) => Health::new(Status::Suspended, message(suspended)),
        None => progressing("the job has not ended"),
    }
}

pub(super) fn cron_job(live: &Value) -> Health {
    let status = &live["status"];
    let healthy = |message: &str| Health::new(Status::Healthy, message);
    if live["spec"]["suspend"] == true {
        // Suspended would hold up every sync of its application: Argo CD says Healthy for the same reason.
        return healthy("it is suspended");
    }
    let (scheduled, succeeded) = (text(&status["lastScheduleTime"]), text(&status["lastSuccessfulTime"]));
    let active = status["active"].as_array().is_some_and(|active| !active.is_empty());
    match (scheduled.is_empty(), succeeded.is_empty()) {
        // Argo CD waits for a status; a cron job that was just made has none until its first run, maybe for days.
        (true, _) => healthy("it has not run yet"),
        (false, true) => healthy("it has never succeeded yet"),
        (false, false) if active => healthy("it is running"),
        // Both are RFC 3339 in UTC with whole seconds, so that texts compare as times do.
        (false, false) if succeeded < scheduled => Health::new(Status::Degraded, "its last run did not succeed"),
        (false, false) => healthy("its last run succeeded"),
    }
}
