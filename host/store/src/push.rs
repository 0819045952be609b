//! Why runs begin, in the journal: the branches as they were last seen, the pushes that are still to be looked at, and for each
//! commit, pipeline and event what was decided, also where nothing was started.

use crate::error::Error;
use crate::query::{Reader, beginning};
use model::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;

/// A branch that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Its number, in the order in which pushes were seen; 0 before it is stored.
    pub number: i64,
    /// The repository's name.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The commit that it was at; absent for a new branch.
    pub before: Option<String>,
    /// The commit that it is at.
    pub commit: String,
    /// When it was seen.
    pub at: Timestamp,
}

/// What was decided about a commit and a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// The repository's name.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The pipeline, by name, or by its file where it has none.
    pub pipeline: String,
    /// What happened: `push main`. A commit, a pipeline and an event make one run at most.
    pub event: String,
    /// The run that was started; absent where none was.
    pub run: Option<String>,
    /// Why, in one sentence.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// How the branches of a repository stand, as they are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heads {
    /// The repository's name.
    pub repository: String,
    /// Branches that are new or moved, with their commits.
    pub set: Vec<(String, String)>,
    /// Branches that are gone.
    pub gone: Vec<String>,
    /// What is to be looked at because of it.
    pub pushes: Vec<Push>,
    /// When.
    pub at: Timestamp,
}

pub(crate) fn heads(db: &Connection, heads: &Heads) -> Result<(), Error> {
    let Heads { repository, set, gone, pushes, at } = heads;
    db.prepare_cached("INSERT INTO watched (repository, since) VALUES (?1, ?2) ON CONFLICT (repository) DO NOTHING")?
        .execute(params![repository, at.0])?;
    for (branch, commit) in set {
        let sql = "INSERT INTO heads (repository, branch, commit_id) VALUES (?1, ?2, ?3) ON CONFLICT (repository, branch) DO UPDATE SET commit_id = excluded.commit_id";
        db.prepare_cached(sql)?.execute(params![repository, branch, commit])?;
    }
    for branch in gone {
        db.prepare_cached("DELETE FROM heads WHERE repository = ?1 AND branch = ?2")?
            .execute(params![repository, branch])?;
    }
    for push in pushes {
        let sql = "INSERT INTO pushes (repository, branch, before_id, commit_id, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        db.prepare_cached(sql)?.execute(params![push.repository, push.branch, push.before, push.commit, push.at.0])?;
    }
    Ok(())
}

/// Stores a decision; `Exists` where this commit, pipeline and event have a run already. A decision without a run gives way.
pub(crate) fn start(db: &Connection, start: &Start) -> Result<(), Error> {
    let Start { repository, commit, pipeline, event, run, why, at } = start;
    let sql = "INSERT INTO starts (repository, commit_id, pipeline, event, run, why, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (repository, commit_id, pipeline, event) DO UPDATE SET run = excluded.run, why = excluded.why, at = excluded.at WHERE starts.run IS NULL";
    let written = db.prepare_cached(sql)?.execute(params![repository, commit, pipeline, event, run, why, at.0])?;
    if written == 0 && run.is_some() {
        return Err(Error::Exists(format!("run of `{pipeline}` for {event} at {commit}")));
    }
    Ok(())
}

pub(crate) fn done(db: &Connection, number: i64) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM pushes WHERE number = ?1")?.execute([number])?;
    Ok(())
}

pub(crate) const STARTS: &str = "SELECT repository, commit_id, pipeline, event, run, why, at FROM starts WHERE commit_id >= ?1 AND commit_id < ?2 ORDER BY at, pipeline";

impl Reader {
    /// The branches of a repository as they were last seen, with their commits; `None` where it was never looked at.
    pub fn heads(&self, repository: &str) -> Result<Option<Vec<(String, String)>>, Error> {
        let known =
            self.all("SELECT since FROM watched WHERE repository = ?1", [repository], |r| r.get::<_, i64>(0))?;
        if known.is_empty() {
            return Ok(None);
        }
        let sql = "SELECT branch, commit_id FROM heads WHERE repository = ?1 ORDER BY branch";
        self.all(sql, [repository], |r| Ok((r.get(0)?, r.get(1)?))).map(Some)
    }

    /// The pushes that are still to be looked at, oldest first.
    pub fn pushes(&self) -> Result<Vec<Push>, Error> {
        let sql = "SELECT number, repository, branch, before_id, commit_id, at FROM pushes ORDER BY number";
        self.all(sql, [], |r| {
            Ok(Push {
                number: r.get(0)?,
                repository: r.get(1)?,
                branch: r.get(2)?,
                before: r.get(3)?,
                commit: r.get(4)?,
                at: Timestamp(r.get(5)?),
            })
        })
    }

    /// What was decided about the commits whose id begins so, oldest first.
    pub fn starts(&self, commit: &str) -> Result<Vec<Start>, Error> {
        let (from, to) = beginning(commit);
        self.all(STARTS, [&from, &to], |r| {
            Ok(Start {
                repository: r.get(0)?,
                commit: r.get(1)?,
                pipeline: r.get(2)?,
                event: r.get(3)?,
                run: r.get(4)?,
                why: r.get(5)?,
                at: Timestamp(r.get(6)?),
            })
        })
    }
}
