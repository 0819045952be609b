//! `cargo xtask deny`: cargo-deny over the three workspaces, installed where it is missing.

use crate::shell;
use anyhow::Result;

/// The version that deny.toml is written for.
const VERSION: &str = "0.20.2";

pub fn run() -> Result<()> {
    if !shell::succeeds("cargo-deny", &["--version"]) {
        shell::run(
            shell::cargo()
                .args(["install", "cargo-deny", "--locked", "--version", VERSION])
                .args(["--debug", "--no-default-features"]),
        )?;
    }
    // Advisories come from a Git repository, which not every machine reaches: `cargo deny check` asks for them too.
    let config = shell::root().join("deny.toml");
    for folder in [".", "plugins", "tests/guests"] {
        let mut command = shell::cargo();
        let manifest = shell::root().join(folder).join("Cargo.toml");
        command.args(["deny", "--locked", "--manifest-path"]).arg(manifest).arg("--config").arg(&config);
        shell::run(command.args(["check", "bans", "licenses", "sources"]))?;
    }
    Ok(())
}
