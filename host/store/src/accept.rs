//! What environments have accepted of applications, in the journal: the newest content, people's words on contents, and the
//! commits that brought files back.

use crate::error::Error;
use crate::query::{Reader, json, text};
use model::{Digest, Timestamp};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;

/// The newest content of an application that an environment has accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The environment.
    pub environment: String,
    /// The application.
    pub application: String,
    /// The digest of its content.
    pub subject: Digest,
    /// Where it came from: the commit of each of its repositories, its images and so on.
    pub revisions: Value,
    /// When.
    pub at: Timestamp,
}

/// A person's word on what an application would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Consent {
    /// The application.
    pub application: String,
    /// The digest of its content.
    pub subject: Digest,
    /// The person.
    pub voter: String,
    /// `approve` or `reject`.
    pub verdict: String,
    /// What the person wrote.
    pub comment: String,
    /// Whether the identity was proven.
    pub verified: bool,
    /// The user of the operating system.
    pub system_user: String,
    /// When.
    pub at: Timestamp,
}

/// A commit that brought an application's files back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rollback {
    /// The repository's name.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The commit at which the files were as they are now.
    pub target: String,
    /// The application.
    pub application: String,
    /// Who asked.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

pub(crate) fn accept(db: &Connection, accepted: &Accepted) -> Result<(), Error> {
    let Accepted { environment, application, subject, revisions, at } = accepted;
    let sql = "INSERT INTO accepted (environment, application, subject, revisions, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (environment, application) DO UPDATE SET subject = excluded.subject, revisions = excluded.revisions, at = excluded.at";
    db.prepare_cached(sql)?.execute(params![
        environment,
        application,
        subject.as_str(),
        revisions.to_string(),
        at.0
    ])?;
    Ok(())
}

pub(crate) fn consent(db: &Connection, consent: &Consent) -> Result<(), Error> {
    let Consent { application, subject, voter, verdict, comment, verified, system_user, at } = consent;
    let sql = "INSERT INTO consents (application, subject, voter, verdict, comment, verified, system_user, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = params![application, subject.as_str(), voter, verdict, comment, verified, system_user, at.0];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(crate) fn rollback(db: &Connection, rollback: &Rollback) -> Result<(), Error> {
    let Rollback { repository, commit, target, application, actor, at } = rollback;
    let sql = "INSERT INTO rollbacks (repository, commit_id, target, application, actor, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (repository, commit_id) DO NOTHING";
    db.prepare_cached(sql)?.execute(params![repository, commit, target, application, actor, at.0])?;
    Ok(())
}

impl Reader {
    /// What an environment has accepted of an application.
    pub fn accepted(&self, environment: &str, application: &str) -> Result<Option<Accepted>, Error> {
        let sql = "SELECT environment, application, subject, revisions, at FROM accepted WHERE environment = ?1 AND application = ?2";
        Ok(self.all(sql, [environment, application], accepted)?.pop())
    }

    /// What an environment has accepted, of any application.
    pub fn accepted_there(&self, environment: &str) -> Result<Vec<Accepted>, Error> {
        let sql = "SELECT environment, application, subject, revisions, at FROM accepted WHERE environment = ?1 ORDER BY application";
        self.all(sql, [environment], accepted)
    }

    /// People's words on a content of an application, oldest first.
    pub fn consents(&self, application: &str, subject: &Digest) -> Result<Vec<Consent>, Error> {
        let sql = "SELECT voter, verdict, comment, verified, system_user, at FROM consents WHERE application = ?1 AND subject = ?2 ORDER BY number";
        self.all(sql, [application, subject.as_str()], |r| {
            Ok(Consent {
                application: application.to_owned(),
                subject: subject.clone(),
                voter: r.get(0)?,
                verdict: r.get(1)?,
                comment: r.get(2)?,
                verified: r.get(3)?,
                system_user: r.get(4)?,
                at: Timestamp(r.get(5)?),
            })
        })
    }

    /// The commits that brought files of an application back, newest first.
    pub fn rollbacks(&self, application: &str) -> Result<Vec<Rollback>, Error> {
        let sql =
            "SELECT repository, commit_id, target, actor, at FROM rollbacks WHERE application = ?1 ORDER BY at DESC";
        self.all(sql, [application], |r| {
            Ok(Rollback {
                repository: r.get(0)?,
                commit: r.get(1)?,
                target: r.get(2)?,
                application: application.to_owned(),
                actor: r.get(3)?,
                at: Timestamp(r.get(4)?),
            })
        })
    }

    /// Whether a commit brought files of an application back by this host's doing.
    pub fn is_rollback(&self, repository: &str, commit: &str, application: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM rollbacks WHERE repository = ?1 AND commit_id = ?2 AND application = ?3";
        Ok(self.db.prepare_cached(sql)?.exists([repository, commit, application])?)
    }
}

fn accepted(row: &rusqlite::Row<'_>) -> rusqlite::Result<Accepted> {
    Ok(Accepted {
        environment: row.get(0)?,
        application: row.get(1)?,
        subject: text(row, 2, |t| Digest::parse(t).ok())?,
        revisions: text(row, 3, json)?,
        at: Timestamp(row.get(4)?),
    })
}
