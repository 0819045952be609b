//! A commit goes from a push to a promoted manifest: every command as a person types it, on real repositories, with
//! what each prints, exits with and leaves in Git.

use serde_json::Value;
use tidegate_tests::{Ran, World};

const OVERLAY: &str =
    "resources: [../../base]\nimages:\n  - name: registry.example.com/shop # the shop\n    newTag: 'v1' # what runs\n";

const PIPELINE: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: ship }
spec:
  steps:
    test:
      uses: exec
      with:
        script: |
          sh test.sh
          echo \"tag=$(cat VERSION)\" >> \"$TIDEGATE_OUTPUT\"
    dev:
      uses: kustomize/set-image
      with: { repository: config, path: apps/shop/dev, image: registry.example.com/shop, tag: \"${{ steps.test.outputs.tag }}\" }
    prod:
      uses: kustomize/set-image
      needs: [dev]
      with: { repository: config, path: apps/shop/prod, image: registry.example.com/shop, tag: \"${{ steps.test.outputs.tag }}\" }
";

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    app: { url: ./app.git }
    config: { url: ./config.git }
  environments:
    prod:
      owns: { paths: [\"config:apps/*/prod/**\"] }
      pipelinesFrom: [app]
      requires:
        - approval: { group: platform, count: 2 }
  groups: { platform: [alice, bob, carol, dana] }
";

fn world() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    world
        .repository("app", &[(".tidegate/ship.yaml", PIPELINE), ("VERSION", "v2\n"), ("test.sh", "test -s VERSION\n")]);
    let overlays = [("apps/shop/dev/kustomization.yaml", OVERLAY), ("apps/shop/prod/kustomization.yaml", OVERLAY)];
    world.repository("config", &overlays);
    world.write("tidegate.yaml", HOST);
    world
}

/// A file of the config repository as its default branch has it.
fn config(world: &World, path: &str) -> String {
    world.git("config.git", &["show", &format!("main:{path}")])
}

fn approve(world: &World, run: &str, digest: &str, who: &str) -> Ran {
    world.tidegate(&["approve", run, "prod", "--digest", digest, "--as", who])
}

#[test]
fn from_a_push_to_production() {
    let world = world();
    let ran = world.tidegate(&["run", "--repository", "app", "--as", "erin", "--output", "json"]).expect(3);
    let shown = ran.json();
    assert_eq!(shown["pipeline"], "ship");
    assert_eq!(shown["status"], "waiting");
    assert_eq!(shown["steps"]["test"]["status"], "succeeded");
    assert_eq!(shown["steps"]["test"]["attempts"], 1);
    assert_eq!(shown["steps"]["test"]["outputs"]["tag"], "v2");
    assert_eq!(shown["steps"]["dev"]["outputs"]["changed"], true);
    let waiting = &shown["steps"]["prod"]["waiting"];
    assert_eq!(waiting["needs"], "2 approvals of group platform");
    assert_eq!(waiting["have"], serde_json::json!([]));
    let (run, digest) = (shown["run"].as_str().expect("an id"), waiting["digest"].as_str().expect("a digest"));

    // One line of dev changed, by a commit that names its run; nothing of prod.
    assert_eq!(config(&world, "apps/shop/dev/kustomization.yaml"), OVERLAY.replace("'v1'", "'v2'"));
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY);
    let message = world.git("config.git", &["log", "-1", "--format=%B", "main"]);
    assert!(message.contains(&format!("Tidegate-Run: {run}\nTidegate-Step: dev\n")), "{message}");

    // An outsider, and a vote for something else.
    let outsider = approve(&world, run, digest, "mallory").expect(4);
    assert!(outsider.err.contains("mallory") && outsider.err.contains("platform"), "{}", outsider.err);
    let other = format!("sha256:{}", "0".repeat(64));
    let elsewhere = approve(&world, run, &other, "alice").expect(4);
    assert!(elsewhere.err.contains("000000000000"), "{}", elsewhere.err);
    // Dana is of the group, and wrote the commit.
    let author = approve(&world, run, digest, "dana").expect(4);
    assert!(author.err.contains("dana"), "{}", author.err);
    // One person twice is one person.
    approve(&world, run, digest, "alice").expect(0);
    approve(&world, run, digest, "alice");
    world.tidegate(&["runs", "resume", run]).expect(3);
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY);

    let counted = world
        .tidegate(&[
            "approve",
            run,
            "prod",
            "--digest",
            digest,
            "--as",
            "bob",
            "--comment",
            "ship it",
            "--output",
            "json",
        ])
        .expect(0)
        .json();
    assert_eq!(counted["standing"], "approved");
    world.tidegate(&["runs", "resume", run]).expect(0);
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY.replace("'v1'", "'v2'"));

    // `why` tells votes and effects; a finished run stays finished.
    let why = world.tidegate(&["why", run]).expect(0).out;
    for told in ["approve by alice", "approve by bob", "ship it", "push-commit config main", "vote of mallory refused"]
    {
        assert!(why.contains(told), "{told}: {why}");
    }
    assert!(!why.contains("approve by mallory"), "{why}");
    let again = world.tidegate(&["runs", "resume", run]).expect(0);
    assert!(again.out.contains("succeeded"), "{}", again.out);
    assert_eq!(world.git("config.git", &["rev-list", "--count", "main"]).trim(), "3");

    // The same once more changes nothing, and needs nobody.
    let rerun = world.tidegate(&["runs", "rerun", run, "--output", "json"]).expect(0).json();
    assert_eq!(rerun["steps"]["dev"]["status"], "unchanged");
    assert_eq!(rerun["steps"]["prod"]["status"], "unchanged");
    assert_eq!(world.git("config.git", &["rev-list", "--count", "main"]).trim(), "3");
}

