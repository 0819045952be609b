//! What Argo CD tracks for an application becomes its own: the inventory learns it, and nothing is written to the cluster. What
//! follows (prunes, fields that change hands) is the business of the syncs that come after.

use crate::books::Memory;
use crate::keeper::Keeper;
use crate::standing::Standing;
use cluster::{Destination, Found};
use model::Failure;
use planner::adoption::{self, Fate, Instance, Row, Voices};
use planner::decide::{Mode, Request};
use planner::inventory::Owned;
use planner::live::LiveObject;
use planner::object::ObjectKey;
use planner::reason::{Code, Reason, count};
use planner::survey::{Render, Sides};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What is known about a cluster before its applications adopt anything.
#[derive(Debug)]
pub struct Marked {
    /// The objects that Argo CD may track, and what could not be listed.
    pub found: Found,
    /// The label that tracks where there is no annotation.
    pub label: String,
    /// What the applications of this cluster own already, and which of them.
    pub owned: HashMap<ObjectKey, String>,
}

/// Whether anything is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing is: what would happen is told.
    Trial,
    /// It is.
    Whole,
}

/// What adopting came to, or would come to.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Every object that is tracked for the application, or that it desires and is tracked for another one.
    pub rows: Vec<Row>,
    /// Why nothing was adopted, where something holds it.
    pub held: Vec<Reason>,
    /// How the application stands with what it owns then: what a sync would do, or why none begins.
    pub standing: Standing,
}

impl Adopted {
    /// Objects that were not the application's before, and are now.
    pub fn new_ones(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.fate.is_owned() && !row.is_owned)
    }

    /// In a sentence, as far as objects go.
    pub fn summary(&self) -> String {
        let others = self.rows.iter().filter(|row| !row.fate.is_owned()).count();
        let left = self.new_ones().filter(|row| row.fate != Fate::InGit).count();
        let text = format!("{} adopted, {left} of them not in Git", count(self.new_ones().count(), "object"));
        if others == 0 { text } else { format!("{text}; {others} left alone") }
    }
}

/// Everything in a cluster that carries a mark of Argo CD's. Error: the cluster cannot be asked which kinds there are.
pub async fn marked(destination: &dyn Destination, label: &str) -> Result<Found, Failure> {
    let own = label.to_owned();
    let sought = move |live: &LiveObject| adoption::is_marked(live, &own);
    destination.find(&sought).await.map_err(|failure| Failure::unavailable(failure.message))
}

impl Keeper {
    /// Takes over what Argo CD tracks for the application. Again is the same.
    ///
    /// Errors: those of the journal. Whatever is wrong with the application is part of the answer.
    pub async fn adopt(&self, marked: &Marked, extent: Extent) -> Result<Adopted, Failure> {
        let mut memory = self.books().memory(self.name())?;
        let wish = self.subject().wish().await;
        let application = &self.subject().application;
        let instance = Instance {
            name: self.name(),
            namespace: self.subject().declared.namespace.as_ref().map(|namespace| namespace.as_str()),
            label: &marked.label,
        };
        let mut held = self.holds(&instance, &marked.found.objects);
        let mut rows = Vec::new();
        match &wish.desired {
            Err(why) => held.push(why.clone()),
            Ok(desired) => {
                let live = planner::Live::default();
                let sides = Sides {
                    application,
                    render: Render::Done(desired),
                    live: &live,
                    inventory: &memory.inventory,
                    children: &[],
                };
                let owner = |key: &ObjectKey| marked.owned.get(key).filter(|name| **name != self.name()).cloned();
                let forbids = |key: &ObjectKey| self.subject().rights.of_object(key);
                let voices = Voices { forbids: &forbids, owner: &owner };
                rows = adoption::adoption(&sides, &instance, &marked.found.objects, &voices);
            }
        }
        let before = memory.inventory.clone();
        if held.is_empty() {
            own(&mut memory, &rows);
        }
        let moved = memory.inventory != before;
        let (_, standing) = self.survey(&Request::Automatic, None, &mut memory, wish).await?;
        if extent == Extent::Whole && moved {
            self.books().stand(self.name(), &standing, Some(&memory.inventory)).await?;
        }
        Ok(Adopted { rows, held, standing })
    }

    /// What keeps the application from adopting anything.
    fn holds(&self, instance: &Instance<'_>, found: &[LiveObject]) -> Vec<Reason> {
        let mut held = self.subject().application.problems.clone();
        // What cannot be asked holds.
        if self.brakes().map_or(true, |brakes| brakes.mode == Mode::Observe) {
            held.push(Reason::new(Code::ObserveOnly, "the destination is only observed (`mode: observe`)"));
        }
        let marks = found.iter().filter_map(|live| instance.mark(live)).filter(|mark| instance.is(mark));
        let spellings: BTreeSet<String> = marks.map(|mark| mark.application().to_owned()).collect();
        if instance.namespace.is_none() && spellings.len() > 1 {
            let all = spellings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            let text = format!(
                "Argo CD tracks objects for {all}, and which of them is meant nobody can say: write the \
                 application's `metadata.namespace`"
            );
            held.push(Reason::new(Code::SharedObject, text));
        }
        held
    }
}

/// Each is known by its id alone, so that the next look compares it, and one that was made anew meanwhile is not taken for it.
fn own(memory: &mut Memory, rows: &[Row]) {
    for row in rows.iter().filter(|row| row.fate.is_owned() && !row.is_owned) {
        memory.inventory.record(row.key.clone(), Owned { uid: row.uid.clone(), ..Owned::default() });
    }
}

/// What is asked of an application's own loop, so that no sync is at work meanwhile.
pub(crate) struct Adopting {
    pub(crate) marked: Arc<Marked>,
    /// Hears what came of it.
    pub(crate) answer: tokio::sync::oneshot::Sender<Result<Adopted, Failure>>,
}
