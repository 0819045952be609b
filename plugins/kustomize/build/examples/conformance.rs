//! Builds every folder of a corpus and compares with what `kubectl kustomize` printed.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use kustomize_build::conformance::{Case, Outcome, Report, cases};
use kustomize_build::{Folder, Options};
use similar::TextDiff;

/// How many wrong results are shown.
const SHOWN: usize = 5;
/// How many lines of a difference are shown.
const LINES: usize = 40;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(corpus), Some(list)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: conformance CORPUS_FOLDER OVERLAYS_TSV [FOLDER]");
        return ExitCode::from(2);
    };
    let only = arguments.next();
    let text = match std::fs::read_to_string(&list) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{list}: {error}");
            return ExitCode::from(2);
        }
    };
    let cases = cases(&text).filter(|case| only.as_ref().is_none_or(|only| case.folder.starts_with(only.as_str())));
    let report = Report::run(&Folder::new(&corpus), cases);
    eprintln!("{report}");
    for case in report.wrong.iter().take(SHOWN) {
        show(&PathBuf::from(&corpus), case);
    }
    if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first lines that differ, where kubectl is on the machine.
fn show(corpus: &std::path::Path, case: &Case) {
    eprintln!("--- {}", case.folder);
    let Ok(output) = Command::new("kubectl").arg("kustomize").arg(corpus.join(&case.folder)).output() else { return };
    match Outcome::of(&Folder::new(corpus), case) {
        Outcome::Wrong { yaml } => {
            let expected = String::from_utf8_lossy(&output.stdout);
            let diff = TextDiff::from_lines(expected.as_ref(), yaml.as_str());
            let text = diff.unified_diff().context_radius(4).to_string();
            text.lines().take(LINES).for_each(|line| eprintln!("{line}"));
        }
        Outcome::Failed { error } => eprintln!("{error}"),
        Outcome::Identical | Outcome::Refused { .. } => {}
    }
    let _ = Options::default();
}
