//! Reads one JUnit report, in every dialect that is about: JUnit's own, Surefire, pytest, Jest, gotestsum, nextest,
//! PHPUnit, GoogleTest. It counts tests, not what a suite says about itself, except where a suite lists none. A document
//! type is refused, and an entity is one of XML's own five or a character, so nothing in a report can grow.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};

/// Deepest nesting of elements.
const DEEPEST: usize = 64;
/// Most attributes of an element that are looked at.
const MOST_ATTRIBUTES: usize = 64;
/// Longest name of a suite, class or test, in characters.
const LONGEST_NAME: usize = 200;
/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 300;
/// Of what is written about a failure, these bytes are read, and these lines and characters are kept.
const READ_TEXT: usize = 16 * 1024;
const MOST_LINES: usize = 12;
const LONGEST_TEXT: usize = 1_500;

/// One report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How long it took, by the report's own count.
    pub seconds: f64,
    /// All tests, in the report's order.
    pub cases: Vec<Case>,
    /// Tests that suites count and do not list.
    pub bare: Counts,
}

/// What a suite says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub tests: u64,
    /// Those whose assertion failed.
    pub failed: u64,
    /// Those that ended by another error.
    pub errors: u64,
    /// Those that did not run.
    pub skipped: u64,
}

/// One test. Its texts are cut, and hold no control character but line breaks in `text`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// The name of the innermost suite that has one.
    pub suite: String,
    /// The class, or what the tool writes there.
    pub class: String,
    /// The test's name.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether an earlier try failed.
    pub flaky: bool,
    /// One line about a failure.
    pub message: String,
    /// The first lines about a failure.
    pub text: String,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    #[default]
    Passed,
    /// It did not run.
    Skipped,
    /// An assertion failed.
    Failed,
    /// By another error.
    Errored,
}

/// An open element.
enum Frame {
    /// `testsuites` or `testsuite`.
    Suite(Suite),
    /// `testcase`.
    Case(Case),
    /// `failure` or `error` of a test or a suite.
    Problem { verdict: Verdict, message: String, text: String },
    /// Anything else, with all below it.
    Other,
}

#[derive(Default)]
struct Suite {
    name: String,
    /// What it says itself.
    seconds: Option<f64>,
    counts: Counts,
    /// The sum of what is in it.
    inner: f64,
    has_children: bool,
}

