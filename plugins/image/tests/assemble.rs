//! `image/assemble` against Debian's registry, with skopeo as the judge.

mod support;

use image::assemble::{Inputs, assemble};
use image::facts::Facts;
use image::target::Outputs;
use serde_json::{Value, json};
use std::path::Path;
use support::machine::Native;
use support::registry::Registry;
use support::{available, folder, put, run};
use tidegate::{Error, Outcome};

const PROGRAMS: [&str; 3] = ["docker-registry", "skopeo", "tar"];

fn facts() -> Facts {
    Facts { run: "run-1".into(), key: "image".into(), attempt: 1, revision: Some("c0ffee".into()), date: None }
}

fn assembled(machine: &Native, with: Value) -> Result<(Outputs, bool), Error> {
    let inputs: Inputs = serde_json::from_value(with).expect("inputs");
    match assemble(machine, &facts(), &inputs)? {
        Outcome::Succeeded(outputs) => Ok((outputs, true)),
        Outcome::Unchanged(outputs) => Ok((outputs, false)),
        other => panic!("{other:?}"),
    }
}

fn files(root: &Path) {
    put(root, "dist/linux/amd64/server", "#!/bin/sh\necho amd64\n");
    put(root, "dist/linux/arm64/server", "#!/bin/sh\necho arm64\n");
    put(root, "static/index.html", "<h1>hello</h1>\n");
    put(root, "static/secret/key", "no\n");
}

fn with(host: &str) -> Value {
    json!({
        "image": format!("{host}/team/app"), "tag": "v1", "base": "scratch", "insecure": true,
        "layers": [
            {"from": "static", "to": "/srv/www", "exclude": ["secret"], "user": 7},
            {"from": "dist/${platform}/server", "to": "/bin/", "mode": "0755"},
        ],
        "config": {"entrypoint": ["/bin/server"], "exposedPorts": [8080]},
        "labels": {"team": "blue"},
    })
}

fn inspect(reference: &str) -> Value {
    let text = run("skopeo", &["inspect", "--tls-verify=false", &format!("docker://{reference}")]);
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn an_image_is_the_same_on_any_machine() {
    if !available("an_image_is_the_same_on_any_machine", &PROGRAMS) {
        return;
    }
    let folder = folder("same");
    let registry = Registry::start(&folder, "registry", "");
    let (one, two) = (folder.join("one/w"), folder.join("two/w"));
    files(&one);
    files(&two);
    let machine = Native::new(&one);
    let (outputs, pushed) = assembled(&machine, with(&registry.host)).expect("pushed");
    assert!(pushed);
    assert_eq!(outputs.reference, Some(format!("{}/team/app@{}", registry.host, outputs.digest)));
    let seen = inspect(&format!("{}/team/app:v1", registry.host));
    assert_eq!(seen["Digest"], outputs.digest.as_str());
    assert_eq!(seen["Labels"], json!({"team": "blue", "org.opencontainers.image.revision": "c0ffee"}));
    assert_eq!((&seen["Architecture"], &seen["Os"]), (&json!("amd64"), &json!("linux")));
    // skopeo reads every layer, and checks digests and diff ids.
    let copied = folder.join("copied");
    run(
        "skopeo",
        &[
            "copy",
            "--src-tls-verify=false",
            &format!("docker://{}/team/app:v1", registry.host),
            &format!("dir:{}", copied.display()),
        ],
    );
    let size: u64 = std::fs::read_dir(&copied)
        .expect("a folder")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_name() != "version")
        .map(|entry| entry.metadata().expect("a file").len())
        .sum();
    assert_eq!(size, outputs.size);
    assert!(!one.join(".tidegate-image").exists(), "nothing stays in the workspace");
    // The same files on another machine: the same digest, and nothing to push.
    machine.taken("");
    let other = Native::new(&two);
    let (again, pushed) = assembled(&other, with(&registry.host)).expect("found");
    assert_eq!((again.digest, pushed), (outputs.digest.clone(), false));
    assert_eq!(other.taken("PUT "), Vec::<String>::new());
    // Another file, another digest; the layers that stayed the same are not sent again.
    put(&two, "dist/linux/amd64/server", "#!/bin/sh\necho changed\n");
    let (changed, pushed) = assembled(&other, with(&registry.host)).expect("pushed");
    assert!(pushed && changed.digest != outputs.digest);
    assert_eq!(other.taken("PUT ").iter().filter(|request| request.contains("/blobs/")).count(), 2);
}

