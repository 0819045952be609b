//! `cargo xtask demo`: from a fresh clone to the whole story, in one command.

use crate::{guests, setup, shell};
use anyhow::Result;

pub fn run(arguments: &[String]) -> Result<()> {
    setup::run()?;
    guests::first_party()?;
    shell::run(shell::cargo().args(["build", "--locked", "--package", "tidegate"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), Into::into);
    let mut command = std::process::Command::new(target.join("debug/tidegate"));
    shell::run(command.arg("demo").args(arguments))
}
