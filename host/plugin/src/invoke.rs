//! Calls into a plugin: a fresh store each, limits around it, and an answer that names who is to blame.

use crate::answer;
use crate::bindings::exports::tidegate::plugin::plugin as described;
use crate::bindings::renderers::exports::tidegate::plugin::renderer;
use crate::bindings::steps::Steps;
use crate::bindings::steps::exports::tidegate::plugin::step;
use crate::bindings::tidegate::plugin::types::Error;
use crate::component::Plugin;
use crate::engine::TICK;
use crate::imports::clean_line;
use crate::limits::{Exhausted, Limits, in_words};
use crate::lock::clean_description;
use crate::mode::Mode;
use crate::record::{Receipt, micros};
use crate::services::Services;
use crate::source::Roots;
use crate::state::State;
use model::{Blame, Failure, Grant};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};

/// What a call into a plugin comes with.
pub struct Invocation {
    /// Name of the plugin, for messages.
    pub plugin: String,
    /// What it may do.
    pub grant: Grant,
    /// How much it may use.
    pub limits: Limits,
    /// Who carries its calls out.
    pub services: Arc<dyn Services>,
}

impl Invocation {
    /// The same for a call that only asks: somebody waits for the answer, whatever time a run has.
    fn asking(self) -> Self {
        Self { limits: self.limits.at_most(&Limits::asking()), ..self }
    }
}

/// The longest reason of a trap, in bytes.
const LINE: usize = 16 << 10;

impl Plugin {
    /// `step.run`. The receipt is there whatever came of it.
    pub async fn run(
        &self,
        invocation: Invocation,
        request: step::Request,
    ) -> (Result<step::Outcome, Failure>, Receipt) {
        let name = step_of(&request);
        let (answer, receipt) = self
            .call(invocation, Mode::Run, Some(name), None, async |store: &mut Store<State>| {
                self.with_steps(store).await?.tidegate_plugin_step().call_run(store, &request).await
            })
            .await;
        (answer.and_then(answer::outcome), receipt)
    }

    /// `step.preview`.
    pub async fn preview(
        &self,
        invocation: Invocation,
        request: step::Request,
    ) -> (Result<step::Forecast, Failure>, Receipt) {
        let name = step_of(&request);
        let (answer, receipt) = self
            .call(invocation.asking(), Mode::Preview, Some(name), None, async |store: &mut Store<State>| {
                self.with_steps(store).await?.tidegate_plugin_step().call_preview(store, &request).await
            })
            .await;
        (answer.and_then(answer::forecast), receipt)
    }

    /// `step.probe`.
    pub async fn probe(
        &self,
        invocation: Invocation,
        request: step::Request,
    ) -> (Result<step::Finding, Failure>, Receipt) {
        let name = step_of(&request);
        let (answer, receipt) = self
            .call(invocation.asking(), Mode::Probe, Some(name), None, async |store: &mut Store<State>| {
                self.with_steps(store).await?.tidegate_plugin_step().call_probe(store, &request).await
            })
            .await;
        (answer.and_then(answer::finding), receipt)
    }

    /// `plugin.describe`, with everything refused.
    pub async fn describe(&self, services: Arc<dyn Services>) -> Result<described::Description, Failure> {
        let limits = Limits::describe();
        let invocation = Invocation { plugin: "the plugin".to_owned(), grant: Grant::default(), limits, services };
        let (answer, _) = self
            .call(invocation, Mode::Describe, None, None, async |store: &mut Store<State>| {
                let instance = self.pre.instantiate_async(&mut *store).await?;
                instance.tidegate_plugin_plugin().call_describe(store).await.map(Ok::<_, Error>)
            })
            .await;
        answer.map(clean_description)
    }

    /// `renderer.render` over these roots. The receipt is there whatever came of it.
    pub async fn render(
        &self,
        invocation: Invocation,
        roots: Arc<dyn Roots>,
        request: renderer::Request,
    ) -> (Result<renderer::Rendering, Failure>, Receipt) {
        let what = Some(request.name.clone());
        let (answer, receipt) = self
            .call(invocation, Mode::Render, what, Some(roots), async |store: &mut Store<State>| {
                let pre = self.renderers.as_ref().ok_or_else(|| lacks("renderer"))?;
                let instance = pre.instantiate_async(&mut *store).await?;
                instance.tidegate_plugin_renderer().call_render(store, &request).await
            })
            .await;
        (answer.map_err(of_the_files).and_then(answer::rendering), receipt)
    }

    async fn with_steps(&self, store: &mut Store<State>) -> wasmtime::Result<Steps> {
        self.steps.as_ref().ok_or_else(|| lacks("step"))?.instantiate_async(store).await
    }

    async fn call<T>(
        &self,
        invocation: Invocation,
        mode: Mode,
        step: Option<String>,
        roots: Option<Arc<dyn Roots>>,
        function: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<Result<T, Error>>,
    ) -> (Result<T, Failure>, Receipt) {
        let Invocation { plugin, grant, limits, services } = invocation;
        let (wall, compute, message) = (limits.wall, limits.compute, limits.message);
        let handles = limits.handles;
        let mut store = Store::new(&self.core.engine, State::new(mode, grant, limits, services));
        store.data_mut().roots = roots;
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(message);
        store.set_max_component_handles(handles + 256);
        watch_compute(&mut store, compute);
        let running = self.core.clock.run();
        let clock = store.data().wall.clone();
        let answer = clock.within(wall, function(&mut store)).await;
        drop(running);
        let state = store.data_mut();
        state.abandon_children().await;
        let mut receipt = std::mem::take(&mut state.receipt);
        receipt.peak_memory = state.meter.peak as u64;
        receipt.micros = micros(state.began.elapsed());
        let who = match &step {
            Some(name) if mode == Mode::Render => format!("plugin `{plugin}`, renderer `{name}`"),
            Some(step) => format!("plugin `{plugin}`, step `{step}`"),
            None => plugin,
        };
        let place = format!("{who}, in `{}`", mode.function());
        let answer = match answer {
            Some(Ok(answer)) => answer.map_err(|error| state.told.judge(error, &who)),
            Some(Err(error)) => Err(explain(&error, &place)),
            None => {
                let message = format!("{place}: it took longer than {}", in_words(wall));
                Err(Failure::new(Blame::Plugin, "timed-out", message))
            }
        };
        (answer, receipt)
    }
}

