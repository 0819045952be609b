//! The tracked objects of one kind, as a watch and our own writes tell them, and how far they can be relied on. It asks nobody.

use super::bell::Bells;
use super::view::View;
use planner::live::LiveObject;
use planner::object::ObjectKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How far a store can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is being filled for the first time.
    Filling,
    /// It holds what is there.
    Filled,
    /// It holds what was there; why it cannot be told any more.
    Broken(Arc<str>),
    /// The kind is served no more, and nobody follows it.
    Ended,
}

/// The tracked objects of one kind.
#[derive(Debug)]
pub(super) struct Store {
    objects: Mutex<Objects>,
    state: watch::Sender<State>,
    bells: Arc<Bells>,
}

#[derive(Debug, Default)]
struct Objects {
    views: HashMap<ObjectKey, View>,
    /// Objects by the label of their application.
    tracked: HashMap<String, HashSet<ObjectKey>>,
    /// Labels of applications that asked for an object which is another's, and wait for it to be free.
    awaited: HashMap<ObjectKey, BTreeSet<String>>,
}

/// What a store says of an application.
pub(super) struct Sight {
    pub objects: Vec<LiveObject>,
    /// Those that were asked for and are not tracked; they may be there without a mark.
    pub untracked: Vec<ObjectKey>,
}

impl Store {
    pub fn new(bells: Arc<Bells>) -> Self {
        Self { objects: Mutex::default(), state: watch::Sender::new(State::Filling), bells }
    }

    /// Its state once it is known.
    pub async fn settled(&self) -> State {
        let mut state = self.state.subscribe();
        match state.wait_for(|state| *state != State::Filling).await {
            Ok(state) => state.clone(),
            // The sender is our own.
            Err(_) => State::Ended,
        }
    }

    pub fn has_ended(&self) -> bool {
        *self.state.borrow() == State::Ended
    }

