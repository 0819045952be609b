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
        let rows = self.rows().await;
        self.note_away(screen);
        self.note_unknown(screen);
        if screen.json {
            let row = |(entry, row): &(&Arc<Entry>, Row)| {
                json!({"name": entry.name, "project": entry.project, "revision": row.revision,
                    "sync": row.sync.to_string(), "health": row.health.to_string(), "message": row.message,
                    "deleting": row.is_going})
            };
            screen.document(&rows.iter().map(row).collect::<Vec<Value>>());
            return Ok(self.end);
        }
        if rows.is_empty() && self.end == 0 {
            screen
                .out("no application is declared where the configuration looks: `spec.repositories.NAME.applications`");
            return Ok(0);
        }
        let head = ["NAME", "PROJECT", "REVISION", "SYNC", "HEALTH", ""].map(|word| screen.paint(Colour::Bold, word));
        let line = |(entry, row): &(&Arc<Entry>, Row)| {
            let short = row.revision.get(..7).unwrap_or(&row.revision).to_owned();
            let message = if row.wrong { screen.paint(Colour::Red, &row.message) } else { row.message.clone() };
            let sync = screen.paint(of_sync(row.sync), &row.sync.to_string());
            let health = screen.paint(of_health(row.health), &row.health.to_string());
            vec![entry.name.clone(), entry.project.clone(), short, sync, health, message]
        };
        let lines = rows.iter().map(line);
        screen.out(&columns(&std::iter::once(head.to_vec()).chain(lines).collect::<Vec<_>>()));
        Ok(self.end)
    }

    /// All of them, a few at a time, in their order; among them those that are being deleted.
    async fn rows(&self) -> Vec<(&Arc<Entry>, Row)> {
        let room = Arc::new(tokio::sync::Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));
        let declared = self.catalog.entries.iter().map(|entry| (entry, false));
        let mut all: Vec<_> = declared.chain(self.going.iter().map(|entry| (entry, true))).collect();
        all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let rows = all.into_iter().map(|(entry, is_going)| {
            let room = room.clone();
            async move {
                let _held = room.acquire().await;
                let row = if is_going { self.going_row(entry) } else { self.row(entry).await };
                let row = row.unwrap_or_else(|failure| Row {
                    revision: String::new(),
                    sync: SyncStatus::Unknown,
                    health: Status::Unknown,
                    message: failure.message,
                    wrong: true,
                    is_going,
                });
                (entry, row)
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
