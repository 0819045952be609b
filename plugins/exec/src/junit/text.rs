//! The summary as plain text: lines of the log, and the sentence of an error.

use super::Summary;
use std::fmt::Write as _;

/// Most failures with their text in the log.
const MOST_SHOWN: usize = 20;
/// Most names in a sentence, and the longest of each in characters: an error's message is short.
const MOST_NAMED: usize = 8;
const LONGEST_NAMED: usize = 80;

/// The lines of the log: each failure with what is known about it, the slowest, and the counts at the end, where a person
/// looks first.
pub fn lines(summary: &Summary, reports: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for failure in summary.failures.iter().take(MOST_SHOWN) {
        lines.push(format!("FAILED {}", failure.label()));
        let repeated = failure.text.lines().next().is_some_and(|first| first.trim() == failure.message);
        if !failure.message.is_empty() && !repeated {
            lines.push(format!("    {}", failure.message));
        }
        lines.extend(failure.text.lines().map(|line| format!("    {line}")));
    }
    let shown = summary.failures.len().min(MOST_SHOWN) as u64;
    if summary.bad() > shown {
        lines.push(format!("… and {} more that failed", summary.bad() - shown));
    }
    for (seconds, label) in &summary.slow {
        lines.push(format!("slow {:>9}  {label}", duration(*seconds)));
    }
    lines.push(counts(summary, reports));
    lines
}

/// `340 tests in 12.3 s: 320 passed, 12 failed, 8 skipped, 2 flaky (3 reports)`.
pub fn counts(summary: &Summary, reports: usize) -> String {
    let mut text =
        format!("{} in {}: {} passed", plural(summary.tests, "test"), duration(summary.seconds), summary.passed);
    for (count, word) in [
        (summary.failed, "failed"),
        (summary.errors, "with errors"),
        (summary.skipped, "skipped"),
        (summary.flaky, "flaky"),
    ] {
        if count > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, ", {count} {word}");
        }
    }
    text + &format!(" ({})", plural(reports as u64, "report"))
}

/// `12 of 340 tests failed: a, b, c, …`; absent where none did.
pub fn sentence(summary: &Summary) -> Option<String> {
    if summary.bad() == 0 {
        return None;
    }
    let cut = |label: String| match label.char_indices().nth(LONGEST_NAMED) {
        Some(_) => label.chars().take(LONGEST_NAMED - 1).chain(['…']).collect(),
        None => label,
    };
    let mut names: Vec<String> = summary.failures.iter().take(MOST_NAMED).map(|failure| cut(failure.label())).collect();
    if summary.bad() > names.len() as u64 {
        names.push("…".to_owned());
    }
    let names = if names == ["…"] { String::new() } else { format!(": {}", names.join(", ")) };
    Some(format!("{} of {} failed{names}", summary.bad(), plural(summary.tests, "test")))
}

fn plural(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// `0.012 s`, `12.3 s`, `2 min 5 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{seconds:.3} s")
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Failure, Summary};
    use super::{duration, lines, sentence};

    fn summary(failures: u64, tests: u64) -> Summary {
        let failure = |number| Failure {
            suite: "s".to_owned(),
            class: "c".to_owned(),
            name: format!("t{number}"),
            message: "no".to_owned(),
            text: "no\n  at x".to_owned(),
        };
        Summary {
            tests,
            passed: tests - failures,
            failed: failures,
            seconds: 61.5,
            failures: (0..failures.min(50)).map(failure).collect(),
            slow: vec![(3.25, "c › t9".to_owned())],
            ..Summary::default()
        }
    }

    #[test]
    fn a_sentence_names_some_and_counts_all() {
        assert_eq!(sentence(&summary(0, 3)), None);
        assert_eq!(sentence(&summary(1, 1)).as_deref(), Some("1 of 1 test failed: c › t0"));
        let many = sentence(&summary(12, 340)).expect("some failed");
        assert!(many.starts_with("12 of 340 tests failed: c › t0, c › t1,"), "{many}");
        assert!(many.ends_with("c › t7, …"), "{many}");
    }

    #[test]
    fn the_log_ends_with_the_counts() {
        assert_eq!(
            lines(&summary(1, 3), 2),
            [
                "FAILED c › t0",
                "    no",
                "      at x",
                "slow     3.2 s  c › t9",
                "3 tests in 1 min 1 s: 2 passed, 1 failed (2 reports)",
            ]
        );
        assert!(lines(&summary(51, 60), 1).contains(&"… and 31 more that failed".to_owned()));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(0.0123), "0.012 s");
        assert_eq!(duration(59.94), "59.9 s");
        assert_eq!(duration(3_725.0), "62 min 5 s");
    }
}
