//! `tidegate runs …`.

use crate::args::Runs;
use crate::exit::Exit;
use crate::place::Place;
use crate::run::{drive, drive_created, show};
use crate::screen::Screen;
use crate::select::files_of;
use crate::table::{ago, columns, status};
use engine::{Engine, Pinned};
use model::{Blame, Failure, RunStatus, StepKey};
use scheduler::Outcome;
use serde_json::json;

pub async fn runs(place: &Place<'_>, command: Runs, screen: &Screen) -> Result<u8, Exit> {
    let engine = place.engine(screen)?;
    match command {
        Runs::List { limit } => list(&engine, limit, screen),
        Runs::Show { run } => {
            let row = engine.find(&run).await?;
            let report = engine.report(&row).await?;
            show(&report, row.status, screen);
            if row.status == RunStatus::Running && !screen.json && engine.lock().is_ok() {
                screen.out(&format!("  nobody executes it now; go on with: tidegate runs resume {}", row.run.id));
            }
            Ok(0)
        }
        Runs::Logs { run, step } => {
            let row = engine.find(&run).await?;
            if let Some(step) = &step {
                let report = engine.report(&row).await?;
                if !report.list.iter().any(|known| known.key == *step) {
                    let known: Vec<_> = report.list.iter().map(|step| step.key.as_str()).collect();
                    let message = format!("run {} has no step `{step}`; it has {}", row.run.id, known.join(", "));
                    return Err(Failure::new(Blame::User, "not-found", message).into());
                }
            }
            let lines = engine.reader()?.logs(&row.run.id, step.map(StepKey).as_ref()).map_err(Failure::from)?;
            if screen.json {
                screen.document(&lines);
                return Ok(0);
            }
            for line in lines {
                screen.out(&format!("{} {} │ {}", line.at, line.step, line.line));
            }
            Ok(0)
        }
        Runs::Cancel { run, actor } => {
            let row = engine.find(&run).await?;
            if row.status.is_final() {
                let message = format!("run {} has ended ({}), there is nothing to cancel", row.run.id, row.status);
                return Err(Failure::new(Blame::User, "conflict", message).into());
            }
            engine.stop(&row.run.id, &actor.unwrap_or_else(|| place.user())).await?;
            // Where nobody drives it, this process ends it; where somebody does, they see the request.
            match place.lock(&engine) {
                Ok(_lock) => drive(place, &engine, &row.run.id, vec![], screen).await.map(|_| 0),
                Err(_) => {
                    screen.note("asked; the process that runs it will end it");
                    if screen.json {
                        // How it stands now; that process has not seen the request yet.
                        let row = engine.find(row.run.id.as_str()).await?;
                        show(&engine.report(&row).await?, row.status, screen);
                    }
                    Ok(0)
                }
            }
        }
        Runs::Rerun { run, actor } => {
            let _lock = place.lock(&engine)?;
            let row = engine.find(&run).await?;
            let pinned: Pinned = serde_json::from_value(row.run.pinned.clone())
                .map_err(|e| Failure::internal(format!("the journal cannot be read: {e}")))?;
            let files = files_of(&pinned.source)?;
            let created = engine.rerun(&row, &actor.unwrap_or_else(|| place.user()), files).await?;
            drive_created(place, &engine, created, screen).await
        }
        Runs::Resume { run, settle } => {
            let settled = settle.iter().map(|text| settlement(text)).collect::<Result<Vec<_>, _>>()?;
            let _lock = place.lock(&engine)?;
            let row = engine.find(&run).await?;
            drive(place, &engine, &row.run.id, settled, screen).await
        }
    }
}

fn settlement(text: &str) -> Result<(StepKey, Option<Outcome>), Exit> {
    let usage = || {
        Exit::usage(format!("`{text}` does not say what became of a step: write STEP=done, STEP=failed or STEP=again"))
    };
    let (step, word) = text.rsplit_once('=').ok_or_else(usage)?;
    let outcome = match word {
        "done" => Some(Outcome::Succeeded(json!({}))),
        "failed" => Some(Outcome::Failed(Failure::new(Blame::Upstream, "settled", "a person said that it failed"))),
        "again" => None,
        _ => return Err(usage()),
    };
    Ok((StepKey(step.to_owned()), outcome))
}

fn list(engine: &Engine, limit: u32, screen: &Screen) -> Result<u8, Exit> {
    let rows = engine.reader()?.runs(limit).map_err(Failure::from)?;
    if screen.json {
        let list: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({"run": row.run.id, "pipeline": row.run.pipeline, "status": row.status, "repository": row.run.repository,
                    "branch": row.run.branch, "commit": row.run.commit, "actor": row.run.actor,
                    "created": row.run.created, "ended": row.ended})
            })
            .collect();
        screen.document(&list);
        return Ok(0);
    }
    if rows.is_empty() {
        screen.out("no runs yet: `tidegate run` makes one");
        return Ok(0);
    }
    let mut table =
        vec![["RUN", "STATUS", "PIPELINE", "REPOSITORY", "COMMIT", "BY", "WHEN"].map(str::to_owned).to_vec()];
    for row in rows {
        let commit = row.run.commit.get(..8).unwrap_or_default().to_owned();
        table.push(vec![
            row.run.id.to_string(),
            status(screen, row.status.as_str()),
            row.run.pipeline,
            row.run.repository,
            commit,
            row.run.actor,
            ago(row.run.created),
        ]);
    }
    screen.out(&columns(&table));
    Ok(0)
}
