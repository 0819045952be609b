//! The step `application/wait`, the very component, over a keeper of applications that says what it is told to.

mod keeper;
mod world;

use keeper::{NEW, OLD, status};
use model::{RunStatus, StepStatus};
use serde_json::json;
use world::World;

const V1: &str = "r.example/shop:v1";
const V2: &str = "r.example/shop:v2";

#[tokio::test]
async fn it_waits_until_all_is_as_wanted_and_says_what_is_lacking() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Healthy", OLD, &[V1])));
    let mut driven = world.begin(json!({"application": "shop", "image": V2, "commit": NEW}), None).await;
    let wanted = format!("shop to be Synced and Healthy with {V2} at 89abcdef0123 or later");
    let behind = "what is synced, 0123456789ab, does not contain 89abcdef0123";
    driven.waits_for(&format!("{wanted} ({behind}; it runs {V1})")).await;
    // Each change is told, whether or not it is the one that is waited for.
    world.keeper.says("shop", Some(status("OutOfSync", "Healthy", OLD, &[V1])));
    driven.waits_for(&format!("{wanted} (it is OutOfSync and Healthy; {behind}; it runs {V1})")).await;
    world.keeper.says("shop", Some(status("Synced", "Degraded", NEW, &[V2])));
    driven.waits_for(&format!("{wanted} (it is Synced and Degraded)")).await;
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &["nginx:1.27", V2])));
    let ended = driven.ended(&world).await;
    assert_eq!((ended.run, ended.step.status), (RunStatus::Succeeded, StepStatus::Succeeded));
    let outputs = json!({"application": "shop", "revision": NEW, "images": ["nginx:1.27", V2], "health": "Healthy"});
    assert_eq!(ended.step.outputs, Some(outputs));
}

#[tokio::test]
async fn what_is_so_already_is_unchanged() {
    let world = World::new();
    // A descendant of the commit is enough, and a digest is found behind whatever tag.
    let digest = format!("sha256:{}", "a".repeat(64));
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[&format!("{V1}@{digest}")])));
    let image = format!("{V2}@{digest}");
    let driven = world.begin(json!({"application": "shop", "image": image, "commit": OLD}), None).await;
    let ended = driven.ended(&world).await;
    assert_eq!((ended.run, ended.step.status), (RunStatus::Succeeded, StepStatus::Unchanged));
}

#[tokio::test]
async fn the_steps_timeout_ends_it_with_what_it_saw() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[V1])));
    let driven = world.begin(json!({"application": "shop", "image": V2}), Some(300)).await;
    let ended = driven.ended(&world).await;
    assert_eq!(ended.run, RunStatus::Failed);
    let error = ended.step.error.expect("why");
    let why = format!("shop to be Synced and Healthy with {V2} (it runs {V1})");
    assert_eq!(error.code, "timed-out");
    assert_eq!(error.message, format!("it took longer than its timeout of 0.3 s ({why})"));
}

#[tokio::test]
async fn one_that_cannot_be_read_is_waited_for() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[V1])));
    world.keeper.is_dark(true);
    let mut driven = world.begin(json!({"application": "shop"}), None).await;
    driven.waits_for("shop to be Synced and Healthy (the cluster does not answer)").await;
    world.keeper.is_dark(false);
    assert_eq!(driven.ended(&world).await.step.status, StepStatus::Succeeded);
}

#[tokio::test]
async fn one_that_is_not_there_or_goes_fails_with_the_hosts_hint() {
    let world = World::new();
    world.keeper.says("shop", Some(status("OutOfSync", "Missing", OLD, &[])));
    let not_found = |ended: world::Ended| {
        assert_eq!(ended.run, RunStatus::Failed);
        let error = ended.step.error.expect("why");
        (error.code, error.message, error.hint)
    };
    let ended = world.begin(json!({"application": "shpo"}), None).await.ended(&world).await;
    let hint = Some("did you mean `shop`?".to_owned());
    assert_eq!(not_found(ended), ("not-found".into(), "there is no application `shpo`".into(), hint));
    let mut driven = world.begin(json!({"application": "shop", "commit": NEW}), None).await;
    driven.waits_for("it is OutOfSync and Missing").await;
    world.keeper.says("shop", None);
    let ended = not_found(driven.ended(&world).await);
    assert_eq!(ended.1, "there is no application `shop`");
}

