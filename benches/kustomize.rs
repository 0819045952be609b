//! The kustomize renderer in this process: the component in a fresh instance a call, against the same library native, and
//! against `kubectl kustomize` as a process.

use criterion::Criterion;
use kustomize_build::{Folder as Native, Options};
use model::{Digest, Failure, Grant};
use plugin::{Plugin, PluginHost};
use reconcile::{Folder, Job, Kept, Offered, Renderers, Renders, Source};
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tidegate_benches::{main as run, overlay, ratio};

struct Kustomize(Arc<Plugin>);

impl Renderers for Kustomize {
    fn find(&self, name: &str) -> Result<Offered, Failure> {
        let grant: Grant = serde_json::from_value(json!({"source": {}})).expect("a grant");
        Ok(Offered { plugin: name.to_owned(), renderer: name.to_owned(), digest: Digest::of(name), grant })
    }

    fn load(&self, _: &Offered) -> Result<Arc<Plugin>, Failure> {
        Ok(self.0.clone())
    }
}

fn component() -> Arc<Plugin> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests/kustomize.wasm");
    let wasm =
        std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()));
    Arc::new(PluginHost::new(None).expect("an engine").0.load(&wasm).expect("a plugin"))
}

fn job(folder: &Path) -> Job {
    let files = Arc::new(Folder::open(folder).expect("a folder"));
    Job {
        application: "app".to_owned(),
        namespace: String::new(),
        path: "overlay".to_owned(),
        sources: vec![Source { name: "main".to_owned(), repository: String::new(), commit: String::new(), files }],
        elsewhere: None,
        renderer: Some("kustomize".to_owned()),
        parameters: json!({}),
        warnings: Vec::new(),
    }
}

fn kustomize(criterion: &mut Criterion) {
    let plugin = component();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (name, make) in [("kustomize-small", overlay::small as fn(&Path)), ("kustomize-500", overlay::large)] {
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        make(folder.path());
        let job = job(folder.path());
        let fresh = || {
            // Nothing is kept from one render to the next.
            let renders = Renders::new(Arc::new(Kustomize(plugin.clone())), Kept::in_memory());
            runtime.block_on(renders.render(&job)).expect("it renders").manifests
        };
        let files = Native::new(folder.path());
        let native = || kustomize_build::build(&files, "overlay", &Options::default()).expect("it builds").yaml;
        let kubectl = || Command::new("kubectl").args(["kustomize", "overlay"]).current_dir(folder.path()).output();
        let printed = kubectl().expect("kubectl is there").stdout;
        assert_eq!((fresh().as_bytes(), native().as_bytes()), (&printed[..], &printed[..]));
        let mut group = criterion.benchmark_group(name);
        group.bench_function("component", |bencher| bencher.iter(|| black_box(fresh())));
        group.bench_function("native", |bencher| bencher.iter(|| black_box(native())));
        group.bench_function("kubectl", |bencher| bencher.iter(|| black_box(kubectl())));
        group.finish();
    }
}

fn main() {
    run(kustomize, || {
        for (name, what) in [("kustomize-small", "a small overlay"), ("kustomize-500", "500 objects")] {
            let of = |who: &str| format!("{name}/{who}");
            ratio(
                &format!("rendering {what} by the component against kubectl"),
                &of("component"),
                &of("kubectl"),
                "≤ 0.1 ×",
            );
            ratio(
                &format!("rendering {what} by the library, native, against kubectl"),
                &of("native"),
                &of("kubectl"),
                "≤ 0.1 ×",
            );
            ratio(
                &format!("rendering {what} by the component against the library"),
                &of("component"),
                &of("native"),
                "–",
            );
        }
    });
}
