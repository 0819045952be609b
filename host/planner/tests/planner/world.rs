//! A cluster without a cluster: it stores what is applied, fills in defaults, keeps book of field managers, and has
//! controllers that come to their end when told to. It refuses to start a wave too early and remembers every deletion.

mod cluster;

use model::{Digest, Timestamp};
use planner::application::{Automated, Permit};
use planner::decide::{Brakes, Last, Manual, Request, Situation};
use planner::depend::Dependency;
use planner::desired::Marks;
use planner::health;
use planner::hook::RUN_OF;
use planner::live::{LiveObject, Reading};
use planner::object::{GroupKind, ObjectKey};
use planner::operation::{Action, Input, Outcome, Replanned, Sight};
use planner::plan::{Await, StepId};
use planner::reason::{Code, Reason};
use planner::scope::{Scope, Scopes};
use planner::survey::{Render, Sides};
use planner::{Application, Desired, Inventory, Live, Operation, Plan, Verdict};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

/// `kind` is `apps/Deployment`, or `ConfigMap` for the core group.
pub fn object(kind: &str, name: &str, annotations: Value, spec: Value) -> Value {
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    if annotations.is_object() {
        object["metadata"]["annotations"] = annotations;
    }
    object["spec"] = spec;
    object
}

pub fn config(name: &str, value: &str) -> Value {
    object("ConfigMap", name, Value::Null, json!({"value": value}))
}

pub fn wave(wave: i64) -> Value {
    json!({"argocd.argoproj.io/sync-wave": wave.to_string()})
}

pub fn hook(phase: &str) -> Value {
    json!({"argocd.argoproj.io/hook": phase})
}

pub fn options(list: &str) -> Value {
    json!({"argocd.argoproj.io/sync-options": list})
}

pub fn definition() -> Value {
    let spec = json!({"group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced"});
    object("apiextensions.k8s.io/CustomResourceDefinition", "widgets.example.com", Value::Null, spec)
}

pub struct World {
    pub app: Application,
    pub brakes: Brakes,
    pub dependencies: Vec<Dependency>,
    pub request: Request,
    pub manifests: Vec<Value>,
    pub render_fails: bool,
    pub revision: String,
    pub inventory: Inventory,
    pub last: Option<Last>,
    pub running: Option<Digest>,
    pub now: Timestamp,
    pub objects: BTreeMap<ObjectKey, Value>,
    pub unreadable: BTreeSet<GroupKind>,
    /// Deletions: the object, and whether it was owned.
    pub deleted: Vec<ObjectKey>,
    /// Hooks' bodies that ran, by name.
    pub ran: Vec<String>,
    /// Kinds whose health never comes.
    pub stuck: HashSet<String>,
    pub(super) next_uid: u32,
}

impl World {
    pub fn new(manifests: Vec<Value>) -> Self {
        let mut app = Application::new("shop", "shop", Digest::of("policy"));
        app.automated = Some(Automated { prune: Permit::Granted, self_heal: Permit::Granted });
        Self {
            app,
            brakes: Brakes::default(),
            dependencies: vec![],
            request: Request::Automatic,
            manifests,
            render_fails: false,
            revision: "r1".to_owned(),
            inventory: Inventory::default(),
            last: None,
            running: None,
            now: NOW,
            objects: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            deleted: vec![],
            ran: vec![],
            stuck: HashSet::new(),
            next_uid: 1,
        }
    }

    pub fn by_hand(&mut self) -> &mut Self {
        let manual = Manual { who: "alice".to_owned(), prune: Permit::Granted, only: None, awaits: Await::Health };
        self.request = Request::Manual(manual);
        self
    }

