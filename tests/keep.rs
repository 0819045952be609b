//! What outlives a run, and what does not: cached folders by key and branch, reports of tests, containers, artifacts and
//! their end.

use serde_json::Value;
use std::fs;
use std::path::Path;
use tidegate_tests::registry::Registry;
use tidegate_tests::{Ran, World};

fn world(steps: &str, files: &[(&str, &str)], more: &str) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    fill(&world, steps, files, more);
    world
}

fn fill(world: &World, steps: &str, files: &[(&str, &str)], more: &str) {
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{steps}");
    let mut all = vec![(".tidegate/p.yaml", pipeline.as_str())];
    all.extend(files);
    world.repository("app", &all);
    world.write("tidegate.yaml", format!("apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories: {{ app: {{ url: ./app.git }} }}\n{more}"));
    world.open_to_children();
}

fn run(world: &World, more: &[&str]) -> Ran {
    let arguments = [&["run", "--repository", "app", "--output", "json"], more].concat();
    world.tidegate(&arguments)
}

fn output(ran: &Ran, step: &str, name: &str) -> Value {
    ran.json()["steps"][step]["outputs"][name].clone()
}

const CACHED: &str = r#"    build:
      uses: exec
      with:
        cache: [{ paths: [out], key: tool, files: [lock], restoreKeys: [tool] }]
        script: |
          if [ -f out/made ]; then echo "found=$(cat out/made)" >> "$TIDEGATE_OUTPUT"; else echo found=nothing >> "$TIDEGATE_OUTPUT"; fi
          mkdir -p out; cat lock > out/made; touch -d @1000000000 out/made
          echo "time=$(stat -c %Y out/made)" >> "$TIDEGATE_OUTPUT"
"#;

#[test]
fn a_cached_folder_is_there_again_for_its_key_and_its_branch() {
    let world = world(CACHED, &[("lock", "one")], "");
    assert_eq!(output(&run(&world, &[]).expect(0), "build", "found"), "nothing");
    assert_eq!(output(&run(&world, &[]).expect(0), "build", "found"), "one", "the same key");
    // Another lock file is another key; the nearest entry is taken, since the step says so.
    world.write("app/lock", "two");
    world.push("app", "two");
    assert_eq!(output(&run(&world, &[]).expect(0), "build", "found"), "one");
    assert_eq!(output(&run(&world, &[]).expect(0), "build", "found"), "two");
    // A branch sees what the default branch has; what it keeps, others do not see.
    world.git("app", &["checkout", "-q", "-b", "feature"]);
    world.write("app/lock", "three");
    world.git("app", &["commit", "-q", "-am", "three"]);
    world.git("app", &["push", "-q", "origin", "feature"]);
    assert_eq!(output(&run(&world, &["--branch", "feature"]).expect(0), "build", "found"), "two");
    assert_eq!(output(&run(&world, &["--branch", "feature"]).expect(0), "build", "found"), "three");
    world.git("app", &["checkout", "-q", "main"]);
    world.write("app/lock", "three");
    world.push("app", "three too");
    assert_eq!(output(&run(&world, &[]).expect(0), "build", "found"), "two", "not what feature kept");
    // A bare commit is on no branch and keeps nothing.
    let commit = world.git("app", &["rev-parse", "HEAD"]);
    let ran = run(&world, &["--commit", commit.trim()]).expect(0);
    let logs = world.tidegate(&["runs", "logs", ran.json()["run"].as_str().expect("an id")]).expect(0).out;
    assert!(logs.contains("not saved") || logs.contains("hit"), "{logs}");
}

