//! The decider over data: what is lacking, and what is waited for.

use super::{Contained, Lacking, Seen, Wanted};
use serde_json::json;
use tidegate::application::Status;

const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
const NEW: &str = "89abcdef0123456789abcdef0123456789abcdef";
const PLAIN: Wanted<'_> = Wanted { application: "shop", image: None, commit: None };

fn status(sync: &str, health: &str) -> Status {
    Status {
        target: NEW.to_owned(),
        synced: Some(OLD.to_owned()),
        sync: sync.to_owned(),
        health: health.to_owned(),
        message: String::new(),
        observed: "2026-11-23T12:57:02.000Z".to_owned(),
        images: vec!["nginx:1.27".to_owned(), "r.example/shop:v1".to_owned()],
    }
}

fn lacking(wanted: &Wanted<'_>, status: &Status, contained: Contained) -> Option<Lacking> {
    wanted.lacking(&Seen::Status(status, contained))
}

#[test]
fn in_sync_and_healthy_is_enough_where_nothing_else_is_wanted() {
    assert_eq!(lacking(&PLAIN, &status("Synced", "Healthy"), Contained::Yes), None);
    for (sync, health) in [("OutOfSync", "Healthy"), ("Unknown", "Healthy"), ("Synced", "Progressing")] {
        let lacking = lacking(&PLAIN, &status(sync, health), Contained::Yes).expect("one is lacking");
        assert_eq!(lacking.message, format!("shop to be Synced and Healthy (it is {sync} and {health})"));
        assert_eq!(lacking.conditions[0], json!({"sync": "Synced", "health": "Healthy"}));
    }
}

#[test]
fn one_that_is_degraded_is_waited_for_and_says_so() {
    let mut degraded = status("Synced", "Degraded");
    degraded.message = "Deployment shop: 0 of 2 replicas are ready".to_owned();
    let lacking = lacking(&PLAIN, &degraded, Contained::Yes).expect("it is not healthy");
    let why = "it is Synced and Degraded: Deployment shop: 0 of 2 replicas are ready";
    assert_eq!(lacking.message, format!("shop to be Synced and Healthy ({why})"));
}

#[test]
fn each_change_is_waited_for_and_nothing_that_is_so_already() {
    let wanted = Wanted { image: Some("r.example/shop:v2"), commit: Some(NEW), ..PLAIN };
    let lacking = lacking(&wanted, &status("OutOfSync", "Healthy"), Contained::No).expect("nothing is as wanted");
    let all = json!({"sync": "Synced", "health": "Healthy", "image": "r.example/shop:v2", "revision": NEW});
    let sync = [json!({"sync": "Synced"}), json!({"sync": "Unknown"})];
    let health = ["Progressing", "Degraded", "Suspended", "Missing", "Unknown"].map(|word| json!({ "health": word }));
    let parts = [all, json!({ "revision": NEW }), json!({"image": "r.example/shop:v2"})];
    assert_eq!(lacking.conditions, [&parts[..], &sync, &health].concat());
    assert!(lacking.conditions.len() <= 16, "a wait has no more signals");
}

#[test]
fn the_commit_counts_as_soon_as_it_is_contained() {
    let wanted = Wanted { commit: Some(NEW), ..PLAIN };
    assert_eq!(lacking(&wanted, &status("Synced", "Healthy"), Contained::Yes), None);
    let message = |status: &Status, contained| lacking(&wanted, status, contained).expect("it is lacking").message;
    let prefix = "shop to be Synced and Healthy at 89abcdef0123 or later";
    let healthy = status("Synced", "Healthy");
    let why = "what is synced, 0123456789ab, does not contain 89abcdef0123";
    assert_eq!(message(&healthy, Contained::No), format!("{prefix} ({why})"));
    let unheard = Contained::Unheard("no commit 89abcdef0123 in config".to_owned());
    assert_eq!(message(&healthy, unheard), format!("{prefix} (no commit 89abcdef0123 in config)"));
    let never = Status { synced: None, ..status("OutOfSync", "Missing") };
    assert_eq!(
        message(&never, Contained::No),
        format!("{prefix} (it is OutOfSync and Missing; nothing is synced yet)")
    );
}

#[test]
fn another_image_is_named() {
    let message = |image: &str, images: &[&str]| {
        let images = images.iter().map(|image| (*image).to_owned()).collect();
        let status = Status { images, ..status("Synced", "Healthy") };
        lacking(&Wanted { image: Some(image), ..PLAIN }, &status, Contained::Yes).map(|lacking| lacking.message)
    };
    let both = ["nginx:1.27", "r.example/shop:v1"];
    assert_eq!(message("r.example/shop:v1", &both), None);
    let prefix = |image: &str| format!("shop to be Synced and Healthy with {image}");
    let of = |image: &str, why: &str| Some(format!("{} ({why})", prefix(image)));
    assert_eq!(message("r.example/shop:v2", &both), of("r.example/shop:v2", "it runs r.example/shop:v1"));
    assert_eq!(message("other:v2", &both), of("other:v2", "it runs nginx:1.27, r.example/shop:v1"));
    assert_eq!(message("other:v2", &[]), of("other:v2", "it runs no image"));
    assert_eq!(message("x", &["a", "b", "c", "d", "e", "f"]), of("x", "it runs a, b, c, d and 2 more"));
}

#[test]
fn what_cannot_be_read_is_waited_for() {
    let lacking = PLAIN.lacking(&Seen::Unreadable("the cluster `dev` does not answer")).expect("it may be read later");
    assert_eq!(lacking.message, "shop to be Synced and Healthy (the cluster `dev` does not answer)");
    let sync = ["Synced", "OutOfSync", "Unknown"].map(|word| json!({ "sync": word }));
    assert_eq!(lacking.conditions[1..], sync);
}
