//! `tidegate apps show`, `diff` and `history`: how an application stands, what a sync would change, and what was.

use super::list::{going, of_health, of_sync};
use super::unified::unified;
use super::{Desk, Presence};
use crate::exit::{Exit, held};
use crate::screen::{Colour, Screen};
use crate::table::{ago, columns, duration};
use model::{Blame, Failure};
use planner::diff::created;
use planner::object::ObjectKey;
use planner::survey::{Difference, Render, Row, Sides, SyncStatus};
use reconcile::{Look, Past, Standing, Subject};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Desk {
    /// Opens with the one line that matters.
    pub(super) async fn show(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let found = self.find_any(name)?;
        let entry = &found.entry;
        let keeper = self.keeper(entry).await?;
        let (look, mut standing) = keeper.look().await?;
        self.note_away(screen);
        if found.presence == Presence::Going {
            // What a sync would do is no question any more.
            let memory = self.floor.books.memory(name)?;
            standing.message = going(&memory);
            standing.reasons = memory.standing.map(|standing| standing.reasons).unwrap_or_default();
        }
        let survey = &look.plan.survey;
        let children = self.children(name, &survey.rows).await?;
        if screen.json {
            screen.document(&json!({"name": name, "parent": entry.parent(), "project": entry.project, "place": entry.place,
                "children": children.iter().map(Child::json).collect::<Vec<Value>>(),
                "revision": standing.revision, "sources": standing.sources, "sync": standing.sync.to_string(),
                "health": survey.health, "message": standing.message, "reasons": standing.reasons, "last": standing.last,
                "deleting": found.presence == Presence::Going, "subject": standing.subject, "objects": survey.rows,
                "problems": survey.problems, "notices": survey.notices}));
            return Ok(0);
        }
        let sync = screen.paint(of_sync(survey.sync), &survey.sync.to_string());
        let health = screen.paint(of_health(survey.health.status), &survey.health.to_string());
        screen.out(&format!("{}  {sync}, {health}: {}", screen.paint(Colour::Bold, name), standing.message));
        let revision = standing.revision.get(..7).unwrap_or(&standing.revision);
        let was = if found.presence == Presence::Declared { "declared" } else { "was declared" };
        screen.out(&format!("  {was} in {}, revision {revision}", entry.place));
        if let Some(last) = &standing.last {
            let revision = last.revision.get(..7).unwrap_or(&last.revision);
            screen.out(&format!("  last sync {} of {revision}", ago(last.at)));
        }
        for reason in standing.reasons.iter().skip(1).chain(survey.problems.iter().skip(1)) {
            screen.out(&format!("  {reason}"));
        }
        for notice in &survey.notices {
            screen.out(&format!("  note: {notice}"));
        }
        let line = |row: &Row| {
            let sync = screen.paint(of_sync(row.sync()), word(row.difference));
            vec![format!("  {}", row.key), sync, screen.paint(of_health(row.health.status), &row.health.to_string())]
        };
        let objects = survey.rows.iter().filter(|row| !row.key.is_application());
        let lines: Vec<_> = objects.map(line).chain(children.iter().map(|child| child.line(screen))).collect();
        if !lines.is_empty() {
            screen.out(&columns(&lines));
        }
        Ok(0)
    }

    /// The applications that it declares or would declare, each with how it stands: by the word of the daemon that keeps it, or
    /// else as it is found now.
    async fn children(&self, name: &str, rows: &[Row]) -> Result<Vec<Child>, Exit> {
        let mut known: BTreeMap<String, Option<Standing>> =
            self.floor.books.children_of(name)?.into_iter().map(|(row, standing)| (row.name, standing)).collect();
        let mut children = Vec::new();
        for row in rows.iter().filter(|row| row.key.is_application()) {
            let name = row.key.name().to_owned();
            let mut standing = known.remove(&name);
            if let (Some(standing), None) = (&mut standing, &self.asked)
                && let Some(entry) = self.catalog.find(&name)
                && let Ok(keeper) = self.keeper(entry).await
            {
                *standing = Some(keeper.look().await?.1);
            }
            children.push(Child { name, difference: row.difference, standing: standing.flatten() });
        }
        Ok(children)
    }

    /// 0 where a sync would change nothing, 1 where it would; 4 where that is not permitted, 5 where the cluster does not answer.
    pub(super) async fn diff(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let keeper = self.keeper(self.find(name)?).await?;
        let (look, standing) = keeper.look().await?;
        self.note_away(screen);
        if !look.plan.survey.problems.is_empty() {
            let problems = look.plan.survey.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
            return Err(match held(&look.plan.survey.problems) {
                4 => Failure::denied(problems),
                5 => Failure::new(Blame::Upstream, "unavailable", problems),
                _ => Failure::new(Blame::User, "not-comparable", problems),
            }
            .into());
        }
        let inventory = self.floor.books.memory(name)?.inventory;
        let subject = keeper.subject();
        let out = look.plan.survey.rows.iter().filter(|row| row.sync() == SyncStatus::OutOfSync);
        let differences: Vec<(&Row, Shown)> = out.map(|row| (row, shown(subject, &look, &inventory, row))).collect();
        if screen.json {
            let object = |(row, shown): &(&Row, Shown)| {
                let change = match shown {
                    Shown::Created(object) => json!({"created": object}),
                    Shown::Changed(diff) => json!({"changed": diff}),
                    Shown::Gone => json!({"gone": true}),
                };
                json!({"object": row.key, "change": change})
            };
            let objects = differences.iter().map(object).collect::<Vec<Value>>();
            screen.document(&json!({"name": name, "revision": standing.revision, "differences": objects}));
        } else {
            for (row, shown) in &differences {
                screen.out(&text(&row.key, shown, screen));
            }
        }
        Ok(u8::from(!differences.is_empty()))
    }

    pub(super) fn history(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        self.find_any(name)?;
        let syncs = self.floor.books.history(name)?;
        if screen.json {
            let row =
                |(id, begun, past): &(String, model::Timestamp, Past)| json!({"id": id, "begun": begun, "sync": past});
            screen.document(&syncs.iter().map(row).collect::<Vec<Value>>());
            return Ok(0);
        }
        if syncs.is_empty() {
            screen.out("it was never synced");
            return Ok(0);
        }
        let head = ["SYNC", "BEGUN", "TOOK", "REVISION", "FOR", "OUTCOME"].map(|word| screen.paint(Colour::Bold, word));
        let line = |(id, begun, past): &(String, model::Timestamp, Past)| {
            let colour = if past.applied { Colour::Green } else { Colour::Red };
            let took = duration(past.ended.millis_since(*begun));
            let revision = past.revision.get(..7).unwrap_or(&past.revision).to_owned();
            vec![id.clone(), ago(*begun), took, revision, past.asked.clone(), screen.paint(colour, &past.outcome)]
        };
        screen.out(&columns(&std::iter::once(head.to_vec()).chain(syncs.iter().map(line)).collect::<Vec<_>>()));
        Ok(0)
    }
}

