//! The summary in Markdown, for a comment on a change request. Everything from a report stands in a code span or a fence
//! that it cannot end, so no test can write what looks like ours, mention somebody, or load an image.

use super::text::duration;
use super::{Failure, Summary};

/// Longest text in bytes: several of them fit into one comment.
pub const LONGEST: usize = 16 * 1024;

/// The summary. `unread` is how many reports are missing in it.
pub fn markdown(summary: &Summary, unread: usize) -> String {
    let title = match (summary.bad(), summary.passed) {
        (0, 0) => "No test ran".to_owned(),
        (0, 1) => "The test passed".to_owned(),
        (0, passed) => format!("All {passed} tests passed"),
        (bad, _) => format!("{bad} of {} tests failed", summary.tests),
    };
    let mut text = format!(
        "### {title}\n\n| tests | passed | failed | errors | skipped | flaky | time |\n|--:|--:|--:|--:|--:|--:|--:|\n\
         | {} | {} | {} | {} | {} | {} | {} |\n",
        summary.tests,
        summary.passed,
        summary.failed,
        summary.errors,
        summary.skipped,
        summary.flaky,
        duration(summary.seconds)
    );
    if unread > 0 {
        text += &format!("\nReports that could not be counted: {unread}. The step's log says why.\n");
    }
    let slow: String =
        summary.slow.iter().map(|(seconds, label)| format!("- {} {}\n", duration(*seconds), span(label))).collect();
    let slow = if slow.is_empty() { slow } else { format!("\nThe slowest:\n\n{slow}") };
    let mut shown = 0;
    for failure in &summary.failures {
        let part = section(failure);
        // Room for the sentence about what is left out.
        if text.len() + part.len() + slow.len() + 100 > LONGEST {
            break;
        }
        text += &part;
        shown += 1;
    }
    if summary.bad() > shown {
        text += &format!("\n… and {} more that failed, left out here.\n", summary.bad() - shown);
    }
    text + &slow
}

fn section(failure: &Failure) -> String {
    let told = if failure.text.is_empty() || failure.text.starts_with(&failure.message) {
        failure.text.clone()
    } else {
        format!("{}\n{}", failure.message, failure.text)
    };
    let told = if told.is_empty() { &failure.message } else { &told };
    let heading = format!("\n**Failed:** {}\n", span(&failure.label()));
    if told.is_empty() { heading } else { heading + "\n" + &fenced(told) }
}

/// A code span that the text cannot end. A text of one line, which every name is.
fn span(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.trim().is_empty() {
        return "`?`".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    // A space at both ends is dropped by the reader, and keeps the text's own ticks apart.
    format!("{ticks} {text} {ticks}")
}

/// A fence that the text cannot end.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{Failure, Summary};
    use super::{LONGEST, markdown};
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    fn summary(label: &str, message: &str, text: &str, count: usize) -> Summary {
        let failure = Failure {
            suite: String::new(),
            class: String::new(),
            name: label.to_owned(),
            message: message.to_owned(),
            text: text.to_owned(),
        };
        Summary {
            tests: 100 + count as u64,
            passed: 100,
            failed: count as u64,
            failures: vec![failure; count.min(50)],
            slow: vec![(2.0, label.to_owned())],
            ..Summary::default()
        }
    }

    #[test]
    fn it_reads_well() {
        let text = markdown(&summary("c › it's `x`", "no", "no\n```\nat x", 1), 1);
        assert_eq!(
            text,
            "### 1 of 101 tests failed\n\n| tests | passed | failed | errors | skipped | flaky | time |\n\
             |--:|--:|--:|--:|--:|--:|--:|\n| 101 | 100 | 1 | 0 | 0 | 0 | 0.000 s |\n\n\
             Reports that could not be counted: 1. The step's log says why.\n\n**Failed:** `` c › it's `x` ``\n\n\
             ````text\nno\n```\nat x\n````\n\nThe slowest:\n\n- 2.0 s `` c › it's `x` ``\n"
        );
    }

    #[test]
    fn it_says_what_it_left_out() {
        let text = markdown(&summary("t", "m", &"x".repeat(1_500), 60), 0);
        assert!(text.len() <= LONGEST, "{}", text.len());
        let shown = text.matches("**Failed:**").count();
        assert!(shown >= 5 && text.contains(&format!("… and {} more that failed", 60 - shown)), "{text}");
    }

    #[test]
    fn the_longest_names_fit() {
        for name in ["\u{1f980}", "`"] {
            let mut summary = summary(&name.repeat(400), &name.repeat(300), &name.repeat(1_500), 60);
            summary.slow = vec![summary.slow[0].clone(); 5];
            let text = markdown(&summary, 1);
            assert!(text.len() <= LONGEST && text.contains("left out here"), "{}", text.len());
        }
    }

    #[test]
    fn a_title_says_what_happened() {
        let title = |passed, skipped| {
            let summary = Summary { tests: passed + skipped, passed, skipped, ..Summary::default() };
            markdown(&summary, 0).lines().next().map(str::to_owned)
        };
        assert_eq!(title(3, 1).as_deref(), Some("### All 3 tests passed"));
        assert_eq!(title(0, 2).as_deref(), Some("### No test ran"));
    }

    proptest! {
        /// Read as CommonMark with tables, nothing from a report is anything but code.
        #[test]
        fn nothing_breaks_out(
            label in "[a`|<>*_@#~\\\\ !\\[\\]()-]{1,12}",
            lines in proptest::collection::vec(prop_oneof![
                Just("```"), Just("````"), Just(" ```"), Just("~~~"), Just("# x"), Just("<b>"), Just("| a |"), Just(""),
                Just("[a](b)"), Just("---"), Just("- x"), Just("> x"), Just("a`b"), Just("</details>"), Just("x\n==="),
            ], 0..8),
        ) {
            let text = markdown(&summary(&label, &label, &lines.join("\n"), 2), 0);
            let mut headings = 0;
            for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
                match event {
                    Event::Html(_) | Event::InlineHtml(_) | Event::Rule => prop_assert!(false, "{text}"),
                    Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::Emphasis | Tag::BlockQuote(_)) => {
                        prop_assert!(false, "{text}");
                    }
                    Event::Start(Tag::Heading { .. }) => headings += 1,
                    Event::Text(_) | Event::Code(_) => {}
                    _ => {}
                }
            }
            prop_assert_eq!(headings, 1, "{}", text);
            prop_assert_eq!(
                Parser::new_ext(&text, Options::ENABLE_TABLES).filter(|event| matches!(event, Event::Code(_))).count(), 3, "{}", text
            );
        }
    }
}
