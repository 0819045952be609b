//! `image/build` with the machine's buildah, under the very arguments that the step gives it.

mod support;

use image::build::{Inputs, build};
use image::facts::Facts;
use image::ports::{Files, Machine, Program, Programs, Request, Response, Transport};
use image::target::Outputs;
use serde_json::{Value, json};
use std::path::Path;
use support::machine::Native;
use support::registry::Registry;
use support::{available, folder, put, run};
use tidegate::archive::{Packed, Packing};
use tidegate::workspace::Summary;
use tidegate::{Error, Outcome};

const PROGRAMS: [&str; 3] = ["docker-registry", "skopeo", "buildah"];

fn built<M: Machine + Programs + Rooted>(machine: &M, folder: &Path, with: Value) -> Result<Outputs, Error> {
    let inputs: Inputs = serde_json::from_value(with).expect("inputs");
    let facts =
        Facts { run: "run-1".into(), key: "image".into(), attempt: 1, revision: Some("c0ffee".into()), date: None };
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    // podman takes no longer path for it than 50 characters, and in a jail it is `/tmp/tidegate-image`.
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = std::env::temp_dir().join(format!("tg-{}-{name}", std::process::id()));
    let done = build(machine, &facts, &inputs, &text(machine.root()), &text(&temporary));
    let _ = std::fs::remove_dir_all(&temporary);
    match done? {
        Outcome::Succeeded(outputs) => Ok(outputs),
        other => panic!("{other:?}"),
    }
}

fn inspect(arguments: &[&str], reference: &str) -> Value {
    let reference = format!("docker://{reference}");
    let all = [&["inspect", "--tls-verify=false"], arguments, &[reference.as_str()]].concat();
    serde_json::from_str(&run("skopeo", &all)).expect("JSON")
}

#[test]
fn a_dockerfile_becomes_an_image_at_the_registry() {
    if !available("a_dockerfile_becomes_an_image_at_the_registry", &PROGRAMS) {
        return;
    }
    let folder = folder("build");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(
        &root,
        "Dockerfile",
        "ARG WORD\nFROM scratch AS first\nARG WORD\nCOPY . /all\nLABEL word=$WORD\nFROM first\nLABEL second=1\n",
    );
    put(&root, "src/main", "main\n");
    put(&root, "secret", "no\n");
    put(&root, ".dockerignore", "secret");
    let machine = Native::new(&root);
    let with = json!({
        "image": format!("{}/team/app", registry.host), "tag": "v1", "tags": ["latest"], "insecure": true,
        "buildArgs": {"WORD": "-it works"}, "labels": {"team": "blue"},
    });
    let outputs = built(&machine, &folder, with.clone()).expect("built");
    let reference = format!("{}/team/app", registry.host);
    for tag in ["v1", "latest"] {
        let seen = inspect(&[], &format!("{reference}:{tag}"));
        assert_eq!(seen["Digest"], outputs.digest.as_str());
        assert_eq!(seen["Labels"]["word"], "-it works");
        assert_eq!(seen["Labels"]["second"], "1");
        assert_eq!(seen["Labels"]["team"], "blue");
        assert_eq!(seen["Labels"]["dev.tidegate.run"], "run-1");
        assert_eq!(seen["Labels"]["org.opencontainers.image.revision"], "c0ffee");
    }
    assert!(!root.join(".tidegate-image").exists(), "storage and layout are gone");
    // What is in it: the context without what stays out, our own folder among that.
    let copied = folder.join("copied");
    run(
        "skopeo",
        &[
            "copy",
            "--src-tls-verify=false",
            &format!("docker://{reference}@{}", outputs.digest),
            &format!("dir:{}", copied.display()),
        ],
    );
    let names =
        run("sh", &["-c", &format!("cd {} && for f in *; do tar tzf $f 2>/dev/null; done; true", copied.display())]);
    assert!(names.contains("all/src/main") && names.contains("all/Dockerfile"), "{names}");
    assert!(!names.contains("secret") && !names.contains("tidegate-image"), "{names}");
    // Only a stage.
    let mut first = with.clone();
    first["target"] = "first".into();
    first["tag"] = "first".into();
    built(&machine, &folder, first).expect("built");
    let seen = inspect(&[], &format!("{reference}:first"));
    assert_eq!(seen["Labels"]["second"], Value::Null);
    // buildah itself takes what we pushed.
    let storage = folder.join("pull");
    run(
        "buildah",
        &[
            "--storage-driver",
            "vfs",
            "--root",
            &storage.display().to_string(),
            "--runroot",
            &folder.join("run").display().to_string(),
            "pull",
            "--tls-verify=false",
            &format!("{reference}:v1"),
        ],
    );
}

