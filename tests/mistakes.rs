//! Bad input and broken surroundings: each ends in a clear error with the documented exit code, and loses nothing.

use std::process::Command;
use std::time::{Duration, Instant};
use tidegate_tests::{Ran, World};

fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"))
}

fn pipeline(steps: &str) -> String {
    format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{steps}")
}

/// Validates one file.
fn validate(text: impl AsRef<[u8]>) -> Ran {
    let world = world();
    world.write("p.yaml", text);
    world.tidegate(&["validate", "p.yaml"])
}

#[test]
fn ten_mistakes_are_ten_diagnostics_with_carets() {
    let text = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: Shop }
spec:
  trigger: {}
  steps:
    test: { uses: exce }
    build:
      uses: exec
      timeout: 10
      with: { script: \"echo ${{ event.branch }}\" }
    dev:
      uses: kustomize/set-image
      need: [test]
      with: { repository: config, pat: x, image: shop, tag: v1 }
    prod: { uses: exec, needs: [devv], with: { script: x } }
    last: { uses: exec, when: \"1 +\", with: { script: x } }
    more: { uses: exec, continueOnError: maybe, with: { script: x } }
";
    let ran = validate(text).expect(2);
    let errors = ran.err.matches("error[TG-").count();
    assert!(errors >= 10, "{errors} of\n{}", ran.err);
    assert!(ran.err.contains("did you mean `triggers`?") && ran.err.contains("did you mean `exec`?"), "{}", ran.err);
    assert!(ran.err.contains("--> p.yaml:7:19") && ran.err.contains("^^^^"), "{}", ran.err);
}

#[test]
fn a_circle_is_drawn() {
    let steps = "    a: { uses: exec, needs: [c], with: { script: x } }\n    b: { uses: exec, needs: [a], with: { script: x } }\n    c: { uses: exec, needs: [b], with: { script: x } }\n";
    let ran = validate(pipeline(steps)).expect(2);
    assert!(ran.err.contains("circle"), "{}", ran.err);
    for arrow in ["a", "b", "c", "→"] {
        assert!(ran.err.contains(arrow), "{arrow}: {}", ran.err);
    }
}

/// Runs something that must come to its end soon, whatever the input: a tenth of the time that it may take at most.
fn soon(what: &str, run: impl FnOnce() -> Ran) -> Ran {
    let began = Instant::now();
    let ran = run();
    assert!(began.elapsed() < Duration::from_secs(60), "{what} took {:?}", began.elapsed());
    ran
}

#[test]
fn documents_that_are_attacks() {
    let big = format!("{}{}", pipeline("    a: { uses: exec, with: { script: x } }\n"), "# filler\n".repeat(6_000_000));
    let ran = soon("50 MB", || validate(big)).expect(2);
    assert!(ran.err.contains("bytes"), "{}", ran.err);
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let previous = format!("*a{}, ", i - 1).repeat(9);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", previous.trim_end_matches(", ")));
    }
    let ran = soon("an alias bomb", || validate(&bomb)).expect(2);
    assert!(ran.err.contains("error[TG-"), "{}", ran.err);
    let many: String = (0..10_000).map(|i| format!("    s{i}: {{ uses: exec, with: {{ script: x }} }}\n")).collect();
    let ran = soon("10,000 steps", || validate(pipeline(&many))).expect(2);
    assert!(ran.err.contains("10000") || ran.err.contains("10,000"), "{}", ran.err);
    let deep = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    soon("deep nesting", || validate(&deep)).expect(2);
    let chain = format!("    a: {{ uses: exec, when: \"{}true\", with: {{ script: x }} }}\n", "!".repeat(50_000));
    soon("a deep expression", || validate(pipeline(&chain))).expect(2);
}

#[test]
fn bytes_that_are_no_text() {
    let ran = validate(b"kind: Pipeline\nmetadata: { name: \xff }\n").expect(2);
    assert!(ran.err.contains("line 2 (byte 33) is not UTF-8"), "{}", ran.err);
    validate("").expect(2);
    validate("kind: [\n").expect(2);
    validate("kind: Pipeline\nkind: Pipeline\n").expect(2);
    let tabs = validate("kind: Pipeline\nspec:\n\tsteps: {}\n").expect(2);
    assert!(tabs.err.contains("tab"), "{}", tabs.err);
}

