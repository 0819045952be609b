//! Delivery on a real API server and etcd of this machine, by the whole binary.
//!
//! - The first sync of 1,000 objects, every one tried before any is written: against `kubectl apply --server-side`, with
//!   `--dry-run=server` and then without.
//! - From a change by hand to the moment at which it is undone, by the daemon.
//! - The daemon's memory for 1,000 managed objects more.
//! - A commit that changes 200 applications, until all are synced: with and without two that cannot be.

use criterion::{BatchSize, Criterion, SamplingMode};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tidegate_benches::{figure, main as run, ratio};
use tidegate_tests::World;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::daemon::Daemon;

const OBJECTS: usize = 1_000;
/// One heals once before it is made to wait: so many are needed as are measured.
const DRIFTS: usize = 120;
const APPLICATIONS: usize = 200;

fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"))
}

fn host(world: &World, clusters: &str) {
    let text = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      poll: 100ms
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [\"*\"], namespaces: [\"*\"], kinds: [\"*\"] }}
  clusters:
{clusters}"
    );
    world.write("tidegate.yaml", text);
}

fn application(name: &str, cluster: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ name: {cluster}, namespace: bench }}
  source: {{ repoURL: ./config.git, path: {path} }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }}, syncOptions: [CreateNamespace=true] }}
---
"
    )
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: \"{value}\" }}\n---\n")
}

/// What an application is made of that is healthy once it is there.
fn objects(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        match index % 5 {
            0 => {
                let _ = write!(
                    text,
                    "apiVersion: v1\nkind: Service\nmetadata: {{ name: s{index} }}\nspec: {{ clusterIP: None, selector: {{ app: s{index} }}, ports: [{{ port: 80, protocol: TCP }}] }}\n---\n"
                );
            }
            1 => {
                let _ = write!(
                    text,
                    "apiVersion: v1\nkind: Secret\nmetadata: {{ name: x{index} }}\nstringData: {{ key: value }}\n---\n"
                );
            }
            _ => text.push_str(&config_map(&format!("c{index}"), "1")),
        }
    }
    text
}

fn kubernetes(cluster: &Cluster) -> String {
    format!("    real: {{ kubeconfig: {} }}\n", cluster.kubeconfig().display())
}

/// Takes everything away again.
fn empty(cluster: &Cluster) {
    for kind in ["configmaps", "secrets"] {
        cluster.kubectl(&["delete", "--raw", &format!("/api/v1/namespaces/bench/{kind}")]).expect(0);
    }
    // Of services there is no such request at all.
    cluster.kubectl(&["-n", "bench", "delete", "services", "--all", "--wait=false"]).expect(0);
}