#[test]
fn several_platforms_are_one_index() {
    if !available("several_platforms_are_one_index", &PROGRAMS) {
        return;
    }
    let folder = folder("platforms");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w/w");
    files(&root);
    let machine = Native::new(&root);
    let mut inputs = with(&registry.host);
    inputs["platforms"] = json!(["linux/amd64", "linux/arm64"]);
    inputs["tags"] = json!(["latest"]);
    inputs["layout"] = "out/layout".into();
    let (outputs, _) = assembled(&machine, inputs.clone()).expect("pushed");
    for tag in ["v1", "latest"] {
        let raw = run(
            "skopeo",
            &["inspect", "--raw", "--tls-verify=false", &format!("docker://{}/team/app:{tag}", registry.host)],
        );
        assert_eq!(image::digest::Digest::of(raw.as_bytes()).as_str(), outputs.digest);
    }
    for (platform, line) in [("amd64", "echo amd64"), ("arm64", "echo arm64")] {
        let target = folder.join(platform);
        run(
            "skopeo",
            &[
                "--override-arch",
                platform,
                "copy",
                &format!("oci:{}:v1", root.join("out/layout").display()),
                &format!("oci:{}:x", target.display()),
            ],
        );
        let found = run(
            "sh",
            &[
                "-c",
                &format!(
                    "cd {}/blobs/sha256 && for f in *; do tar xzOf $f bin/server 2>/dev/null; done; true",
                    target.display()
                ),
            ],
        );
        assert!(found.contains(line), "{platform}: {found}");
    }
    // The shared layer is there once: two configurations, two manifests, an index, three layers.
    let blobs = std::fs::read_dir(root.join("out/layout/blobs/sha256")).expect("blobs").count();
    assert_eq!(blobs, 8);
    let all = folder.join("all");
    run(
        "skopeo",
        &[
            "copy",
            "--all",
            "--src-tls-verify=false",
            &format!("docker://{}/team/app:v1", registry.host),
            &format!("dir:{}", all.display()),
        ],
    );
    // Written again without a registry: the same bytes.
    inputs["push"] = false.into();
    inputs["layout"] = "out/again".into();
    let (again, _) = assembled(&machine, inputs).expect("written");
    assert_eq!(again.digest, outputs.digest);
    run("diff", &["-r", &root.join("out/layout").display().to_string(), &root.join("out/again").display().to_string()]);
}

