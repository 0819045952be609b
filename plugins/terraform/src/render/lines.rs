//! What changes in one object, line by line, in the manner of `diff`: `-` gone, `+` new, `!` changed, two spaces for what
//! is around. A list of scalars and a text of several lines are compared by content, everything else by name or index.

use super::shown::{HIDDEN, Shown, Text};
use super::text::{cut, quoted, visible};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// The longest value in a line, in characters.
const LONGEST: usize = 240;
/// The longest line that shows before and after side by side, in characters.
const SIDE_BY_SIDE: usize = 110;
/// The most lines of one text.
const MOST_OF_TEXT: usize = 40;
/// Texts above are not compared line by line, in bytes.
const COMPARABLE: usize = 64 * 1024;

/// The lines of one object, without a limit on their number.
#[derive(Debug, Default)]
pub struct Lines {
    /// Each with its mark, without a line break.
    pub lines: Vec<String>,
    /// How many attributes stay as they are.
    pub unchanged: u32,
    forcing: Vec<String>,
    unknown: Vec<String>,
}

impl Lines {
    /// What changes between two values. `forcing` are the paths that force a replacement.
    pub fn between(before: &Shown, after: &Shown, forcing: &[Vec<Value>]) -> Self {
        let forcing = forcing
            .iter()
            .map(|path| path.iter().fold(String::new(), |path, step| join(&path, &step_text(step))))
            .collect();
        let mut lines = Self { forcing, ..Self::default() };
        lines.compare("", before, after);
        if !lines.unknown.is_empty() {
            let names = lines.unknown.join(", ");
            lines.push('+', &format!("{} = (known after apply)", cut_text(&names)));
        }
        lines
    }

    fn compare(&mut self, path: &str, before: &Shown, after: &Shown) {
        if before == after || (before.is_nothing() && after.is_nothing()) {
            self.unchanged += 1;
            return;
        }
        match (before, after) {
            (Shown::Map(old), Shown::Map(new)) => {
                let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    let side = |side: &std::collections::BTreeMap<String, Shown>| {
                        side.get(key).cloned().unwrap_or(Shown::Absent)
                    };
                    self.compare(&join(path, &name(key)), &side(old), &side(new));
                }
            }
            (Shown::List(old), Shown::List(new)) if old.iter().chain(new).all(Shown::is_scalar) => {
                self.sequence(path, old, new);
            }
            (Shown::List(old), Shown::List(new)) => {
                for at in 0..old.len().max(new.len()) {
                    let side = |side: &[Shown]| side.get(at).cloned().unwrap_or(Shown::Absent);
                    self.compare(&format!("{path}[{at}]"), &side(old), &side(new));
                }
            }
            (Shown::Text(old), Shown::Text(new)) => self.texts(path, old, new),
            (old, new) if old.is_nothing() => self.all('+', path, new),
            (old, new) if new.is_nothing() => self.all('-', path, old),
            (old, Shown::Unknown | Shown::Sensitive(_)) => self.scalars(path, &outline(old), &scalar(after)),
            (Shown::Sensitive(_), new) => self.scalars(path, HIDDEN, &outline(new)),
            (old, new) if old.is_scalar() && new.is_scalar() => self.scalars(path, &scalar(old), &scalar(new)),
            (old, new) => {
                self.all('-', path, old);
                self.all('+', path, new);
            }
        }
    }

    /// Every leaf of a value that is only on one side.
    fn all(&mut self, mark: char, path: &str, value: &Shown) {
        match value {
            Shown::Absent | Shown::Null => {}
            Shown::Map(items) if !items.is_empty() => {
                for (key, item) in items {
                    self.all(mark, &join(path, &name(key)), item);
                }
            }
            Shown::List(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    match item {
                        Shown::Null => self.push(mark, &format!("{path}[{at}] = null")),
                        item => self.all(mark, &format!("{path}[{at}]"), item),
                    }
                }
            }
            Shown::Unknown if mark == '+' && !path.is_empty() && !self.forces(path) => {
                self.unknown.push(path.to_owned());
            }
            Shown::Text(text) => {
                if let Some(parsed) = parsed(text) {
                    self.all(mark, &format!("{path} (JSON)"), &parsed);
                } else if is_long(&text.text) {
                    let note = self.note(path);
                    self.push(mark, &format!("{path} = the text{note}"));
                    let lines = text.text.lines().map(|line| format!("{mark}   {}", cut_text(&visible(line))));
                    self.cut_lines(lines.collect());
                } else {
                    self.leaf(mark, path, value);
                }
            }
            value => self.leaf(mark, path, value),
        }
    }

    fn leaf(&mut self, mark: char, path: &str, value: &Shown) {
        let note = self.note(path);
        self.push(mark, &format!("{}{}{note}", equals(path), scalar(value)));
    }

    fn texts(&mut self, path: &str, old: &Text, new: &Text) {
        if let (Some(old), Some(new)) = (parsed(old), parsed(new))
            && old != new
        {
            return self.compare(&format!("{path} (JSON)"), &old, &new);
        }
        let comparable = old.text.len() + new.text.len() <= COMPARABLE;
        if !comparable || old.text == new.text || !(is_long(&old.text) || is_long(&new.text)) {
            let side = |text: &Text| scalar(&Shown::Text(text.clone()));
            return self.scalars(path, &side(old), &side(new));
        }
        let note = self.note(path);
        self.push('!', &format!("{path} = the text{note}"));
        let diff = TextDiff::from_lines(&old.text, &new.text);
        let mut lines = Vec::new();
        for (at, group) in diff.grouped_ops(3).iter().enumerate() {
            if at > 0 {
                lines.push("    …".to_owned());
            }
            for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                let mark = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let line = change.value();
                let (line, end) = match line.strip_suffix('\n') {
                    Some(line) => (line, ""),
                    None => (line, "  (no line break at the end)"),
                };
                lines.push(format!("{mark}   {}{end}", cut_text(&visible(line))));
            }
        }
        self.cut_lines(lines);
    }

    /// A list of scalars, in which an item that was put in moves the others without changing them.
    fn sequence(&mut self, path: &str, old: &[Shown], new: &[Shown]) {
        // A fingerprint tells secrets apart that look alike.
        let texts =
            |items: &[Shown]| items.iter().map(|item| format!("{item:?}\0{}", scalar(item))).collect::<Vec<_>>();
        let (before, after) = (texts(old), texts(new));
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
        let diff = TextDiff::from_slices(&before, &after);
        let note = self.note(path);
        let count =
            if old.len() == new.len() { String::new() } else { format!(" {} → {} items", old.len(), new.len()) };
        let mut lines = vec![format!("! {path}:{count}{note}")];
        for group in diff.grouped_ops(2) {
            for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                let mark = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let value = change.value().rsplit_once('\0').map_or(change.value(), |(_, value)| value);
                lines.push(format!("{mark}   {value}"));
            }
        }
        self.cut_lines(lines);
    }

    fn scalars(&mut self, path: &str, old: &str, new: &str) {
        let note = self.note(path);
        let changed = if old == new { format!("{old} → another {new}") } else { format!("{old} → {new}") };
        if changed.chars().count() <= SIDE_BY_SIDE || old == new {
            return self.push('!', &format!("{}{changed}{note}", equals(path)));
        }
        self.push('-', &format!("{}{old}", equals(path)));
        self.push('+', &format!("{}{new}{note}", equals(path)));
    }

    fn push(&mut self, mark: char, line: &str) {
        self.lines.push(format!("{mark} {line}"));
    }

    fn cut_lines(&mut self, mut lines: Vec<String>) {
        let more = lines.len().saturating_sub(MOST_OF_TEXT);
        if more > 1 {
            lines.truncate(MOST_OF_TEXT);
            lines.push(format!("    … {more} more lines"));
        }
        self.lines.append(&mut lines);
    }

    fn forces(&self, path: &str) -> bool {
        self.forcing.iter().any(|forcing| {
            path == forcing || path.strip_prefix(forcing.as_str()).is_some_and(|rest| rest.starts_with(['.', '[', ' ']))
        })
    }

    fn note(&self, path: &str) -> &'static str {
        if self.forces(path) { "  # forces replacement" } else { "" }
    }
}