/// Ends a guest that computes too long, and lets other tasks run at each tick.
fn watch_compute(store: &mut Store<State>, compute: Duration) {
    let most = (compute.as_millis() / TICK.as_millis()).max(1);
    let mut ticks = 0_u128;
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        ticks += 1;
        if ticks > most {
            let message = format!("it computed longer than {}", in_words(compute));
            return Err(wasmtime::Error::new(Exhausted::new("timed-out", message)));
        }
        // tokio's own yield lets timers fire even where one task is all that is ready.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

/// Only for a lock that was made of another component, which is refused before.
fn lacks(role: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("it exports no `{role}`"))
}

/// What a renderer says is wrong, is wrong with the files that it was given.
fn of_the_files(failure: Failure) -> Failure {
    match failure.code.as_str() {
        "invalid" | "not-found" | "unsupported" | "too-large" => Failure { blame: Blame::User, ..failure },
        _ => failure,
    }
}

fn step_of(request: &step::Request) -> String {
    request.key.clone()
}

/// What ended an instance, in words: the limit, the trap and where.
fn explain(error: &wasmtime::Error, place: &str) -> Failure {
    if let Some(exhausted) = error.downcast_ref::<Exhausted>() {
        let failure = exhausted.failure();
        return Failure { message: format!("{place}: {}", failure.message), ..failure };
    }
    let trap = |code: &str, what: &str| Failure::new(Blame::Plugin, code, format!("{place}: {what}"));
    if let Some(kind) = error.downcast_ref::<Trap>() {
        return match kind {
            Trap::StackOverflow => trap("exhausted", "its calls nest too deeply, the stack is full"),
            Trap::UnreachableCodeReached => {
                trap("trapped", "it gave up (a panic, or `unreachable`)").hint("its last log lines may say why")
            }
            Trap::MemoryOutOfBounds => trap("trapped", "it trapped: out of bounds memory access")
                .hint("in most languages this is a call that nests too deeply, since they keep a stack in memory"),
            kind => trap("trapped", &format!("it trapped: {}", kind.to_string().trim_start_matches("wasm trap: "))),
        };
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return Failure::new(Blame::Host, "exhausted", format!("{place}: too many plugins run at once")).retryable();
    }
    // The cause alone: what surrounds it is a backtrace with names that the plugin chose.
    let cause = error.root_cause().to_string();
    // wasmtime has no public type for the first and the last; its words were read in its sources, and the tests of the
    // sandbox meet them.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return trap("too-large", "it handed more to one host call than the host takes");
    }
    let full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    if full || cause.contains("store handle limit exceeded") {
        return trap("exhausted", "it holds too many handles");
    }
    trap("trapped", &clean_line(&cause, LINE))
}

#[allow(unused)]
fn assert_send(plugin: &Plugin, invocation: Invocation, request: step::Request) -> impl Future<Output = ()> + Send {
    let plugin = plugin.clone();
    async move {
        let _ = plugin.run(invocation, request).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Grant, Invocation, Limits};
    use crate::wit::step::Request;
    use crate::{PluginHost, Silent};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// The clock of the epochs is turned by hand, as fast as it goes, so that half a minute of computing is soon over.
    #[tokio::test]
    async fn what_only_asks_computes_for_half_a_minute_at_most() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guests/test/hostile.wasm");
        let wasm = std::fs::read(path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({path}: {e})"));
        let plugin = PluginHost::new(None).expect("the engine starts").0.load(&wasm).expect("a plugin");
        let over = Arc::new(AtomicBool::new(false));
        let (engine, stop) = (plugin.core.engine.clone(), over.clone());
        let turning = std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                engine.increment_epoch();
                std::thread::yield_now();
            }
        });
        let invocation = || Invocation {
            plugin: "hostile".to_owned(),
            grant: Grant::default(),
            limits: Limits::default(),
            services: Arc::new(Silent),
        };
        let request = Request {
            name: "loop".to_owned(),
            inputs: "{}".to_owned(),
            run: "r1".to_owned(),
            key: "s".to_owned(),
            attempt: 1,
            environment: None,
            event: "{}".to_owned(),
            resumption: None,
        };
        let shown = plugin.preview(invocation(), request.clone()).await.0.map(|_| ());
        let found = plugin.probe(invocation(), request).await.0.map(|_| ());
        over.store(true, Ordering::SeqCst);
        turning.join().expect("no panic");
        for (answer, function) in [(shown, "preview"), (found, "probe")] {
            let Failure { code, message, .. } = answer.expect_err("it loops");
            let why = format!("plugin `hostile`, step `s`, in `{function}`: it computed longer than 30 s");
            assert_eq!((code.as_str(), message), ("timed-out", why));
        }
    }
}
