//! `cargo xtask conformance FOLDER`: how close the kustomize renderer is to kustomize, over other people's repositories.

use crate::shell;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The archive of a corpus, and the list of what kustomize prints of it.
const ARCHIVE: &str = "kustomize.tar.xz";
const LIST: &str = "overlays.tsv";

/// `FOLDER` holds repositories, or such an archive with its list; a second argument is the beginning of the folders that count.
pub fn run(arguments: &[String]) -> Result<()> {
    let folder = arguments.first().context("usage: cargo xtask conformance FOLDER [BEGINNING]")?;
    let folder = fs::canonicalize(folder).with_context(|| folder.clone())?;
    let (corpus, list) = if folder.join(ARCHIVE).is_file() {
        (unpacked(&folder.join(ARCHIVE))?, Some(folder.join(LIST)))
    } else {
        (folder, None)
    };
    let root = shell::root();
    let mut command = shell::cargo();
    command.current_dir(root.join("plugins"));
    command.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "kustomize-build",
        "--example",
        "conformance",
    ]);
    command.arg("--target-dir").arg(root.join("target/guests-native")).arg("--").arg(corpus);
    if let Some(list) = list {
        command.arg(list).args(&arguments[1..]);
    }
    shell::run(&mut command)
}

/// The archive's content, in a folder that is made anew each time.
fn unpacked(archive: &Path) -> Result<PathBuf> {
    let folder = shell::root().join("target/corpus");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let status =
        Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&folder).status().context("starting `tar`")?;
    ensure!(status.success(), "`tar` cannot unpack {}", archive.display());
    Ok(folder)
}
