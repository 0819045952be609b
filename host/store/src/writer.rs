//! The one writer of a process: a thread that takes all commands that wait and commits them together, because a commit
//! costs a disk flush however much is in it.

use crate::command::{Command, Reply};
use crate::error::Error;
use crate::query::Reader;
use crate::schema;
use crate::write::apply;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Commands that wait at most: a few commits' worth; beyond that the senders wait, which is what keeps memory bounded.
const QUEUE: usize = 1024;
/// Commands in one commit at most, so that a failing commit fails few.
const BATCH: usize = 256;

type Request = (Command, oneshot::Sender<Result<Reply, Error>>);

/// A handle to the journal. Dropping it waits for what was sent.
pub struct Journal {
    path: PathBuf,
    sender: Option<mpsc::SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in a folder, and makes it where there is none. Errors: `ReadOnly`, `Full`, `Busy`, and
    /// `Database` where a newer Tidegate wrote it.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(directory).map_err(|e| Error::ReadOnly(format!("{}: {e}", directory.display())))?;
        let path = directory.join("journal.sqlite");
        let mut db = connect(&path)?;
        migrate(&mut db)?;
        let (sender, receiver) = mpsc::sync_channel::<Request>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(&mut db, &receiver))
            .map_err(|e| Error::Database(e.to_string()))?;
        Ok(Self { path, sender: Some(sender), thread: Some(thread) })
    }

    /// Carries out a command; when it answers, the command is on the disk.
    pub async fn apply(&self, command: Command) -> Result<Reply, Error> {
        let gone = || Error::Database("the journal's writer has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let sender = self.sender.clone().ok_or_else(gone)?;
        // The queue is only full where the disk is far behind: then a blocking wait is off the runtime's threads.
        if let Err(mpsc::TrySendError::Full(request)) = sender.try_send((command, reply)) {
            let sent = tokio::task::spawn_blocking(move || sender.send(request).map_err(drop)).await;
            sent.map_err(|_| gone())?.map_err(|_| gone())?;
        }
        answer.await.map_err(|_| gone())?
    }

    /// The same for callers without a runtime.
    pub fn apply_blocking(&self, command: Command) -> Result<Reply, Error> {
        let gone = || Error::Database("the journal's writer has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        self.sender.as_ref().ok_or_else(gone)?.send((command, reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }

    /// A reader of its own connection; it sees every commit, never a part of one.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open(&self.path)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.sender.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was answered to every sender already.
            let _ = thread.join();
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(10))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), Error> {
    let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if version == schema::VERSION {
        return Ok(());
    }
    if version > schema::VERSION {
        return Err(Error::Database(format!(
            "a newer Tidegate wrote it (format {version}, this one knows {})",
            schema::VERSION
        )));
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version: i64 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let done = usize::try_from(version).unwrap_or_default();
    for step in schema::VERSIONS.iter().skip(done) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(tx.commit()?)
}

fn write_all(db: &mut Connection, receiver: &mpsc::Receiver<Request>) {
    while let Ok(first) = receiver.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = receiver.try_recv() else { break };
            batch.push(next);
        }
        let (commands, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let results = commit(db, &commands);
        for (reply, result) in replies.into_iter().zip(results) {
            // Whoever asked may be gone; the command is done all the same.
            let _ = reply.send(result);
        }
    }
}

/// One commit for all; a command that fails is undone alone.
fn commit(db: &mut Connection, commands: &[Command]) -> Vec<Result<Reply, Error>> {
    crate::crash::point();
    let all = |error: Error| commands.iter().map(|_| Err(error.clone())).collect();
    let mut tx = match db.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(error) => return all(error.into()),
    };
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        // A full or broken disk makes SQLite end the whole transaction: what came before is gone too, and a savepoint
        // would now commit by itself.
        if tx.is_autocommit() {
            let error = results
                .into_iter()
                .find_map(Result::err)
                .unwrap_or(Error::Database("the transaction was rolled back".to_owned()));
            return all(error);
        }
        let result = tx.savepoint().map_err(Error::from).and_then(|point| {
            let reply = apply(&point, command)?;
            point.commit()?;
            Ok(reply)
        });
        results.push(result);
    }
    if tx.is_autocommit() {
        return all(results
            .into_iter()
            .find_map(Result::err)
            .unwrap_or(Error::Database("the transaction was rolled back".to_owned())));
    }
    crate::crash::point();
    let committed = tx.commit();
    crate::crash::point();
    match committed {
        Ok(()) => results,
        Err(error) => all(error.into()),
    }
}