#[test]
fn a_base_is_mounted_or_copied_and_never_downloaded_in_vain() {
    if !available("a_base_is_mounted_or_copied_and_never_downloaded_in_vain", &PROGRAMS) {
        return;
    }
    let folder = folder("base");
    let registry = Registry::start(&folder, "registry", "");
    let other = Registry::start(&folder, "other", "  relativeurls: true\n");
    let root = folder.join("w/w");
    files(&root);
    let machine = Native::new(&root);
    let mut base = with(&registry.host);
    base["image"] = format!("{}/base/os", registry.host).into();
    base["config"] = json!({"entrypoint": ["/old"], "cmd": ["x"], "env": {"PATH": "/bin"}});
    let (base, _) = assembled(&machine, base).expect("pushed");
    let reference = base.reference.expect("a reference");
    machine.taken("");
    let upon = |image: String| {
        json!({
            "image": image, "tag": "v1", "base": reference, "insecure": [registry.host, other.host],
            "layers": [{"from": "static/index.html", "to": "/index.html"}],
            "config": {"entrypoint": ["/bin/server"]}, "labels": {"own": "1"},
        })
    };
    // The same registry: mounted.
    let (mounted, _) = assembled(&machine, upon(format!("{}/team/app", registry.host))).expect("pushed");
    let requests = machine.taken("");
    assert_eq!(requests.iter().filter(|it| it.contains("mount=")).count(), 2, "{requests:#?}");
    assert_eq!(
        requests.iter().filter(|it| it.starts_with("GET") && it.contains("/blobs/")).count(),
        1,
        "only its configuration"
    );
    let seen = inspect(&format!("{}/team/app:v1", registry.host));
    assert_eq!(seen["Layers"].as_array().map(Vec::len), Some(3));
    assert_eq!(seen["Labels"], json!({"team": "blue", "own": "1", "org.opencontainers.image.revision": "c0ffee"}));
    assert_eq!(seen["Env"], json!(["PATH=/bin"]));
    let raw: Value = serde_json::from_str(&run(
        "skopeo",
        &["inspect", "--raw", "--tls-verify=false", &format!("docker://{}/team/app:v1", registry.host)],
    ))
    .expect("JSON");
    assert_eq!(raw["annotations"]["org.opencontainers.image.base.digest"], base.digest.as_str());
    // Another registry, which answers with relative locations: downloaded once, then there.
    let (copied, _) = assembled(&machine, upon(format!("{}/team/app", other.host))).expect("pushed");
    assert_eq!(copied.digest, mounted.digest, "where it is pushed does not matter");
    let requests = machine.taken("GET ");
    assert_eq!(requests.iter().filter(|it| it.contains("/blobs/")).count(), 3, "{requests:#?}");
    run(
        "skopeo",
        &[
            "copy",
            "--src-tls-verify=false",
            &format!("docker://{}/team/app:v1", other.host),
            &format!("dir:{}", folder.join("copied").display()),
        ],
    );
    let mut next = upon(format!("{}/team/app", other.host));
    next["tag"] = "v2".into();
    next["labels"] = json!({"own": "2"});
    assembled(&machine, next).expect("pushed");
    let requests = machine.taken("");
    assert_eq!(
        requests.iter().filter(|it| it.starts_with("GET") && it.contains("/blobs/")).count(),
        1,
        "{requests:#?}"
    );
}

#[test]
fn what_is_not_there_is_said() {
    if !available("what_is_not_there_is_said", &PROGRAMS) {
        return;
    }
    let folder = folder("absent");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w/w");
    files(&root);
    std::fs::create_dir_all(root.join("empty")).expect("a folder");
    let machine = Native::new(&root);
    let failed = |change: &dyn Fn(&mut Value)| {
        let mut inputs = with(&registry.host);
        change(&mut inputs);
        let error = assembled(&machine, inputs).expect_err("an error");
        assert!(!root.join(".tidegate-image").exists());
        error
    };
    let error = failed(&|inputs| inputs["platforms"] = json!(["linux/s390x"]));
    assert_eq!((error.code.as_str(), error.details.as_deref()), ("not-found", Some(r#"{"field":"/layers/1/from"}"#)));
    assert!(error.message.contains("dist/linux/s390x/server"), "{}", error.message);
    let error = failed(&|inputs| inputs["layers"][0] = json!({"from": "empty", "to": "/"}));
    assert!(error.message.contains("has nothing"), "{}", error.message);
    let absent = format!("{}/no/base@sha256:{}", registry.host, "0".repeat(64));
    let error = failed(&|inputs| inputs["base"] = absent.clone().into());
    assert_eq!(error.code, "not-found");
    let (base, _) = assembled(&machine, with(&registry.host)).expect("pushed");
    let base = base.reference.expect("a reference");
    let error = failed(&|inputs| {
        inputs["base"] = base.clone().into();
        inputs["platforms"] = json!(["linux/arm64"]);
    });
    assert!(error.message.contains("is for linux/amd64, not for linux/arm64"), "{}", error.message);
}
