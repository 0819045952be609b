//! What all benchmarks share: each compares with a peer or a physical limit in the same run, and prints the ratio.

pub mod overlay;

use criterion::Criterion;
use std::path::PathBuf;

/// Runs benchmarks as `cargo bench` does, then prints what they compare.
pub fn main(run: impl FnOnce(&mut Criterion), compare: impl FnOnce()) {
    let mut criterion = Criterion::default().configure_from_args();
    run(&mut criterion);
    criterion.final_summary();
    compare();
}

/// The median of a benchmark in nanoseconds, as criterion wrote it; absent where the command line left it out.
pub fn median(id: &str) -> Option<f64> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let file = target.join("criterion").join(id).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

/// Prints `ours / theirs` with the goal.
pub fn ratio(what: &str, ours: &str, theirs: &str, goal: &str) {
    if let (Some(ours), Some(theirs)) = (median(ours), median(theirs)) {
        println!("ratio  {what}: {:.2} ×  ({} against {}; goal {goal})", ours / theirs, time(ours), time(theirs));
    }
}

/// Prints a time with the goal.
pub fn figure(what: &str, id: &str, goal: &str) {
    if let Some(time_taken) = median(id) {
        println!("figure {what}: {}  (goal {goal})", time(time_taken));
    }
}

fn time(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.1} µs", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}
