//! Fifty processes promote into one repository at once: every edit is in the history exactly once, over a path and over
//! HTTP alike.

use std::process::{Child, Stdio};
use tidegate_tests::World;
use tidegate_tests::git_http::GitHttp;

/// Processes at once.
const CROWD: usize = 50;

const PIPELINE: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: promote }
spec:
  steps:
    shared:
      uses: kustomize/set-image
      with: { repository: config, path: apps/all, image: \"shop-IMAGE\", tag: v2 }
";

/// One list of images that everybody edits, so that every edit meets the others.
fn overlay(tag: impl Fn(usize) -> &'static str) -> String {
    let item = |i: usize| format!("  - name: shop-{i} # the one of {i}\n    newTag: {}\n", tag(i));
    format!("# Everybody's.\nimages:\n{}", (0..CROWD).map(item).collect::<String>())
}

fn world() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let pipelines: Vec<(String, String)> = (0..CROWD)
        .map(|i| {
            (
                format!(".tidegate/p{i}.yaml"),
                PIPELINE.replace("IMAGE", &i.to_string()).replace("promote", &format!("p{i}")),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = pipelines.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.repository("app", &files);
    world.repository("config", &[("apps/all/kustomization.yaml", &overlay(|_| "v1"))]);
    world
}

fn crowd(world: &World, app: &str, config: &str) {
    world.write(
        "tidegate.yaml",
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: {{ url: {app} }}\n    config: {{ url: {config} }}\n"),
    );
    // Compiled plugins are shared; one run fills the cache before the crowd comes.
    world.tidegate(&["validate"]).expect(0);
    let begin = |i: usize| -> Child {
        let (name, state) = (format!("p{i}"), format!("state-{i}"));
        let mut command = world.command(&["run", &name, "--repository", "app", "--state", &state, "--output", "json"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    };
    let children: Vec<Child> = (0..CROWD).map(begin).collect();
    let mut failed = Vec::new();
    for (i, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().expect("it ends");
        if !output.status.success() {
            failed.push(format!("p{i}: {} {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let text = world.git("config.git", &["show", "main:apps/all/kustomization.yaml"]);
    assert_eq!(text, overlay(|_| "v2"));
    // The first commit, and one for each.
    assert_eq!(world.git("config.git", &["rev-list", "--count", "main"]).trim(), (CROWD + 1).to_string());
    let patches =
        world.git("config.git", &["log", "--format=", "--patch", "--unified=0", "main", "-n", &CROWD.to_string()]);
    let added = patches.lines().filter(|line| line.starts_with("+    newTag: v2")).count();
    let removed = patches.lines().filter(|line| line.starts_with("-    newTag: v1")).count();
    assert_eq!((added, removed), (CROWD, CROWD), "each commit changes its own line and nothing else");
    let runs = world.git("config.git", &["log", "--format=%(trailers:key=Tidegate-Run,valueonly)", "main"]);
    let mut runs: Vec<&str> = runs.split_whitespace().collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), CROWD);
    world.git("config.git", &["fsck", "--strict"]);
}

#[test]
fn over_a_path() {
    let world = world();
    crowd(&world, "./app.git", "./config.git");
}

#[test]
fn over_http() {
    let world = world();
    let server = GitHttp::serve(world.path()).expect("a server");
    crowd(&world, &server.url("app.git"), &server.url("config.git"));
}
