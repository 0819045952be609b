//! `tidegate validate` and `tidegate schema`.

use crate::args::{Host, Validate};
use crate::builtin::BUILTIN;
use crate::exit::Exit;
use crate::open::{configuration, source};
use crate::screen::Screen;
use crate::select::yaml_files;
use engine::Offers;
use manifest::{Diagnostic, Kind, Severity, Source};
use serde_json::json;
use std::path::PathBuf;

fn offers(host: &Host, screen: &Screen) -> Result<Offers, Exit> {
    // A broken configuration is reported as a file of its own; pipelines are then checked against the binary's plugins.
    let settings = configuration(host, screen).map(|found| found.settings).unwrap_or_default();
    Ok(Offers::new(BUILTIN, &settings)?)
}

pub fn schema(host: &Host, kind: &str, screen: &Screen) -> Result<u8, Exit> {
    let kind = match kind.to_ascii_lowercase().as_str() {
        "pipeline" => Kind::Pipeline,
        "host" => Kind::Host,
        other => return Err(Exit::usage(format!("there is no schema `{other}`; there are `pipeline` and `host`"))),
    };
    screen.document(&manifest::schema(kind, &offers(host, screen)?));
    Ok(0)
}

pub fn validate(host: &Host, wanted: &Validate, screen: &Screen) -> Result<u8, Exit> {
    let offers = offers(host, &Screen { live: false, ..*screen })?;
    let files = files(host, wanted)?;
    if files.is_empty() {
        return Err(Exit::usage("there is nothing to validate here: no `.tidegate/`, no tidegate.yaml"));
    }
    let (mut documents, mut wrong, mut errors) = (Vec::new(), 0, 0);
    for path in &files {
        let (file, diagnostics) = match source(path) {
            Ok(file) => {
                let diagnostics = check(&file, &offers);
                (file, diagnostics)
            }
            Err(Exit::File(file, diagnostics)) => (file, diagnostics),
            Err(other) => return Err(other),
        };
        let broken = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        errors += broken;
        wrong += usize::from(broken > 0);
        if !diagnostics.is_empty() && !screen.json {
            screen.note(manifest::render(&file, &diagnostics, screen.colour).trim_end());
        }
        documents.push(manifest::to_json(&file, &diagnostics));
    }
    if screen.json {
        screen.document(&json!({"files": documents, "errors": errors}));
    } else if errors == 0 {
        screen.out(&format!("{} valid", count(files.len(), "file")));
    } else {
        screen.out(&format!("{} in {} of {}", count(errors, "problem"), wrong, count(files.len(), "file")));
    }
    Ok(if errors == 0 { 0 } else { 2 })
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn check(file: &Source, offers: &Offers) -> Vec<Diagnostic> {
    match manifest::kind_of(file).as_deref() {
        Some("Host") => manifest::host(file).diagnostics,
        // What says no kind is told so by the reader of pipelines.
        _ => manifest::pipeline(file, offers).diagnostics,
    }
}

fn files(host: &Host, wanted: &Validate) -> Result<Vec<PathBuf>, Exit> {
    let mut found = Vec::new();
    if wanted.paths.is_empty() {
        found.extend(yaml_files(".tidegate".as_ref()));
        let config = host.config.clone().unwrap_or_else(|| PathBuf::from("tidegate.yaml"));
        found.extend(config.is_file().then_some(config));
        return Ok(found);
    }
    for path in &wanted.paths {
        if path.is_dir() {
            let inner = path.join(".tidegate");
            found.extend(yaml_files(if inner.is_dir() { &inner } else { path }));
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
