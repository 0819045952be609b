//! Signals on applications, over a keeper that answers what it is told to.

use super::{Condition, Looks, same_image};
use crate::applications::{ApplicationStatus, Applications};
use async_trait::async_trait;
use model::{Blame, CommitId, Failure, Timestamp};
use scheduler::Signal;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
const NEW: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// Keeps `shop`, which was synced at `NEW`, whose parent is `OLD`.
#[derive(Default)]
struct Keeper(AtomicUsize);

#[async_trait]
impl Applications for Keeper {
    async fn read(&self, name: &str) -> Result<Option<ApplicationStatus>, Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match name {
            "shop" => Ok(Some(ApplicationStatus {
                target: CommitId(NEW.to_owned()),
                synced: Some(CommitId(NEW.to_owned())),
                sync: "Synced".to_owned(),
                health: "Healthy".to_owned(),
                message: String::new(),
                observed: Timestamp(0),
                images: vec!["r.example/shop:v2".to_owned()],
            })),
            "dark" => Err(Failure::unavailable("its cluster does not answer")),
            _ => Ok(None),
        }
    }

    async fn contains(&self, _: &str, commit: &CommitId) -> Result<bool, Failure> {
        match commit.as_str() {
            OLD => Ok(true),
            _ => Err(Failure::new(Blame::User, "not-found", "no such commit")),
        }
    }

    async fn unproven(&self, _: &str, _: &str, _: &[String]) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

fn signal(name: &str, condition: Value) -> Signal {
    Signal { kind: "application".to_owned(), subject: name.to_owned(), condition }
}

async fn fired(name: &str, condition: Value) -> Option<Value> {
    Looks::default().fired(Ok(Arc::new(Keeper::default())), &signal(name, condition)).await
}

#[tokio::test]
async fn each_part_of_a_condition_must_be_met() {
    let image = "r.example/shop:v2";
    let all = json!({"sync": "Synced", "health": "Healthy", "revision": OLD, "image": image});
    for met in [json!({}), all.clone(), json!({"revision": NEW})] {
        let payload = fired("shop", met.clone()).await.unwrap_or_else(|| panic!("{met}"));
        assert_eq!((&payload["exists"], &payload["synced"]), (&json!(true), &json!(NEW)), "{met}");
    }
    let unheard = "f".repeat(40);
    for (part, other) in
        [("sync", "OutOfSync"), ("health", "Degraded"), ("revision", unheard.as_str()), ("image", "r.example/shop:v1")]
    {
        let mut unmet = all.clone();
        unmet[part] = json!(other);
        assert_eq!(fired("shop", unmet.clone()).await, None, "{unmet}");
    }
}

#[tokio::test]
async fn the_plugin_is_woken_where_there_is_nothing_to_wait_for() {
    assert_eq!(fired("gone", json!({"health": "Healthy"})).await, Some(json!({"exists": false})));
    let none = Err(Failure::new(Blame::User, "unavailable", "nobody"));
    let told = Looks::default().fired(none, &signal("shop", json!({"health": "Degraded"}))).await;
    assert_eq!(told, Some(json!({"error": "nobody"})));
    assert_eq!(fired("dark", json!({})).await, None, "it may be read later");
}

#[tokio::test]
async fn an_application_is_read_once_for_all_signals_of_a_wait() {
    let (keeper, mut looks) = (Arc::new(Keeper::default()), Looks::default());
    for health in ["Progressing", "Degraded", "Missing"] {
        assert_eq!(looks.fired(Ok(keeper.clone()), &signal("shop", json!({ "health": health }))).await, None);
    }
    assert_eq!(keeper.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_condition_that_is_not_understood_is_none() {
    for (bad, why) in [
        (json!({"phase": "x"}), "unknown field `phase`"),
        (json!({"health": 1}), "expected a string"),
        (json!([]), "cannot be read"),
        (json!({"revision": "main"}), "`revision` is no commit id"),
    ] {
        let answer = Condition::read(&bad).expect_err("it is none");
        assert!(answer.contains(why), "{bad}: {answer}");
    }
    assert_eq!(Condition::read(&json!({})), Ok(Condition::default()));
}

/// The plugin's own test has the same table.
#[test]
fn the_digest_counts_where_one_is_wanted_else_the_tag() {
    let (a, b) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
    let table = [
        ("r.example:5000/shop:v2".to_owned(), "r.example:5000/shop:v2".to_owned(), true),
        ("r.example:5000/shop:v2".to_owned(), "r.example:5000/shop:v1".to_owned(), false),
        ("r.example:5000/shop:v2".to_owned(), "r.example:5001/shop:v2".to_owned(), false),
        ("r.example:5000/shop".to_owned(), "r.example:5000/shop:latest".to_owned(), true),
        ("shop".to_owned(), "shop".to_owned(), true),
        ("shop:v2".to_owned(), "docker.io/library/shop:v2".to_owned(), false),
        (format!("shop@{a}"), format!("shop@{a}"), true),
        (format!("shop@{a}"), format!("shop@{b}"), false),
        (format!("shop:v2@{a}"), format!("shop@{a}"), true),
        (format!("shop:v2@{a}"), format!("shop:v1@{a}"), true),
        (format!("shop:v2@{a}"), "shop:v2".to_owned(), false),
        ("shop:v2".to_owned(), format!("shop:v2@{a}"), true),
        ("shop:v2".to_owned(), format!("shop@{a}"), false),
        ("shop".to_owned(), format!("shop@{a}"), false),
        (format!("shop@{a}"), format!("other@{a}"), false),
    ];
    for (wanted, has, expected) in table {
        assert_eq!(same_image(&wanted, &has), expected, "{wanted} {has}");
    }
}
