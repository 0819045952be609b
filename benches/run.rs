//! `tidegate run` of three no-op steps, the whole process with warm caches, against a shell that starts `/bin/true` three
//! times.

use criterion::Criterion;
use std::process::{Command, Stdio};
use std::time::Duration;
use tidegate_benches::{figure, main as run, ratio};

const PIPELINE: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: noop }
spec:
  steps:
    one: { uses: exec, with: { command: [\"true\"] } }
    two: { uses: exec, with: { command: [\"true\"] }, needs: [one] }
    three: { uses: exec, with: { command: [\"true\"] }, needs: [two] }
";

fn quiet(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?}");
}

fn processes(criterion: &mut Criterion) {
    let binary = env!("CARGO_BIN_EXE_tidegate");
    let world = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    std::fs::create_dir(world.path().join(".tidegate")).expect("a folder");
    std::fs::write(world.path().join(".tidegate/noop.yaml"), PIPELINE).expect("a pipeline");
    quiet(Command::new("git").args(["init", "-q"]).current_dir(world.path()));
    let tidegate = || {
        let mut command = Command::new(binary);
        command.arg("run").current_dir(world.path()).env("XDG_CACHE_HOME", world.path().join(".git/cache"));
        quiet(&mut command);
    };
    // Compiles the plugins once.
    tidegate();
    let mut group = criterion.benchmark_group("run");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    group.bench_function("shell", |bencher| {
        bencher.iter(|| quiet(Command::new("sh").args(["-c", "/bin/true; /bin/true; /bin/true"])));
    });
    group.bench_function("tidegate", |bencher| bencher.iter(tidegate));
    group.finish();
}

fn main() {
    run(processes, || {
        figure("`tidegate run` of three no-op steps, whole process", "run/tidegate", "≤ 60 ms");
        ratio("the same against a shell with three `/bin/true`", "run/tidegate", "run/shell", "none");
    });
}
