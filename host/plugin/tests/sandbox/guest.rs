//! The guest of `tests/guests`, and how a test calls it.

use crate::recorder::Recorder;
use model::{Blame, Failure, Grant};
use plugin::wit::{renderer, step};
use plugin::{Invocation, Limits, Plugin, PluginHost, Receipt, Roots};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One engine for all tests: starting one reserves a terabyte of address space.
pub(crate) static HOST: LazyLock<PluginHost> =
    LazyLock::new(|| PluginHost::new(None).expect("the engine starts without a cache").0);

static HOSTILE: LazyLock<Plugin> = LazyLock::new(|| HOST.load(&bytes()).expect("the guest is a plugin"));

/// The component of `tests/guests/hostile`.
pub(crate) fn bytes() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/test/hostile.wasm");
    std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()))
}

/// All that a grant can give.
pub(crate) fn everything() -> Value {
    json!({
        "workspace": "write",
        "process": {"programs": ["*"], "environment": ["*"]},
        "artifact": {"write": true},
        "repository": {"read": ["*"], "write": {"*": {}}},
        "approval": {},
        "application": {},
        "http": {"hosts": ["*"]},
        "secret": {"names": ["*"], "reveal": true},
        "cache": {"write": true},
        "source": {},
    })
}

/// One call of a step.
pub(crate) struct Attempt {
    plugin: Plugin,
    name: &'static str,
    inputs: Value,
    grant: Value,
    limits: Limits,
    recorder: Arc<Recorder>,
}

/// What came of it.
pub(crate) struct Ended<T> {
    pub(crate) answer: Result<T, Failure>,
    pub(crate) receipt: Receipt,
    pub(crate) recorder: Arc<Recorder>,
}

impl Attempt {
    /// A misdeed of the hostile plugin, with all grants and limits that end a test soon.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::of(HOSTILE.clone(), name)
    }

    /// The same of another plugin.
    pub(crate) fn of(plugin: Plugin, name: &'static str) -> Self {
        let limits = Limits {
            // Far more than any of the misdeeds takes on a busy machine, so that it is never this one that ends a call
            // which another limit should have ended.
            wall: Duration::from_secs(60),
            compute: Duration::from_secs(30),
            memory: 64 << 20,
            ..Limits::default()
        };
        Self { plugin, name, inputs: json!({}), grant: everything(), limits, recorder: Arc::default() }
    }

    pub(crate) fn inputs(mut self, inputs: impl Into<Value>) -> Self {
        self.inputs = inputs.into();
        self
    }

    pub(crate) fn grant(mut self, grant: Value) -> Self {
        self.grant = grant;
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// The step is being stopped from this call on.
    pub(crate) fn stopped_at(self, call: &'static str) -> Self {
        self.recorder.stop_at(call);
        self
    }

    fn parts(self) -> (Plugin, Invocation, step::Request, Arc<Recorder>) {
        let grant: Grant = serde_json::from_value(self.grant).expect("a grant");
        let (limits, services) = (self.limits, self.recorder.clone());
        let invocation = Invocation { plugin: "hostile".to_owned(), grant, limits, services };
        let request = step::Request {
            name: self.name.to_owned(),
            inputs: self.inputs.to_string(),
            run: "r1".to_owned(),
            key: "misdeed".to_owned(),
            attempt: 1,
            environment: None,
            event: "{}".to_owned(),
            resumption: None,
        };
        (self.plugin, invocation, request, self.recorder)
    }

    /// The misdeed in a render over these roots.
    pub(crate) async fn render(self, roots: Arc<dyn Roots>) -> Ended<renderer::Rendering> {
        let (plugin, invocation, request, recorder) = self.parts();
        let request = renderer::Request {
            name: request.name,
            application: "a".to_owned(),
            namespace: String::new(),
            path: String::new(),
            roots: Vec::new(),
            parameters: request.inputs,
        };
        let (answer, receipt) = plugin.render(invocation, roots, request).await;
        Ended { answer, receipt, recorder }
    }

    pub(crate) async fn run(self) -> Ended<step::Outcome> {
        let (plugin, invocation, request, recorder) = self.parts();
        let (answer, receipt) = plugin.run(invocation, request).await;
        Ended { answer, receipt, recorder }
    }

    pub(crate) async fn preview(self) -> Ended<step::Forecast> {
        let (plugin, invocation, request, recorder) = self.parts();
        let (answer, receipt) = plugin.preview(invocation, request).await;
        Ended { answer, receipt, recorder }
    }

    pub(crate) async fn probe(self) -> Ended<step::Finding> {
        let (plugin, invocation, request, recorder) = self.parts();
        let (answer, receipt) = plugin.probe(invocation, request).await;
        Ended { answer, receipt, recorder }
    }
}

impl<T: std::fmt::Debug> Ended<T> {
    /// The failure that must have come of it.
    pub(crate) fn failure(&self) -> &Failure {
        self.answer.as_ref().expect_err("it must not come to an end")
    }

    /// That the host ended it: whose doing, what, and where.
    #[track_caller]
    pub(crate) fn ended_by(&self, code: &str, why: &str) {
        let Failure { blame, code: found, message, .. } = self.failure();
        let place = "plugin `hostile`, step `misdeed`, in `run`";
        assert_eq!((*blame, found.as_str(), message.as_str()), (Blame::Plugin, code, &*format!("{place}: {why}")));
    }
}

impl Ended<step::Outcome> {
    /// The outputs, as JSON.
    #[track_caller]
    pub(crate) fn outputs(&self) -> Value {
        match &self.answer {
            Ok(step::Outcome::Succeeded(text)) => serde_json::from_str(text).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }
}

/// The answers to `everything` and `path`: function and answer.
#[track_caller]
pub(crate) fn answers(text: &str) -> Vec<(String, String)> {
    let answers: serde_json::Map<String, Value> = serde_json::from_str(text).expect("an object");
    answers.into_iter().map(|(function, answer)| (function, answer.as_str().expect("text").to_owned())).collect()
}