    pub fn desired(&self) -> Desired {
        let mut scopes: Vec<(GroupKind, Scope)> = vec![
            (GroupKind::new("", "Namespace"), Scope::Cluster),
            (GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"), Scope::Cluster),
        ];
        scopes.extend(
            ["ConfigMap", "Secret", "Service", "Pod"].map(|kind| (GroupKind::new("", kind), Scope::Namespaced)),
        );
        scopes.push((GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition"), Scope::Cluster));
        Desired::new(self.manifests.clone(), &self.app, &Scopes::discovered(scopes, BTreeMap::new()), Marks::Written)
    }

    /// Puts an object into the cluster by somebody else's hand.
    pub fn put(&mut self, text: &str, mut manifest: Value) {
        self.next_uid += 1;
        manifest["metadata"]["uid"] = json!(format!("u{}", self.next_uid));
        self.objects.insert(key(text), manifest);
    }

    pub fn live(&self, desired: &Desired) -> Live {
        let mut live = Live::default();
        let wanted = desired.items().iter().map(|item| item.key.kind());
        let owned = self.inventory.objects().map(|(key, _)| key.kind());
        let there = self.objects.keys().map(ObjectKey::kind);
        let namespaces = GroupKind::new("", "Namespace");
        for kind in wanted.chain(owned).chain(there).chain([&namespaces]) {
            let reading = if self.unreadable.contains(kind) {
                Reading::Unreadable("503".to_owned())
            } else if self.serves(kind) {
                Reading::Known
            } else {
                Reading::Unserved
            };
            live.read(kind.clone(), reading);
        }
        for (key, manifest) in &self.objects {
            live.insert(LiveObject::new(key.clone(), Arc::new(manifest.clone())));
        }
        live
    }

    pub(super) fn serves(&self, kind: &GroupKind) -> bool {
        let definition = self.objects.get(&key("apiextensions.k8s.io/CustomResourceDefinition//widgets.example.com"));
        kind.kind != "Widget" || definition.is_some_and(|d| d["status"]["conditions"].is_array())
    }

    fn with_sides<T>(&self, f: impl FnOnce(&Sides<'_>) -> T) -> T {
        let desired = self.desired();
        let live = self.live(&desired);
        let why = Reason::new(Code::RenderFailed, "no such overlay");
        let render = if self.render_fails { Render::Failed(&why) } else { Render::Done(&desired) };
        f(&Sides { application: &self.app, render, live: &live, inventory: &self.inventory, children: &[] })
    }

    pub fn plan(&self) -> Plan {
        self.plan_for(&self.request)
    }

    fn plan_for(&self, request: &Request) -> Plan {
        let situation = Situation {
            request,
            brakes: &self.brakes,
            last: self.last.as_ref(),
            running: self.running.as_ref(),
            dependencies: &self.dependencies,
            now: self.now,
        };
        self.with_sides(|sides| planner::plan(sides, &self.revision, &situation))
    }

    pub fn end(&self) -> planner::deletion::Ending {
        self.with_sides(|sides| planner::deletion::end(sides, &self.revision, &self.brakes, self.now))
    }

    /// The plan as text.
    pub fn text(&self) -> String {
        self.plan().to_string()
    }

    pub fn codes(&self) -> Vec<&'static str> {
        match self.plan().verdict {
            Verdict::Hold(reasons) => reasons.iter().map(|reason| reason.code.as_str()).collect(),
            Verdict::Supersede(reason) => vec![reason.code.as_str()],
            Verdict::Sync(_) => vec![],
        }
    }

    pub fn operation(&self) -> Operation {
        match self.plan().verdict {
            Verdict::Sync(plan) => Operation::new("op", *plan, self.now),
            other => panic!("{other:?}"),
        }
    }

    /// Syncs without any trouble.
    pub fn sync(&mut self) -> Outcome {
        let operation = self.operation();
        self.drive(operation, &mut Chaos::none())
    }

    /// Carries an operation out, with whatever trouble there is.
    pub fn drive(&mut self, mut operation: Operation, chaos: &mut Chaos) -> Outcome {
        let mut pending: Vec<Action> = operation.apply(Input::Start, self.now);
        let mut watched: Vec<ObjectKey> = vec![];
        for _ in 0..20_000 {
            if let Some(outcome) = operation.outcome() {
                let outcome = outcome.clone();
                self.settle();
                self.last = Some(Last {
                    subject: operation.plan.subject.clone(),
                    revision: operation.plan.revision.clone(),
                    end: outcome.end(),
                    at: self.now,
                    healings: 0,
                });
                return outcome;
            }
            if chaos.strikes(Trouble::Crash) {
                // Whatever was asked for and not done, and whatever was done and not told, is forgotten.
                let stored = serde_json::to_string(&operation).unwrap();
                operation = serde_json::from_str(&stored).unwrap();
                pending = operation.apply(Input::Start, self.now);
                continue;
            }
            let input = if pending.is_empty() || chaos.strikes(Trouble::Controllers) {
                self.controllers();
                match watched.is_empty() {
                    false => Input::Seen(watched.iter().map(|key| (key.clone(), self.sight(key))).collect()),
                    true if pending.is_empty() => self.tick(&operation),
                    true => Input::Tick,
                }
            } else {
                let action = pending.remove(0);
                if let Action::Watch(keys) = &action {
                    watched.clone_from(keys);
                }
                match self.act(&operation, action, chaos) {
                    Some(input) => input,
                    None => continue,
                }
            };
            // An outcome that is not stored is as good as not done.
            if chaos.strikes(Trouble::Crash) {
                pending = operation.apply(Input::Start, self.now);
                continue;
            }
            let before = operation.at.clone();
            for part in chaos.parts(input) {
                let more = operation.apply(part, self.now);
                pending.extend(more);
            }
            if operation.at != before {
                watched.clear();
            } else if pending.is_empty() && !watched.is_empty() {
                let tick = self.tick(&operation);
                pending.extend(operation.apply(tick, self.now));
            }
        }
        panic!("no end: {operation}");
    }

    fn tick(&mut self, operation: &Operation) -> Input {
        self.now = self.now.plus_millis(1_000);
        if let Some(wake) = operation.next_wake().filter(|_| self.objects.values().all(|o| !self.is_coming(o))) {
            self.now = self.now.max(wake);
        }
        Input::Tick
    }

    fn is_coming(&self, object: &Value) -> bool {
        object["test"]["coming"] == true && !self.stuck.contains(object["kind"].as_str().unwrap())
    }

    /// Remembers of each object that is as desired what a loop would.
    fn settle(&mut self) {
        let plan = self.plan();
        for (key, owned) in plan.survey.settled {
            self.inventory.record(key, owned);
        }
        for key in plan.survey.lost {
            self.inventory.forget(&key);
        }
    }

    fn sight(&self, key: &ObjectKey) -> Sight {
        self.objects.get(key).map_or(Sight::Missing, |object| Sight::There {
            health: health::of(key, object),
            run: object["metadata"]["annotations"][RUN_OF].as_str().map(str::to_owned),
        })
    }

    fn act(&mut self, operation: &Operation, action: Action, chaos: &mut Chaos) -> Option<Input> {
        Some(match action {
            Action::DryRun(steps) => Input::Checked(all(steps, |step| self.try_out(operation, step))),
            Action::Own(keys) => {
                keys.into_iter().for_each(|key| self.inventory.own(key));
                Input::Stored
            }
            Action::Clear { steps, .. } => Input::Done(all(steps, |step| {
                let run = operation.run(step);
                if self.objects.get(&step.key).is_some_and(|o| o["metadata"]["annotations"][RUN_OF] != *run) {
                    self.delete(&step.key);
                }
                Ok(())
            })),
            Action::Apply(steps) => Input::Done(all(steps, |step| {
                if chaos.strikes(Trouble::Refusal) {
                    return Err("429".to_owned());
                }
                self.apply(operation, step)
            })),
            Action::Run { steps, .. } => Input::Done(all(steps, |step| self.run(operation, step))),
            Action::Watch(keys) => Input::Seen(keys.iter().map(|key| (key.clone(), self.sight(key))).collect()),
            Action::AskConsent(_) => {
                self.now = self.now.plus_millis(3_600_000);
                Input::Confirmed(self.now)
            }
            Action::Prune(steps) => Input::Done(all(steps, |step| {
                if chaos.strikes(Trouble::Refusal) {
                    return Err("429".to_owned());
                }
                let hook =
                    self.objects.get(&step.key).is_some_and(|o| o["metadata"]["annotations"][RUN_OF].is_string());
                assert!(hook || self.inventory.get(&step.key).is_some(), "{step} was never owned");
                self.delete(&step.key);
                Ok(())
            })),
            Action::Delete(steps) => Input::Done(all(steps, |step| {
                self.delete(&step.key);
                Ok(())
            })),
            Action::Plan(_) => {
                let request = Request::Retry(operation.plan.order.clone());
                Input::Planned(Replanned::of(self.plan_for(&request).verdict, self.now))
            }
            Action::PlanEnd => Input::Planned(Replanned::of_end(self.end(), self.now)),
            Action::Finished(_) => return None,
        })
    }
}

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Crash,
    Refusal,
    Controllers,
}

/// A source of trouble that runs dry.
pub struct Chaos(Vec<u8>);

impl Chaos {
    pub fn none() -> Self {
        Self(vec![])
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn strikes(&mut self, trouble: Trouble) -> bool {
        let byte = self.0.pop().unwrap_or(0);
        match trouble {
            Trouble::Crash => byte % 16 == 1,
            Trouble::Refusal => byte % 16 == 3,
            Trouble::Controllers => byte % 4 == 2,
        }
    }

    /// Answers may come one by one, twice, and backwards.
    fn parts(&mut self, input: Input) -> Vec<Input> {
        if self.0.is_empty() {
            return vec![input];
        }
        match input {
            Input::Done(answers) => {
                answers.into_iter().rev().flat_map(|a| [Input::Done(vec![a.clone()]), Input::Done(vec![a])]).collect()
            }
            Input::Checked(answers) => answers.into_iter().map(|a| Input::Checked(vec![a])).collect(),
            Input::Seen(sights) => sights.into_iter().map(|s| Input::Seen(vec![s])).collect(),
            other => vec![other],
        }
    }
}

/// The answers to steps that are done one by one.
fn all(steps: Vec<StepId>, mut each: impl FnMut(&StepId) -> Result<(), String>) -> Vec<(StepId, Result<(), String>)> {
    let answers = steps.into_iter().map(|step| {
        let answer = each(&step);
        (step, answer)
    });
    answers.collect()
}
