//! `image/copy` between Debian's registries, from images that skopeo and buildah made.

mod support;

use image::copy::{Inputs, copy};
use image::facts::Facts;
use image::target::Outputs;
use serde_json::json;
use support::machine::Native;
use support::registry::Registry;
use support::{available, folder, put, run};
use tidegate::{Error, Outcome};

fn copied(machine: &Native, from: &str, to: &str, insecure: &[&str]) -> Result<(Outputs, bool), Error> {
    let inputs: Inputs = serde_json::from_value(json!({"from": from, "to": to, "insecure": insecure})).expect("inputs");
    match copy(machine, &Facts { key: "copy".into(), attempt: 1, ..Facts::default() }, &inputs)? {
        Outcome::Succeeded(outputs) => Ok((outputs, true)),
        Outcome::Unchanged(outputs) => Ok((outputs, false)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_goes_from_registry_to_registry_as_it_is() {
    if !available("an_image_goes_from_registry_to_registry_as_it_is", &["docker-registry", "skopeo", "buildah"]) {
        return;
    }
    let folder = folder("copy");
    let (one, two) = (Registry::start(&folder, "one", ""), Registry::start(&folder, "two", ""));
    // An index of two platforms in Docker's own format, made and pushed by buildah.
    put(&folder, "context/Dockerfile", "FROM scratch\nCOPY file /file\nLABEL a=b\n");
    put(&folder, "context/file", "content\n");
    let storage = [
        "--storage-driver",
        "vfs",
        "--root",
        &folder.join("storage").display().to_string(),
        "--runroot",
        &folder.join("run").display().to_string(),
    ]
    .map(str::to_owned);
    let buildah = |arguments: &[&str]| {
        let all: Vec<&str> = storage.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        run("buildah", &all)
    };
    buildah(&[
        "build",
        "--isolation",
        "chroot",
        "--format",
        "docker",
        "--platform",
        "linux/amd64,linux/arm64",
        "--manifest",
        "list",
        &folder.join("context").display().to_string(),
    ]);
    buildah(&[
        "manifest",
        "push",
        "--all",
        "--format",
        "v2s2",
        "--tls-verify=false",
        "list",
        &format!("docker://{}/team/app:v1", one.host),
    ]);
    let raw =
        |reference: &str| run("skopeo", &["inspect", "--raw", "--tls-verify=false", &format!("docker://{reference}")]);
    let before = raw(&format!("{}/team/app:v1", one.host));
    assert!(before.contains("manifest.list.v2+json"), "{before}");

    let machine = Native::new(&folder.join("w"));
    let insecure = [one.host.as_str(), two.host.as_str()];
    let from = format!("{}/team/app:v1", one.host);
    let to = format!("{}/production/app:v1", two.host);
    let (outputs, pushed) = copied(&machine, &from, &to, &insecure).expect("copied");
    assert!(pushed);
    assert_eq!(raw(&to), before);
    assert_eq!(outputs.digest, image::digest::Digest::of(before.as_bytes()).as_str());
    run(
        "skopeo",
        &[
            "copy",
            "--all",
            "--src-tls-verify=false",
            &format!("docker://{to}"),
            &format!("dir:{}", folder.join("all").display()),
        ],
    );
    assert!(!folder.join("w/.tidegate-image").exists(), "nothing stays");
    // Again, by digest: nothing to do, and the same outputs.
    machine.taken("");
    let reference = format!("{}/team/app@{}", one.host, outputs.digest);
    assert_eq!(copied(&machine, &reference, &to, &insecure).expect("found"), (outputs.clone(), false));
    assert!(machine.taken("").iter().all(|request| request.starts_with("GET") || request.starts_with("HEAD")));
    // Within a registry nothing is moved.
    let beside = format!("{}/staging/app:v1", one.host);
    let (same, _) = copied(&machine, &reference, &beside, &insecure).expect("mounted");
    assert_eq!(same.digest, outputs.digest);
    let requests = machine.taken("");
    assert!(!requests.iter().any(|request| request.starts_with("GET") && request.contains("/blobs/")), "{requests:#?}");
    assert_eq!(raw(&beside), before);
    // Within a repository it is only another tag.
    copied(&machine, &reference, &format!("{}/team/app:v2", one.host), &insecure).expect("tagged");
    assert!(machine.taken("/uploads/").is_empty());
    let pulled = buildah(&["pull", "--tls-verify=false", &to]);
    assert!(!pulled.is_empty());

    let error = copied(&machine, &format!("{}/team/none:v1", one.host), &to, &insecure).expect_err("no such image");
    assert!(error.is("not-found"), "{error:?}");
    let error = copied(&machine, &from, &to, &[]).expect_err("TLS is the rule");
    assert!(error.message.contains("https://"), "{error:?}");
}
