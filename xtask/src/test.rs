//! `cargo xtask test`: everything that has a test, from a fresh clone.

use crate::{guests, setup, shell};
use anyhow::Result;

pub fn run(arguments: &[String]) -> Result<()> {
    setup::run_for_tests()?;
    guests::run()?;
    shell::run(shell::cargo().args(["test", "--workspace", "--locked"]).args(arguments))?;
    if arguments.is_empty() {
        plugins()?;
    }
    Ok(())
}

/// The plugins' own tests run natively: the editor of kustomizations, the outputs of `exec`, the SDK.
fn plugins() -> Result<()> {
    let root = shell::root();
    let mut command = shell::cargo();
    command.current_dir(root.join("plugins")).args(["test", "--workspace", "--locked", "--target-dir"]);
    shell::run(command.arg(root.join("target/guests-native")))
}