fn first_sync(criterion: &mut Criterion, cluster: &Cluster) {
    let world = world();
    let all = objects(OBJECTS);
    world.repository("config", &[("argocd/all.yaml", &application("bench", "real", "all")), ("all/all.yaml", &all)]);
    host(&world, &kubernetes(cluster));
    world.write("all.yaml", &all);
    let file = world.path().join("all.yaml").display().to_string();
    cluster.kubectl(&["create", "namespace", "bench"]).expect(0);
    let clear = || {
        empty(cluster);
        let _ = std::fs::remove_dir_all(world.path().join("state"));
    };
    let mut group = criterion.benchmark_group("sync");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.bench_function("tidegate", |bencher| {
        bencher.iter_batched(clear, |()| world.tidegate(&["apps", "sync", "bench"]).expect(0), BatchSize::PerIteration);
    });
    group.bench_function("kubectl", |bencher| {
        let apply = |more: &[&str]| {
            cluster.kubectl(&[&["apply", "--server-side", "-n", "bench", "-f", &file], more].concat()).expect(0);
        };
        bencher.iter_batched(
            clear,
            |()| {
                apply(&["--dry-run=server"]);
                apply(&[]);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
    clear();
}

/// A way to the API server without a process for each request: `kubectl proxy`, over one connection.
struct Way {
    proxy: Child,
    stream: BufReader<TcpStream>,
}

impl Way {
    fn open(cluster: &Cluster) -> Self {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(cluster.kubeconfig()).args(["proxy", "--port=0"]);
        let mut proxy = command.stdout(Stdio::piped()).spawn().expect("kubectl");
        let mut line = String::new();
        let mut said = BufReader::new(proxy.stdout.take().expect("a pipe"));
        said.read_line(&mut line).expect("its address");
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self { proxy, stream: BufReader::new(stream) }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/merge-patch+json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(head.as_bytes()).expect("written");
        let (mut size, mut chunked, mut line) = (0, false, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a line");
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                size = value.parse().expect("a length");
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut content = Vec::new();
        loop {
            if chunked {
                line.clear();
                self.stream.read_line(&mut line).expect("a line");
                size = usize::from_str_radix(line.trim(), 16).expect("a length");
            }
            let before = content.len();
            content.resize(before + size, 0);
            self.stream.read_exact(&mut content[before..]).expect("a body");
            if !chunked {
                break;
            }
            line.clear();
            self.stream.read_line(&mut line).expect("an end");
            if size == 0 {
                break;
            }
        }
        serde_json::from_slice(&content).expect("JSON")
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn drift(criterion: &mut Criterion, cluster: &Cluster) {
    let world = world();
    let name = |index: usize| format!("drift-{index}");
    let applications: String = (0..DRIFTS).map(|index| application(&name(index), "real", &name(index))).collect();
    let files: Vec<(String, String)> =
        (0..DRIFTS).map(|index| (format!("{}/all.yaml", name(index)), config_map(&name(index), "1"))).collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    all.push(("argocd/all.yaml", &applications));
    world.repository("config", &all);
    host(&world, &kubernetes(cluster));
    let daemon = Daemon::start(&world);
    for index in 0..DRIFTS {
        world.tidegate(&["apps", "wait", &name(index)]).expect(0);
    }
    let mut way = Way::open(cluster);
    let mut next = 0;
    let mut group = criterion.benchmark_group("drift");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(2));
    group.bench_function("healed", |bencher| {
        bencher.iter_custom(|times| {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                assert!(next < DRIFTS, "more drifts are measured than there are applications");
                let path = format!("/api/v1/namespaces/bench/configmaps/{}", name(next));
                next += 1;
                way.ask("PATCH", &path, r#"{"data":{"value":"by hand"}}"#);
                let begun = Instant::now();
                while way.ask("GET", &path, "")["data"]["value"] != "1" {}
                sum += begun.elapsed();
            }
            sum
        });
    });
    group.finish();
    assert_eq!(daemon.leave(), Some(0));
}

/// What a daemon holds in memory, in bytes.
fn resident(daemon: &Daemon) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("its status");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}

fn memory(cluster: &Cluster) {
    let held = |count: usize| {
        let world = world();
        world.repository(
            "config",
            &[("argocd/all.yaml", &application("many", "real", "all")), ("all/all.yaml", &objects(count))],
        );
        host(&world, &kubernetes(cluster));
        let daemon = Daemon::start(&world);
        world.tidegate(&["apps", "wait", "many"]).expect(0);
        let held = resident(&daemon);
        assert_eq!(daemon.leave(), Some(0));
        empty(cluster);
        held
    };
    let (few, many) = (held(10), held(10 + 4 * OBJECTS));
    let mega = |bytes: f64| bytes / 1e6;
    println!(
        "figure memory of the daemon for 1,000 managed objects more: {:.1} MB  ({:.0} MB with 10, {:.0} MB with {})",
        mega(many - few) / 4.0,
        mega(few),
        mega(many),
        10 + 4 * OBJECTS
    );
}

/// A commit to 200 applications in folders, until the last of them is synced.
fn crowd(criterion: &mut Criterion, which: &str, broken: &str) {
    let world = world();
    let name = |index: usize| format!("app-{index}");
    let applications: String = (0..APPLICATIONS).map(|index| application(&name(index), "near", &name(index))).collect();
    let files: Vec<(String, String)> =
        (0..APPLICATIONS).map(|index| (format!("{}/all.yaml", name(index)), config_map(&name(index), "0"))).collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let applications = applications + broken;
    all.push(("argocd/all.yaml", &applications));
    all.push(("wrong/kustomization.yaml", "resources: [missing.yaml]\n"));
    world.repository("config", &all);
    // A server that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address");
    let far = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: far\nclusters: [{{ name: far, cluster: {{ server: \"https://{address}\" }} }}]\ncontexts: [{{ name: far, context: {{ cluster: far, user: far }} }}]\nusers: [{{ name: far, user: {{ token: x }} }}]\n"
    );
    world.write("far.yaml", far);
    host(&world, "    near: { directory: ./near }\n    far: { kubeconfig: ./far.yaml }\n");
    let mut daemon = Daemon::start(&world);
    for index in 0..APPLICATIONS {
        world.tidegate(&["apps", "wait", &name(index)]).expect(0);
    }
    let mut round = 0;
    let mut group = criterion.benchmark_group("crowd");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.bench_function(which, |bencher| {
        bencher.iter_custom(|times| {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                round += 1;
                for index in 0..APPLICATIONS {
                    world.write(
                        &format!("config/{}/all.yaml", name(index)),
                        config_map(&name(index), &round.to_string()),
                    );
                }
                world.push("config", "all");
                let commit = world.git("config", &["rev-parse", "--short=7", "HEAD"]);
                let begun = Instant::now();
                for _ in 0..APPLICATIONS {
                    daemon.until_where("a sync", |line| line.contains(&format!(" at {}: healthy", commit.trim())));
                }
                sum += begun.elapsed();
            }
            sum
        });
    });
    group.finish();
    drop(daemon);
    drop(silent);
}

fn delivery(criterion: &mut Criterion) {
    let cluster = Cluster::start();
    first_sync(criterion, &cluster);
    drift(criterion, &cluster);
    memory(&cluster);
    drop(cluster);
    crowd(criterion, "healthy", "");
    let broken = application("far", "far", "app-0") + &application("wrong", "near", "wrong");
    crowd(criterion, "with-broken", &broken);
}

fn main() {
    run(delivery, || {
        ratio(
            "first sync of 1,000 objects against kubectl's dry run and apply",
            "sync/tidegate",
            "sync/kubectl",
            "≤ 0.5 ×",
        );
        figure("from a change by hand to healed", "drift/healed", "≤ 50 ms");
        ratio(
            "a commit to 200 applications beside two broken ones against without",
            "crowd/with-broken",
            "crowd/healthy",
            "≤ 1.1 ×",
        );
    });
}
