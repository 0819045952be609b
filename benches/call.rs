//! A warm call of a step (fresh instance, run, drop) against bare wasmtime doing the same call of the same component on an
//! engine of the same configuration.

use criterion::Criterion;
use model::Grant;
use plugin::wit::step as ours;
use plugin::{Invocation, Limits, PluginHost, Silent};
use std::path::Path;
use std::sync::Arc;
use tidegate_benches::{main as run, ratio};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package tidegate:bench;
            world bench {
                import tidegate:plugin/types@0.1.0;
                export tidegate:plugin/step@0.1.0;
            }
        ",
        path: "../wit",
        world: "tidegate:bench/bench",
        exports: { default: async },
    });
}
use bindings::exports::tidegate::plugin::step as theirs;

/// The step `outputs-of` of the tests' guest answers what it is given.
fn component() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests/test/hostile.wasm");
    std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()))
}

const INPUTS: &str = r#""{\"done\":true}""#;

fn bare() -> (Engine, bindings::BenchPre<()>) {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(512 << 10);
    config.async_stack_size(1 << 20);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(256);
    pool.total_core_instances(1024);
    pool.total_memories(1024);
    pool.total_tables(2048);
    pool.total_stacks(256);
    pool.max_core_instances_per_component(32);
    pool.max_memories_per_component(32);
    pool.max_tables_per_component(64);
    pool.max_memories_per_module(32);
    pool.max_memory_size(1 << 30);
    pool.linear_memory_keep_resident(128 << 10);
    pool.table_keep_resident(16 << 10);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.memory_reservation(4 << 30);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::new(&engine, component()).expect("a component");
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component).expect("imports");
    let pre = linker.instantiate_pre(&component).expect("it links");
    (engine, bindings::BenchPre::new(pre).expect("a step"))
}

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("call");
    let (engine, pre) = bare();
    group.bench_function("wasmtime", |bencher| {
        bencher.to_async(Runtime(&runtime)).iter(|| async {
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1_000_000);
            let instance = pre.instantiate_async(&mut store).await.expect("an instance");
            let request = theirs::Request {
                name: "outputs-of".to_owned(),
                inputs: INPUTS.to_owned(),
                run: "r1".to_owned(),
                key: "step".to_owned(),
                attempt: 1,
                environment: None,
                event: "{}".to_owned(),
                resumption: None,
            };
            let answer = instance.tidegate_plugin_step().call_run(&mut store, &request).await;
            assert!(matches!(answer, Ok(Ok(theirs::Outcome::Succeeded(_)))));
        });
    });
    let (host, _) = PluginHost::new(None).expect("a host");
    let plugin = host.load(&component()).expect("a plugin");
    let services = Arc::new(Silent);
    group.bench_function("tidegate", |bencher| {
        bencher.to_async(Runtime(&runtime)).iter(|| async {
            let invocation = Invocation {
                plugin: "hostile".to_owned(),
                grant: Grant::default(),
                limits: Limits::default(),
                services: services.clone(),
            };
            let request = ours::Request {
                name: "outputs-of".to_owned(),
                inputs: INPUTS.to_owned(),
                run: "r1".to_owned(),
                key: "step".to_owned(),
                attempt: 1,
                environment: None,
                event: "{}".to_owned(),
                resumption: None,
            };
            let (answer, _) = plugin.run(invocation, request).await;
            assert!(matches!(answer, Ok(ours::Outcome::Succeeded(_))), "{answer:?}");
        });
    });
    group.finish();
}

/// Criterion without its own tokio feature.
struct Runtime<'a>(&'a tokio::runtime::Runtime);

impl criterion::async_executor::AsyncExecutor for Runtime<'_> {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

fn main() {
    run(calls, || ratio("warm step call against bare wasmtime", "call/tidegate", "call/wasmtime", "≤ 1.25 ×"));
}