#[test]
fn a_tampered_promotion_is_another_one() {
    let world = world();
    world.tidegate(&["run", "--repository", "app", "--as", "erin"]).expect(3);
    let run = world.newest();
    let digest = world.digest(&run, "prod");
    approve(&world, &run, &digest, "alice").expect(0);
    approve(&world, &run, &digest, "bob").expect(0);
    let evil = OVERLAY.replace("    newTag", "    newName: evil.example.com/shop\n    newTag");
    world.git("config", &["pull", "-q", "origin", "main"]);
    world.write("config/apps/shop/prod/kustomization.yaml", &evil);
    world.push("config", "tidy up");
    world.tidegate(&["runs", "resume", &run]).expect(3);
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), evil);
    let new = world.digest(&run, "prod");
    assert_ne!(new, digest);
    approve(&world, &run, &digest, "carol").expect(4);
    world
        .tidegate(&["reject", &run, "prod", "--digest", &new, "--as", "carol", "--comment", "which registry?"])
        .expect(0);
    let ended = world.tidegate(&["runs", "resume", &run, "--output", "json"]).expect(1).json();
    assert_eq!(ended["steps"]["prod"]["status"], "rejected");
    assert_eq!(ended["status"], "rejected");
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), evil);
}

#[test]
fn whoever_writes_to_an_environment_is_in_it() {
    let world = world();
    // A repository that prod takes no pipelines from, however its pipeline calls itself.
    let sneaky = PIPELINE
        .replace("name: ship", "name: prod")
        .replace("    dev:\n", "    development:\n")
        .replace("needs: [dev]", "needs: [development]");
    world.repository("other", &[(".tidegate/ship.yaml", &sneaky), ("VERSION", "v9\n"), ("test.sh", "true\n")]);
    world.write("tidegate.yaml", HOST.replace("    config: {", "    other: { url: ./other.git }\n    config: {"));
    let ran = world.tidegate(&["run", "--repository", "other", "--output", "json"]).expect(4);
    let error = &ran.json()["steps"]["prod"]["error"];
    assert_eq!(error["code"], "denied");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("prod") && message.contains("other"), "{message}");
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY);
}

