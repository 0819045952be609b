//! `tidegate apps list`: every application with how it stands, in Argo CD's words.

use super::{Desk, Whole, note_unread, render, summary};
use crate::exit::Exit;
use crate::screen::{Colour, Screen};
use crate::table::columns;
use model::Failure;
use planner::health::Status;
use planner::survey::SyncStatus;
use reconcile::{Entry, Standing};
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
}

impl Desk {
    pub(super) async fn list(&self, screen: &Screen) -> Result<u8, Exit> {
        let rows = self.rows().await;
        self.note_away(screen);
        if self.asked.is_some() {
            // Without a daemon it was said when it was read.
            note_unread(&self.catalog, screen);
        }
        if screen.json {
            let row = |(entry, row): (&Arc<Entry>, &Row)| {
                json!({"name": entry.name, "project": entry.project, "revision": row.revision,
                    "sync": row.sync.to_string(), "health": row.health.to_string(), "message": row.message})
            };
            screen.document(&self.catalog.entries.iter().zip(&rows).map(row).collect::<Vec<Value>>());
            return Ok(self.end);
        }
        if rows.is_empty() && self.end == 0 {
            screen
                .out("no application is declared where the configuration looks: `spec.repositories.NAME.applications`");
            return Ok(0);
        }
        let head = ["NAME", "PROJECT", "REVISION", "SYNC", "HEALTH", ""].map(|word| screen.paint(Colour::Bold, word));
        let line = |(entry, row): (&Arc<Entry>, &Row)| {
            let short = row.revision.get(..7).unwrap_or(&row.revision).to_owned();
            let message = if row.wrong { screen.paint(Colour::Red, &row.message) } else { row.message.clone() };
            let sync = screen.paint(of_sync(row.sync), &row.sync.to_string());
            let health = screen.paint(of_health(row.health), &row.health.to_string());
            vec![entry.name.clone(), entry.project.clone(), short, sync, health, message]
        };
        let lines = self.catalog.entries.iter().zip(&rows).map(line);
        screen.out(&columns(&std::iter::once(head.to_vec()).chain(lines).collect::<Vec<_>>()));
        Ok(self.end)
    }

    /// All of them, a few at a time, in their order.
    async fn rows(&self) -> Vec<Row> {
        let room = Arc::new(tokio::sync::Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));
        let rows = self.catalog.entries.iter().map(|entry| {
            let room = room.clone();
            async move {
                let _held = room.acquire().await;
                self.row(entry).await.unwrap_or_else(|failure| Row {
                    revision: String::new(),
                    sync: SyncStatus::Unknown,
                    health: Status::Unknown,
                    message: failure.message,
                    wrong: true,
                })
            }
        });
        futures_util::future::join_all(rows).await
    }

    async fn row(&self, entry: &Entry) -> Result<Row, Failure> {
        if self.asked.is_some()
            && entry.application.is_ok()
            && let Some(standing) = self.floor.books.memory(&entry.name)?.standing
        {
            // Whoever keeps it knows it already.
            let Standing { revision, sync, health, message, .. } = standing;
            let wrong = sync == SyncStatus::Unknown;
            return Ok(Row { revision, sync, health: health.status, message, wrong });
        }
        if self.floor.cluster(entry).is_none() {
            // There is nothing that it could be held against; that it renders is worth knowing all the same.
            let Whole { all, revision } = render(entry, &self.floor).await?;
            let message = summary(&all);
            return Ok(Row { revision, sync: SyncStatus::Unknown, health: Status::Unknown, message, wrong: false });
        }
        let (look, standing) = self.keeper(entry).await?.look().await?;
        let wrong = !look.plan.survey.problems.is_empty();
        Ok(Row {
            revision: standing.revision,
            sync: standing.sync,
            health: standing.health.status,
            message: standing.message,
            wrong,
        })
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