/// Reads a report.
///
/// # Errors
/// In words: not XML, not JUnit, a document type, an unknown entity, cut off, nested too deep.
pub fn parse(content: &[u8]) -> Result<Report, String> {
    let text = decode(content)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().allow_dangling_amp = true;
    let mut report = Report::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut has_root = false;
    loop {
        let position = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("it is not XML: {error}, at byte {position}"))?;
        match event {
            Event::Start(element) => {
                if frames.len() == DEEPEST {
                    return Err(format!("its elements are nested more than {DEEPEST} deep"));
                }
                let frame = open(&element, frames.last())?;
                if frames.is_empty() {
                    if !matches!(frame, Frame::Suite(_)) {
                        let name = line(element.local_name().as_ref(), 40);
                        return Err(format!("it is no JUnit report: its root is `{name}`, not `testsuites`"));
                    }
                    if std::mem::replace(&mut has_root, true) {
                        return Err("it has two roots".to_owned());
                    }
                }
                frames.push(frame);
            }
            Event::End(_) => {
                if let Some(frame) = frames.pop() {
                    close(frame, &mut frames, &mut report);
                }
            }
            Event::Text(piece) => add(frames.last_mut(), &piece),
            Event::CData(piece) => add(frames.last_mut(), &piece),
            Event::GeneralRef(reference) => {
                let unknown = || format!("it uses the unknown entity `{}`", line(&reference, 40));
                let character = reference.resolve_char_ref().map_err(|_| unknown())?;
                match character {
                    Some(character) => add(frames.last_mut(), character.encode_utf8(&mut [0; 4])),
                    None => add(frames.last_mut(), escape::resolve_predefined_entity(&reference).ok_or_else(unknown)?),
                }
            }
            Event::DocType(_) => return Err("it has a document type, which no report needs".to_owned()),
            Event::Eof if !has_root => return Err("it holds no XML element".to_owned()),
            Event::Eof if !frames.is_empty() => return Err("it ends in the middle".to_owned()),
            Event::Eof => return Ok(report),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// The text of a file: UTF-8, or Latin-1 where it says so. Broken bytes become marks, since a test can print anything.
fn decode(content: &[u8]) -> Result<String, String> {
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16: have it written as UTF-8".to_owned());
    }
    let content = content.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(content);
    if let Ok(text) = std::str::from_utf8(content) {
        return Ok(text.to_owned());
    }
    let head = String::from_utf8_lossy(&content[..content.len().min(128)]).to_ascii_lowercase();
    let declaration = head.split("?>").next().unwrap_or_default();
    if ["iso-8859-1", "latin1", "windows-1252"].iter().any(|name| declaration.contains(name)) {
        return Ok(content.iter().copied().map(char::from).collect());
    }
    Ok(String::from_utf8_lossy(content).into_owned())
}

fn open(element: &BytesStart<'_>, parent: Option<&Frame>) -> Result<Frame, String> {
    let tag = element.local_name();
    let problem = |verdict| -> Result<Frame, String> {
        let message = attribute(element, "message")?.or(attribute(element, "type")?).unwrap_or_default();
        Ok(Frame::Problem { verdict, message, text: String::new() })
    };
    match (tag.as_ref(), parent) {
        ("testsuites" | "testsuite", None | Some(Frame::Suite(_))) => suite(element, parent).map(Frame::Suite),
        ("testcase", Some(Frame::Suite(suite))) => case(element, &suite.name).map(Frame::Case),
        ("failure", Some(Frame::Case(_) | Frame::Suite(_))) => problem(Verdict::Failed),
        ("error", Some(Frame::Case(_) | Frame::Suite(_))) => problem(Verdict::Errored),
        ("skipped", Some(Frame::Case(_))) => {
            Ok(Frame::Problem { verdict: Verdict::Skipped, message: String::new(), text: String::new() })
        }
        ("flakyFailure" | "flakyError", Some(Frame::Case(_))) => {
            Ok(Frame::Problem { verdict: Verdict::Passed, message: String::new(), text: String::new() })
        }
        // `rerunFailure` and `rerunError` are tries before the failure that is listed as well.
        _ => Ok(Frame::Other),
    }
}

fn suite(element: &BytesStart<'_>, parent: Option<&Frame>) -> Result<Suite, String> {
    let outer = if let Some(Frame::Suite(outer)) = parent { outer.name.as_str() } else { "" };
    let count = |name| -> Result<u64, String> {
        let number = attribute(element, name)?.and_then(|text| text.trim().parse::<u32>().ok());
        Ok(u64::from(number.unwrap_or_default()))
    };
    let name = attribute(element, "name")?.map(|name| line(&name, LONGEST_NAME)).filter(|name| !name.is_empty());
    Ok(Suite {
        name: name.unwrap_or_else(|| outer.to_owned()),
        seconds: attribute(element, "time")?.and_then(|text| seconds(&text)),
        counts: Counts {
            tests: count("tests")?,
            failed: count("failures")?,
            errors: count("errors")?,
            skipped: count("skipped")?.max(count("disabled")?),
        },
        inner: 0.0,
        has_children: false,
    })
}

fn case(element: &BytesStart<'_>, suite: &str) -> Result<Case, String> {
    let text = |name| attribute(element, name).map(|text| line(&text.unwrap_or_default(), LONGEST_NAME));
    // GoogleTest says so where others have an element.
    let not_run = |status: &str| ["notrun", "skipped", "disabled", "ignored"].contains(&status.to_lowercase().as_str());
    let name = text("name")?;
    Ok(Case {
        suite: suite.to_owned(),
        class: text("classname")?,
        name: if name.is_empty() { "(no name)".to_owned() } else { name },
        seconds: attribute(element, "time")?.and_then(|text| seconds(&text)).unwrap_or_default(),
        verdict: if not_run(&text("status")?) { Verdict::Skipped } else { Verdict::Passed },
        ..Case::default()
    })
}

fn close(frame: Frame, frames: &mut [Frame], report: &mut Report) {
    match (frame, frames.last_mut()) {
        (Frame::Suite(suite), parent) => {
            let took = suite.seconds.filter(|seconds| *seconds > 0.0).unwrap_or(suite.inner);
            if !suite.has_children {
                let Counts { tests, failed, errors, skipped } = suite.counts;
                report.bare.tests += tests.max(failed + errors + skipped);
                report.bare.failed += failed;
                report.bare.errors += errors;
                report.bare.skipped += skipped;
            }
            match parent {
                Some(Frame::Suite(parent)) => {
                    parent.inner += took;
                    parent.has_children = true;
                }
                _ => report.seconds += took,
            }
        }
        (Frame::Case(case), Some(Frame::Suite(parent))) => {
            parent.inner += case.seconds;
            parent.has_children = true;
            report.cases.push(case);
        }
        (Frame::Problem { verdict, message, text }, Some(Frame::Case(case))) => {
            if verdict == Verdict::Passed {
                case.flaky = true;
                return;
            }
            let is_bad = |verdict| matches!(verdict, Verdict::Failed | Verdict::Errored);
            if is_bad(case.verdict) || (case.verdict == Verdict::Skipped && !is_bad(verdict)) {
                return;
            }
            case.verdict = verdict;
            if is_bad(verdict) {
                (case.message, case.text) = told(&message, &text);
            }
        }
        // A suite that could not even begin: one test that ended so, under the suite's name.
        (Frame::Problem { verdict, message, text }, Some(Frame::Suite(parent))) => {
            parent.has_children = true;
            let (message, text) = told(&message, &text);
            let (suite, name) = (parent.name.clone(), "(the suite itself)".to_owned());
            report.cases.push(Case { suite, name, verdict, message, text, ..Case::default() });
        }
        _ => {}
    }
}

/// Text within a problem; all other text is output that tests wrote.
fn add(frame: Option<&mut Frame>, piece: &str) {
    if let Some(Frame::Problem { text, .. }) = frame {
        let room = READ_TEXT.saturating_sub(text.len());
        let end = (0..=room.min(piece.len())).rev().find(|end| piece.is_char_boundary(*end)).unwrap_or(0);
        text.push_str(&piece[..end]);
    }
}

/// An attribute's value; absent where there is none.
fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    // Without the check for a second one of a name, which compares each with each.
    for attribute in element.attributes().with_checks(false).take(MOST_ATTRIBUTES) {
        let attribute = attribute.map_err(|error| format!("it is not XML: {error}"))?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            return value.map(|value| Some(value.into_owned())).map_err(|error| format!("it is not XML: {error}"));
        }
    }
    Ok(None)
}

