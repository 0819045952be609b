//! `tidegate init`: what a repository holds, whether it renders, what its last commit changes, and the files that it lacks.
//! It contacts nobody, needs no configuration, and changes nothing that is there.

mod address;
mod compare;
mod files;
mod globs;
mod local;
mod look;
mod pipelines;
mod refusal;
mod report;
mod survey;
mod visit;
mod write;

use crate::approve::ask;
use crate::args::{Host, Init};
use crate::exit::Exit;
use crate::open;
use crate::render::Plugins;
use crate::screen::Screen;
use files::Plan;
use git::WorkTree;
use model::{Blame, Failure};
use reconcile::{Kept, Renders};
use refusal::Refused;
use report::{Report, Skipped, Tally};
use serde_json::{Value, json};
use std::sync::Arc;
use survey::Bench;
use visit::Visit;

/// Results of renders that are kept for the comparison, in bytes.
const KEPT: usize = 64 << 20;

pub async fn init(host: &Host, wanted: &Init, screen: &Screen) -> Result<u8, Exit> {
    let here = std::env::current_dir().map_err(|e| Exit::usage(format!("there is no folder to look at: {e}")))?;
    let tree = WorkTree::discover(&here).map_err(|e| e.failure())?.ok_or_else(|| {
        let failure = Failure::new(Blame::User, "invalid", format!("{} is in no Git work tree", here.display()));
        failure.hint("run this in a clone, or `git init` first")
    })?;
    let configuration = open::configuration(host, screen)?;
    let plugins = Plugins::open(host, screen)?;
    let bench =
        Bench { renders: Arc::new(Renders::new(Arc::new(plugins), Kept::in_memory_up_to(KEPT))), lines: wanted.lines };
    let visit = Visit::begin(tree, configuration.host.as_ref())?;
    let report = visit.report(&bench, screen).await?;
    let plan = files::plan(&visit.facts(&report), &visit.existing(host, configuration.state.as_deref())?);
    finish(&visit, &report, &plan, wanted, screen)
}

/// Tells all, and writes what may be written.
fn finish(visit: &Visit, report: &Report, plan: &Plan, wanted: &Init, screen: &Screen) -> Result<u8, Exit> {
    if !screen.json {
        screen.out(&report::text(report, wanted.lines, screen));
        let shown = report::files(plan, screen);
        if !shown.is_empty() {
            screen.out(&format!("\n{shown}"));
        }
    }
    let some = !plan.files.is_empty();
    let question = || format!("Write {}?", if plan.files.len() == 1 { "this file" } else { "these files" });
    let agreed = some && (wanted.yes || (screen.interactive && !screen.json && ask(&question(), screen)));
    let mut written = Vec::new();
    for file in &plan.files {
        let done = agreed && write::write(&visit.root, file)?;
        if agreed && !screen.json {
            let what = if done { "wrote" } else { "left as it is, since something is there now:" };
            screen.out(&format!("{what} {}", file.path));
        }
        written.push(json!({"path": file.path, "content": file.content, "written": done}));
    }
    if some && !agreed && !screen.json {
        screen.out("nothing was written; `tidegate init --yes` writes these files");
    }
    if screen.json {
        screen.document(&document(report, plan, written));
    }
    Ok(0)
}

/// The report as one document.
fn document(report: &Report, plan: &Plan, files: Vec<Value>) -> Value {
    let refused = |all: &[Refused]| {
        let one = |one: &Refused| json!({"name": one.name, "place": one.at(), "code": one.failure.code, "reason": one.reason()});
        all.iter().map(one).collect::<Vec<_>>()
    };
    let skipped =
        |one: &Skipped| json!({"code": one.code, "reason": one.reason, "count": one.count, "first": one.first});
    let names = |tally: &Tally| tally.changed.iter().map(|changed| changed.name.clone()).collect::<Vec<_>>();
    let (applications, overlays) = (&report.applications, &report.overlays);
    json!({
        "applications": {"found": applications.found, "rendered": applications.rendered,
            "refused": refused(&applications.refused), "elsewhere": applications.of_others},
        "overlays": {"found": overlays.found, "rendered": overlays.rendered, "refused": refused(&overlays.refused),
            "changed": names(overlays)},
        "changed": names(applications),
        "unread": refused(&report.unread),
        "skipped": report.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "uncommitted": report.uncommitted,
        "terraform": report.terraform,
        "dockerfiles": report.dockerfiles,
        "notes": plan.notes,
        "files": files,
    })
}
