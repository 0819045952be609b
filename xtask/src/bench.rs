//! `cargo xtask bench`: the benchmarks, each with its peer or limit in the same run.

use crate::{guests, setup, shell};
use anyhow::Result;

pub fn run(arguments: &[String]) -> Result<()> {
    setup::run_for_tests()?;
    guests::run()?;
    let benches = ["call", "journal", "run", "tools", "render", "kustomize", "fleet"];
    let benches = benches.iter().flat_map(|name| ["--bench", name]);
    shell::run(shell::cargo().args(["bench", "--locked", "--workspace"]).args(benches).args(arguments))
}
