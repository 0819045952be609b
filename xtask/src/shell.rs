//! Running other programs, each shown before it starts.

use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The cargo that started this.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Shows a command and runs it to a good end.
pub fn run(command: &mut Command) -> Result<()> {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    eprintln!("$ {program} {}", words.join(" "));
    let status = command.status().with_context(|| format!("starting `{program}`"))?;
    ensure!(status.success(), "`{program} {}` failed ({status})", words.join(" "));
    Ok(())
}

/// Builds a program of the workspace and answers where it is. Of the whole workspace, because cargo unites the features
/// of what is selected: one package alone would compile most dependencies once more.
pub fn build(program: &str) -> Result<PathBuf> {
    run(cargo().args(["build", "--locked", "--workspace", "--bin", program]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("debug").join(program))
}

/// Whether a command ends well; nothing of it is shown.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
