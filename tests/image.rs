//! Images through the whole host, by the real builder into a real registry: what is pushed is there under the digest that
//! the step names, and nobody but the registry hears of its password.

use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use tidegate_tests::registry::Registry;
use tidegate_tests::stall::{Stall, Until};
use tidegate_tests::{Ran, World, holding};

const DOCKERFILE: &str = "FROM scratch AS files\nCOPY hello.txt /hello.txt\nFROM scratch\nARG GREETING=none\nLABEL team=shop greeting=$GREETING\nCOPY --from=files /hello.txt /srv/hello.txt\nCMD [\"/srv/run\"]\n";

fn pipeline(steps: &str) -> String {
    format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: image }}\nspec:\n  steps:\n{steps}")
}

/// An application whose pipeline has these steps, in which `HOST` is the registry.
fn world(host: &str, world: World, steps: &str) -> World {
    world.repository(
        "app",
        &[
            (".tidegate/image.yaml", &pipeline(&steps.replace("HOST", host))),
            ("Dockerfile", DOCKERFILE),
            ("hello.txt", "hello\n"),
            ("bin/run", "#!/bin/sh\nexec cat /srv/hello.txt\n"),
            ("more/deep/file", "x"),
        ],
    );
    let configuration = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories: {{ app: {{ url: ./app.git }} }}\n  credentials:\n    registry: {{ secret: \"env:REGISTRY_PASSWORD\", username: tidegate, registries: [\"{host}\"] }}\n  plugins:\n    grants:\n      image: {{ http: {{ hosts: [\"http://{host}\"] }} }}\n"
    );
    world.write("tidegate.yaml", configuration);
    world.open_to_children();
    world
}

fn empty() -> World {
    World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"))
}

fn run(world: &World) -> Ran {
    let mut command = world.command(&["run", "--repository", "app", "--output", "json"]);
    Ran::of(command.env("REGISTRY_PASSWORD", "secret"))
}

fn outputs(ran: &Ran, step: &str) -> Value {
    ran.json()["steps"][step]["outputs"].clone()
}

/// What another client of registries says of an image.
fn inspect(arguments: &[&str], reference: &str) -> Value {
    let mut command = Command::new("skopeo");
    command.args(["inspect", "--tls-verify=false"]).args(arguments).arg(format!("docker://{reference}"));
    Ran::of(&mut command).expect(0).json()
}

const BUILD: &str = "    build:
      uses: image/build
      with: { context: ., image: HOST/shop/app, tag: v1, buildArgs: { GREETING: hi }, insecure: true }
";

#[test]
fn a_dockerfile_becomes_an_image_under_its_digest() {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let world = world(&registry.host, folder, BUILD);
    let ran = run(&world).expect(0);
    let built = outputs(&ran, "build");
    let image = inspect(&[], &format!("{}/shop/app:v1", registry.host));
    assert_eq!(image["Digest"], built["digest"]);
    assert_eq!(built["reference"], format!("{}/shop/app@{}", registry.host, built["digest"].as_str().unwrap_or("")));
    let commit = world.git("app", &["rev-parse", "HEAD"]);
    let labels = &image["Labels"];
    assert_eq!((labels["team"].as_str(), labels["greeting"].as_str()), (Some("shop"), Some("hi")));
    assert_eq!(labels["org.opencontainers.image.revision"], commit.trim());
    assert_eq!(labels["dev.tidegate.run"], ran.json()["run"]);
}

const ASSEMBLE: &str = "    assemble:
      uses: image/assemble
      with:
        image: HOST/shop/app
        tag: v2
        base: scratch
        layers:
          - { from: more, to: srv/more }
          - { from: bin/run, to: srv/run, user: 10, group: 20 }
        config: { entrypoint: [/srv/run], env: { MODE: prod }, exposedPorts: [\"8080/tcp\"] }
        labels: { team: shop }
        platforms: [linux/amd64, linux/arm64]
        insecure: true
";

#[test]
fn two_machines_assemble_one_image() {
    let (folder, place) = (empty(), empty());
    let (registry, other) = (Registry::start(folder.path()), Registry::start(place.path()));
    let one = world(&registry.host, folder, ASSEMBLE);
    // Where it goes is not part of what it is.
    let elsewhere = pipeline(&ASSEMBLE.replace("HOST", &other.host)).replace("name: image", "name: elsewhere");
    one.write("app/.tidegate/elsewhere.yaml", elsewhere);
    one.push("app", "elsewhere");
    let by = |world: &World, name: &str| {
        let mut command = world.command(&["run", name, "--repository", "app", "--output", "json"]);
        let ran = Ran::of(command.env("REGISTRY_PASSWORD", "secret")).expect(0);
        (ran.json()["steps"]["assemble"]["status"].clone(), outputs(&ran, "assemble")["digest"].clone())
    };
    let (status, digest) = by(&one, "image");
    assert_eq!(status, "succeeded");
    let image = inspect(&["--override-arch", "arm64"], &format!("{}/shop/app:v2", registry.host));
    assert_eq!((image["Architecture"].as_str(), image["Labels"]["team"].as_str()), (Some("arm64"), Some("shop")));
    assert_eq!(image["Env"][0], "MODE=prod");
    assert_eq!(by(&one, "image"), ("unchanged".into(), digest.clone()), "byte for byte");
    // The other one has the same commit, and nothing else of the first: neither its state, nor what its registry has.
    let two = world(&registry.host, place, ASSEMBLE);
    for name in ["app", "app.git"] {
        fs::remove_dir_all(two.path().join(name)).expect("its own is gone");
        let copied = Command::new("cp").arg("-a").arg(one.path().join(name)).arg(two.path()).status().expect("cp");
        assert!(copied.success());
    }
    let text = fs::read_to_string(two.path().join("tidegate.yaml")).expect("a configuration");
    two.write("tidegate.yaml", text.replace(&registry.host, &other.host));
    assert_eq!(by(&two, "elsewhere"), ("succeeded".into(), digest));
}

const COPY: &str = "    assemble:
      uses: image/assemble
      with: { image: HOST/shop/app, tag: v3, base: scratch, layers: [{ from: bin, to: srv }], insecure: true }
    release:
      uses: image/copy
      with: { from: \"${{ steps.assemble.outputs.reference }}\", to: HOST/release/app:stable, insecure: true }
    again:
      uses: image/copy
      needs: [release]
      with: { from: \"${{ steps.assemble.outputs.reference }}\", to: HOST/release/app:stable, insecure: true }
";

#[test]
fn a_registry_with_a_password_is_logged_in_to_and_nobody_else_hears_it() {
    let folder = empty();
    let registry = Registry::with_password(folder.path());
    let world = world(&registry.host, folder, COPY);
    let ran = run(&world).expect(0);
    let copied = outputs(&ran, "release");
    let image = inspect(&["--creds", "tidegate:secret"], &format!("{}/release/app:stable", registry.host));
    assert_eq!(image["Digest"], copied["digest"]);
    assert_eq!(ran.json()["steps"]["again"]["status"], "unchanged", "{}", ran.out);
    // `secret` is a word; the header is not.
    let header = "dGlkZWdhdGU6c2VjcmV0";
    assert!(!ran.out.contains(header) && !ran.err.contains(header));
    assert_eq!(holding(&world.path().join("state"), header), [""; 0]);
    // A wrong password is explained, and not shown.
    let mut command = world.command(&["run", "--repository", "app", "--output", "json"]);
    let ran = Ran::of(command.env("REGISTRY_PASSWORD", "wr0ng-password")).expect(1);
    let error = &ran.json()["steps"]["assemble"]["error"];
    assert_eq!(error["code"], "image-unauthorized", "{error:#}");
    assert!(!ran.out.contains("wr0ng-password") && !ran.err.contains("wr0ng-password"), "{}", ran.err);
}

#[test]
fn a_registry_that_was_not_granted_is_denied_by_name() {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let world = world(&registry.host, folder, ASSEMBLE);
    let text = fs::read_to_string(world.path().join("tidegate.yaml")).expect("a configuration");
    world.write("tidegate.yaml", text.replace("http://", ""));
    let ran = run(&world).expect(4);
    let needed = format!("http: {{ hosts: [\"http://{}\"] }}", registry.host);
    assert!(ran.err.contains(&needed), "{needed}\n{}", ran.err);
}

#[test]
fn each_builder_pulls_its_base_through_the_proxy_and_nothing_else() {
    for tool in ["buildah", "podman"] {
        let folder = empty();
        let registry = Registry::start(folder.path());
        let base = registry.image(folder.path(), &[(std::path::Path::new("/bin/busybox"), "/bin/sh")]);
        let step = BUILD.replace("insecure: true", &format!("tool: {tool}, insecure: true"));
        let world = world(&registry.host, folder, &step);
        let elsewhere = format!("! wget -q -T 2 -O - http://{}/v2/", registry.host.replace("127.0.0.1", "127.0.0.2"));
        world.write("app/Dockerfile", format!("FROM {base}\nRUN echo built > /built; {elsewhere}\nLABEL team=shop\n"));
        world.push("app", "on a base");
        // Nothing of the network is there unless it was granted.
        let ran = run(&world).expect(1);
        assert_eq!(ran.json()["steps"]["build"]["status"], "failed", "{}", ran.out);
        let text = fs::read_to_string(world.path().join("tidegate.yaml")).expect("a configuration");
        let process = format!(
            "image: {{ process: {{ programs: [{tool}], profile: builder, network: {{ proxy: [\"{}\"] }} }}, http:",
            registry.host
        );
        world.write("tidegate.yaml", text.replace("image: { http:", &process));
        let built = outputs(&run(&world).expect(0), "build");
        let reference = format!("{}/shop/app:v1", registry.host);
        let (image, below) = (inspect(&[], &reference), inspect(&[], &base));
        assert_eq!(image["Digest"], built["digest"], "{tool}");
        assert_eq!(image["Layers"][0], below["Layers"][0], "{tool}: it stands on the base");
        assert_eq!(image["Layers"].as_array().map(Vec::len), Some(2), "{tool}");
    }
}

#[test]
fn a_dockerfile_sees_neither_the_host_nor_its_network() {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let world = world(&registry.host, folder, BUILD);
    // A shell to look around with, from this machine.
    fs::copy("/bin/busybox", world.path().join("app/busybox")).expect("busybox: `cargo xtask setup` installs it");
    let state = world.path().join("state").display().to_string();
    let dockerfile = format!(
        "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nRUN test ! -e {state} && test ! -e /etc/shadow && test ! -S /run/docker.sock && test ! -S /var/run/docker.sock\nRUN if /bin/busybox wget -q -T 2 -O - http://{}/v2/; then exit 1; fi; true\n",
        registry.host
    );
    world.write("app/Dockerfile", dockerfile);
    world.push("app", "look around");
    run(&world).expect(0);
    let failing = "FROM scratch\nCOPY busybox /bin/sh\nRUN echo looking; exit 7\n";
    world.write("app/Dockerfile", failing);
    world.push("app", "fail");
    let ran = run(&world).expect(1);
    assert_eq!(ran.json()["steps"]["build"]["status"], "failed");
    let logs = world.tidegate(&["runs", "logs", ran.json()["run"].as_str().expect("an id")]).expect(0).out;
    assert!(logs.contains("looking"), "{logs}");
}

/// Asks a registry directly whether it has a tag.
fn has_tag(registry: &Registry, name: &str, tag: &str) -> bool {
    let mut command = Command::new("skopeo");
    command.args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{}/{name}:{tag}", registry.host)]);
    Ran::of(&mut command).code == 0
}

#[test]
fn a_build_whose_host_is_killed_ends_with_one_whole_image() {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let world = world(&registry.host, folder, BUILD);
    fs::copy("/bin/busybox", world.path().join("app/busybox")).expect("busybox: `cargo xtask setup` installs it");
    // Waits until it is let on: the pipe is in the context, and so in the image.
    let dockerfile = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/sleep\nRUN echo begun; i=0; while [ $i -lt 20 ]; do /bin/sleep 0.1; i=$((i+1)); done\n";
    world.write("app/Dockerfile", dockerfile);
    world.push("app", "slow");
    let mut command = world.command(&["run", "--repository", "app"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    // Ends once the builder is in the middle of its work.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("its words")));
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("begun"))), "the build began");
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    assert!(!has_tag(&registry, "shop/app", "v1"), "nothing is pushed that is not whole");
    let run = world.newest();
    let ran = world.tidegate(&["runs", "resume", &run, "--output", "json"]).expect(0);
    let built = outputs(&ran, "build");
    assert_eq!(inspect(&[], &format!("{}/shop/app:v1", registry.host))["Digest"], built["digest"]);
}

#[test]
fn a_push_that_is_cut_off_moves_no_tag_and_is_finished_by_the_next() {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let world = world(&registry.host, folder, ASSEMBLE);
    // Two layers, a configuration and a manifest for each platform, then the index: the registry goes away in between.
    let big: Vec<u8> = (0..8_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    world.write("app/more/big", big);
    world.push("app", "big");
    let mut command = world.command(&["run", "--repository", "app"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("its words")));
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("packed"))), "layers are being made");
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    let run = world.newest();
    let ran = world.tidegate(&["runs", "resume", &run, "--output", "json"]).expect(0);
    let assembled = outputs(&ran, "assemble");
    assert_eq!(inspect(&[], &format!("{}/shop/app:v2", registry.host))["Digest"], assembled["digest"]);
}

/// Kills the host where the way to the registry stopped, resumes, and says what the registry has of the tag in between.
fn killed_at(until: Until, steps: &str, step: &str, tag: &str) -> bool {
    let folder = empty();
    let registry = Registry::start(folder.path());
    let stall = Stall::start(&registry.host, until);
    let world = world(&stall.host, folder, steps);
    // Does not compress, so that the upload is as long.
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33).to_le_bytes()[0]
    };
    let big: Vec<u8> = (0..4 << 20).map(|_| noise()).collect();
    world.write("app/more/big", &big);
    world.write("app/hello.txt", &big);
    world.push("app", "big");
    let mut command = world.command(&["run", "--repository", "app"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary");
    stall.stopped();
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    let is_there = has_tag(&registry, "shop/app", tag);
    stall.open();
    let run = world.newest();
    let shown = world.tidegate(&["runs", "show", &run, "--output", "json"]).expect(0).json();
    assert_ne!(shown["steps"][step]["status"], "succeeded", "nobody heard that it was pushed: {shown:#}");
    let ran = world.tidegate(&["runs", "resume", &run, "--output", "json"]).expect(0);
    let pushed = outputs(&ran, step);
    assert!(pushed["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{pushed:#}");
    assert_eq!(inspect(&[], &format!("{}/shop/app:{tag}", registry.host))["Digest"], pushed["digest"]);
    is_there
}

#[test]
fn a_host_that_is_killed_in_an_upload_has_moved_no_tag_and_ends_it_later() {
    for (steps, step, tag) in [(BUILD, "build", "v1"), (ASSEMBLE, "assemble", "v2")] {
        assert!(!killed_at(Until::Sent(1 << 20), steps, step, tag), "{step}: half an image has no tag");
    }
}

#[test]
fn a_host_that_is_killed_before_it_hears_of_its_tag_ends_with_the_same_one() {
    for (steps, step, tag, asked) in [
        (BUILD, "build", "v1", "PUT /v2/shop/app/manifests/v1"),
        (ASSEMBLE, "assemble", "v2", "PUT /v2/shop/app/manifests/v2"),
    ] {
        killed_at(Until::Asked(asked), steps, step, tag);
    }
}
