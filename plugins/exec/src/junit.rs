//! JUnit reports: what they say in sum, and how that is shown. It decides nothing about the step: [`crate::exec`] does.

mod markdown;
mod parse;
mod reports;
mod text;

pub use markdown::markdown;
pub use parse::{Case, Report, Verdict, parse};
pub use reports::{Baseline, Collected, baseline, collect};
pub use text::{lines, sentence};

use schemars::JsonSchema;
use serde::Serialize;

/// Most failures that are kept; all are counted.
const MOST_FAILURES: usize = 50;
/// Most slow tests that are shown.
const MOST_SLOW: usize = 5;
/// A test that takes less seconds than this is not slow, however fast the others are.
const SLOW: f64 = 1.0;

/// What all reports say in sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All tests, skipped ones as well.
    pub tests: u64,
    /// Those that passed, at the first try or a later one.
    pub passed: u64,
    /// Those whose assertion failed.
    pub failed: u64,
    /// Those that ended by another error.
    pub errors: u64,
    /// Those that did not run.
    pub skipped: u64,
    /// Those that passed only at a later try; they count as passed too.
    pub flaky: u64,
    /// How long they took in seconds, by the reports' own count.
    pub seconds: f64,
    /// The first 50 of those that failed or ended by an error.
    pub failures: Vec<Failure>,
    /// The slowest, longest first.
    #[serde(skip)]
    pub slow: Vec<(f64, String)>,
}

/// A test that did not pass.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The suite's name.
    pub suite: String,
    /// The class's name, or what the tool writes there; may be empty.
    pub class: String,
    /// The test's name.
    pub name: String,
    /// One line, at most 300 characters.
    pub message: String,
    /// The first lines of what the tool wrote about it.
    #[serde(skip)]
    pub text: String,
}

impl Failure {
    /// The test's name with its class, or its suite where it has none.
    pub fn label(&self) -> String {
        label(&self.suite, &self.class, &self.name)
    }
}

/// Some tools repeat the class in the name.
fn label(suite: &str, class: &str, name: &str) -> String {
    let group = if class.is_empty() { suite } else { class };
    if group.is_empty() || name.starts_with(group) { name.to_owned() } else { format!("{group} › {name}") }
}

impl Summary {
    /// How many did not pass.
    pub fn bad(&self) -> u64 {
        self.failed + self.errors
    }

    /// Takes in one report.
    pub fn add(&mut self, report: Report) {
        self.seconds += report.seconds;
        let bare = &report.bare;
        let (failed, errors, skipped) = (bare.failed, bare.errors, bare.skipped);
        self.tests += bare.tests;
        self.failed += failed;
        self.errors += errors;
        self.skipped += skipped;
        self.passed += bare.tests.saturating_sub(failed.saturating_add(errors).saturating_add(skipped));
        for case in report.cases {
            self.tests += 1;
            self.flaky += u64::from(case.flaky && case.verdict == Verdict::Passed);
            match case.verdict {
                Verdict::Passed => self.passed += 1,
                Verdict::Skipped => self.skipped += 1,
                Verdict::Failed => self.failed += 1,
                Verdict::Errored => self.errors += 1,
            }
            if case.seconds >= SLOW {
                let place = self.slow.partition_point(|(seconds, _)| *seconds >= case.seconds);
                if place < MOST_SLOW {
                    self.slow.insert(place, (case.seconds, label(&case.suite, &case.class, &case.name)));
                    self.slow.truncate(MOST_SLOW);
                }
            }
            if matches!(case.verdict, Verdict::Failed | Verdict::Errored) && self.failures.len() < MOST_FAILURES {
                let Case { suite, class, name, message, text, .. } = case;
                self.failures.push(Failure { suite, class, name, message, text });
            }
        }
    }
}