/// A time as tools write it: `0.5`, `1,234.5` (Surefire), `0,5` (a locale's), `1.234,5`. One comma alone is a decimal one:
/// Surefire writes thousands so only where a test took a whole number of seconds.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('s');
    let decimal = match (text.rfind('.'), text.rfind(',')) {
        (Some(dot), Some(comma)) => Some(dot.max(comma)),
        (None, Some(comma)) if text.find(',') == Some(comma) => Some(comma),
        (Some(dot), None) => Some(dot),
        _ => None,
    };
    let digits = |text: &str| text.replace([',', '.'], "");
    let plain = match decimal {
        Some(at) => format!("{}.{}", digits(&text[..at]), &text[at + 1..]),
        None => digits(text),
    };
    let value: f64 = plain.parse().ok()?;
    (value.is_finite() && (0.0..1e9).contains(&value)).then_some(value)
}

/// The message and the first lines of what a tool says about a failure. Where it says only that there is one (gotestsum),
/// the message is the first line that tells more.
fn told(message: &str, text: &str) -> (String, String) {
    let text = plain(text);
    let said: Vec<&str> = text.lines().map(str::trim_end).collect();
    let tells = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with("=== ");
    let message = line(message, LONGEST_MESSAGE);
    let message = if message.is_empty() || message == "Failed" {
        said.iter().find(tells).map_or(message, |first| line(first, LONGEST_MESSAGE))
    } else {
        message
    };
    let from = said.iter().position(|line| !line.trim().is_empty()).unwrap_or(said.len());
    let to = said.len() - said.iter().rev().position(|line| !line.trim().is_empty()).unwrap_or(0);
    let mut kept = said.get(from..to).unwrap_or_default();
    let mut more = false;
    if kept.len() > MOST_LINES {
        (kept, more) = (&kept[..MOST_LINES], true);
    }
    let mut text = kept.join("\n");
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
        more = true;
    }
    if more {
        text.push_str("\n…");
    }
    (message, text)
}

/// One line of at most so many characters, with no control character.
fn line(text: &str, longest: usize) -> String {
    let words: Vec<String> = plain(text).split_whitespace().map(str::to_owned).collect();
    let text = words.join(" ");
    match text.char_indices().nth(longest) {
        Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
        None => text,
    }
}

/// Without colours and other terminal sequences, and without control characters but line breaks and tabs. Characters that
/// turn the direction of writing go too: they make a name look like another.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                // Up to the byte that ends a control sequence.
                while characters.next().is_some_and(|character| !('@'..='~').contains(&character)) {}
            }
            '\n' | '\t' => plain.push(character),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            _ if character.is_control() => {}
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
