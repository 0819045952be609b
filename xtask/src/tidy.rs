//! `cargo xtask tidy`, also a test: what the compiler does not check of ARCHITECTURE.md.

mod rings;
mod sources;
mod wit;

use crate::shell;
use anyhow::{Result, bail};

/// Reports every problem at once.
pub fn run() -> Result<()> {
    let problems = problems()?;
    if problems.is_empty() {
        println!("tidy: rings, sources and the plugin interface are as ARCHITECTURE.md says");
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    bail!("{} problems", problems.len())
}

fn problems() -> Result<Vec<String>> {
    let root = shell::root();
    let metadata = shell::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]).output()?;
    anyhow::ensure!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata = serde_json::from_slice(&metadata.stdout)?;
    let mut problems = rings::problems(&metadata);
    let files = sources::tracked(&root)?;
    problems.extend(sources::problems(&files));
    problems.extend(wit::problems(&root.join("wit"))?);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let problems = super::problems().expect("cargo and git answer");
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