#[test]
fn several_platforms_are_built_into_one_index() {
    if !available("several_platforms_are_built_into_one_index", &PROGRAMS) {
        return;
    }
    let folder = folder("build-platforms");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(&root, "app/Containerfile", "FROM scratch\nARG TARGETARCH\nCOPY file /file\nLABEL arch=$TARGETARCH\n");
    put(&root, "app/file", "content\n");
    let machine = Native::new(&root);
    let with = json!({
        "image": format!("{}/team/app:v1", registry.host), "context": "app", "insecure": true,
        "platforms": ["linux/amd64", "linux/arm64"], "tool": "buildah",
    });
    let outputs = built(&machine, &folder, with.clone()).expect("built");
    let raw = inspect(&["--raw"], &format!("{}/team/app@{}", registry.host, outputs.digest));
    let platforms: Vec<_> =
        raw["manifests"].as_array().expect("an index").iter().map(|it| &it["platform"]["architecture"]).collect();
    assert_eq!(platforms.len(), 2);
    assert!(platforms.contains(&&json!("arm64")), "{platforms:?}");
    // A builder that leaves a platform out, as buildah's cache does, is found out before anything is pushed.
    let less = Wrapped(machine, |program: &mut Program| {
        for argument in &mut program.arguments {
            *argument = argument.replace("linux/amd64,linux/arm64", "linux/arm64");
        }
    });
    less.0.taken("");
    let error = built(&less, &folder, with).expect_err("a platform is missing");
    assert!(error.is("image-platform") && error.message.contains("none for linux/amd64"), "{error:?}");
    assert!(less.0.taken("").is_empty());
}

#[test]
fn a_cache_folder_stays_and_is_used() {
    if !available("a_cache_folder_stays_and_is_used", &PROGRAMS) {
        return;
    }
    let folder = folder("build-cache");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(&root, "app/Dockerfile", "FROM scratch\nCOPY file /file\nLABEL a=b\n");
    put(&root, "app/file", "content\n");
    let machine = Native::new(&root);
    let with = json!({
        "image": format!("{}/team/app:v1", registry.host), "context": "app", "insecure": true, "cache": "cache",
        "platforms": ["linux/arm64"],
    });
    built(&machine, &folder, with.clone()).expect("built");
    assert!(root.join("cache/linux-arm64").exists() && !root.join(".tidegate-image").exists());
    machine.log.take();
    built(&machine, &folder, with).expect("built again");
    assert!(machine.log.take().concat().contains("Using cache"));
}

#[test]
fn podman_is_told_as_buildah_is() {
    if !available("podman_is_told_as_buildah_is", &["docker-registry", "skopeo"]) {
        return;
    }
    if !support::found("podman") {
        eprintln!("podman_is_told_as_buildah_is: not run, because there is no podman here (apt-get install podman)");
        return;
    }
    let folder = folder("build-podman");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(&root, "Dockerfile", "FROM scratch\nARG WORD\nCOPY . /all\nLABEL word=$WORD\n");
    put(&root, "file", "content\n");
    let machine = Native::new(&root);
    let with = json!({
        "image": format!("{}/team/app:v1", registry.host), "insecure": true, "tool": "podman", "pull": true,
        "buildArgs": {"WORD": "it works"},
    });
    let outputs = built(&machine, &folder, with.clone()).expect("built");
    let seen = inspect(&[], &format!("{}/team/app:v1", registry.host));
    assert_eq!((&seen["Digest"], &seen["Labels"]["word"]), (&json!(outputs.digest), &json!("it works")));
    let mut several = with;
    several["platforms"] = json!(["linux/amd64", "linux/arm64"]);
    let outputs = built(&machine, &folder, several).expect("built");
    let raw = inspect(&["--raw"], &format!("{}/team/app@{}", registry.host, outputs.digest));
    assert_eq!(raw["manifests"].as_array().map(Vec::len), Some(2));
}

