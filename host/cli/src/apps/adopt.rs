//! `tidegate apps adopt`: what Argo CD tracks becomes an application's own.

use super::{Desk, UNREACHABLE};
use crate::args::{Adopt, Tool};
use crate::exit::{Exit, graver};
use crate::screen::{Colour, Screen};
use crate::table::columns;
use cluster::Destination;
use model::Failure;
use planner::adoption::{Fate, Mark, Row};
use planner::reason::{Code, Reason};
use reconcile::{Adopted, Entry, Extent, Keeper, Marked};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// What each cluster holds, by its name and by who looked: one account may see more than another.
type Seen = HashMap<(String, usize), Arc<Marked>>;

impl Desk {
    /// 0 where all is adopted, or would be; 1 where something holds one that was named, or one failed; 5 where kinds could not be
    /// listed, or not every application is known.
    pub(super) async fn adopt(&self, wanted: &Adopt, screen: &Screen) -> Result<u8, Exit> {
        let Tool::Argocd = wanted.from;
        let _lock = if self.asked.is_none() && !wanted.dry_run { Some(self.engine.lock()?) } else { None };
        let entries: Vec<&Entry> = match &wanted.name {
            Some(name) => vec![self.find(name)?],
            None => self.declared().collect(),
        };
        let (mut seen, mut rows) = (Seen::new(), Vec::new());
        let mut code = if wanted.name.is_none() { self.end } else { 0 };
        for entry in entries {
            let adopted = self.adopt_one(entry, wanted, &mut seen).await;
            let fine = match &adopted {
                // What is only observed is left alone, and nobody asked for this very one.
                Ok(adopted) => adopted.held.iter().all(|reason| wanted.all && reason.code == Code::ObserveOnly),
                Err(_) => false,
            };
            code = if fine { code } else { graver(code, 1) };
            if !screen.json {
                print(&entry.name, &adopted, wanted.dry_run, screen);
            }
            rows.push(document(&entry.name, &adopted, wanted.dry_run));
        }
        self.note_away(screen);
        if wanted.name.is_none() {
            self.note_unknown(screen);
        }
        let mut unlisted: Vec<_> = seen
            .iter()
            .flat_map(|((cluster, _), marked)| marked.found.unlisted.iter().map(move |one| (cluster, one)))
            .collect();
        unlisted.sort();
        unlisted.dedup();
        if screen.json {
            let kind = |(cluster, (kind, reason)): &(&String, &(String, String))| json!({"cluster": cluster, "kind": kind, "reason": reason});
            let unlisted: Vec<Value> = unlisted.iter().map(kind).collect();
            screen.document(&json!({"applications": rows, "unlisted": unlisted}));
        } else {
            for (cluster, (kind, reason)) in &unlisted {
                screen.note(&format!("warning: {cluster}: {kind} could not be looked through: {reason}"));
            }
        }
        Ok(if unlisted.is_empty() { code } else { graver(code, UNREACHABLE) })
    }

    async fn adopt_one(&self, entry: &Entry, wanted: &Adopt, seen: &mut Seen) -> Result<Adopted, Failure> {
        let keeper = self.keeper(entry).await?;
        let marked = self.marked(entry, &keeper, &wanted.label, seen).await?;
        match &self.asked {
            _ if wanted.dry_run => keeper.adopt(&marked, Extent::Trial).await,
            Some(asked) => asked.daemon.fleet.adopt(&entry.name, marked).await,
            None => keeper.adopt(&marked, Extent::Whole).await,
        }
    }

    /// What the application's cluster holds. Each is looked through once, however many applications it has.
    async fn marked(
        &self,
        entry: &Entry,
        keeper: &Keeper,
        label: &str,
        seen: &mut Seen,
    ) -> Result<Arc<Marked>, Failure> {
        let cluster = self.floor.cluster(entry).map(|(name, _)| name.to_owned()).unwrap_or_default();
        let destination = &keeper.subject().cluster;
        let at = (cluster, Arc::as_ptr(destination).cast::<()>().addr());
        if let Some(marked) = seen.get(&at) {
            return Ok(marked.clone());
        }
        let destination: &dyn Destination = &**destination;
        let found = reconcile::marked(destination, label).await?;
        let owned = self.floor.owned(&self.catalog, &at.0)?;
        let marked = Arc::new(Marked { found, label: label.to_owned(), owned });
        seen.insert(at, marked.clone());
        Ok(marked)
    }
}