#[test]
fn a_requirement_that_cannot_be_checked_denies_by_name() {
    let world = world();
    let checks = "        - checks: { all: true }\n";
    world.write("tidegate.yaml", HOST.replace("  groups:", &format!("{checks}  groups:")));
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(4).json();
    assert_eq!(ran["steps"]["prod"]["status"], "denied");
    let message = ran["steps"]["prod"]["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("requires `checks`"), "{message}");
    assert_eq!(ran["steps"]["dev"]["status"], "succeeded");
}

#[test]
fn a_vote_that_is_only_asserted_does_not_count_where_verified_ones_are_asked() {
    let world = world();
    world.write("tidegate.yaml", HOST.replace("count: 2 }", "count: 1, verified: true }"));
    world.tidegate(&["run", "--repository", "app", "--as", "erin"]).expect(3);
    let run = world.newest();
    let refused = approve(&world, &run, &world.digest(&run, "prod"), "alice").expect(4);
    assert!(refused.err.contains("verified"), "{}", refused.err);
    world.tidegate(&["runs", "resume", &run]).expect(3);
}

#[test]
fn what_is_not_granted_is_denied_by_name() {
    let world = world();
    world.write(
        "tidegate.yaml",
        format!("{HOST}  plugins:\n    grants:\n      exec: {{ process: {{ programs: [git] }} }}\n"),
    );
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(4).json();
    assert_eq!(ran["status"], "denied");
    let error = &ran["steps"]["test"]["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("process") && message.contains("`sh`"), "{error}");
    assert_eq!(ran["steps"]["dev"]["status"], "skipped");
    // A step narrows its own grants, and never widens them.
    let narrowed =
        PIPELINE.replace("      uses: exec\n", "      uses: exec\n      grants: { process: { programs: [cat] } }\n");
    world.write("tidegate.yaml", HOST);
    world.write("app/.tidegate/ship.yaml", narrowed);
    world.push("app", "narrow");
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(4).json();
    assert_eq!(ran["steps"]["test"]["status"], "denied");
}

#[test]
fn a_dirty_work_tree_without_a_configuration() {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let pipeline = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: check }\nspec:\n  steps:\n    words:\n      uses: exec\n      env: { WORD: \"${{ event.commit.subject }}\" }\n      with:\n        script: |\n          cat words.txt new.txt > all.txt\n          test ! -e ignored.txt\n          echo \"all=$(cat all.txt | tr '\\n' ' ')$WORD\" >> \"$TIDEGATE_OUTPUT\"\n";
    world.repository(
        "app",
        &[(".tidegate/check.yaml", pipeline), ("words.txt", "old\n"), (".gitignore", "ignored.txt\n")],
    );
    world.write("app/words.txt", "changed\n");
    world.write("app/new.txt", "new\n");
    world.write("app/ignored.txt", "secret\n");
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.current_dir(world.path().join("app"));
        Ran::of(&mut command)
    };
    let shown = run(&["run", "--output", "json"]).expect(0).json();
    assert_eq!(shown["steps"]["words"]["outputs"]["all"], "changed new begin");
    // The tree is as it was: steps work on copies.
    assert_eq!(world.git("app", &["status", "--porcelain"]), " M words.txt\n?? new.txt\n");
    let id = shown["run"].as_str().expect("an id");
    let listed = run(&["runs", "list", "--output", "json"]).expect(0).json();
    assert_eq!(listed[0]["run"], id);
    // Found from a folder below as well, by the beginning of its id.
    std::fs::create_dir(world.path().join("app/deep")).expect("a folder");
    let mut below = world.command(&["runs", "show", &id[..12], "--output", "json"]);
    assert_eq!(Ran::of(below.current_dir(world.path().join("app/deep"))).expect(0).json()["run"], id);
}

#[test]
fn failures_skips_and_what_may_fail() {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let steps = "
    broken: { uses: exec, with: { script: \"echo no luck >&2; exit 7\" } }
    after: { uses: exec, needs: [broken], with: { script: \"true\" } }
    last: { uses: exec, needs: [after], with: { script: \"true\" } }
    tidy: { uses: exec, needs: [broken], when: \"always()\", with: { script: \"true\" } }
    may: { uses: exec, continueOnError: true, with: { script: \"exit 1\" } }
    anyway: { uses: exec, needs: [may], with: { script: \"true\" } }
    no: { uses: exec, when: \"event.branch == 'other'\", with: { script: \"true\" } }
    each:
      forEach: \"${{ ['a', 'b'] }}\"
      steps:
        one: { uses: exec, env: { ITEM: \"${{ item }}\" }, with: { script: 'echo \"is=$ITEM\" >> \"$TIDEGATE_OUTPUT\"' } }
    again: { uses: exec, retry: { limit: 2, backoff: { duration: 1ms } }, with: { script: \"exit 3\" } }
    late: { uses: exec, timeout: 1s, with: { script: \"sleep 600\" } }
";
    let pipeline = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: mixed }}\nspec:\n  steps:{steps}"
    );
    world.repository("app", &[(".tidegate/mixed.yaml", &pipeline)]);
    world.write(
        "tidegate.yaml",
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: { url: ./app.git }\n",
    );
    let shown = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(1).json();
    let status = |step: &str| shown["steps"][step]["status"].as_str().unwrap_or("none").to_owned();
    assert_eq!(status("broken"), "failed");
    assert_eq!(status("after"), "skipped");
    assert_eq!(status("last"), "skipped");
    assert_eq!(status("tidy"), "succeeded");
    assert_eq!(status("may"), "failed");
    assert_eq!(status("anyway"), "succeeded");
    assert_eq!(status("no"), "skipped");
    assert_eq!(shown["steps"]["one[\"b\"]"]["outputs"]["is"], "b", "{shown:#}");
    assert_eq!(shown["steps"]["again"]["attempts"], 3);
    assert_eq!(shown["steps"]["late"]["error"]["code"], "timed-out");
    let message = shown["steps"]["broken"]["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains('7'), "{message}");
    let run = shown["run"].as_str().expect("an id");
    let logs = world.tidegate(&["runs", "logs", run, "--step", "broken"]).expect(0).out;
    assert!(logs.contains("no luck"), "{logs}");
    let why = world.tidegate(&["why", &format!("{run}/last")]).expect(0).out;
    assert!(why.contains("`after` was skipped") && why.contains("`broken` is failed"), "{why}");
}

#[test]
fn a_gate_asks_for_what_comes_behind_it() {
    let world = world();
    let gated = PIPELINE.replace("    prod:\n", "    gate:\n      uses: approval\n      needs: [dev]\n      with: { group: platform, count: 1 }\n    prod:\n").replace("needs: [dev]\n      with: { repository: config, path: apps/shop/prod", "needs: [gate]\n      with: { repository: config, path: apps/shop/prod");
    world.write("app/.tidegate/ship.yaml", gated);
    world.push("app", "gate");
    world.write(
        "tidegate.yaml",
        HOST.replace("      requires:\n        - approval: { group: platform, count: 2 }\n", ""),
    );
    world.tidegate(&["run", "--repository", "app", "--as", "erin"]).expect(3);
    let run = world.newest();
    let digest = world.digest(&run, "gate");
    let vote = |who: &str, digest: &str| world.tidegate(&["approve", &run, "gate", "--digest", digest, "--as", who]);
    vote("mallory", &digest).expect(4);
    vote("alice", &digest).expect(0);
    let done = world.tidegate(&["runs", "resume", &run, "--output", "json"]).expect(0).json();
    assert_eq!(done["steps"]["gate"]["status"], "succeeded");
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY.replace("'v1'", "'v2'"));
}

#[test]
fn a_run_is_cancelled_while_it_waits() {
    let world = world();
    world.tidegate(&["run", "--repository", "app", "--as", "erin"]).expect(3);
    let run = world.newest();
    world.tidegate(&["runs", "cancel", &run]).expect(0);
    let shown = world.tidegate(&["runs", "show", &run, "--output", "json"]).expect(0).json();
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["steps"]["prod"]["status"], "cancelled");
    world.tidegate(&["runs", "cancel", &run]).expect(2);
    assert_eq!(config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY);
}

#[test]
fn schemas_and_completions_are_what_tools_read() {
    let world = world();
    let schema: Value = world.tidegate(&["schema", "pipeline"]).expect(0).json();
    let text = schema.to_string();
    for word in ["kustomize/set-image", "continueOnError", "newName", "workspace"] {
        assert!(text.contains(word), "{word}");
    }
    world.tidegate(&["schema", "host"]).expect(0).json();
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.tidegate(&["completions", shell]).expect(0).out.contains("tidegate"));
    }
    let help = world.tidegate(&["--help"]).expect(0).out;
    assert!(help.contains("Exit codes: 0 done"), "{help}");
}

/// The plugin of docs/plugins.md as somebody else's: locked, granted, and refused wherever it is not what was locked.
#[test]
fn a_plugin_from_elsewhere_is_locked_and_granted() {
    let world = world();
    let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/test");
    let bytes = std::fs::read(guests.join("count.wasm")).expect("`cargo xtask guests` builds it");
    world.write("plugins/count.wasm", &bytes);
    let pipeline = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: lines }\nspec:\n  steps:\n    lines: { uses: count, with: { path: words.txt } }\n";
    world.repository("lines", &[(".tidegate/lines.yaml", pipeline), ("words.txt", "a\nb\nc\n")]);
    let config = |grants: &str| {
        world.write(
            "tidegate.yaml",
            format!("apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories: {{ lines: {{ url: ./lines.git }} }}\n  plugins:\n    sources:\n      count: {{ from: ./plugins/count.wasm, grants: {grants} }}\n"),
        );
    };
    config("{ workspace: read }");
    let run = || world.tidegate(&["run", "--repository", "lines", "--output", "json"]);
    // Not locked: the step does not exist, and a look at the lock writes nothing.
    assert!(run().expect(2).err.contains("count"));
    let looked = world.tidegate(&["plugin", "lock"]).expect(0);
    assert!(looked.out.contains("workspace") && looked.out.contains("--accept"), "{}", looked.out);
    assert!(!world.path().join("tidegate.lock").exists());
    world.tidegate(&["plugin", "lock", "--accept"]).expect(0);
    let done = run().expect(0).json();
    assert_eq!(done["steps"]["lines"]["outputs"]["lines"], 3);
    // Its inputs are in the schema, and a mistyped one has a caret.
    assert!(world.tidegate(&["schema", "pipeline"]).expect(0).out.contains("The file, in the workspace."));
    world.write("wrong.yaml", pipeline.replace("path:", "pathh:"));
    let wrong = world.tidegate(&["validate", "wrong.yaml"]).expect(2);
    assert!(wrong.err.contains("did you mean `path`?"), "{}", wrong.err);
    // Without its grant it is denied by name.
    config("{}");
    let denied = run().expect(4).json();
    let message = denied["steps"]["lines"]["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("workspace: read") && message.contains("count"), "{message}");
    config("{ workspace: read }");
    // A lock that knows fewer imports than the component has, as after a tampered review.
    let lock = std::fs::read_to_string(world.path().join("tidegate.lock")).expect("the lock");
    assert!(lock.contains("workspace-read"), "{lock}");
    world.write("tidegate.lock", lock.replace("workspace-read", "clock"));
    let refused = world.tidegate(&["run", "--repository", "lines"]);
    assert!([2, 4].contains(&refused.code), "{} {}", refused.code, refused.err);
    world.write("tidegate.lock", &lock);
    // Other bytes than those locked, in a state folder that never saw the right ones.
    let mut other = bytes.clone();
    other.extend_from_slice(&[0, 3, 1, b'x', 0]);
    world.write("plugins/count.wasm", &other);
    let refused = world.tidegate(&["run", "--repository", "lines", "--state", "fresh"]).expect(4);
    assert!(refused.err.contains("count"), "{}", refused.err);
    run().expect(0);
}

#[test]
fn a_child_leaves_nothing_behind_and_sees_nothing_of_the_host() {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    // A number that no other process of this machine has in its arguments.
    let mark = format!("9{}", std::process::id());
    let script = format!(
        "setsid sh -c 'exec sleep {mark}' >/dev/null 2>&1 &\n          echo \"secret=${{HOST_SECRET:-none}}\" >> \"$TIDEGATE_OUTPUT\"\n          echo \"config=$(cat '{}/tidegate.yaml' 2>/dev/null || echo none)\" >> \"$TIDEGATE_OUTPUT\"",
        world.path().display()
    );
    let pipeline = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: leave }}\nspec:\n  steps:\n    leave:\n      uses: exec\n      with:\n        script: |\n          {script}\n"
    );
    world.repository("app", &[(".tidegate/leave.yaml", &pipeline)]);
    world.write(
        "tidegate.yaml",
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: { url: ./app.git }\n",
    );
    world.open_to_children();
    let mut command = world.command(&["run", "--repository", "app", "--output", "json"]);
    let shown = Ran::of(command.env("HOST_SECRET", "hunter2")).expect(0).json();
    assert_eq!(shown["steps"]["leave"]["outputs"]["secret"], "none");
    assert_eq!(shown["steps"]["leave"]["outputs"]["config"], "none");
    let alive = std::fs::read_dir("/proc").expect("/proc").flatten().any(|process| {
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
    });
    assert!(!alive, "a process that the step left is still there");
}

/// The same promotion where both repositories are behind a real sshd, opened by a key file of the configuration.
#[test]
fn a_promotion_over_ssh() {
    let world = world();
    let server = tidegate_tests::ssh::GitSsh::serve().expect("sshd (Debian: openssh-server)");
    let url = |name: &str| server.url(&world.path().join(name));
    world.write(".ssh/known_hosts", server.known_host().expect("the server's key"));
    let config = |key: &std::path::Path| {
        world.write(
            "tidegate.yaml",
            format!(
                "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: {{ url: \"{}\", credential: key }}\n    config: {{ url: \"{}\", credential: key }}\n  credentials:\n    key: {{ secret: \"file:{}\", for: [app, config] }}\n",
                url("app.git"),
                url("config.git"),
                key.display()
            ),
        );
    };
    config(&server.key());
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]);
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.out, ran.err, server.log());
    assert_eq!(self::config(&world, "apps/shop/prod/kustomization.yaml"), OVERLAY.replace("'v1'", "'v2'"));
    // A key that the server does not know opens nothing, and none of it is shown.
    config(&server.strange_key());
    let refused = world.tidegate(&["run", "--repository", "app", "--state", "other"]).expect(4);
    assert!(!refused.err.contains("PRIVATE"), "{}", refused.err);
}
