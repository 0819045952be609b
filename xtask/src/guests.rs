//! `cargo xtask guests`: builds what the binary carries, the first-party plugins and its shim, and the guests of the tests where
//! there are any.

#[path = "../../host/cli/build/sources.rs"]
mod sources;

use crate::shell;
use anyhow::{Context, Result};
use guest::Builder;
use std::fs;
use std::path::{Path, PathBuf};

/// The plugins that come with Tidegate.
const PLUGINS: [&str; 7] = ["exec", "directory", "kustomize", "approval", "application", "terraform", "image"];

/// Builds all guests into `target/guests` (those of the tests into `target/guests/test`) and prints a line for each.
pub fn run() -> Result<()> {
    first_party()?;
    let root = shell::root();
    // Their own target folder: another workspace with another lock file, which need not rebuild the first.
    let mut tests = Builder::new(&root.join("target/guests-build/test"), &progress);
    for folder in packages(&root.join("tests/guests"))? {
        build(&mut tests, &folder, &root.join("target/guests/test"))?;
    }
    Ok(())
}

/// Builds and locks the plugins that the binary carries, and builds its shim.
pub fn first_party() -> Result<()> {
    let root = shell::root();
    let out = root.join("target/guests");
    shim(&root, &out)?;
    let mut plugins = Builder::new(&root.join("target/guests-build"), &progress);
    for name in PLUGINS {
        build(&mut plugins, &root.join("plugins").join(name), &out)?;
    }
    lock(&root, &out)
}

/// Builds the shim, small and optimised whatever the host is, and notes of which sources. In a target folder of its own: alone it
/// has fewer features than with everything else.
fn shim(root: &Path, out: &Path) -> Result<()> {
    const NAME: &str = "tidegate-jail-shim";
    let target = root.join("target/guests-build/shim");
    let stamp = sources::stamp(root).context("reading the shim's sources")?;
    let mut build = shell::cargo();
    build
        .args(["build", "--release", "--locked", "--package", "tidegate-jail", "--bin", NAME, "--target-dir"])
        .arg(&target);
    shell::run(build.env("CARGO_PROFILE_RELEASE_STRIP", "symbols"))?;
    let program = fs::read(target.join("release").join(NAME)).context("the shim")?;
    // What is there already is left, or the host would be built once more.
    for (path, content) in [(out.join(NAME), program), (out.join(format!("{NAME}.of")), stamp.into_bytes())] {
        if fs::read(&path).ok().as_ref() != Some(&content) {
            fs::create_dir_all(out).and_then(|()| fs::write(&path, content)).context("the shim")?;
        }
    }
    Ok(())
}

fn progress(line: &str) {
    eprintln!("{line}");
}

/// Locks what was built: the binary carries the lock with the components. A program of its own, since it needs the
/// whole plugin host.
fn lock(root: &Path, out: &Path) -> Result<()> {
    let program = shell::build("tidegate-lock-builtin")?;
    let status = std::process::Command::new(program).current_dir(root).arg(out).status().context("starting it")?;
    anyhow::ensure!(status.success(), "the first-party plugins could not be locked ({status})");
    Ok(())
}

fn build(builder: &mut Builder<'_>, folder: &Path, out: &Path) -> Result<()> {
    let built = builder.build(folder, out).with_context(|| format!("building the guest in {}", folder.display()))?;
    println!("{:<16} {:>6} KiB  {}", built.name, built.size.div_ceil(1024), built.way);
    println!("    imports {}", built.interfaces.imports.join(" "));
    println!("    exports {}", built.interfaces.exports.join(" "));
    Ok(())
}

/// The folders with a package, by name.
fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
        if manifest.lines().any(|line| line.trim() == "[lib]") {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
