//! What runs no pods itself: network, storage, definitions, and Argo's own kinds.

use super::{Health, Status, annotation, condition, conditions, text};
use serde_json::Value;

/// How an object is doing that waits for an address.
fn by_address(live: &Value) -> Health {
    match live["status"]["loadBalancer"]["ingress"].as_array() {
        Some(addresses) if !addresses.is_empty() => Health::healthy(),
        _ => Health::new(Status::Progressing, "it has no address yet"),
    }
}

pub(super) fn service(live: &Value) -> Health {
    if live["spec"]["type"] == "LoadBalancer" { by_address(live) } else { Health::healthy() }
}

pub(super) fn ingress(live: &Value) -> Health {
    by_address(live)
}

pub(super) fn claim(live: &Value) -> Health {
    match text(&live["status"]["phase"]) {
        "Bound" => Health::healthy(),
        "Pending" => Health::new(Status::Progressing, "it is not bound yet"),
        "Lost" => Health::new(Status::Degraded, "its volume is lost"),
        _ => Health::new(Status::Unknown, "its phase is not known"),
    }
}

pub(super) fn namespace(live: &Value) -> Health {
    match text(&live["status"]["phase"]) {
        "Terminating" => Health::new(Status::Progressing, "it is being deleted"),
        _ => Health::healthy(),
    }
}

pub(super) fn api_service(live: &Value) -> Health {
    let Some(available) = condition(live, "Available") else {
        return Health::new(Status::Progressing, "nobody has looked at it yet");
    };
    let status = if available["status"] == "True" { Status::Healthy } else { Status::Progressing };
    Health::new(status, format!("{}: {}", text(&available["reason"]), text(&available["message"])))
}

pub(super) fn autoscaler(live: &Value) -> Health {
    // Version 1 keeps its conditions in an annotation.
    let old = annotation(live, "autoscaling.alpha.kubernetes.io/conditions");
    let old: Vec<Value> = serde_json::from_str(old).unwrap_or_default();
    for condition in conditions(live).chain(&old) {
        let (name, reason) = (text(&condition["type"]), text(&condition["reason"]));
        let failed = matches!(
            (name, reason),
            ("AbleToScale", "FailedGetScale" | "FailedUpdateScale")
                | ("ScalingActive", "FailedGetResourceMetric" | "InvalidSelector")
        );
        if failed {
            return Health::new(Status::Degraded, text(&condition["message"]));
        }
        if matches!(name, "AbleToScale" | "ScalingLimited") && condition["status"] == "True" {
            return Health::new(Status::Healthy, text(&condition["message"]));
        }
    }
    Health::new(Status::Progressing, "it has not scaled yet")
}

pub(super) fn disruption_budget(live: &Value) -> Health {
    let mut health = Health::new(Status::Progressing, "it has no status yet");
    for condition in conditions(live) {
        let reason = text(&condition["reason"]);
        // Too few pods can be meant so.
        if condition["status"] == "False" && reason != "InsufficientPods" {
            return Health::new(Status::Degraded, reason);
        }
        health = Health::new(Status::Healthy, reason);
    }
    health
}

/// Argo CD says Degraded while the condition `Established` is not there. It appears a moment after the others, and a sync
/// that waits for a definition would fail in that moment; so it is Progressing here.
pub(super) fn definition(live: &Value) -> Health {
    let is = |name: &str, status: &str| condition(live, name).filter(|c| c["status"] == *status);
    let message = |c: &Value| text(&c["message"]).to_owned();
    if let Some(ending) = is("Terminating", "True") {
        return Health::new(Status::Progressing, message(ending));
    }
    if let Some(refused) = is("NamesAccepted", "False") {
        return Health::new(Status::Degraded, message(refused));
    }
    if let Some(broken) = is("NonStructuralSchema", "True") {
        return Health::new(Status::Degraded, message(broken));
    }
    match condition(live, "Established") {
        Some(c) if c["status"] == "True" => Health::healthy(),
        Some(c) if c["reason"] != "Installing" => Health::new(Status::Degraded, message(c)),
        _ => Health::new(Status::Progressing, "it is not established yet"),
    }
}

pub(super) fn workflow(live: &Value) -> Health {
    let message = text(&live["status"]["message"]);
    let status = match text(&live["status"]["phase"]) {
        "" | "Pending" | "Running" => Status::Progressing,
        "Succeeded" => Status::Healthy,
        "Failed" | "Error" => Status::Degraded,
        _ => Status::Unknown,
    };
    Health::new(status, message)
}

pub(super) fn application(live: &Value) -> Health {
    let health = &live["status"]["health"];
    let message = text(&health["message"]);
    let status = match text(&health["status"]) {
        "Healthy" => Status::Healthy,
        "Suspended" => Status::Suspended,
        "Progressing" | "" => Status::Progressing,
        "Missing" => Status::Missing,
        "Degraded" => Status::Degraded,
        _ => Status::Unknown,
    };
    Health::new(status, message)
}