    /// What is there of an application, and of these keys.
    pub fn see<'k>(&self, label: &str, keys: impl IntoIterator<Item = &'k ObjectKey>) -> Sight {
        let mut all = self.all();
        let Objects { views, tracked, awaited } = &mut *all;
        let mut found: BTreeSet<&ObjectKey> = tracked.get(label).into_iter().flatten().collect();
        let mut untracked = Vec::new();
        for key in keys {
            match views.get_key_value(key) {
                Some((key, view)) => {
                    if view.label.as_deref() != Some(label) {
                        awaited.entry(key.clone()).or_default().insert(label.to_owned());
                    }
                    found.insert(key);
                }
                None => untracked.push(key.clone()),
            }
        }
        let objects = found.into_iter().filter_map(|key| views.get(key)).map(|view| view.object.clone());
        Sight { objects: objects.collect(), untracked }
    }

    /// Takes what a list at this version of the cluster holds; what was written since then stays.
    pub fn fill(&self, views: Vec<View>, version: &str) {
        let mut rung = BTreeSet::new();
        {
            let mut all = self.all();
            let listed: HashSet<ObjectKey> = views.iter().map(|view| view.object.key.clone()).collect();
            let is_newer = |view: &View| view.version.parse::<u64>().ok() > version.parse::<u64>().ok();
            let gone = all.views.iter().filter(|(key, view)| !listed.contains(*key) && !is_newer(view));
            let gone: Vec<ObjectKey> = gone.map(|(key, _)| key.clone()).collect();
            for key in gone {
                rung.extend(all.remove(&key));
            }
            for view in views {
                all.put(view, &mut rung);
            }
        }
        if self.state.send_replace(State::Filled) == State::Filled {
            rung.iter().for_each(|label| self.bells.ring(label));
        } else {
            self.bells.ring_all();
        }
    }

    /// Takes an object as it was written or seen, unless a newer one is here already.
    pub fn put(&self, view: View) {
        let mut rung = BTreeSet::new();
        self.all().put(view, &mut rung);
        rung.iter().for_each(|label| self.bells.ring(label));
    }

    /// An object is gone, or has lost its label.
    pub fn remove(&self, gone: &View) {
        let key = &gone.object.key;
        let rung = {
            let mut all = self.all();
            // What was made anew since then stays.
            let is_newer = all.views.get(key).is_some_and(|here| gone.is_older(&here.version));
            if is_newer { BTreeSet::new() } else { all.remove(key) }
        };
        rung.iter().for_each(|label| self.bells.ring(label));
    }

    /// It can be relied on no more.
    pub fn broke(&self, why: &str) {
        self.turn(State::Broken(why.into()));
    }

    /// Nobody follows it from now on.
    pub fn end(&self) {
        self.turn(State::Ended);
    }

    fn turn(&self, state: State) {
        let is_told = matches!(state, State::Broken(_)) && matches!(*self.state.borrow(), State::Broken(_));
        self.state.send_replace(state);
        if !is_told {
            self.bells.ring_all();
        }
    }

    fn all(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    /// Labels of applications that this concerns are added to `rung`.
    fn put(&mut self, view: View, rung: &mut BTreeSet<String>) {
        let key = view.object.key.clone();
        match self.views.get(&key) {
            Some(here) if view.is_older(&here.version) => return,
            Some(here) if !here.differs(&view) => {}
            here => rung.extend(here.and_then(|here| here.label.clone()).into_iter().chain(view.label.clone())),
        }
        if self.views.get(&key).is_some_and(|here| here.label != view.label) {
            rung.extend(self.remove(&key));
        }
        self.forget(&key);
        if let Some(label) = &view.label {
            self.tracked.entry(label.clone()).or_default().insert(key.clone());
            self.views.insert(key, view);
        }
    }

    /// An object goes, or gets another owner; answers the labels of those whom that concerns.
    fn remove(&mut self, key: &ObjectKey) -> BTreeSet<String> {
        let mut labels = self.awaited.remove(key).unwrap_or_default();
        labels.extend(self.forget(key));
        labels
    }

    /// The label of the application whose it was.
    fn forget(&mut self, key: &ObjectKey) -> Option<String> {
        let label = self.views.remove(key)?.label?;
        if let Some(keys) = self.tracked.get_mut(&label) {
            keys.remove(key);
            if keys.is_empty() {
                self.tracked.remove(&label);
            }
        }
        Some(label)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::kubernetes::view::Extent;
    use planner::object::GroupKind;
    use planner::owner::{ApplicationName, MARK};
    use serde_json::json;

    fn view(name: &str, label: &str, version: u64, generation: u64) -> View {
        let kind = GroupKind::new("", "Service");
        let metadata = json!({"name": name, "namespace": "a", "labels": {MARK: label}, "resourceVersion": version.to_string(), "generation": generation});
        View::of(&kind, "v1", json!({"metadata": metadata}), Extent::Status).unwrap()
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new(GroupKind::new("", "Service"), "a", name)
    }

    fn names(store: &Store, label: &str) -> String {
        let sight = store.see(label, &[]);
        let shown = sight.objects.iter().map(|o| format!("{}@{}", o.key.name(), o.manifest["metadata"]["generation"]));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn bells_ring_for_whom_it_concerns_and_for_what_tells_something() {
        let bells = Arc::new(Bells::default());
        let (mut shop, mut blog) =
            (bells.receiver(&ApplicationName::from("shop")), bells.receiver(&ApplicationName::from("blog")));
        let mut rung = || {
            let one = |r: &mut watch::Receiver<u64>| {
                let has = r.has_changed().unwrap();
                r.mark_unchanged();
                has
            };
            (one(&mut shop), one(&mut blog))
        };
        let store = Store::new(bells.clone());
        store.fill(vec![view("a", "shop", 1, 1)], "1");
        assert_eq!(store.settled().await, State::Filled);
        assert_eq!(rung(), (true, true), "it can be relied on from now on");
        store.put(view("a", "shop", 2, 1));
        assert_eq!(rung(), (false, false), "a version alone tells nothing");
        store.put(view("a", "shop", 3, 2));
        assert_eq!(rung(), (true, false));
        store.put(view("a", "blog", 4, 2));
        assert_eq!(rung(), (true, true), "it changed hands");
        store.remove(&view("a", "blog", 5, 2));
        assert_eq!(rung(), (false, true));
        store.put(view("b", "blog", 6, 1));
        assert_eq!(rung(), (false, true));
        store.see("shop", &[key("b")]);
        store.put(view("b", "blog", 7, 2));
        assert_eq!(rung(), (false, true), "it is the other's as before");
        store.remove(&view("b", "blog", 8, 2));
        assert_eq!(rung(), (true, true), "it is free");
        store.broke("503");
        store.broke("503");
        assert_eq!(rung(), (true, true));
        assert_eq!(store.settled().await, State::Broken("503".into()));
    }

    #[test]
    fn what_was_written_is_seen_at_once_and_an_old_event_takes_nothing_back() {
        let store = Store::new(Arc::default());
        store.fill(vec![view("a", "shop", 10, 1), view("b", "shop", 10, 1)], "10");
        store.put(view("a", "shop", 12, 3));
        store.put(view("a", "shop", 11, 2));
        assert_eq!(names(&store, "shop"), "a@3 b@1");
        store.remove(&view("a", "shop", 11, 2));
        assert_eq!(names(&store, "shop"), "a@3 b@1");
        // A list from before the write, which no longer has `b`.
        store.fill(vec![], "11");
        assert_eq!(names(&store, "shop"), "a@3");
        let sight = store.see("blog", &[key("a"), key("c")]);
        assert_eq!((sight.objects.len(), sight.untracked), (1, vec![key("c")]));
    }
}