fn status(adopted: &Adopted, is_trial: bool) -> &'static str {
    match (adopted.held.is_empty(), adopted.new_ones().next().is_some(), is_trial) {
        (false, ..) => "held",
        (true, false, _) => "unchanged",
        (true, true, false) => "adopted",
        (true, true, true) => "would-adopt",
    }
}

fn document(name: &str, adopted: &Result<Adopted, Failure>, is_trial: bool) -> Value {
    let adopted = match adopted {
        Ok(adopted) => adopted,
        Err(failure) => return json!({"name": name, "status": "failed", "message": failure.message, "objects": []}),
    };
    let object = |row: &Row| {
        let mut object = json!({"object": row.key, "by": by(&row.mark), "owned": row.is_owned});
        // Its tag, and its reason where it has one.
        if let (Ok(Value::Object(fate)), Some(object)) = (serde_json::to_value(&row.fate), object.as_object_mut()) {
            object.extend(fate);
        }
        object
    };
    json!({"name": name, "status": status(adopted, is_trial), "message": message(adopted),
        "objects": adopted.rows.iter().map(object).collect::<Vec<_>>(), "reasons": adopted.held,
        "next": adopted.standing.message})
}

fn message(adopted: &Adopted) -> String {
    match adopted.held.as_slice() {
        [] => adopted.summary(),
        reasons => reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "),
    }
}

fn print(name: &str, adopted: &Result<Adopted, Failure>, is_trial: bool, screen: &Screen) {
    let bold = screen.paint(Colour::Bold, name);
    let adopted = match adopted {
        Ok(adopted) => adopted,
        Err(failure) => return screen.out(&format!("{bold}: {}", screen.paint(Colour::Red, &failure.message))),
    };
    let would = if is_trial && adopted.held.is_empty() { "if it were done: " } else { "" };
    screen.out(&format!("{bold}: {would}{}", message(adopted)));
    let line = |row: &Row| {
        let (colour, word, why) = match &row.fate {
            Fate::InGit => (Colour::Green, "in Git", ""),
            Fate::Pruned => (Colour::Red, "to be pruned", ""),
            Fate::Kept(why) => (Colour::Yellow, "not in Git, and kept", why.as_str()),
            Fate::Other(why) => (Colour::Yellow, "another's", why.as_str()),
            Fate::Copied(why) => (Colour::Yellow, "a copied id", why.as_str()),
            Fate::NotPermitted(why) => (Colour::Yellow, "not permitted", why.as_str()),
            Fate::Left(why) => (Colour::Yellow, "left alone", why.as_str()),
        };
        let owned = match (row.fate.is_owned(), row.is_owned) {
            (true, true) => "owned already",
            (true, false) if adopted.held.is_empty() => "adopted",
            _ => "",
        };
        vec![
            format!("  {}", row.key),
            by(&row.mark).to_owned(),
            owned.to_owned(),
            screen.paint(colour, word),
            why.to_owned(),
        ]
    };
    if !adopted.rows.is_empty() {
        let head = ["  OBJECT", "BY", "", "THEN", ""].map(|word| screen.paint(Colour::Bold, word)).to_vec();
        screen.out(&columns(&std::iter::once(head).chain(adopted.rows.iter().map(line)).collect::<Vec<_>>()));
    }
    if adopted.held.is_empty() && !adopted.standing.message.is_empty() {
        screen.out(&format!("  its next sync: {}", adopted.standing.message));
    }
}

fn by(mark: &Mark) -> &'static str {
    match mark {
        Mark::Id { .. } => "annotation",
        Mark::Label(_) => "label",
    }
}