/// An application that another one declares.
struct Child {
    name: String,
    /// What is between its document in Git and the one that was synced last.
    difference: Difference,
    /// How it stands, by the latter.
    standing: Option<Standing>,
}

impl Child {
    fn json(&self) -> Value {
        let standing = self.standing.as_ref();
        json!({"name": self.name, "declared": word(self.difference), "sync": standing.map(|it| it.sync.to_string()),
            "health": standing.map(|it| &it.health), "message": standing.map(|it| &it.message)})
    }

    fn line(&self, screen: &Screen) -> Vec<String> {
        let in_sync = if self.difference == Difference::None { SyncStatus::Synced } else { SyncStatus::OutOfSync };
        let declared = screen.paint(of_sync(in_sync), word(self.difference));
        let stands = match &self.standing {
            Some(it) => {
                let health = screen.paint(of_health(it.health.status), &it.health.to_string());
                format!("is {}, {health}", screen.paint(of_sync(it.sync), &it.sync.to_string()))
            }
            None => "nobody has looked at it yet".to_owned(),
        };
        vec![format!("  application {}", self.name), declared, stands]
    }
}

/// What a sync would change in an object.
enum Shown {
    Created(Value),
    Changed(planner::diff::Diff),
    Gone,
}

fn shown(subject: &Subject, look: &Look, inventory: &planner::Inventory, row: &Row) -> Shown {
    let desired = look.wish.desired.as_ref().ok();
    let item = desired.and_then(|desired| desired.get(&row.key));
    match (row.difference, desired, item) {
        (Difference::Extra, ..) | (_, None, _) | (_, _, None) => Shown::Gone,
        (Difference::Missing, _, Some(item)) => Shown::Created(created(&row.key, &item.manifest)),
        (_, Some(desired), Some(_)) => {
            let sides = Sides {
                application: &subject.application,
                render: Render::Done(desired),
                live: &look.live,
                inventory,
                children: &[],
            };
            Shown::Changed(sides.diff(&row.key).unwrap_or_default())
        }
    }
}

fn text(key: &ObjectKey, shown: &Shown, screen: &Screen) -> String {
    let mut out = String::new();
    let painted = |line: &str| {
        let colour = match line.as_bytes().first() {
            Some(b'+') => Colour::Green,
            Some(b'-') => Colour::Red,
            _ => return line.to_owned(),
        };
        screen.paint(colour, line)
    };
    match shown {
        Shown::Created(object) => {
            let _ = writeln!(out, "{}", screen.paint(Colour::Bold, &format!("+ {key}")));
            for line in manifest::to_yaml(object).lines() {
                let _ = writeln!(out, "  {}", painted(&format!("+ {line}")));
            }
        }
        Shown::Changed(diff) => {
            let _ = writeln!(out, "{}", screen.paint(Colour::Bold, &format!("~ {key}")));
            for line in unified(diff) {
                let _ = writeln!(out, "  {}", painted(&line));
            }
        }
        Shown::Gone => {
            let _ = writeln!(out, "{}", screen.paint(Colour::Bold, &format!("- {key}")));
        }
    }
    out.trim_end().to_owned()
}

fn word(difference: Difference) -> &'static str {
    match difference {
        Difference::None => "Synced",
        Difference::Missing => "missing",
        Difference::Changed => "changed",
        Difference::Extra => "to be pruned",
        Difference::Unreadable => "unreadable",
    }
}
