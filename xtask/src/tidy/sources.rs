//! What is asked of every source file: a heading, a size that one can read, and names that say something.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A tracked file that is text.
pub struct Source {
    /// Its path from the repository's root.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Lines at which a file must be split (tests apart).
const LONGEST: usize = 600;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "misc"];

/// The files that Git tracks or would track, as text.
pub fn tracked(root: &Path) -> Result<Vec<Source>> {
    let mut command = Command::new("git");
    command.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = command.output().context("starting git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).context("a path that is no UTF-8")?;
    let read = |path: &str| fs::read_to_string(root.join(path)).ok().map(|text| Source { path: path.to_owned(), text });
    Ok(names.split('\0').filter(|name| !name.is_empty()).filter_map(read).collect())
}

/// What is wrong with them.
pub fn problems(files: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for Source { path, text } in files {
        if path.ends_with(".rs") {
            rust(path, text, &mut problems);
        }
        // This file and those that say it name the words on purpose.
        if path.starts_with("xtask/") || path == "LICENSE" || path.ends_with(".lock") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if MACHINE.iter().any(|start| line.contains(start)) {
                problems.push(format!("{path}:{}: a path of one machine: {}", number + 1, line.trim()));
            }
        }
    }
    problems
}

/// Folders of people, which only one machine has.
const MACHINE: [&str; 2] = ["/root/.", "/home/"];

fn rust(path: &str, text: &str, problems: &mut Vec<String>) {
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    if EMPTY_NAMES.contains(&name) || path.split('/').any(|folder| EMPTY_NAMES.contains(&folder)) {
        problems.push(format!("{path}: `{name}` says nothing about what is inside"));
    }
    if name == "mod" && !path.contains("/tests/") {
        problems.push(format!("{path}: write `foo.rs` beside `foo/` instead of `foo/mod.rs`"));
    }
    if !text.starts_with("//!") {
        problems.push(format!("{path}: the first line must say in `//!` what the file is for"));
    }
    let is_test = path.contains("/tests/") || path.starts_with("tests/");
    let lines = text.lines().count();
    if lines > LONGEST && !is_test {
        problems.push(format!("{path}: {lines} lines; split it by its nouns before {LONGEST}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, problems};

    #[test]
    fn headings_names_and_sizes() {
        let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let long = "//! Long.\n".to_owned() + &"\n".repeat(700);
        let files = [
            file("host/x/src/lease.rs", "//! A lease.\n"),
            file("host/x/src/utils.rs", "//! Things.\n"),
            file("host/x/src/bare.rs", "fn main() {}\n"),
            file("host/x/src/long.rs", &long),
            file("host/x/tests/long.rs", &long),
            file("docs/a.md", "see /home/me/x\n"),
        ];
        let told = problems(&files).join("\n");
        let expected = "host/x/src/utils.rs: `utils` says nothing about what is inside
host/x/src/bare.rs: the first line must say in `//!` what the file is for
host/x/src/long.rs: 701 lines; split it by its nouns before 600
docs/a.md:1: a path of one machine: see /home/me/x";
        assert_eq!(told, expected);
    }
}
