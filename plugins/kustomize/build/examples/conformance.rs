//! Builds the kustomizations of a corpus and compares them with what kustomize prints: by the hashes of a list, or by running
//! `kubectl kustomize` beside it.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use kustomize_build::Folder;
use kustomize_build::conformance::{Case, Outcome, Report, cases};
use sha2::{Digest, Sha256};
use similar::TextDiff;

/// How many wrong results are shown.
const SHOWN: usize = 5;
/// How many lines of a difference are shown.
const LINES: usize = 40;
/// Names of a kustomization.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(corpus) = arguments.next() else {
        eprintln!("usage: conformance CORPUS_FOLDER [LIST [FOLDER]]");
        return ExitCode::from(2);
    };
    let (list, only) = (arguments.next(), arguments.next());
    let corpus = Path::new(&corpus);
    let cases: Vec<Case> = match list {
        Some(list) => match fs::read_to_string(&list) {
            Ok(text) => cases(&text).collect(),
            Err(error) => {
                eprintln!("{list}: {error}");
                return ExitCode::from(2);
            }
        },
        None => asked(corpus),
    };
    let wanted =
        cases.into_iter().filter(|case| only.as_ref().is_none_or(|only| case.folder.starts_with(only.as_str())));
    let report = Report::run(&Folder::new(corpus), wanted);
    eprintln!("{report}");
    for case in report.wrong.iter().take(SHOWN) {
        show(corpus, case);
    }
    if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A case for each folder that kubectl builds here.
fn asked(corpus: &Path) -> Vec<Case> {
    let mut folders = Vec::new();
    find(corpus, "", &mut folders);
    let all = folders.len();
    let mut cases = Vec::new();
    for (done, folder) in folders.into_iter().enumerate() {
        eprint!("\r{done} of {all} folders by kubectl");
        if let Some(printed) = kubectl(corpus, &folder) {
            let sha256 = Sha256::digest(printed).iter().map(|byte| format!("{byte:02x}")).collect();
            cases.push(Case { folder, sha256 });
        }
    }
    eprintln!("\r{} of {all} folders are built by kubectl", cases.len());
    cases
}

fn find(corpus: &Path, at: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(corpus.join(at)) else { return };
    let mut names: Vec<_> = entries.flatten().collect();
    names.sort_by_key(fs::DirEntry::file_name);
    if names.iter().any(|entry| NAMES.iter().any(|name| entry.file_name() == *name)) {
        found.push(at.to_owned());
    }
    for entry in names.iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != ".git" {
            find(corpus, &if at.is_empty() { name } else { format!("{at}/{name}") }, found);
        }
    }
}

/// What kubectl prints; nothing where it prints an error. No network, so that it is the same every time.
fn kubectl(corpus: &Path, folder: &str) -> Option<Vec<u8>> {
    let mut command = Command::new("kubectl");
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.env("GIT_ALLOW_PROTOCOL", "none");
    let output = command.arg("kustomize").arg(corpus.join(folder)).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// The first lines that differ, where kubectl is on the machine.
fn show(corpus: &Path, case: &Case) {
    eprintln!("--- {}", case.folder);
    let Some(output) = kubectl(corpus, &case.folder) else { return };
    match Outcome::of(&Folder::new(corpus), case) {
        Outcome::Wrong { yaml } => {
            let expected = String::from_utf8_lossy(&output);
            let diff = TextDiff::from_lines(expected.as_ref(), yaml.as_str());
            let text = diff.unified_diff().context_radius(4).to_string();
            text.lines().take(LINES).for_each(|line| eprintln!("{line}"));
        }
        Outcome::Failed { error } => eprintln!("{error}"),
        Outcome::Identical | Outcome::Refused { .. } => {}
    }
}
