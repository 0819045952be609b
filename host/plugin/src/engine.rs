//! One wasmtime engine, its linker with every import of the package, and the clock of its epochs.

use crate::bindings::Host_;
use crate::state::State;
use model::Failure;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch clock ticks while a guest runs.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Component instances alive at once in a host; more wait for nothing, they are refused by wasmtime.
pub(crate) const MANY: u32 = 256;
/// The same where one plugin is called once: each room for an instance costs a call of the kernel before anything begins.
pub(crate) const FEW: u32 = 4;
/// Memories and core instances of one component: one language runtime and its adapters take a handful.
const PARTS: u32 = 32;
/// Stack of a guest.
const STACK: usize = 512 << 10;

/// Engine and linker, shared by all plugins of a host.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) clock: Arc<Clock>,
}

impl Core {
    /// With room for so many instances.
    pub(crate) fn new(instances: u32) -> Result<Self, Failure> {
        let broken = |e: wasmtime::Error| Failure::internal(format!("the WebAssembly engine does not start: {e:#}"));
        // Where address space is limited (`ulimit -v`), memory is mapped on demand: slower, and no less safe.
        let engine = Engine::new(&config(Some(instances))).or_else(|_| Engine::new(&config(None))).map_err(broken)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(broken)?;
        Host_::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).map_err(broken)?;
        let clock = Clock::start(engine.clone());
        Ok(Self { engine, linker, clock })
    }
}

/// An engine that compiles for any machine of this one's kind, and runs nothing: it takes no instruction for granted that
/// not every processor of the kind has.
pub(crate) fn portable() -> wasmtime::Result<Engine> {
    let mut config = config(Some(MANY));
    config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
    Engine::new(&config)
}

/// What every plugin is compiled for. Part of the cache's key through wasmtime's own compatibility hash, but for the number of
/// instances, to which no code is compiled. Without a number memory is mapped on demand.
fn config(instances: Option<u32>) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK);
    config.async_stack_size(STACK + (512 << 10));
    config.wasm_component_model(true);
    if let Some(instances) = instances {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances);
        pool.total_core_instances((instances * 4).max(PARTS));
        pool.total_memories((instances * 4).max(PARTS));
        pool.total_tables((instances * 8).max(PARTS * 2));
        pool.total_stacks(instances);
        pool.max_core_instances_per_component(PARTS);
        pool.max_memories_per_component(PARTS);
        pool.max_tables_per_component(PARTS * 2);
        pool.max_memories_per_module(PARTS);
        pool.max_memory_size(1 << 30);
        // What a small plugin touched is zeroed in place instead of unmapped, which costs a system call and faults.
        pool.linear_memory_keep_resident(128 << 10);
        pool.table_keep_resident(16 << 10);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        // A reservation of 1 GiB a slot keeps the pool's address space at 1 TiB and bounds checks out of the code.
        config.memory_reservation(4 << 30);
    }
    config
}

/// Ticks the engine's epoch while at least one guest runs, and sleeps otherwise.
pub(crate) struct Clock {
    running: AtomicUsize,
    gate: Mutex<bool>,
    wake: Condvar,
}

impl Clock {
    fn start(engine: Engine) -> Arc<Self> {
        let clock = Arc::new(Self { running: AtomicUsize::new(0), gate: Mutex::new(false), wake: Condvar::new() });
        let weak = Arc::downgrade(&clock);
        std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || {
                while let Some(clock) = weak.upgrade() {
                    if clock.running.load(Ordering::Acquire) > 0 {
                        engine.increment_epoch();
                        drop(clock);
                        std::thread::sleep(TICK);
                    } else {
                        clock.sleep();
                    }
                }
            })
            .map(|_| ())
            .unwrap_or_else(|e| panic!("the machine has no thread left for the plugins' clock: {e}"));
        clock
    }

    /// Until a guest runs; at most a second, so that the thread ends with its engine.
    fn sleep(&self) {
        let Ok(gate) = self.gate.lock() else { return };
        let waited = self.wake.wait_timeout_while(gate, Duration::from_secs(1), |awake| !*awake);
        if let Ok((mut gate, _)) = waited {
            *gate = false;
        }
    }

    /// Counts a running guest until the guard is dropped.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            if let Ok(mut gate) = self.gate.lock() {
                *gate = true;
            }
            self.wake.notify_one();
        }
        Running(self.clone())
    }
}

/// A guest that the clock ticks for.
pub(crate) struct Running(Arc<Clock>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