/// docker speaks to a daemon, which is rarely where tests run. What it saves is a tar archive of an OCI layout, and so is
/// what buildah calls `oci-archive`: buildah stands in for it here, from the arguments on to the archive.
#[test]
fn what_docker_saves_is_unpacked_and_pushed() {
    if !available("what_docker_saves_is_unpacked_and_pushed", &PROGRAMS) {
        return;
    }
    let folder = folder("build-docker");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(&root, "Dockerfile", "FROM scratch\nCOPY Dockerfile /file\n");
    let storage = folder.join("storage").display().to_string();
    let run_root = folder.join("run").display().to_string();
    let docker = Wrapped(Native::new(&root), move |program: &mut Program| {
        assert_eq!(program.name, "docker");
        program.name = "buildah";
        let mut words = std::mem::take(&mut program.arguments);
        match words[0].as_str() {
            "build" => words[1] = "--isolation=chroot".into(),
            "save" => words = vec!["push".into(), words[3].clone(), format!("oci-archive:{}", words[2])],
            "image" => words = vec!["rmi".into(), words[3].clone()],
            other => panic!("{other}"),
        }
        program.arguments =
            ["--storage-driver", "vfs", "--root", &storage, "--runroot", &run_root].map(str::to_owned).into();
        program.arguments.extend(words);
    });
    let with = json!({"image": format!("{}/team/app:v1", registry.host), "insecure": true, "tool": "docker"});
    let outputs = built(&docker, &folder, with).expect("built");
    let seen = inspect(&[], &format!("{}/team/app:v1", registry.host));
    assert_eq!(seen["Digest"], outputs.digest.as_str());
    assert!(!root.join(".tidegate-image").exists());
}

/// Where a machine's workspace is.
trait Rooted {
    fn root(&self) -> &Path;
}

impl Rooted for Native {
    fn root(&self) -> &Path {
        &self.root
    }
}

impl<F> Rooted for Wrapped<F> {
    fn root(&self) -> &Path {
        &self.0.root
    }
}

/// A machine whose programs are told something else.
struct Wrapped<F>(Native, F);

impl<F: Fn(&mut Program)> Programs for Wrapped<F> {
    fn run(&self, program: &Program) -> Result<(), Error> {
        let mut program = program.clone();
        (self.1)(&mut program);
        self.0.run(&program)
    }
}

impl<F> Transport for Wrapped<F> {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        self.0.send(request)
    }

    fn login(&self, host: &str) -> Result<Option<String>, Error> {
        self.0.login(host)
    }
}

impl<F> Files for Wrapped<F> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(path)
    }

    fn is_folder(&self, path: &str) -> Result<bool, Error> {
        self.0.is_folder(path)
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        self.0.summarise(path)
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        self.0.write(path, content)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.0.remove(path)
    }

    fn pack(&self, packing: &Packing, to: &str) -> Result<Packed, Error> {
        self.0.pack(packing, to)
    }

    fn unpack(&self, source: &str, to: &str) -> Result<(), Error> {
        self.0.unpack(source, to)
    }
}

impl<F> Machine for Wrapped<F> {
    fn say(&self, line: &str) {
        self.0.say(line);
    }
}

#[test]
fn what_cannot_be_built_is_said() {
    if !available("what_cannot_be_built_is_said", &PROGRAMS) {
        return;
    }
    let folder = folder("build-absent");
    let registry = Registry::start(&folder, "registry", "");
    let root = folder.join("w");
    put(&root, "app/Dockerfile", "FROM scratch\nCOPY missing /\n");
    put(&root, "file", "");
    let machine = Native::new(&root);
    let failed = |with: Value| {
        let mut with = with;
        with["image"] = format!("{}/team/app:v1", registry.host).into();
        with["insecure"] = true.into();
        let error = built(&machine, &folder, with).expect_err("an error");
        assert!(!root.join(".tidegate-image").exists());
        assert!(machine.taken("PUT").is_empty(), "nothing is pushed");
        error
    };
    let error = failed(json!({"context": "none"}));
    assert!(error.is("not-found") && error.message.contains("no folder `none`"), "{error:?}");
    let error = failed(json!({}));
    assert!(error.is("not-found") && error.message.contains("`Dockerfile`") && error.hint.is_some(), "{error:?}");
    let error = failed(json!({"dockerfile": "app"}));
    assert!(error.is("not-found") && error.message.contains("no file `app`"), "{error:?}");
    let error = failed(json!({"context": "app"}));
    assert!(error.is("exit-status") && error.message.contains("missing"), "{error:?}");
    let error = failed(json!({"context": "app", "tool": "podman"}));
    assert!(error.is("not-found") || error.is("exit-status"), "{error:?}");
}
