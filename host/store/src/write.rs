//! What each command writes.

use crate::accept;
use crate::application;
use crate::child;
use crate::command::{Command, EffectRow, Reply, StepRow};
use crate::error::Error;
use crate::push;
use model::{RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

/// Carries out one command within the caller's transaction.
pub fn apply(db: &Connection, command: &Command) -> Result<Reply, Error> {
    match command {
        Command::Create { run, steps, begun, supersedes } => {
            if let Some(begun) = begun {
                push::start(db, begun)?;
            }
            let added = db
                .prepare_cached(
                    "INSERT INTO runs (id, pipeline, repository, branch, commit_id, actor, status, pinned, created)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?8) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    run.id.0,
                    run.pipeline,
                    run.repository,
                    run.branch,
                    run.commit,
                    run.actor,
                    run.pinned.to_string(),
                    run.created.0
                ])?;
            if added == 0 {
                return Err(Error::Exists(format!("run {}", run.id)));
            }
            save(db, &run.id, steps)?;
            let entry = json!({"action": "run", "run": run.id, "pipeline": run.pipeline, "repository": run.repository,
                "commit": run.commit, "actor": run.actor, "at": run.created});
            audit(db, &entry)?;
            for other in supersedes {
                stop(db, other, "superseded", &format!("run {}", run.id), run.created)?;
            }
            Ok(Reply::Done)
        }
        Command::Claim { run, owner, until } => {
            let fence: Option<i64> = db
                .prepare_cached(
                    "UPDATE runs SET fence = fence + 1, owner = ?2, lease_until = ?3 WHERE id = ?1 RETURNING fence",
                )?
                .query_row(params![run.0, owner, until.0], |r| r.get(0))
                .optional()?;
            fence.map(Reply::Fence).ok_or_else(|| Error::NotFound(format!("run {run}")))
        }
        Command::Record {
            run,
            fence,
            steps,
            intents,
            outcomes,
            artifacts,
            decisions,
            receipts,
            subjects,
            status,
            votes_seen,
            at,
        } => {
            let (newest, votes): (i64, i64) = db
                .prepare_cached("SELECT fence, votes FROM runs WHERE id = ?1")?
                .query_row([&run.0], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?
                .ok_or_else(|| Error::NotFound(format!("run {run}")))?;
            if newest != *fence {
                return Err(Error::Fenced { run: run.0.clone(), have: *fence, newest });
            }
            if votes_seen.is_some_and(|seen| seen != votes) {
                return Err(Error::VotesMoved);
            }
            save(db, run, steps)?;
            for effect in intents.iter().chain(outcomes) {
                record(db, run, effect, at.0)?;
            }
            for a in artifacts {
                db.prepare_cached(
                    "INSERT INTO artifacts (run, name, digest, media_type, size, confidential, step)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (run, step, name) DO UPDATE SET digest = excluded.digest,
                    media_type = excluded.media_type, size = excluded.size, confidential = excluded.confidential",
                )?
                .execute(params![
                    run.0,
                    a.name,
                    a.digest.as_str(),
                    a.media_type,
                    i64::try_from(a.size).unwrap_or(i64::MAX),
                    a.confidential,
                    a.step.0
                ])?;
            }
            for d in decisions {
                db.prepare_cached("INSERT INTO decisions (run, step, what, why, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![run.0, d.step.0, d.what, d.why, d.at.0])?;
            }
            for (step, attempt, content) in receipts {
                db.prepare_cached(
                    "INSERT INTO receipts (run, step, attempt, content, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![run.0, step.0, attempt, content.to_string(), at.0])?;
            }
            for (step, subject, content) in subjects {
                db.prepare_cached(
                    "INSERT INTO subjects (run, step, subject, content) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT (run, step) DO UPDATE SET subject = excluded.subject, content = excluded.content",
                )?
                .execute(params![run.0, step.0, subject.as_str(), content.to_string()])?;
            }
            if let Some((status, at)) = status {
                let ended = status.is_final().then_some(at.0);
                db.prepare_cached("UPDATE runs SET status = ?2, ended = ?3 WHERE id = ?1")?.execute(params![
                    run.0,
                    status.as_str(),
                    ended
                ])?;
            }
            Ok(Reply::Done)
        }
        Command::Vote(run, v) => {
            let known = db.prepare_cached("UPDATE runs SET votes = votes + 1 WHERE id = ?1")?.execute([&run.0])?;
            if known == 0 {
                return Err(Error::NotFound(format!("run {run}")));
            }
            db.prepare_cached(
                "INSERT INTO votes (run, position, step, subject, voter, verdict, comment, verified, system_user, at)
                SELECT ?1, votes, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM runs WHERE id = ?1",
            )?
            .execute(params![
                run.0,
                v.step.0,
                v.subject.as_str(),
                v.voter,
                v.verdict,
                v.comment,
                v.verified,
                v.system_user,
                v.at.0
            ])?;
            audit(db, &json!({"action": "vote", "run": run, "vote": v}))
        }
        Command::Stop { run, stop: word, actor, at } => stop(db, run, word, actor, *at),
        Command::Log(run, lines) => {
            for l in lines {
                db.prepare_cached(
                    "INSERT INTO logs (run, step, attempt, at, level, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![run.0, l.step.0, l.attempt, l.at.0, l.level, l.line])?;
            }
            Ok(Reply::Done)
        }
        Command::Audit(entry) => audit(db, entry),
        Command::Heads(heads) => push::heads(db, heads).map(|()| Reply::Done),
        Command::Start(start) => push::start(db, start).map(|()| Reply::Done),
        Command::Pushed(number) => push::done(db, *number).map(|()| Reply::Done),
        Command::Accept(accepted) => accept::accept(db, accepted).map(|()| Reply::Done),
        Command::Consent(consent) => {
            accept::consent(db, consent)?;
            audit(db, &json!({"action": "consent", "consent": consent}))
        }
        Command::Rollback(rollback) => {
            accept::rollback(db, rollback)?;
            audit(db, &json!({"action": "rollback", "rollback": rollback}))
        }
        Command::Forget(name) => application::forget(db, name).map(|()| Reply::Done),
        Command::Child(row, at) => child::declare(db, row, *at).map(|()| Reply::Done),
        Command::ChildLeaves { parent, name, at } => child::leave(db, parent, name, *at).map(|()| Reply::Done),
        Command::ChildSettles(parent, name) => child::settle(db, parent, name).map(|()| Reply::Done),
        Command::Application(change, at) => application::change(db, change, *at).map(|()| Reply::Done),
        Command::Brake { on, name, why, at } => {
            application::brake(db, *on, name, why.as_deref(), *at).map(|()| Reply::Done)
        }
    }
}

fn stop(db: &Connection, run: &RunId, stop: &str, actor: &str, at: Timestamp) -> Result<Reply, Error> {
    let known =
        db.prepare_cached("UPDATE runs SET stop = COALESCE(stop, ?2) WHERE id = ?1")?.execute(params![run.0, stop])?;
    if known == 0 {
        return Err(Error::NotFound(format!("run {run}")));
    }
    audit(db, &json!({"action": stop, "run": run, "actor": actor, "at": at}))
}

fn save(db: &Connection, run: &RunId, steps: &[StepRow]) -> Result<(), Error> {
    for step in steps {
        let (status, state) = (step.status.as_str(), step.state.to_string());
        // Known in most cases; counting the steps of a run is for new ones alone.
        let known = db
            .prepare_cached("UPDATE steps SET status = ?3, state = ?4 WHERE run = ?1 AND step = ?2")?
            .execute(params![run.0, step.key.0, status, state])?;
        if known == 0 {
            db.prepare_cached(
                "INSERT INTO steps (run, step, position, status, state)
                VALUES (?1, ?2, (SELECT COUNT(*) FROM steps WHERE run = ?1), ?3, ?4)",
            )?
            .execute(params![run.0, step.key.0, status, state])?;
        }
    }
    Ok(())
}

/// An intent opens the row, an outcome closes it; the first outcome stays.
fn record(db: &Connection, run: &RunId, e: &EffectRow, at: i64) -> Result<(), Error> {
    let outcome = e.outcome.as_ref().map(Value::to_string);
    let ended = e.outcome.is_some().then_some(at);
    db.prepare_cached("INSERT INTO effects (run, step, attempt, effect, intent, begun, outcome, ended)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (run, step, attempt, effect)
        DO UPDATE SET outcome = COALESCE(effects.outcome, excluded.outcome), ended = COALESCE(effects.ended, excluded.ended)")?
        .execute(params![run.0, e.step.0, e.attempt, e.effect, e.intent.to_string(), at, outcome, ended])?;
    Ok(())
}

/// Adds a link to the audit chain.
fn audit(db: &Connection, entry: &Value) -> Result<Reply, Error> {
    let newest: Option<(i64, String)> = db
        .prepare_cached("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (sequence, previous) = newest.map_or((1, String::new()), |(s, h)| (s + 1, h));
    let content = entry.to_string();
    let hash = access::audit::link(&previous, sequence, &content);
    db.prepare_cached("INSERT INTO audit (sequence, content, hash) VALUES (?1, ?2, ?3)")?.execute(params![
        sequence,
        content,
        hash.as_str()
    ])?;
    Ok(Reply::Done)
}