#[test]
fn a_damaged_entry_is_not_restored_and_fails_no_step() {
    let world = world(CACHED, &[("lock", "one")], "");
    run(&world, &[]).expect(0);
    let mut archives = Vec::new();
    find(&world.path().join("state/kept"), "tar", &mut archives);
    assert_eq!(archives.len(), 1);
    let mut bytes = fs::read(&archives[0]).expect("an archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archives[0], bytes).expect("damage");
    let ran = run(&world, &[]).expect(0);
    assert_eq!(output(&ran, "build", "found"), "nothing");
    let logs = world.tidegate(&["runs", "logs", ran.json()["run"].as_str().expect("an id")]).expect(0).out;
    assert!(logs.contains("damaged on disk"), "{logs}");
}

fn find(folder: &std::path::Path, extension: &str, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

#[test]
fn reports_of_tests_are_summed_up_and_failures_named() {
    let report = r#"<testsuite name="shop"><testcase name="adds" classname="cart"/><testcase name="pays" classname="cart"><failure message="402">no money</failure></testcase></testsuite>"#;
    let steps = format!(
        "    test:\n      uses: exec\n      with:\n        junit: [\"reports/*.xml\"]\n        script: |\n          mkdir reports\n          cat > reports/a.xml <<'END'\n          {report}\n          END\n          exit 1\n"
    );
    let world = world(&steps, &[], "");
    let ran = run(&world, &[]).expect(1);
    let error = ran.json()["steps"]["test"]["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("1 of 2 tests failed") && error.contains("pays"), "{error}");
    // A step that was to test something and did not.
    let nothing = "    test:\n      uses: exec\n      with: { junit: [\"reports/*.xml\"], script: \"true\" }\n";
    let ran = run(&self::world(nothing, &[], ""), &[]).expect(1);
    assert_eq!(ran.json()["steps"]["test"]["error"]["code"], "nothing-tested");
}

#[test]
fn a_script_runs_in_an_image() {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let registry = Registry::start(world.path());
    let host = registry.host.clone();
    let busybox = Path::new("/bin/busybox");
    let mut files: Vec<(&Path, &str)> =
        ["/bin/busybox", "/bin/sh", "/bin/cat", "/bin/test"].into_iter().map(|place| (busybox, place)).collect();
    files.push((Path::new("/etc/passwd"), "/inside"));
    let image = registry.image(world.path(), &files);
    let steps = format!(
        "    inside:\n      uses: exec\n      env: {{ GREETING: \"hello from $HOME\" }}\n      with:\n        image: {image}\n        insecure: true\n        script: |\n          test -f /inside && test -f app.txt\n          echo \"said=$GREETING\" >> \"$TIDEGATE_OUTPUT\"\n          echo left > left.txt\n      artifacts: {{ store: {{ left: left.txt }} }}\n    fails:\n      uses: exec\n      needs: [inside]\n      continueOnError: true\n      with: {{ image: {image}, insecure: true, script: \"exit 9\" }}\n"
    );
    // A registry on this machine speaks plain HTTP, which the builder has to be told; it is in the file that it reads.
    let grants = format!(
        "  plugins:\n    grants:\n      exec: {{ process: {{ programs: [sh], environment: [\"*\"], profile: builder, network: {{ proxy: [\"{host}\"] }} }} }}\n"
    );
    fill(&world, &steps, &[("app.txt", "x")], &grants);
    let ran = run(&world, &[]);
    let id = ran.json()["run"].as_str().unwrap_or_default().to_owned();
    let logs = world.tidegate(&["runs", "logs", &id]).out;
    assert_eq!(ran.code, 0, "{}\n{logs}", ran.err);
    assert_eq!(output(&ran, "inside", "said"), "hello from $HOME", "{logs}");
    let error = ran.json()["steps"]["fails"]["error"].clone();
    assert!(error["message"].as_str().is_some_and(|message| message.contains('9')), "{error:#}");
}

#[test]
fn artifacts_of_runs_that_ended_long_ago_go_and_others_stay() {
    let steps = "    make:\n      uses: exec\n      artifacts: { store: { made: made.txt } }\n      with: { script: \"echo kept > made.txt\" }\n";
    let world = world(steps, &[], "  artifacts: { keep: 1ms }\n");
    run(&world, &[]).expect(0);
    let blobs = || {
        let mut count = 0;
        let mut folders = vec![world.path().join("state/artifacts/sha256")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { folders.push(entry.path()) } else { count += 1 }
            }
        }
        count
    };
    assert_eq!(blobs(), 1);
    // As if it were two days later: the blob and the last look are that old.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 24 * 3600);
    let mut folders = vec![world.path().join("state/artifacts/sha256")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                fs::File::open(entry.path()).and_then(|file| file.set_modified(old)).expect("its time");
            }
        }
    }
    fs::File::open(world.path().join("state/collected")).and_then(|file| file.set_modified(old)).expect("its time");
    // A result of a render that no key names.
    let orphan = format!("state/renders/results/sealed/ab/{}", "c".repeat(62));
    world.write(&orphan, "x");
    fs::File::open(world.path().join(&orphan)).and_then(|file| file.set_modified(old)).expect("its time");
    world.write("app/other.txt", "x");
    world.push("app", "other");
    // The run stores the same content, so it is wanted again; what is not goes with the look after it.
    let gone = steps.replace("echo kept", "echo new");
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{gone}");
    world.write("app/.tidegate/p.yaml", pipeline);
    world.push("app", "new");
    run(&world, &[]).expect(0);
    assert_eq!(blobs(), 1, "the old one went, the new one is there");
    assert!(!world.path().join(orphan).exists());
}
