//! A server that has a bad moment is asked again, as it says, and not for ever.

use crate::world::{Patient, World, by_plain, shared};
use cluster::Write;
use cluster::destination::FailureKind;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tidegate_tests::faults::{Fault, Faults};

const BUSY: &str = "429 Too Many Requests";
const CONFLICT: &str = r#"{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409,
    "message": "the object has been modified", "details": {"name": "a", "kind": "configmaps"}}"#;

struct Bad {
    faults: Faults,
    clock: Arc<Patient>,
    world: World,
}

impl Bad {
    async fn new(name: &'static str) -> Self {
        let (faults, clock) = (Faults::start(shared()), Arc::new(Patient::default()));
        let world = World::by(name, &by_plain(&faults.url), clock.clone()).await;
        Self { faults, clock, world }
    }

    /// An apply's answers before the server's own.
    fn answer(&self, answers: &[(&'static str, &'static str, &'static str)]) {
        self.faults.answer(answers.iter().map(|(status, headers, body)| Fault {
            on: "PATCH /api/v1/namespaces".to_owned(),
            status,
            headers,
            body,
        }));
    }

    async fn apply(&self) -> Result<Value, (FailureKind, Option<Duration>)> {
        let manifest = self.world.config_map("a", json!({"a": "1"}));
        let written = self.world.try_write(&manifest, Write::Apply).await;
        assert_eq!(self.faults.left(), 0, "not every fault was met");
        written.map(|o| o.manifest["data"].clone()).map_err(|f| (f.kind, f.retry_after))
    }
}

#[tokio::test]
async fn what_passes_is_asked_again_as_the_server_says() {
    let bad = Bad::new("passing").await;
    bad.answer(&[
        (BUSY, "Retry-After: 7\r\n", "Too many requests, please try again later."),
        (BUSY, "", ""),
        ("409 Conflict", "", CONFLICT),
        ("503 Service Unavailable", "", "no endpoints"),
    ]);
    assert_eq!(bad.apply().await, Ok(json!({"a": "1"})));
    assert_eq!(bad.clock.take(), [7000, 200, 400, 800]);
    bad.answer(&[("", "", ""), ("500 Internal Server Error", "", "boom")]);
    assert_eq!(bad.apply().await, Ok(json!({"a": "1"})), "a connection that broke");
    assert_eq!(bad.clock.take(), [100, 200]);
}

#[tokio::test]
async fn what_does_not_pass_ends() {
    let bad = Bad::new("lasting").await;
    bad.answer(&[("500 Internal Server Error", "", "boom"); 5]);
    assert_eq!(bad.apply().await, Err((FailureKind::Unreachable, None)));
    bad.clock.take();
    bad.answer(&[(BUSY, "Retry-After: 3600\r\n", "")]);
    assert_eq!(bad.apply().await, Err((FailureKind::Busy, Some(Duration::from_secs(3600)))));
    assert_eq!(bad.clock.take(), [0; 0], "who is to wait for an hour is told so");
}

#[tokio::test]
async fn a_creation_is_not_made_twice() {
    let bad = Bad::new("twice").await;
    let on = || "POST /api/v1/namespaces/twice/configmaps".to_owned();
    let manifest = bad.world.config_map("a", json!({}));
    bad.faults.answer([Fault { on: on(), status: "", headers: "", body: "" }]);
    let failure = bad.world.try_write(&manifest, Write::Create).await.unwrap_err();
    assert_eq!((failure.kind, bad.faults.left()), (FailureKind::Unreachable, 0), "nobody knows whether it was made");
    bad.faults.answer([Fault { on: on(), status: BUSY, headers: "Retry-After: 1\r\n", body: "" }]);
    bad.world.write(&manifest, Write::Create).await;
    assert_eq!(bad.clock.take(), [1000], "what was not looked at is asked again");
}

#[tokio::test]
async fn a_race_for_an_object_that_is_replaced_is_run_again() {
    let bad = Bad::new("raced").await;
    let manifest = bad.world.config_map("a", json!({"a": "1"}));
    bad.world.write(&manifest, Write::Apply).await;
    let on = "PUT /api/v1/namespaces/raced/configmaps/a".to_owned();
    bad.faults.answer([Fault { on, status: "409 Conflict", headers: "", body: CONFLICT }]);
    bad.world.write(&manifest, Write::Replace).await;
    assert_eq!(bad.faults.left(), 0);
    let asked: Vec<String> =
        bad.faults.take_log().into_iter().filter(|line| line.contains("/raced/configmaps/a")).collect();
    let verbs: Vec<&str> = asked.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(verbs, ["PATCH", "GET", "PUT", "GET", "PUT"]);
}

#[tokio::test]
async fn a_race_for_an_object_that_is_adopted_is_run_again() {
    let bad = Bad::new("race-adopted").await;
    let before = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "race-adopted"},
        "data": {"a": "1", "goes": "1"}});
    bad.world.cluster.kubectl_with(&before.to_string(), &["apply", "-f", "-"]).expect(0);
    // The patch that adopts, which comes after the first apply.
    let on = "PATCH /api/v1/namespaces/race-adopted/configmaps/a?fieldManager=tidegate$".to_owned();
    bad.faults.answer([Fault { on, status: "409 Conflict", headers: "", body: CONFLICT }]);
    let manifest = bad.world.config_map("a", json!({"a": "1"}));
    let written = bad.world.write(&manifest, Write::Apply).await;
    assert_eq!(written.manifest["data"], json!({"a": "1"}));
    assert_eq!(bad.faults.left(), 0);
}
