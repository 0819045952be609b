//! Reading the journal.

use crate::command::{Artifact, Decision, EffectRow, LogLine, NewRun, RunRow, StepRow, VoteRow};
use crate::error::Error;
use model::{Digest, RunId, RunStatus, StepKey, StepStatus, Timestamp};
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// A reader with a connection of its own.
pub struct Reader {
    pub(crate) db: Connection,
}

pub(crate) fn text<T>(row: &Row<'_>, i: usize, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let value: String = row.get(i)?;
    read(&value).ok_or_else(|| {
        let error = format!("`{value}` is not known to this version").into();
        rusqlite::Error::FromSqlConversionFailure(i, rusqlite::types::Type::Text, error)
    })
}

pub(crate) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

pub(crate) const RUN: &str = "SELECT id, pipeline, repository, branch, commit_id, actor, status, stop, pinned, created, ended, fence, votes FROM runs";

pub(crate) const BY_ID: &str = "WHERE id = ?1";
pub(crate) const BY_BEGINNING: &str = "WHERE id >= ?1 AND id < ?2 LIMIT 2";
pub(crate) const OPEN_MARKS: &str = "SELECT id, votes, stop FROM runs WHERE ended IS NULL ORDER BY id";

/// Between what all ids lie that begin so: an index finds a range, and no pattern. Ids are in lower case.
pub(crate) fn beginning(of: &str) -> (String, String) {
    let from = of.to_ascii_lowercase();
    let to = format!("{from}{}", char::MAX);
    (from, to)
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: NewRun {
            id: RunId(row.get(0)?),
            pipeline: row.get(1)?,
            repository: row.get(2)?,
            branch: row.get(3)?,
            commit: row.get(4)?,
            actor: row.get(5)?,
            pinned: text(row, 8, json)?,
            created: Timestamp(row.get(9)?),
        },
        status: text(row, 6, RunStatus::parse)?,
        stop: row.get(7)?,
        ended: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        fence: row.get(11)?,
        votes: row.get(12)?,
    })
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        db.busy_timeout(Duration::from_secs(10))?;
        Ok(Self { db })
    }

    pub(crate) fn all<T>(
        &self,
        sql: &str,
        args: impl rusqlite::Params,
        f: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(args, f)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A run by its id, or by the beginning of its id where that is unique. Errors: `NotFound`.
    pub fn run(&self, id: &str) -> Result<RunRow, Error> {
        // Whoever drives a run asks again and again, and has the whole of it.
        if let Some(row) = self.all(&format!("{RUN} {BY_ID}"), [id], run)?.pop() {
            return Ok(row);
        }
        let (from, to) = beginning(id);
        let mut found = self.all(&format!("{RUN} {BY_BEGINNING}"), [&from, &to], run)?;
        match found.pop() {
            Some(row) if found.is_empty() && !id.is_empty() => Ok(row),
            Some(_) => Err(Error::NotFound(format!("single run whose id begins with `{id}`"))),
            None => Err(Error::NotFound(format!("run `{id}`"))),
        }
    }

    /// The newest runs first.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRow>, Error> {
        self.all(&format!("{RUN} ORDER BY id DESC LIMIT ?1"), [limit], run)
    }

    /// The steps of a run, in the order in which they were written down.
    pub fn steps(&self, run: &RunId) -> Result<Vec<StepRow>, Error> {
        self.all("SELECT step, status, state FROM steps WHERE run = ?1 ORDER BY position", [&run.0], |r| {
            Ok(StepRow { key: StepKey(r.get(0)?), status: text(r, 1, StepStatus::parse)?, state: text(r, 2, json)? })
        })
    }

    /// The effects of a run, oldest first.
    pub fn effects(&self, run: &RunId) -> Result<Vec<EffectRow>, Error> {
        let sql =
            "SELECT step, attempt, effect, intent, outcome FROM effects WHERE run = ?1 ORDER BY begun, step, effect";
        self.all(sql, [&run.0], |r| {
            Ok(EffectRow {
                step: StepKey(r.get(0)?),
                attempt: r.get(1)?,
                effect: r.get(2)?,
                intent: text(r, 3, json)?,
                outcome: r.get::<_, Option<String>>(4)?.and_then(|t| json(&t)),
            })
        })
    }

    /// The votes of a run, oldest first, and the number that `Command::Record` checks.
    pub fn votes(&self, run: &RunId) -> Result<(i64, Vec<VoteRow>), Error> {
        let seen = self.db.prepare_cached("SELECT votes FROM runs WHERE id = ?1")?.query_row([&run.0], |r| r.get(0))?;
        let sql = "SELECT step, subject, voter, verdict, comment, verified, system_user, at FROM votes WHERE run = ?1 ORDER BY position";
        let votes = self.all(sql, [&run.0], |r| {
            Ok(VoteRow {
                step: StepKey(r.get(0)?),
                subject: text(r, 1, |t| Digest::parse(t).ok())?,
                voter: r.get(2)?,
                verdict: r.get(3)?,
                comment: r.get(4)?,
                verified: r.get(5)?,
                system_user: r.get(6)?,
                at: Timestamp(r.get(7)?),
            })
        })?;
        Ok((seen, votes))
    }

    /// What the audit chain has about a run, oldest first: votes, refused votes, stops, settlements.
    pub fn audit_of(&self, run: &RunId) -> Result<Vec<Value>, Error> {
        let sql = "SELECT content FROM audit WHERE content LIKE ?1 ORDER BY sequence";
        let all = self.all(sql, [format!("%\"run\":\"{}\"%", run.0)], |r| text(r, 0, json))?;
        Ok(all.into_iter().filter(|entry: &Value| entry["run"] == run.0.as_str()).collect())
    }

    /// How many lines of a level the log of an attempt has.
    pub fn count_lines(&self, run: &RunId, step: &StepKey, attempt: u32, level: &str) -> Result<u64, Error> {
        let sql = "SELECT COUNT(*) FROM logs WHERE run = ?1 AND step = ?2 AND attempt = ?3 AND level = ?4";
        let counted: i64 = self
            .db
            .prepare_cached(sql)?
            .query_row(rusqlite::params![run.0, step.0, attempt, level], |row| row.get(0))?;
        Ok(u64::try_from(counted).unwrap_or_default())
    }

    /// What people are asked to approve: (step, digest, content).
    pub fn subjects(&self, run: &RunId) -> Result<Vec<(StepKey, Digest, Value)>, Error> {
        self.all("SELECT step, subject, content FROM subjects WHERE run = ?1", [&run.0], |r| {
            Ok((StepKey(r.get(0)?), text(r, 1, |t| Digest::parse(t).ok())?, text(r, 2, json)?))
        })
    }

    /// The digests of artifacts that are still wanted: those of runs that have not ended, or not before a moment.
    pub fn wanted_artifacts(&self, ended_before: Timestamp) -> Result<BTreeSet<String>, Error> {
        let sql = "SELECT DISTINCT a.digest FROM artifacts a JOIN runs r ON r.id = a.run WHERE r.ended IS NULL OR r.ended >= ?1";
        Ok(self.all(sql, [ended_before.0], |r| r.get(0))?.into_iter().collect())
    }

    /// The runs that have not ended.
    pub fn open_runs(&self) -> Result<Vec<RunRow>, Error> {
        self.all(&format!("{RUN} WHERE ended IS NULL ORDER BY id"), [], run)
    }

    /// What others change of the runs that have not ended: (run, votes, stop). Nothing of what they are made of is read.
    pub fn open_marks(&self) -> Result<Vec<(RunId, i64, Option<String>)>, Error> {
        self.all(OPEN_MARKS, [], |r| Ok((RunId(r.get(0)?), r.get(1)?, r.get(2)?)))
    }

    /// The artifacts of a run.
    pub fn artifacts(&self, run: &RunId) -> Result<Vec<Artifact>, Error> {
        let sql =
            "SELECT step, name, digest, media_type, size, confidential FROM artifacts WHERE run = ?1 ORDER BY name";
        self.all(sql, [&run.0], |r| {
            Ok(Artifact {
                step: StepKey(r.get(0)?),
                name: r.get(1)?,
                digest: text(r, 2, |t| Digest::parse(t).ok())?,
                media_type: r.get(3)?,
                size: r.get::<_, i64>(4)?.unsigned_abs(),
                confidential: r.get(5)?,
            })
        })
    }

    /// What was decided, oldest first.
    pub fn decisions(&self, run: &RunId) -> Result<Vec<Decision>, Error> {
        self.all("SELECT step, what, why, at FROM decisions WHERE run = ?1 ORDER BY at, number", [&run.0], |r| {
            Ok(Decision { step: StepKey(r.get(0)?), what: r.get(1)?, why: r.get(2)?, at: Timestamp(r.get(3)?) })
        })
    }

    /// The log of a run, or of one step.
    pub fn logs(&self, run: &RunId, step: Option<&StepKey>) -> Result<Vec<LogLine>, Error> {
        let sql = "SELECT step, attempt, at, level, line FROM logs WHERE run = ?1 AND (?2 IS NULL OR step = ?2) ORDER BY number";
        self.all(sql, (&run.0, step.map(StepKey::as_str)), |r| {
            let (step, attempt, at) = (StepKey(r.get(0)?), r.get(1)?, Timestamp(r.get(2)?));
            Ok(LogLine { step, attempt, at, level: r.get(3)?, line: r.get(4)? })
        })
    }

    /// The audit chain: (sequence, content, hash).
    pub fn audit(&self) -> Result<Vec<(i64, String, String)>, Error> {
        self.all("SELECT sequence, content, hash FROM audit ORDER BY sequence", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
    }
}
