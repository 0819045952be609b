//! The log of a run: lines go to the journal in batches and to whoever watches, in order.

use crate::vault::Vault;
use model::{RunId, StepKey, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Command, Journal, LogLine};
use tokio::sync::mpsc;

/// What a watcher of a run is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A step's state changed.
    Step(Box<scheduler::StepState>),
    /// A line of log.
    Line(LogLine),
    /// A group of lines begins.
    Group(StepKey, String),
    /// The innermost group ends.
    EndGroup(StepKey),
    /// How far a task of a step is; `total` 0 means unknown.
    Progress {
        /// Which step.
        step: StepKey,
        /// Which task of it.
        task: String,
        /// How much is done.
        done: u32,
        /// Of how much.
        total: u32,
        /// What is counted.
        unit: String,
    },
}

/// Lines that may wait for the journal: a step that writes faster than the disk waits here.
const QUEUE: usize = 4096;
/// Lines of one transaction.
const BATCH: usize = 512;
/// How long a line waits for company.
const PAUSE: Duration = Duration::from_millis(50);
/// Log of one attempt, its children's output included.
const LINES: u64 = 200_000;
const BYTES: u64 = 64 << 20;

/// Writes logs of one run. Dropping all senders flushes and ends it.
#[derive(Clone, Debug)]
pub(crate) struct Logger {
    lines: mpsc::Sender<LogLine>,
    watcher: Option<mpsc::UnboundedSender<Notice>>,
    vault: Arc<Vault>,
}

impl Logger {
    pub(crate) fn start(
        journal: Arc<Journal>,
        vault: Arc<Vault>,
        run: RunId,
        watcher: Option<mpsc::UnboundedSender<Notice>>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (lines, mut inbox) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut batch = Vec::new();
            while let Some(first) = inbox.recv().await {
                batch.push(first);
                let deadline = tokio::time::Instant::now() + PAUSE;
                while batch.len() < BATCH {
                    match tokio::time::timeout_at(deadline, inbox.recv()).await {
                        Ok(Some(line)) => batch.push(line),
                        Ok(None) | Err(_) => break,
                    }
                }
                // A log that cannot be kept is no reason to stop the run; the run's own records will tell.
                let _ = journal.apply(Command::Log(run.clone(), std::mem::take(&mut batch))).await;
            }
        });
        (Self { lines, watcher, vault }, task)
    }

    pub(crate) fn tell(&self, notice: Notice) {
        if let Some(watcher) = &self.watcher {
            // A watcher that went away misses nothing it wants.
            let _ = watcher.send(notice);
        }
    }

    pub(crate) fn of(&self, step: StepKey, attempt: u32) -> StepLog {
        StepLog { logger: self.clone(), step, attempt, used: Arc::new((AtomicU64::new(0), AtomicU64::new(0))) }
    }
}

/// Writes the log of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct StepLog {
    logger: Logger,
    step: StepKey,
    attempt: u32,
    used: Arc<(AtomicU64, AtomicU64)>,
}

impl StepLog {
    fn line(&self, level: &str, line: String, now: Timestamp) -> Option<LogLine> {
        // The last door: what was masked as a stream has no secret any more, and whatever else is logged passes here.
        let line = self.masked(&line);
        let lines = self.used.0.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.used.1.fetch_add(line.len() as u64 + 1, Ordering::Relaxed);
        let (level, line) = match (lines.cmp(&LINES), before < BYTES) {
            (std::cmp::Ordering::Less, true) => (level, line),
            (std::cmp::Ordering::Equal, _) => {
                ("warn", format!("the log of this step is full ({LINES} lines); the rest is dropped"))
            }
            (std::cmp::Ordering::Greater, _) => return None,
            // The byte limit was crossed: the next line that is counted says so.
            (std::cmp::Ordering::Less, false) => {
                self.used.0.store(LINES, Ordering::Relaxed);
                ("warn", format!("the log of this step is full ({} MiB); the rest is dropped", BYTES >> 20))
            }
        };
        let line = LogLine { step: self.step.clone(), attempt: self.attempt, at: now, level: level.to_owned(), line };
        self.logger.tell(Notice::Line(line.clone()));
        Some(line)
    }

    fn masked(&self, text: &str) -> String {
        self.logger.vault.masker().text(text)
    }

    pub(crate) async fn write(&self, level: &str, line: String) {
        if let Some(line) = self.line(level, line, crate::now()) {
            let _ = self.logger.lines.send(line).await;
        }
    }

    /// The same from a thread that may block.
    pub(crate) fn write_blocking(&self, level: &str, line: String) {
        if let Some(line) = self.line(level, line, crate::now()) {
            let _ = self.logger.lines.blocking_send(line);
        }
    }

    pub(crate) async fn entry(&self, entry: plugin::Entry) {
        let step = self.step.clone();
        match entry {
            plugin::Entry::Line(level, line) => {
                let level = match level {
                    plugin::wit::log::Level::Debug => "debug",
                    plugin::wit::log::Level::Info => "info",
                    plugin::wit::log::Level::Warn => "warn",
                    plugin::wit::log::Level::Error => "error",
                };
                self.write(level, line).await;
            }
            plugin::Entry::Group(title) => self.logger.tell(Notice::Group(step, self.masked(&title))),
            plugin::Entry::EndGroup => self.logger.tell(Notice::EndGroup(step)),
            plugin::Entry::Progress { task, done, total, unit } => {
                let (task, unit) = (self.masked(&task), self.masked(&unit));
                self.logger.tell(Notice::Progress { step, task, done, total, unit });
            }
        }
    }
}
