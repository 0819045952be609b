//! `tidegate apps list`: every application with how it stands, in Argo CD's words.

use super::{Desk, Whole, render, summary};
use crate::exit::Exit;
use crate::screen::{Colour, Screen};
use crate::table::columns;
use model::Failure;
use planner::health::Status;
use planner::plan::Asked;
use planner::survey::SyncStatus;
use reconcile::{Entry, Memory, Standing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How an application is listed.
struct Row {
    revision: String,
    sync: SyncStatus,
    health: Status,
    message: String,
    /// Whether the message says what is wrong.
    wrong: bool,
    /// Whether its file is gone, and it is being deleted.
    is_going: bool,
}

impl Desk {
    pub(super) async fn list(&self, screen: &Screen) -> Result<u8, Exit> {
        let mut all: Vec<&Arc<Entry>> = self.catalog.entries.iter().chain(&self.going).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let entries = nested(&all);
        let rows = self.rows(&entries).await;
        self.note_away(screen);
        self.note_unknown(screen);
        if screen.json {
            let row = |((_, entry), row): (&(usize, &Arc<Entry>), &Row)| {
                json!({"name": entry.name, "parent": entry.parent(), "project": entry.project, "revision": row.revision,
                    "sync": row.sync.to_string(), "health": row.health.to_string(), "message": row.message,
                    "deleting": row.is_going})
            };
            screen.document(&entries.iter().zip(&rows).map(row).collect::<Vec<Value>>());
            return Ok(self.end);
        }
        if rows.is_empty() && self.end == 0 {
            screen
                .out("no application is declared where the configuration looks: `spec.repositories.NAME.applications`");
            return Ok(0);
        }
        let head = ["NAME", "PROJECT", "REVISION", "SYNC", "HEALTH", ""].map(|word| screen.paint(Colour::Bold, word));
        let line = |((depth, entry), row): (&(usize, &Arc<Entry>), &Row)| {
            let short = row.revision.get(..7).unwrap_or(&row.revision).to_owned();
            let message = if row.wrong { screen.paint(Colour::Red, &row.message) } else { row.message.clone() };
            let sync = screen.paint(of_sync(row.sync), &row.sync.to_string());
            let health = screen.paint(of_health(row.health), &row.health.to_string());
            let name = format!("{}{}", "  ".repeat(*depth), entry.name);
            vec![name, entry.project.clone(), short, sync, health, message]
        };
        let lines = entries.iter().zip(&rows).map(line);
        screen.out(&columns(&std::iter::once(head.to_vec()).chain(lines).collect::<Vec<_>>()));
        Ok(self.end)
    }

    /// All of them, a few at a time, in their order.
    async fn rows(&self, entries: &[(usize, &Arc<Entry>)]) -> Vec<Row> {
        let room = Arc::new(tokio::sync::Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));
        let going: BTreeSet<&str> = self.going.iter().map(|entry| entry.name.as_str()).collect();
        let rows = entries.iter().map(|(_, entry)| {
            let is_going = going.contains(entry.name.as_str()) && self.catalog.find(&entry.name).is_none();
            let room = room.clone();
            async move {
                let _held = room.acquire().await;
                let row = if is_going { self.going_row(entry) } else { self.row(entry).await };
                row.unwrap_or_else(|failure| Row {
                    revision: String::new(),
                    sync: SyncStatus::Unknown,
                    health: Status::Unknown,
                    message: failure.message,
                    wrong: true,
                    is_going,
                })
            }
        });
        futures_util::future::join_all(rows).await
    }

    /// One that is being deleted, as whoever does so has stored it: there is nothing to hold it against.
    fn going_row(&self, entry: &Entry) -> Result<Row, Failure> {
        let memory = self.floor.books.memory(&entry.name)?;
        let message = going(&memory);
        let standing = memory.standing.map(|standing| (standing.revision, standing.health.status));
        let (revision, health) = standing.unwrap_or((String::new(), Status::Unknown));
        Ok(Row { revision, sync: SyncStatus::Unknown, health, message, wrong: false, is_going: true })
    }

    async fn row(&self, entry: &Entry) -> Result<Row, Failure> {
        if self.asked.is_some()
            && entry.application.is_ok()
            && let Some(standing) = self.floor.books.memory(&entry.name)?.standing
        {
            // Whoever keeps it knows it already.
            let Standing { revision, sync, health, message, .. } = standing;
            let wrong = sync == SyncStatus::Unknown;
            return Ok(Row { revision, sync, health: health.status, message, wrong, is_going: false });
        }
        if self.floor.cluster(entry).is_none() {
            // There is nothing that it could be held against; that it renders is worth knowing all the same.
            let Whole { all, revision } = render(entry, &self.floor).await?;
            let message = summary(&all);
            let (sync, health) = (SyncStatus::Unknown, Status::Unknown);
            return Ok(Row { revision, sync, health, message, wrong: false, is_going: false });
        }
        let (look, standing) = self.keeper(entry).await?.look().await?;
        let wrong = !look.plan.survey.problems.is_empty();
        Ok(Row {
            revision: standing.revision,
            sync: standing.sync,
            health: standing.health.status,
            message: standing.message,
            wrong,
            is_going: false,
        })
    }
}

/// How far the deletion of an application is, in a sentence.
pub(super) fn going(memory: &Memory) -> String {
    let standing = memory.standing.as_ref().map(|standing| standing.message.as_str()).unwrap_or_default();
    match &memory.operation {
        Some(operation) if operation.plan.order.asked == Asked::Removal => format!("being deleted: {operation}"),
        _ if standing.is_empty() => "being deleted".to_owned(),
        _ => format!("being deleted: {standing}"),
    }
}

/// Each with how deep it is: children stand below the application that declares them.
fn nested<'a>(entries: &[&'a Arc<Entry>]) -> Vec<(usize, &'a Arc<Entry>)> {
    let mut of: BTreeMap<&str, Vec<&'a Arc<Entry>>> = BTreeMap::new();
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut waiting = Vec::new();
    for entry in entries.iter().rev().copied() {
        match entry.parent().filter(|parent| names.contains(parent)) {
            Some(parent) => of.entry(parent).or_default().push(entry),
            // That of a file, or of a parent that cannot be read, or is going.
            None => waiting.push((0, entry)),
        }
    }
    let mut all = Vec::with_capacity(entries.len());
    while let Some((depth, entry)) = waiting.pop() {
        all.push((depth, entry));
        let below = of.remove(entry.name.as_str()).unwrap_or_default();
        waiting.extend(below.into_iter().map(|child| (depth + 1, child)));
    }
    // Those of which none begins.
    all.extend(of.into_values().flatten().map(|entry| (0, entry)));
    all
}

pub(super) fn of_sync(sync: SyncStatus) -> Colour {
    match sync {
        SyncStatus::Synced => Colour::Green,
        SyncStatus::OutOfSync => Colour::Yellow,
        SyncStatus::Unknown => Colour::Red,
    }
}

pub(super) fn of_health(health: Status) -> Colour {
    match health {
        Status::Healthy => Colour::Green,
        Status::Progressing | Status::Suspended => Colour::Yellow,
        Status::Missing | Status::Degraded | Status::Unknown => Colour::Red,
    }
}
