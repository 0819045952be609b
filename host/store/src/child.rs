//! Applications that others declare, as those were last synced. What a row says of a child is theirs who wrote it.

use crate::error::Error;
use crate::query::{Reader, json, text};
use model::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

/// A child of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildRow {
    /// The application that declares it.
    pub parent: String,
    /// Its own name; unique among the children of one parent.
    pub name: String,
    /// Its document, as it was last synced.
    pub document: Value,
    /// From whom it comes, as of then.
    pub descent: Value,
    /// Whether its parent has it no more; the row then stays until the child has ended.
    pub leaving: Option<Leaving>,
}

/// How a child goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// As one whose file is gone: its finalizer decides on its objects.
    Ends,
    /// Nobody looks after it any more, and its objects stay whatever its finalizer says.
    LetGo,
}

impl Leaving {
    const ALL: [Self; 2] = [Self::Ends, Self::LetGo];

    fn word(self) -> &'static str {
        match self {
            Self::Ends => "ends",
            Self::LetGo => "let-go",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leaving| leaving.word() == word)
    }
}

/// Stores a child as its parent has it now.
pub(crate) fn declare(db: &Connection, child: &ChildRow, at: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO children (parent, name, document, descent, leaving, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (parent, name) DO UPDATE SET document = excluded.document, descent = excluded.descent, leaving = excluded.leaving, at = excluded.at";
    let ChildRow { parent, name, document, descent, leaving } = child;
    let (document, descent) = (document.to_string(), descent.to_string());
    db.prepare_cached(sql)?.execute(params![parent, name, document, descent, leaving.map(Leaving::word), at.0])?;
    Ok(())
}

/// Says that a parent has a child no more.
pub(crate) fn leave(db: &Connection, parent: &str, name: &str, at: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE children SET leaving = ?3, at = ?4 WHERE parent = ?1 AND name = ?2 AND leaving IS NULL";
    db.prepare_cached(sql)?.execute(params![parent, name, Leaving::Ends.word(), at.0])?;
    Ok(())
}

/// Forgets a child of a parent that has it no more: another one declares it.
pub(crate) fn settle(db: &Connection, parent: &str, name: &str) -> Result<(), Error> {
    let sql = "DELETE FROM children WHERE parent = ?1 AND name = ?2 AND leaving IS NOT NULL";
    db.prepare_cached(sql)?.execute([parent, name])?;
    Ok(())
}

/// What follows where an application is forgotten: nobody has to end it any more, and what it declared still is let go.
pub(crate) fn forget(db: &Connection, name: &str) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM children WHERE name = ?1 AND leaving IS NOT NULL")?.execute([name])?;
    let sql = "UPDATE children SET leaving = ?2 WHERE parent = ?1 AND leaving IS NULL";
    db.prepare_cached(sql)?.execute([name, Leaving::LetGo.word()])?;
    Ok(())
}

const CHILD: &str = "SELECT parent, name, document, descent, leaving FROM children";

impl Reader {
    /// The children of all applications, those that leave among them, by parent and name.
    pub fn children(&self) -> Result<Vec<ChildRow>, Error> {
        self.all(&format!("{CHILD} ORDER BY parent, name"), [], child)
    }

    /// Those that an application has now, by name, each with how it stood, where that is known.
    pub fn children_of(&self, parent: &str) -> Result<Vec<(ChildRow, Option<Value>)>, Error> {
        let sql = "SELECT c.parent, c.name, c.document, c.descent, c.leaving, a.standing FROM children c LEFT JOIN applications a ON a.name = c.name WHERE c.parent = ?1 AND c.leaving IS NULL ORDER BY c.name";
        self.all(sql, [parent], |row| Ok((child(row)?, row.get::<_, Option<String>>(5)?.and_then(|text| json(&text)))))
    }
}

fn child(row: &Row<'_>) -> rusqlite::Result<ChildRow> {
    let leaving: Option<String> = row.get(4)?;
    Ok(ChildRow {
        parent: row.get(0)?,
        name: row.get(1)?,
        document: text(row, 2, json)?,
        descent: text(row, 3, json)?,
        leaving: if leaving.is_some() { Some(text(row, 4, Leaving::parse)?) } else { None },
    })
}
