//! A kubeconfig whose token is renewed while the daemon runs.

use crate::scene::{AUTOMATED, Scene, application, config_map, shared};
use std::fs;
use tidegate_tests::cluster::{ADMIN, NOBODY};

#[test]
fn a_token_that_is_renewed_is_taken_without_a_restart() {
    let cluster = shared();
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let files = [("all.yaml", &*config_map("settings", "1"))];
    let scene = Scene::on(cluster, "kubeconfig.json", "renewed", &application("renewed", AUTOMATED), &files);
    let with = |token: &str| scene.world.write("kubeconfig.json", kubeconfig.replace(ADMIN, token));
    with("expired-token");
    let daemon = scene.daemon();
    let told = scene.until_told("401").to_string();
    assert!(!told.contains("expired-token"), "{told}");
    with(ADMIN);
    scene.wait();
    assert_eq!(scene.value("settings"), "1");
    // One who may do nothing is what the file says as well; what was followed before still is.
    with(NOBODY);
    scene.write("all.yaml", &config_map("settings", "2"));
    scene.push("two");
    scene.until_told("forbidden");
    assert_eq!(scene.value("settings"), "1");
    with(ADMIN);
    // What failed is not tried again by itself.
    scene.write("all.yaml", &config_map("settings", "3"));
    scene.push("three");
    scene.wait();
    assert_eq!(scene.value("settings"), "3");
    assert_eq!(daemon.leave(), Some(0));
}
