//! `tidegate why`: what happened, what did not, and why.

use crate::args::Host;
use crate::exit::Exit;
use crate::open;
use crate::screen::{Colour, Screen};
use crate::table::{ago, columns, status};
use model::{Blame, Failure, StepKey, Timestamp};
use serde_json::{Value, json};

pub async fn why(host: &Host, subject: &str, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let engine = open::engine(configuration, screen)?;
    let (prefix, step) = match subject.split_once('/') {
        Some((run, step)) => (run, Some(step.to_owned())),
        None => (subject, None),
    };
    let mut starts = Vec::new();
    let row = match engine.find(prefix).await {
        Ok(row) => row,
        Err(missing) => {
            if let Some(code) = of_application(&engine, subject, screen)? {
                return Ok(code);
            }
            starts = of_pushes(&engine, prefix, screen)?;
            match of_commit(&engine, prefix)? {
                Some(row) => row,
                None if starts.is_empty() => return Err(missing.into()),
                None => {
                    if screen.json {
                        screen.document(&json!({"starts": starts}));
                    }
                    return Ok(0);
                }
            }
        }
    };
    let report = engine.report(&row).await?;
    if let Some(step) = &step
        && !report.list.iter().any(|known| known.key == *step)
    {
        let known: Vec<_> = report.list.iter().map(|step| step.key.as_str()).collect();
        let message = format!("run {} has no step `{step}`; it has {}", row.run.id, known.join(", "));
        return Err(Failure::new(Blame::User, "not-found", message).into());
    }
    let reader = engine.reader()?;
    let about = |key: &StepKey| step.as_ref().is_none_or(|step| key.as_str() == step);
    let mut decisions = reader.decisions(&row.run.id).map_err(Failure::from)?;
    decisions.retain(|decision| about(&decision.step));
    let mut effects = reader.effects(&row.run.id).map_err(Failure::from)?;
    effects.retain(|effect| about(&effect.step));
    let (_, mut votes) = reader.votes(&row.run.id).map_err(Failure::from)?;
    votes.retain(|vote| about(&vote.step));
    let mut audit = reader.audit_of(&row.run.id).map_err(Failure::from)?;
    audit.retain(|entry| entry.get("step").and_then(Value::as_str).is_none_or(|step| about(&step.into())));
    if screen.json {
        screen.document(&json!({"report": report, "decisions": decisions, "effects": effects, "votes": votes,
            "audit": audit, "starts": starts}));
        return Ok(0);
    }
    let by = format!(
        "{} for {}, started by {} {}",
        row.run.pipeline,
        row.run.repository,
        row.run.actor,
        ago(row.run.created)
    );
    screen.out(&format!(
        "{}  run {}: {by}",
        status(screen, row.status.as_str()),
        screen.paint(Colour::Bold, row.run.id.as_str())
    ));
    for step in report.list.iter().filter(|known| step.as_ref().is_none_or(|step| known.key == *step)) {
        let why = match (&step.waiting, &step.error, &step.reason) {
            (Some(waiting), ..) => format!("waits for {}, until {}", waiting.what, waiting.until),
            (_, Some(error), _) => format!("{} (blame: {}, code: {})", error.message, error.blame, error.code),
            (.., Some(reason)) => reason.clone(),
            _ => String::new(),
        };
        screen.out(&format!(
            "  {} {}  {why}",
            status(screen, step.status.as_str()),
            screen.paint(Colour::Bold, &step.key)
        ));
        if let Some(hint) = step.error.as_ref().and_then(|error| error.hint.as_ref()) {
            screen.out(&format!("      {} {hint}", screen.paint(Colour::Cyan, "hint:")));
        }
    }
    let mut rows = Vec::new();
    for decision in &decisions {
        rows.push((
            decision.at,
            vec![decision.at.to_string(), decision.step.to_string(), decision.what.clone(), decision.why.clone()],
        ));
    }
    for vote in &votes {
        let what = format!("{} by {}", vote.verdict, vote.voter);
        let how = if vote.verified { String::new() } else { format!(" (asserted, by user {})", vote.system_user) };
        let digest = format!("on {}{how} {}", vote.subject.short(), one_line(&vote.comment));
        rows.push((vote.at, vec![vote.at.to_string(), vote.step.to_string(), what, digest]));
    }
    for entry in &audit {
        let text = |key: &str| one_line(entry.get(key).and_then(Value::as_str).unwrap_or_default());
        let (what, who) = match text("action").as_str() {
            "vote-refused" => (format!("vote of {} refused", text("voter")), text("why")),
            action @ ("cancelled" | "superseded") => (action.to_owned(), format!("by {}", text("actor"))),
            _ => continue,
        };
        let at = text("at");
        rows.push((Timestamp::parse(&at).unwrap_or(Timestamp(0)), vec![at, text("step"), what, who]));
    }
    rows.sort_by_key(|(at, _)| *at);
    if !rows.is_empty() {
        screen
            .out(&columns(&rows.into_iter().map(|(_, row)| [vec![" ".to_owned()], row].concat()).collect::<Vec<_>>()));
    }
    for effect in effects {
        let text = |key: &str| effect.intent.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let outcome = effect.outcome.map_or("no outcome was recorded".to_owned(), |outcome| outcome.to_string());
        let what = ["kind", "program", "repository", "branch"].map(text).into_iter().filter(|word| !word.is_empty());
        let what = what.collect::<Vec<_>>().join(" ");
        screen.out(&format!("  {} {what}: {outcome}", effect.step));
    }
    Ok(0)
}

