//! `cargo xtask demo`: from a fresh clone to the whole story, in one command.

use crate::{guests, setup, shell};
use anyhow::Result;

pub fn run(arguments: &[String]) -> Result<()> {
    setup::run()?;
    guests::first_party()?;
    let mut command = std::process::Command::new(shell::build("tidegate")?);
    shell::run(command.arg("demo").args(arguments))
}
