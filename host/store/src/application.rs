//! Applications in the journal: how each stands, what it owns, the sync that is at work, and its history. What is in the rows
//! is theirs who wrote them.

use crate::error::Error;
use crate::query::{Reader, json, text};
use model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

/// An application as it was last stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationRow {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: Value,
    /// What it owns.
    pub inventory: Value,
    /// The sync that is at work.
    pub operation: Option<Value>,
    /// Its file, as it was last read.
    pub declared: Option<Value>,
    /// When that was stored.
    pub updated: Timestamp,
}

/// A sync that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncRow {
    /// Its id.
    pub id: String,
    /// When it began.
    pub begun: Timestamp,
    /// What it was and what came of it.
    pub content: Value,
}

/// What a brake is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Braked {
    /// An application.
    Application,
    /// All applications of a cluster.
    Cluster,
}

impl Braked {
    fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Cluster => "cluster",
        }
    }
}

/// What changes of an application in one transaction; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApplicationChange {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: Option<Value>,
    /// What it owns.
    pub inventory: Option<Value>,
    /// Its file, as it was last read.
    pub declared: Option<Value>,
    /// The sync that is at work, or that none is.
    pub operation: Option<Option<Value>>,
    /// A sync that ended.
    pub ended: Option<SyncRow>,
    /// The ids of syncs that its history keeps no longer.
    pub surplus: Vec<String>,
}

pub(crate) fn change(db: &Connection, change: &ApplicationChange, at: Timestamp) -> Result<(), Error> {
    let ApplicationChange { name, standing, inventory, declared, operation, ended, surplus } = change;
    let insert = "INSERT INTO applications (name, standing, inventory, updated) VALUES (?1, 'null', 'null', ?2) ON CONFLICT (name) DO UPDATE SET updated = excluded.updated";
    db.prepare_cached(insert)?.execute(params![name, at.0])?;
    for (column, value) in [("standing", standing), ("inventory", inventory), ("declared", declared)] {
        if let Some(value) = value {
            let sql = format!("UPDATE applications SET {column} = ?2 WHERE name = ?1");
            db.prepare_cached(&sql)?.execute(params![name, value.to_string()])?;
        }
    }
    if let Some(operation) = operation {
        let sql = "UPDATE applications SET operation = ?2 WHERE name = ?1";
        db.prepare_cached(sql)?.execute(params![name, operation.as_ref().map(Value::to_string)])?;
    }
    if let Some(SyncRow { id, begun, content }) = ended {
        let sql = "INSERT INTO syncs (application, id, begun, content) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (application, id) DO UPDATE SET content = excluded.content";
        db.prepare_cached(sql)?.execute(params![name, id, begun.0, content.to_string()])?;
    }
    for id in surplus {
        db.prepare_cached("DELETE FROM syncs WHERE application = ?1 AND id = ?2")?.execute(params![name, id])?;
    }
    Ok(())
}

pub(crate) fn forget(db: &Connection, name: &str) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM applications WHERE name = ?1")?.execute([name])?;
    db.prepare_cached("DELETE FROM syncs WHERE application = ?1")?.execute([name])?;
    crate::child::forget(db, name)
}

pub(crate) fn brake(db: &Connection, on: Braked, name: &str, why: Option<&str>, at: Timestamp) -> Result<(), Error> {
    match why {
        Some(why) => {
            let sql = "INSERT INTO brakes (kind, name, why, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (kind, name) DO UPDATE SET why = excluded.why, at = excluded.at";
            db.prepare_cached(sql)?.execute(params![on.word(), name, why, at.0])?
        }
        None => {
            db.prepare_cached("DELETE FROM brakes WHERE kind = ?1 AND name = ?2")?.execute(params![on.word(), name])?
        }
    };
    Ok(())
}

impl Reader {
    /// An application as it was last stored.
    pub fn application(&self, name: &str) -> Result<Option<ApplicationRow>, Error> {
        let sql = "SELECT name, standing, inventory, operation, updated, declared FROM applications WHERE name = ?1";
        Ok(self.all(sql, [name], application)?.pop())
    }

    /// All of them, by name.
    pub fn applications(&self) -> Result<Vec<ApplicationRow>, Error> {
        self.all(
            "SELECT name, standing, inventory, operation, updated, declared FROM applications ORDER BY name",
            [],
            application,
        )
    }

    /// How each of them stood in whose words this text is, by name, without the rest.
    pub fn standings_with(&self, text_in_it: &str) -> Result<Vec<(String, Value)>, Error> {
        let sql = "SELECT name, standing FROM applications WHERE instr(standing, ?1) > 0 ORDER BY name";
        self.all(sql, [text_in_it], |r| Ok((r.get(0)?, text(r, 1, json)?)))
    }

    /// The syncs of an application, newest first.
    pub fn syncs(&self, name: &str) -> Result<Vec<SyncRow>, Error> {
        let sql = "SELECT id, begun, content FROM syncs WHERE application = ?1 ORDER BY begun DESC, id DESC";
        self.all(sql, [name], |r| {
            Ok(SyncRow { id: r.get(0)?, begun: Timestamp(r.get(1)?), content: text(r, 2, json)? })
        })
    }

    /// Why something is braked, where it is.
    pub fn brake(&self, on: Braked, name: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT why FROM brakes WHERE kind = ?1 AND name = ?2";
        Ok(self.db.prepare_cached(sql)?.query_row([on.word(), name], |r| r.get(0)).optional()?)
    }
}

fn application(row: &rusqlite::Row<'_>) -> rusqlite::Result<ApplicationRow> {
    Ok(ApplicationRow {
        name: row.get(0)?,
        standing: text(row, 1, json)?,
        inventory: text(row, 2, json)?,
        operation: row.get::<_, Option<String>>(3)?.and_then(|text| json(&text)),
        updated: Timestamp(row.get(4)?),
        declared: row.get::<_, Option<String>>(5)?.and_then(|text| json(&text)),
    })
}