#[test]
fn questions_about_what_is_not_there() {
    let world = world();
    world.write("tidegate.yaml", "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec: { state: ./state }\n");
    for arguments in [
        &["runs", "show", "nosuchrun"][..],
        &["runs", "logs", "nosuchrun"],
        &["runs", "resume", "nosuchrun"],
        &["why", "0123456789"],
        &["plugin", "inspect", "nosuch"],
        &["run", "--repository", "nosuch"],
        &["schema", "nosuch"],
        &["validate", "nosuch.yaml"],
        &["approve", "nosuchrun", "step", "--digest", "12"],
        &["frobnicate"],
    ] {
        let ran = world.tidegate(arguments).expect(2);
        assert!(ran.err.contains("error") && ran.out.is_empty(), "{arguments:?}: {} {}", ran.out, ran.err);
    }
}

const CONFIG: &str = "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: { url: ./app.git }\n    config: { url: ./config.git }\n";

const OVERLAY: &str = "images:\n  - name: shop\n    newTag: v1\n";

/// Repositories, and a pipeline of a script and a promotion.
fn promoting(script: &str) -> World {
    let world = world();
    let steps = format!(
        "    first: {{ uses: exec, with: {{ script: {script:?} }} }}\n    second:\n      uses: kustomize/set-image\n      needs: [first]\n      with: {{ repository: config, path: apps, image: shop, tag: v2 }}\n"
    );
    world.repository("app", &[(".tidegate/p.yaml", &pipeline(&steps))]);
    world.repository("config", &[("apps/kustomization.yaml", OVERLAY)]);
    world.write("tidegate.yaml", CONFIG);
    world
}

#[test]
fn a_repository_that_vanishes_in_mid_run() {
    let world = promoting("mv GONE/config.git GONE/elsewhere.git");
    let here = world.path().display().to_string();
    let text = std::fs::read_to_string(world.path().join("app/.tidegate/p.yaml")).expect("the pipeline");
    world.write("app/.tidegate/p.yaml", text.replace("GONE", &here));
    world.push("app", "away with it");
    let grants = format!(
        "  plugins:\n    grants:\n      exec: {{ process: {{ programs: [\"*\"], environment: [\"*\"], paths: {{ write: [\"{here}\"] }} }} }}\n"
    );
    world.write("tidegate.yaml", format!("{CONFIG}{grants}"));
    world.open_to_children();
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(1);
    let shown = ran.json();
    assert_eq!(shown["steps"]["first"]["status"], "succeeded", "{shown:#}");
    let error = &shown["steps"]["second"]["error"];
    assert!(error["message"].as_str().is_some_and(|text| text.contains("config")), "{error}");
    // Back again, the promotion goes through in a new run.
    std::fs::rename(world.path().join("elsewhere.git"), world.path().join("config.git")).expect("moved back");
    world.write("app/.tidegate/p.yaml", text.replace("mv GONE/config.git GONE/elsewhere.git", "true"));
    world.push("app", "back");
    world.tidegate(&["run", "--repository", "app"]).expect(0);
}

/// Runs the binary with a file system of this size over the world's folder `small`; the options are tmpfs's.
fn on_a_small_disk(world: &World, options: &str, arguments: &[&str], prepare: &str) -> Ran {
    std::fs::create_dir_all(world.path().join("small")).expect("a folder");
    let binary = env!("CARGO_BIN_EXE_tidegate");
    let quoted: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let script = format!("mount -t tmpfs -o {options} none small && {prepare} && exec '{binary}' {}", quoted.join(" "));
    let mut command = world.command(&[]);
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-c", &script]).current_dir(world.path()).env_clear();
    for (name, value) in command.envs(std::iter::empty::<(&str, &str)>()).get_envs() {
        if let Some(value) = value {
            inside.env(name, value);
        }
    }
    Ran::of(&mut inside)
}

#[test]
fn a_full_disk() {
    let world = promoting("true");
    let arguments = ["run", "--repository", "app", "--state", "small/state"];
    // Too small for a journal, too small for a mirror, too small for a step's files: each says so.
    for size in ["64k", "256k", "600k"] {
        let ran = on_a_small_disk(&world, &format!("size={size}"), &arguments, "true");
        assert!([1, 5].contains(&ran.code), "{size}: {} {}", ran.code, ran.err);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("full") || told.contains("No space left"), "{size}: {told}");
    }
    assert_eq!(world.git("config.git", &["rev-list", "--count", "main"]).trim(), "1");
}

