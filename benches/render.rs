//! `tidegate render` against `kubectl kustomize`, each as a whole process with warm caches, on a small overlay and on one of 500
//! objects. Both print the same bytes, which is asserted first.

use criterion::Criterion;
use std::path::Path;
use std::process::Command;
use tidegate_benches::{main as run, overlay, ratio};

fn printed(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn compare(criterion: &mut Criterion, name: &str, folder: &Path) {
    let tidegate = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["render", "overlay"]).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
        printed(&mut command)
    };
    let kubectl = || printed(Command::new("kubectl").args(["kustomize", "overlay"]).current_dir(folder));
    assert_eq!(tidegate(), kubectl(), "{name}");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("kubectl", |bencher| bencher.iter(kubectl));
    group.bench_function("tidegate", |bencher| bencher.iter(tidegate));
    group.finish();
}

fn render(criterion: &mut Criterion) {
    for (name, make) in [("render-small", overlay::small as fn(&Path)), ("render-500", overlay::large)] {
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        // Else the Git work tree of this very project is the root.
        std::fs::create_dir(folder.path().join(".git")).expect("a folder");
        make(folder.path());
        compare(criterion, name, folder.path());
    }
}

fn main() {
    run(render, || {
        for (name, what) in [("render-small", "a small overlay"), ("render-500", "an overlay of 500 objects")] {
            let (ours, theirs) = (format!("{name}/tidegate"), format!("{name}/kubectl"));
            ratio(
                &format!("`tidegate render` of {what} against kubectl kustomize, whole processes"),
                &ours,
                &theirs,
                "≤ 0.1 ×",
            );
        }
    });
}
