//! `tidegate validate` and `tidegate schema`.

use crate::args::{Host, Validate};
use crate::builtin::BUILTIN;
use crate::exit::Exit;
use crate::open::{self, source};
use crate::screen::Screen;
use crate::select::yaml_files;
use engine::Offers;
use manifest::{Diagnostic, Kind, Severity, Source};
use serde_json::json;
use std::path::{Path, PathBuf};

fn offers(host: &Host) -> Result<Offers, Exit> {
    // A broken configuration is reported as a file of its own; pipelines are then checked against the binary's plugins.
    let settings = open::read(host).map(|found| found.settings).unwrap_or_default();
    Ok(Offers::new(BUILTIN, &settings)?)
}

pub fn schema(host: &Host, kind: &str, screen: &Screen) -> Result<u8, Exit> {
    let kind = match kind.to_ascii_lowercase().as_str() {
        "pipeline" => Kind::Pipeline,
        "application" => Kind::Application,
        "host" => Kind::Host,
        other => {
            let message = format!("there is no schema `{other}`; there are `pipeline`, `application` and `host`");
            return Err(Exit::usage(message));
        }
    };
    screen.document(&manifest::schema(kind, &offers(host)?));
    Ok(0)
}

pub fn validate(host: &Host, wanted: &Validate, screen: &Screen) -> Result<u8, Exit> {
    let offers = offers(host)?;
    let files = files(host, wanted)?;
    if files.is_empty() {
        return Err(Exit::usage(
            "there is nothing to validate here: no `.tidegate/` in the work tree, no tidegate.yaml from here upward",
        ));
    }
    let (mut documents, mut wrong, mut errors, mut unread) = (Vec::new(), 0, 0, 0);
    let mut of_a_host = false;
    for path in &files {
        let (file, diagnostics) = match source(path) {
            Ok(file) => {
                of_a_host |= manifest::kind_of(&file).as_deref() == Some("Host");
                let diagnostics = check(&file, &offers);
                (file, diagnostics)
            }
            Err(Exit::File(file, diagnostics)) => (file, diagnostics),
            // One that cannot be read is one problem among those of the others.
            Err(Exit::Failure(failure)) => {
                unread += 1;
                let shown = path.display().to_string();
                (Source::new(&shown, ""), vec![Diagnostic::unreadable(&shown, failure.message)])
            }
        };
        let broken = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        errors += broken;
        wrong += usize::from(broken > 0);
        if !screen.json {
            screen.warnings(&file, &diagnostics);
        }
        let shown = path.display().to_string();
        documents.push(json!({"file": shown, "problems": manifest::to_json(&file, &diagnostics)}));
    }
    // Whoever sets up a host wants to know what its jail can hold here.
    let missing = of_a_host.then(|| jail::detect().missing());
    for guard in missing.iter().flatten().filter(|_| !screen.json) {
        screen.note(&format!("warning: the jail of this machine has a gap: {guard}"));
    }
    if missing.as_ref().is_some_and(Vec::is_empty) && !screen.json {
        screen.note("the jail has every guard on this machine");
    }
    if screen.json {
        screen.document(&json!({"files": documents, "errors": errors, "jail": missing.map(|m| json!({"missing": m}))}));
    } else if errors == 0 {
        screen.out(&format!("{} valid", count(files.len(), "file")));
    } else {
        let summary = format!("{} in {} of {}", count(errors, "problem"), wrong, count(files.len(), "file"));
        // Where no file was read at all, there is no result.
        if unread == files.len() { screen.note(&summary) } else { screen.out(&summary) }
    }
    Ok(if errors == 0 { 0 } else { 2 })
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn check(file: &Source, offers: &Offers) -> Vec<Diagnostic> {
    match manifest::kind_of(file).as_deref() {
        Some("Host") => manifest::host(file).diagnostics,
        // Also those of a stream of several documents, of which the first may be anything.
        _ if file.text.contains("argoproj.io/") => declarations(file),
        // What says no kind is told so by the reader of pipelines.
        _ => manifest::pipeline(file, offers).diagnostics,
    }
}

/// All that is wrong with a file of Argo CD's.
fn declarations(file: &Source) -> Vec<Diagnostic> {
    let manifest::Declarations { documents, mut diagnostics } = manifest::applications(file);
    diagnostics.extend(documents.into_iter().flat_map(|document| document.diagnostics));
    diagnostics
}

fn files(host: &Host, wanted: &Validate) -> Result<Vec<PathBuf>, Exit> {
    let mut found = Vec::new();
    if wanted.paths.is_empty() {
        found.extend(yaml_files(&pipelines()?));
        found.extend(open::configured(host));
        return Ok(found);
    }
    for path in &wanted.paths {
        if path.is_dir() {
            let inner = path.join(".tidegate");
            if inner.is_dir() {
                found.extend(yaml_files(&inner));
            } else {
                // Any folder may hold files that are other programs' business.
                found.extend(yaml_files(path).into_iter().filter(|path| is_ours(path)));
            }
            let config = path.join("tidegate.yaml");
            if config.is_file() && !found.contains(&config) {
                found.push(config);
            }
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// The folder that `run` looks for pipelines in: at the top of the work tree, or here outside of one.
fn pipelines() -> Result<PathBuf, Exit> {
    let here = PathBuf::from(".tidegate");
    let Ok(current) = std::env::current_dir() else { return Ok(here) };
    let Some(tree) = git::WorkTree::discover(&current).map_err(|e| e.failure())? else { return Ok(here) };
    // By its short name where it is right here.
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    Ok(if same(tree.root(), &current) { here } else { tree.root().join(here) })
}

/// Whether a file says that it is Tidegate's; one that cannot be read may be.
fn is_ours(path: &Path) -> bool {
    source(path).map_or(true, |file| manifest::head(&file).is_ours())
}
