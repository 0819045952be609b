//! What a store holds for one call into a plugin, and the one path that all its host calls take.

use crate::bindings::tidegate::plugin::types::Error;
use crate::blame::Told;
use crate::call::{HostCall, Kind, authorise};
use crate::fixed;
use crate::limits::{Exhausted, Limits, Meter, in_words};
use crate::mode::Mode;
use crate::record::Receipt;
use crate::services::{Child, Services, Transaction};
use crate::source::Roots;
use crate::wall::Wall;
use model::{Blame, Failure, Grant};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Random bytes of one call of WASI: the host allocates them, and counts them nowhere else.
const RANDOM: u64 = 4096;

/// A guest's handle on a child.
pub struct ChildEntry(pub(crate) Arc<dyn Child>);

/// A guest's handle on a transaction, with the repository that it was granted for.
pub struct TransactionEntry {
    pub(crate) repository: String,
    pub(crate) inner: Arc<dyn Transaction>,
}

/// The data of a store.
pub(crate) struct State {
    pub(crate) mode: Mode,
    pub(crate) grant: Grant,
    pub(crate) limits: Limits,
    pub(crate) services: Arc<dyn Services>,
    /// What a renderer reads; absent in every other mode.
    pub(crate) roots: Option<Arc<dyn Roots>>,
    pub(crate) meter: Meter,
    pub(crate) wall: Wall,
    pub(crate) table: ResourceTable,
    pub(crate) receipt: Receipt,
    pub(crate) told: Told,
    pub(crate) began: Instant,
    pub(crate) log: LogUse,
    pub(crate) depth: u32,
    pub(crate) children: usize,
    pub(crate) last_now: i64,
    calls: u64,
    effects: u64,
    wasi: WasiCtx,
}

/// How much of the log is used up.
#[derive(Debug, Default)]
pub(crate) struct LogUse {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) closed: bool,
}

impl State {
    pub(crate) fn new(mode: Mode, grant: Grant, limits: Limits, services: Arc<dyn Services>) -> Self {
        let mut table = ResourceTable::new();
        // WASI's own streams and pollables live there too.
        table.set_max_capacity(limits.handles + 64);
        // Inert: no file, no argument, no variable, no socket, no name to look up, and output goes nowhere.
        let mut wasi = WasiCtxBuilder::new();
        wasi.allow_blocking_current_thread(false).max_random_size(RANDOM);
        if mode == Mode::Render {
            fixed::stand_still(&mut wasi);
        }
        Self {
            mode,
            grant,
            services,
            roots: None,
            meter: Meter::new(limits.memory),
            wall: Wall::default(),
            table,
            receipt: Receipt::default(),
            told: Told::default(),
            began: Instant::now(),
            log: LogUse::default(),
            depth: 0,
            children: 0,
            last_now: i64::MIN,
            calls: 0,
            effects: 0,
            wasi: wasi.build(),
            limits,
        }
    }

    /// The one path of every host call: authorise, budget, carry out under a time limit, measure and record. `work` is
    /// inert until it is polled here. The outer error ends the instance; the inner one is the guest's to handle.
    pub(crate) async fn perform<T>(
        &mut self,
        call: HostCall,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> wasmtime::Result<Result<T, Error>> {
        let limit = self.limits.host_call;
        self.perform_within(call, limit, work).await
    }

    /// The same with a time limit of the call's own.
    pub(crate) async fn perform_within<T>(
        &mut self,
        call: HostCall,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> wasmtime::Result<Result<T, Error>> {
        let began = Instant::now();
        let answer = match self.admit(&call)? {
            Err(failure) => Err(failure),
            Ok(()) if call.kind() == Kind::Free => work.await,
            Ok(()) => match tokio::time::timeout(limit, work).await {
                Ok(answer) => answer,
                Err(_) => {
                    let message = format!("`{}` took longer than {}", call.name(), in_words(limit));
                    let failure = Failure::new(Blame::Upstream, "timed-out", message);
                    // The host's work goes on after nobody waits for it, so an effect may yet take place: done again, it
                    // would be done twice.
                    Err(if call.kind() == Kind::Effect { failure } else { failure.retryable() })
                }
            },
        };
        self.receipt.note(call.name(), began.elapsed(), answer.as_ref().err());
        Ok(answer.map_err(|failure| self.told.tell(failure)))
    }

    /// Whether the call may go on. The outer error is a budget that ends the instance.
    fn admit(&mut self, call: &HostCall) -> wasmtime::Result<Result<(), Failure>> {
        self.calls += 1;
        if self.calls > self.limits.calls {
            return exhausted(format!("the plugin made more than {} host calls", self.limits.calls));
        }
        if let Err(failure) = authorise(call, self.mode, &self.grant) {
            return Ok(Err(failure));
        }
        if call.durable() {
            self.effects += 1;
            if self.effects > self.limits.effects {
                return exhausted(format!("the plugin made more than {} calls with effects", self.limits.effects));
            }
        }
        if call.begins() && self.services.cancelled() {
            let message = format!("`{}` was refused: the step is being stopped", call.name());
            return Ok(Err(Failure::new(Blame::User, "cancelled", message)));
        }
        if let HostCall::Start { .. } = call
            && self.children >= self.limits.children
        {
            let message = format!("a step may have {} children at a time", self.limits.children);
            return Ok(Err(Failure::new(Blame::Plugin, "exhausted", message)));
        }
        Ok(Ok(()))
    }

    /// Ends the children whose handles the instance held to its end: it is gone, so they are dropped. Not done where the
    /// whole call is dropped: then the host stops, and its children stay for the next one. What cannot be ended in time
    /// is ended with the attempt.
    pub(crate) async fn abandon_children(&mut self) {
        let left = self.table.iter_mut().filter_map(|entry| entry.downcast_ref::<ChildEntry>());
        let left: Vec<_> = left.map(|entry| entry.0.clone()).collect();
        let abandon = async {
            for child in left {
                child.abandon().await;
            }
        };
        let _ = tokio::time::timeout(self.limits.host_call, abandon).await;
    }

    /// Ends one child. What cannot be ended in time is ended with the attempt: a guest that gives a handle back must not
    /// hang on it.
    pub(crate) async fn abandon(&mut self, child: Arc<dyn Child>) {
        let _ = tokio::time::timeout(self.limits.host_call, child.abandon()).await;
    }

    /// Refuses a call of an interface that is not served.
    pub(crate) async fn unserved<T>(
        &mut self,
        interface: &'static str,
        function: &'static str,
    ) -> wasmtime::Result<Result<T, Error>> {
        let call = HostCall::Unserved { interface, function };
        // Never polled: it is never authorised.
        self.perform(call, async { Err(Failure::internal("an interface that is not served was called")) }).await
    }
}

fn exhausted<T>(message: String) -> wasmtime::Result<T> {
    Err(wasmtime::Error::new(Exhausted::new("exhausted", message)))
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
