//! `cargo xtask bench`: the benchmarks, each with its peer or limit in the same run.

use crate::{guests, setup, shell};
use anyhow::Result;

pub fn run(arguments: &[String]) -> Result<()> {
    setup::run()?;
    guests::run()?;
    // The one that times a whole process needs the binary as it ships.
    shell::run(shell::cargo().args(["build", "--release", "--locked", "--package", "tidegate"]))?;
    shell::run(shell::cargo().args(["bench", "--locked", "--package", "tidegate-benches"]).args(arguments))
}
