//! Pods.

use super::{Health, Status, annotation, condition, count, text};
use crate::hook::{HELM_HOOK, HOOK};
use serde_json::Value;

/// With `true` a pod that is not restarted counts as one that runs on.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(super) fn pod(live: &Value) -> Health {
    let status = &live["status"];
    let said = text(&status["message"]);
    // What is never restarted has an end; while it cannot start, somebody may still make the image appear, and it would then
    // run although its sync has long failed. So only pods that run on are given up.
    let runs_on = runs_on(live);
    let stuck: Vec<&str> = containers(status, "containerStatuses").filter_map(stuck).collect();
    if runs_on && !stuck.is_empty() {
        return Health::new(Status::Degraded, stuck.join(", "));
    }
    match text(&status["phase"]) {
        "Pending" => Health::new(Status::Progressing, said),
        "Succeeded" => Health::new(Status::Healthy, said),
        "Failed" => Health::new(Status::Degraded, failure(status)),
        "Running" if !runs_on => Health::new(Status::Progressing, said),
        "Running" if condition(live, "Ready").is_some_and(|c| c["status"] == "True") => {
            Health::new(Status::Healthy, said)
        }
        "Running" => {
            let ended = containers(status, "containerStatuses").find(|c| !c["lastState"]["terminated"].is_null());
            match ended {
                Some(container) => Health::new(Status::Degraded, format!("{} ended and is not ready", name(container))),
                None => Health::new(Status::Progressing, said),
            }
        }
        _ => Health::new(Status::Unknown, said),
    }
}

fn runs_on(live: &Value) -> bool {
    let hook = !annotation(live, HOOK).is_empty() || !annotation(live, HELM_HOOK).is_empty();
    // The server fills in `Always`.
    let always = matches!(text(&live["spec"]["restartPolicy"]), "Always" | "");
    always || (!hook && annotation(live, IGNORE_RESTART_POLICY) == "true")
}

fn containers<'v>(status: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    status[field].as_array().into_iter().flatten()
}

fn name(container: &Value) -> String {
    format!("container `{}`", text(&container["name"]))
}

/// Why a container cannot start.
fn stuck(container: &Value) -> Option<&str> {
    let waiting = &container["state"]["waiting"];
    let reason = text(&waiting["reason"]);
    let hopeless = reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
    let message = text(&waiting["message"]);
    hopeless.then_some(if message.is_empty() { reason } else { message })
}

fn failure(status: &Value) -> String {
    let said = text(&status["message"]);
    if !said.is_empty() {
        return said.to_owned();
    }
    let all = containers(status, "initContainerStatuses").chain(containers(status, "containerStatuses"));
    all.filter_map(|container| {
        let ended = &container["state"]["terminated"];
        let (message, code) = (text(&ended["message"]), count(&ended["exitCode"]));
        match (message, &ended["reason"]) {
            ("", reason) if reason == "OOMKilled" => Some(format!("{} ran out of memory", name(container))),
            ("", _) if code != 0 => Some(format!("{} ended with exit code {code}", name(container))),
            ("", _) => None,
            (message, _) => Some(message.to_owned()),
        }
    })
    .next()
    .unwrap_or_default()
}