/// A path of `replace_paths` as people read it.
pub fn path_text(path: &[Value]) -> String {
    path.iter().fold(String::new(), |path, step| join(&path, &step_text(step)))
}

fn step_text(step: &Value) -> String {
    match step {
        Value::String(key) => name(key),
        Value::Number(index) => format!("[{index}]"),
        other => format!("[{}]", visible(&other.to_string())),
    }
}

fn name(key: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        format!("[{}]", quoted(cut(key, LONGEST).0))
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() || step.starts_with('[') { format!("{path}{step}") } else { format!("{path}.{step}") }
}

/// A value that is not shown in full: what it is, and how much of it.
fn outline(value: &Shown) -> String {
    match value {
        Shown::List(items) if !items.is_empty() => format!("[{} items]", items.len()),
        Shown::Map(items) if !items.is_empty() => format!("{{{} entries}}", items.len()),
        Shown::Text(text) if is_long(&text.text) => format!("[text of {} lines]", text.text.lines().count()),
        value => scalar(value),
    }
}

/// An output has no path: its value stands alone.
fn equals(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path} = ") }
}

fn scalar(value: &Shown) -> String {
    match value {
        Shown::Absent | Shown::Null => "null".to_owned(),
        Shown::Bool(value) => value.to_string(),
        Shown::Number(value) => value.to_string(),
        Shown::Sensitive(_) => HIDDEN.to_owned(),
        Shown::Unknown => "(known after apply)".to_owned(),
        Shown::List(items) if items.is_empty() => "[]".to_owned(),
        Shown::Map(items) if items.is_empty() => "{}".to_owned(),
        Shown::List(_) | Shown::Map(_) => "…".to_owned(),
        Shown::Text(text) if text.fingerprint != 0 && text.text == HIDDEN => HIDDEN.to_owned(),
        Shown::Text(text) => {
            let (part, more) = cut(&text.text, LONGEST);
            if more == 0 { quoted(part) } else { format!("{} … and {more} more characters", quoted(part)) }
        }
    }
}

fn cut_text(text: &str) -> String {
    let (part, more) = cut(text, LONGEST);
    if more == 0 { part.to_owned() } else { format!("{part} … and {more} more characters") }
}

/// More than a line, at the end of which a line break does not count.
fn is_long(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

/// A policy document is a text to Terraform and a tree to people. Not one in which something was hidden: that may have
/// left another document than it was.
fn parsed(text: &Text) -> Option<Shown> {
    if !text.text.trim_start().starts_with(['{', '[']) || text.text.len() > COMPARABLE || text.fingerprint != 0 {
        return None;
    }
    let value: Value = serde_json::from_str(&text.text).ok()?;
    Some(super::redact::Secrets::default().shown(Some(&value), &[], &Value::Null))
}