#[test]
fn a_state_folder_that_cannot_be_written() {
    let world = promoting("true");
    let prepare = "mount -o remount,ro none small";
    let ran = on_a_small_disk(&world, "size=8m", &["run", "--repository", "app", "--state", "small/state"], prepare)
        .expect(5);
    assert!(ran.err.contains("small/state") && ran.err.contains("hint:"), "{}", ran.err);
}

#[test]
fn two_processes_on_one_state_folder() {
    let world = promoting("touch PLACE/begun && while ! test -e PLACE/enough; do sleep 0.05; done");
    let here = world.path().join("signs");
    std::fs::create_dir(&here).expect("a folder");
    let place = here.display().to_string();
    let text = std::fs::read_to_string(world.path().join("app/.tidegate/p.yaml")).expect("the pipeline");
    world.write("app/.tidegate/p.yaml", text.replace("PLACE", &place));
    world.push("app", "signs");
    let grants = format!(
        "  plugins:\n    grants:\n      exec: {{ process: {{ programs: [\"*\"], environment: [\"*\"], paths: {{ write: [\"{place}\"] }} }} }}\n"
    );
    world.write("tidegate.yaml", format!("{CONFIG}{grants}"));
    world.open_to_children();
    let mut first = world.command(&["run", "--repository", "app"]).spawn().expect("the binary starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !here.join("begun").exists() {
        assert!(
            Instant::now() < deadline && first.try_wait().expect("a child").is_none(),
            "the first run did not begin"
        );
        std::thread::yield_now();
    }
    let second = world.tidegate(&["run", "--repository", "app"]).expect(5);
    assert!(second.err.contains(&format!("process {}", first.id())), "{}", second.err);
    // Looking is free for everybody.
    let listed = world.tidegate(&["runs", "list", "--output", "json"]).expect(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["status"], "running");
    // It can be asked to stop from here.
    world.tidegate(&["runs", "cancel", &world.newest()]).expect(0);
    first.wait().expect("it ends");
    let shown = world.tidegate(&["runs", "show", &world.newest(), "--output", "json"]).expect(0).json();
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(world.git("config.git", &["rev-list", "--count", "main"]).trim(), "1");
}

#[test]
fn other_peoples_kustomizations_change_one_line() {
    let cases = [
        ("comments", "# top\nimages: # all\n  - name: shop # ours\n    newTag: v1 # now\n# end\n"),
        ("quotes", "images:\n- {\"name\": 'shop', 'newTag': \"v1\"}\n- name: other\n  newTag: v1\n"),
        ("crlf", "images:\r\n- name: shop\r\n  newTag: v1\r\nresources: []\r\n"),
        ("bom", "\u{feff}images:\n- name: shop\n  newTag: v1\n"),
        ("no final newline", "images:\n- name: other\n  newTag: v9\n- newTag: v1\n  name: shop"),
        ("anchors", "x-all: &all {a: b}\ncommonAnnotations: *all\nimages:\n- name: shop\n  newTag: v1\n"),
        ("json", "{\"images\": [{\"name\": \"shop\", \"newTag\": \"v1\"}]}\n"),
    ];
    let world = promoting("true");
    for (name, before) in cases {
        // `x-all` is no field of kustomize's, but of the editor's business it is none either.
        world.git("config", &["pull", "-q", "origin", "main"]);
        world.write("config/apps/kustomization.yaml", before);
        world.push("config", name);
        world.tidegate(&["run", "--repository", "app"]).expect(0);
        let after = world.git("config.git", &["show", "main:apps/kustomization.yaml"]);
        let changed: Vec<(&str, &str)> =
            before.split('\n').zip(after.split('\n')).filter(|(old, new)| old != new).collect();
        assert_eq!(changed.len(), 1, "{name}: {before:?} became {after:?}");
        assert_eq!(before.len(), after.len(), "{name}");
        assert!(changed[0].0.replace("v1", "v2") == changed[0].1, "{name}: {changed:?}");
    }
}
