//! Steps on real tools, each as a whole `tidegate run` with warm caches, against the bare tool doing the same.
//!
//! - `terraform/plan` of 100 objects: against `version -json`, `init`, `plan -out -detailed-exitcode -json`, `show -json` in a
//!   shell, each time in a new copy of the tree. One run of either differs from the next by a tenth and more, and slow minutes of the
//!   machine last longer than one side's turn: so they take turns, and the medians are compared.
//! - `image/assemble` of a 50 MB tree (5,000 small files, 10 big ones) into an OCI layout: against `buildah` that copies the
//!   same tree into an image and commits it.

use criterion::Criterion;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tidegate_benches::{main as run, ratio};

const MAIN: &str = "resource \"terraform_data\" \"x\" {\n  count = 100\n  input = \"value-${count.index}\"\n}\noutput \"all\" { value = terraform_data.x[*].id }\n";

const PLAN: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: plan }
spec:
  steps:
    plan: { uses: terraform/plan, with: { directory: root } }
";

const BARE_PLAN: &str = "rm -rf copy && cp -r root copy && cd copy && terraform version -json >version.json && \
    terraform init -input=false -no-color >init.log && \
    { terraform plan -input=false -lock-timeout=5m -detailed-exitcode -json -out=plan >plan.log || test $? = 2; } && \
    terraform show -json plan >plan.json";

const ASSEMBLE: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: assemble }
spec:
  steps:
    image: { uses: image/assemble, with: { base: scratch, layers: [{ from: tree, to: srv }], layout: image } }
";

/// A folder in memory, where the machine has one. On an ext4 without a journal every new file costs a search through those that
/// were deleted in the last minutes; with the files of a few rounds that is all that would be measured, of either side.
fn place() -> tempfile::TempDir {
    let memory = tempfile::TempDir::new_in("/dev/shm");
    memory.or_else(|_| tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))).expect("a folder")
}

/// Runs of each side of a plan.
const PLANS: usize = 60;
/// Names certificates for OpenSSL, which libgit2 then reads all of at its start. Few machines have them set.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

fn quiet(command: &mut Command) {
    for name in CERTIFICATES {
        command.env_remove(name);
    }
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A work tree with this pipeline; answers what runs it.
fn world(folder: &Path, pipeline: &str) -> impl Fn() {
    fs::create_dir_all(folder.join(".tidegate")).expect("a folder");
    fs::write(folder.join(".tidegate/bench.yaml"), pipeline).expect("a pipeline");
    quiet(Command::new("git").args(["init", "-q"]).current_dir(folder));
    let folder = folder.to_owned();
    let tidegate = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        quiet(command.arg("run").current_dir(&folder).env("XDG_CACHE_HOME", folder.join(".git/cache")));
    };
    // Compiles the plugin once.
    tidegate();
    tidegate
}

fn terraform(folder: &Path) {
    fs::create_dir_all(folder.join("root")).expect("a folder");
    fs::write(folder.join("root/main.tf"), MAIN).expect("a configuration");
    let tidegate = world(folder, PLAN);
    let bare = place();
    fs::create_dir_all(bare.path().join("root")).expect("a folder");
    fs::write(bare.path().join("root/main.tf"), MAIN).expect("a configuration");
    let terraform = || {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", BARE_PLAN]).current_dir(bare.path());
        quiet(command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1"));
    };
    let timed = |work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    terraform();
    let (theirs, ours): (Vec<_>, Vec<_>) = (0..PLANS).map(|_| (timed(&terraform), timed(&tidegate))).unzip();
    let (theirs, ours) = (median(theirs), median(ours));
    println!(
        "ratio  `terraform/plan` of 100 objects against bare terraform: {:.2} ×  ({ours:.0} ms against {theirs:.0} ms; goal ≤ 1.1 ×)",
        ours / theirs
    );
}

/// The one in the middle, in milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// Whether the command line's filter leaves this one in.
fn wanted(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(&filter))
}

fn assemble(criterion: &mut Criterion, folder: &Path) {
    // Like source text: it compresses, but not to nothing.
    let mut seed = 1_u32;
    let mut text = |length: usize| -> Vec<u8> {
        let words = ["let ", "fn ", "self.", "match ", "return ", "value", "(", ")", " = ", ";\n", "0x", "item"];
        let mut out = Vec::with_capacity(length + 8);
        while out.len() < length {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            out.extend_from_slice(words[(seed >> 24) as usize % words.len()].as_bytes());
        }
        out
    };
    let tree = folder.join("tree");
    for index in 0..5_000_usize {
        let place = tree.join(format!("d{}/f{index}", index % 100));
        fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
        fs::write(place, text(2_000)).expect("a file");
    }
    for index in 0..10 {
        fs::write(tree.join(format!("big{index}")), text(4 << 20)).expect("a file");
    }
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY tree /srv\n").expect("a Dockerfile");
    let tidegate = world(folder, ASSEMBLE);
    let storage = place();
    let buildah = |arguments: &[&str]| {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs", "--root"]).arg(storage.path().join("root"));
        quiet(command.arg("--runroot").arg(storage.path().join("run")).args(arguments).current_dir(folder));
    };
    let mut group = criterion.benchmark_group("assemble");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("tidegate", |bencher| bencher.iter(&tidegate));
    group.bench_function("buildah", |bencher| {
        bencher.iter(|| {
            buildah(&["build", "--isolation", "chroot", "--no-cache", "--quiet", "--tag", "localhost/bench", "."]);
            buildah(&["rmi", "--all", "--force"]);
        });
    });
    group.finish();
}

fn tools(criterion: &mut Criterion) {
    let world = place();
    if wanted("plan/terraform") {
        terraform(&world.path().join("terraform"));
    }
    assemble(criterion, &world.path().join("assemble"));
}

fn main() {
    run(tools, || {
        ratio("`image/assemble` of 50 MB against buildah", "assemble/tidegate", "assemble/buildah", "< 1 ×");
    });
}