/// Somebody's words in one line: a second one could look like ours.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What was decided about the pushes of a commit, said where people read.
fn of_pushes(engine: &engine::Engine, prefix: &str, screen: &Screen) -> Result<Vec<store::Start>, Exit> {
    if prefix.len() < 7 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let starts = engine.reader()?.starts(prefix).map_err(Failure::from)?;
    if !screen.json && !starts.is_empty() {
        let line = |start: &store::Start| {
            let what = match &start.run {
                Some(run) => format!("run {run}"),
                None => "no run".to_owned(),
            };
            vec![
                format!("  {}", start.repository),
                start.event.clone(),
                start.pipeline.clone(),
                what,
                start.why.clone(),
            ]
        };
        let commit = starts.first().map(|start| start.commit.as_str()).unwrap_or(prefix);
        screen.out(&format!("commit {}", screen.paint(Colour::Bold, commit)));
        screen.out(&columns(&starts.iter().map(line).collect::<Vec<_>>()));
    }
    Ok(starts)
}

/// How an application stands, why nothing is done where nothing is, and how its last syncs ended. `None` where none is called
/// so.
fn of_application(engine: &engine::Engine, name: &str, screen: &Screen) -> Result<Option<u8>, Exit> {
    let books = reconcile::Books::new(engine.journal());
    let Some(standing) = books.memory(name)?.standing else { return Ok(None) };
    let history = books.history(name)?;
    let declared = books.children()?.into_iter().find(|row| row.name == name && row.leaving.is_none());
    let parent = declared.map(|row| row.parent);
    if screen.json {
        let sync =
            |(id, begun, past): &(String, Timestamp, reconcile::Past)| json!({"id": id, "begun": begun, "sync": past});
        screen.document(&json!({"name": name, "parent": parent, "sync": standing.sync.to_string(), "health": standing.health,
            "revision": standing.revision, "message": standing.message, "reasons": standing.reasons,
            "images": standing.images, "subject": standing.subject, "history": history.iter().map(sync).collect::<Vec<_>>()}));
        return Ok(Some(0));
    }
    let head = format!("{}, {}", standing.sync, standing.health);
    screen.out(&format!("{}  {head}, as seen {}", screen.paint(Colour::Bold, name), ago(standing.at)));
    if standing.reasons.is_empty() && !standing.message.is_empty() {
        screen.out(&format!("  {}", one_line(&standing.message)));
    }
    for reason in &standing.reasons {
        screen.out(&format!("  {reason}"));
    }
    if let Some(parent) = parent {
        let way = format!("`tidegate apps sync {parent}` brings it what its parent has in Git");
        screen.out(&format!("  declared by the application {parent}; {way}"));
    }
    for (_, begun, past) in history.iter().take(5) {
        let revision = past.revision.get(..7).unwrap_or(&past.revision);
        screen.out(&format!("  {begun}  {revision} for {}: {}", past.asked, one_line(&past.outcome)));
    }
    Ok(Some(0))
}

/// The newest run for a commit.
fn of_commit(engine: &engine::Engine, prefix: &str) -> Result<Option<store::RunRow>, Exit> {
    if prefix.len() < 7 {
        return Ok(None);
    }
    let rows = engine.reader()?.runs(1000).map_err(Failure::from)?;
    Ok(rows.into_iter().find(|row| row.run.commit.starts_with(prefix)))
}