#[tokio::test]
async fn a_name_that_was_not_granted_is_denied() {
    let world = World::granted(json!({"names": ["other-*"]}));
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[V1])));
    let ended = world.begin(json!({"application": "shop"}), None).await.ended(&world).await;
    assert_eq!((ended.run, ended.step.status), (RunStatus::Denied, StepStatus::Denied));
    let why = "asking about the application `shop` is not granted: it needs `application: { names: [shop] }`";
    let message = ended.step.error.expect("why").message;
    assert!(message.ends_with(why), "{message}");
    assert_eq!(world.keeper.asked(), 0);
}

/// When a signal fires tells as much as asking would, so a plugin that asks nothing must not wait for it either.
#[tokio::test]
async fn a_signal_needs_the_grant_and_a_condition_that_is_one() {
    let world = World::granted(json!({"names": ["shop"]}));
    let ended = world.begin_of("hostile/wait", json!("application|4|2"), None).await.ended(&world).await;
    assert_eq!(ended.run, RunStatus::Denied);
    let why = "asking about the application `xxxx` is not granted: it needs `application: { names: [xxxx] }`";
    assert_eq!(ended.step.error.expect("why").message, why);
    assert_eq!(world.keeper.asked(), 0);
    let world = World::granted(json!({"names": ["x*"]}));
    let ended = world.begin_of("hostile/wait", json!("application|4|2"), None).await.ended(&world).await;
    let error = ended.step.error.expect("why");
    assert_eq!(error.code, "invalid");
    let why =
        "plugin `hostile` waits in a way that this host cannot: a condition on an application that cannot be read";
    assert!(error.message.starts_with(why), "{}", error.message);
}

#[tokio::test]
async fn a_host_without_applications_says_so() {
    let world = World::new();
    let ended = world.begin_alone(json!({"application": "shop"})).await.ended(&world).await;
    assert_eq!(ended.run, RunStatus::Failed);
    let error = ended.step.error.expect("why");
    assert_eq!((error.code.as_str(), error.retryable), ("unavailable", false));
    assert_eq!(error.message, "this host looks after no applications");
    assert!(error.hint.expect("what to do").contains("spec.clusters"));
}

/// A run that began where somebody kept applications, and goes on where nobody does, is not left to wait in vain.
#[tokio::test]
async fn a_wait_ends_where_nobody_can_be_asked_any_more() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Progressing", NEW, &[V1])));
    let mut driven = world.begin(json!({"application": "shop"}), None).await;
    driven.waits_for("it is Synced and Progressing").await;
    let run = driven.crash().await;
    let ended = world.go_on(&world.open(), run).await.ended(&world).await;
    assert_eq!(ended.step.error.expect("why").message, "this host looks after no applications");
}

#[tokio::test]
async fn a_crash_while_it_waits_costs_nothing() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Progressing", NEW, &[V1])));
    let mut driven = world.begin(json!({"application": "shop"}), None).await;
    driven.waits_for("it is Synced and Progressing").await;
    let run = driven.crash().await;
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[V1])));
    let ended = world.go_on(&world.attached(), run).await.ended(&world).await;
    assert_eq!((ended.step.status, ended.step.attempts), (StepStatus::Succeeded, 1));
}

#[tokio::test]
async fn a_crash_while_it_asks_lets_it_ask_again() {
    let world = World::new();
    world.keeper.says("shop", Some(status("Synced", "Healthy", NEW, &[V1])));
    world.keeper.hangs(true);
    let driven = world.begin(json!({"application": "shop"}), None).await;
    world.keeper.is_asked().await;
    let run = driven.crash().await;
    world.keeper.hangs(false);
    let ended = world.go_on(&world.attached(), run).await.ended(&world).await;
    assert_eq!((ended.step.status, ended.step.attempts), (StepStatus::Unchanged, 1));
}
