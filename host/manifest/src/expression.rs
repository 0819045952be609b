//! What a CEL expression says, found without running it: the steps it mentions, the functions it calls, and what in it
//! is wrong, with places within its text.

mod nesting;
mod walk;

use crate::code;
use cel::Program;
use nesting::nesting;
use std::ops::Range;
use walk::Walker;

/// The longest expression, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// The longest regular expression, in bytes.
const LONGEST_PATTERN: usize = 1024;
/// How deep macros such as `map` and `exists` may be nested.
const MACRO_DEPTH: usize = 2;
/// How deep an expression may be nested. Parsing and running recurse, and a thread's stack may be small.
const DEEPEST: usize = 100;

pub(crate) const VARIABLES: [&str; 7] = ["event", "inputs", "steps", "run", "environment", "item", "secrets"];
const FUNCTIONS: [&str; 17] = [
    "touches",
    "success",
    "failure",
    "always",
    "changedDirectories",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
];
const MACROS: [(&str, &str); 7] = [
    ("has", "has(x.field)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("existsOne", "list.existsOne(x, condition)"),
    ("map", "list.map(x, value)"),
    ("filter", "list.filter(x, condition)"),
];
const TYPES: [&str; 10] = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];
const EVENT: [&str; 8] = ["kind", "repository", "branch", "changeRequest", "tag", "commit", "actor", "changedPaths"];
const COMMIT: [&str; 5] = ["id", "short", "subject", "author", "committer"];

/// Something wrong within an expression.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    /// Bytes of the expression's text.
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) warning: bool,
}

/// What an expression may ask of a step.
pub(crate) const FIELDS: [&str; 4] = ["outputs", "status", "attempts", "error"];

/// A mention of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) step: String,
    pub(crate) range: Range<usize>,
    /// What follows the step where it is none of its fields: `steps.plan["environments/dev"]`, or a mistyped field.
    pub(crate) item: Option<Item>,
    /// What follows the item and is none of a step's fields.
    pub(crate) unknown: Option<(String, Range<usize>)>,
    pub(crate) output: Option<(String, Range<usize>)>,
}

/// What stands where an item may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its text, where it is written down; `steps.plan[item]` has none.
    pub(crate) text: Option<String>,
    /// Whether it stands after a dot, as fields do.
    pub(crate) dotted: bool,
    pub(crate) range: Range<usize>,
}

/// What an expression says.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) mentions: Vec<Mention>,
    /// Whether it asks how steps ended.
    pub(crate) asks_status: bool,
    /// Variables of the scope that it names.
    pub(crate) variables: Vec<String>,
    /// Credentials that it names: `secrets.NAME`.
    pub(crate) secrets: Vec<String>,
    pub(crate) problems: Vec<Problem>,
}

/// What an expression may say at its place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Whether `item` has a meaning.
    pub(crate) item: bool,
    /// Whether `steps` has a meaning.
    pub(crate) steps: bool,
    /// Whether `changedDirectories` has a meaning.
    pub(crate) directories: bool,
    /// Whether `inputs` and `environment` are given; no file may say so yet.
    pub(crate) given: bool,
    /// Whether `secrets` has a meaning.
    pub(crate) secrets: bool,
}

impl Place {
    /// All is allowed: used where a locked pipeline is evaluated, which was checked before.
    pub(crate) const ANY: Place = Place { item: true, steps: true, directories: true, given: true, secrets: true };
}

/// Parses an expression and finds what it says. The program is there where nothing in it is an error.
pub(crate) fn analyse(text: &str, place: Place) -> (Option<Program>, Analysis) {
    let mut analysis = Analysis::default();
    let whole = trimmed(text);
    let mut refuse = |code, range: Range<usize>, message: String, hint: Option<&str>| {
        let hint = hint.map(str::to_owned);
        analysis.problems.push(Problem { code, range, message, hint, warning: false });
    };
    if text.trim().is_empty() {
        refuse(code::EXPRESSION, 0..text.len(), "the expression is empty".to_owned(), None);
        return (None, analysis);
    }
    if text.len() > LONGEST {
        let message = format!("the expression has {} bytes; the most is {LONGEST}", text.len());
        refuse(code::EXPRESSION_SIZE, whole, message, None);
        return (None, analysis);
    }
    if nesting(text) > DEEPEST {
        let message = format!("the expression is nested more than {DEEPEST} levels deep");
        refuse(code::EXPRESSION_SIZE, whole, message, Some("compute it in a step and mention its output"));
        return (None, analysis);
    }
    let program = match Program::compile(text) {
        Ok(program) => program,
        Err(errors) => {
            for error in errors.errors.iter().take(1) {
                let at = at_position(text, error.pos);
                let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
                let message = format!("this is not CEL: {}", plain_words(&error.msg));
                refuse(code::EXPRESSION, at..end, message, None);
            }
            return (None, analysis);
        }
    };
    Walker::new(text, program.source_info(), place, &mut analysis).walk(program.expression());
    let failed = analysis.problems.iter().any(|p| !p.warning);
    ((!failed).then_some(program), analysis)
}

fn trimmed(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// The offset of a parser's line (from 1) and column (from 0, in characters).
fn at_position(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column).unwrap_or(0);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let start = start.min(text.len());
    let at = text[start..].char_indices().nth(column).map_or(text.len(), |(i, _)| start + i);
    // An error at the end is shown at the last character that is there.
    if at >= trimmed(text).end { trimmed(text).end } else { at }
}

/// The grammar's names for tokens mean nothing to a reader of YAML.
fn plain_words(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.strip_prefix("Syntax error: ").unwrap_or(first);
    // What could stand there instead is a list of token names.
    let what = first.split(" expecting ").next().unwrap_or(first);
    if what.contains("<EOF>") {
        return "it ends too early".to_owned();
    }
    what.replace("mismatched input", "unexpected")
        .replace("extraneous input", "unexpected")
        .replace("no viable alternative at input", "unexpected")
}
