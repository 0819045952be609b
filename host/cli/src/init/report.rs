//! What `tidegate init` says: one line that matters, then what stands behind it. A pure text of what was found.

use super::compare::{Diff, Mark};
use super::files::{Plan, Planned};
use super::refusal::{Group, Refused, grouped};
use super::survey::{Change, Changed};
use crate::screen::{Colour, Screen};
use manifest::{Unread, Why};
use std::collections::BTreeMap;

/// How many places of a list are named.
const NAMED: usize = 5;

/// What became of things of one kind.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub found: usize,
    pub rendered: usize,
    pub refused: Vec<Refused>,
    /// How many are of which other repository.
    pub elsewhere: BTreeMap<String, usize>,
    /// How many of them are of other repositories.
    pub of_others: usize,
    pub changed: Vec<Changed>,
}

/// What the newest commit is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// There is no commit yet.
    #[default]
    NoCommit,
    /// It is the first one, or the first of a shallow clone.
    First { short: String },
    /// The commit before.
    Parent { short: String, subject: String },
}

/// Files that were not looked into for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub code: &'static str,
    pub reason: String,
    pub count: usize,
    /// The first few paths.
    pub first: Vec<String>,
}

impl Skipped {
    pub fn of(why: &Why, unread: &Unread) -> Self {
        let (code, reason) = match why {
            Why::TooMany(most) => ("too-many", format!("more than {most} files of a kind")),
            Why::TooLarge(most) => ("too-large", format!("larger than {} MiB", most >> 20)),
            Why::NotText => ("invalid", "not UTF-8 text".to_owned()),
            Why::NoDocument => ("invalid", "a kustomization without a document of YAML".to_owned()),
            Why::Failed(message) => ("unavailable", message.clone()),
        };
        Self { code, reason, count: unread.count, first: unread.first.clone() }
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub applications: Tally,
    pub overlays: Tally,
    pub base: Base,
    /// Files and folders in which there may be more.
    pub unread: Vec<Refused>,
    /// Files that were not looked into, by reason.
    pub skipped: Vec<Skipped>,
    /// The address that was taken to be this repository, where no remote says so.
    pub guessed: Option<String>,
    /// Paths that differ from the commit and were not looked at.
    pub uncommitted: usize,
    pub terraform: Vec<String>,
    pub dockerfiles: Vec<String>,
}

/// The report, of whose diffs at most so many lines are shown.
pub fn text(report: &Report, most: usize, screen: &Screen) -> String {
    let mut blocks = vec![headline(report)];
    blocks.extend(surroundings(report));
    blocks.extend(changes(report, most, screen));
    let refused = report.applications.refused.iter().chain(&report.overlays.refused).cloned().collect::<Vec<_>>();
    blocks.extend(reasons("refused", &grouped(&refused), screen));
    blocks.extend(reasons("not read", &grouped(&report.unread), screen));
    blocks.extend(skipped(&report.skipped, screen));
    blocks.extend(others(&report.applications, screen));
    blocks.join("\n\n")
}

/// The line that matters.
fn headline(report: &Report) -> String {
    let (applications, overlays) = (&report.applications, &report.overlays);
    let mut lines = Vec::new();
    if applications.found > 0 {
        lines.push(sentence(applications, "application", ""));
    }
    if overlays.found > 0 {
        lines.push(sentence(overlays, "overlay", if applications.found > 0 { " without an application" } else { "" }));
    }
    let Some(first) = lines.first_mut() else {
        let among = if report.skipped.is_empty() { "" } else { " among the files that were looked into" };
        return format!("no applications and no overlays{among}");
    };
    let changed = if applications.found > 0 { applications.changed.len() } else { overlays.changed.len() };
    match report.base {
        Base::Parent { .. } => first.push_str(&format!("; the last commit changes {changed}")),
        Base::First { .. } => first.push_str("; there is no commit before the last one to compare with"),
        Base::NoCommit => first.push_str("; there is no commit yet"),
    }
    lines.join("\n")
}

fn sentence(tally: &Tally, noun: &str, kind: &str) -> String {
    let mut text = format!("{}{kind}, {} rendered", plural(tally.found, noun), tally.rendered);
    let groups = grouped(&tally.refused);
    let refused = tally.refused.len();
    match groups.as_slice() {
        [] => {}
        [only] => text.push_str(&format!(", {refused} refused because {}", only.reason)),
        [first, ..] => {
            text.push_str(&format!(", {refused} refused, {} of them because {}", first.all.len(), first.reason));
        }
    }
    if tally.of_others > 0 {
        text.push_str(&format!(", {} of other repositories", tally.of_others));
    }
    text
}

/// What else there is, a line each.
fn surroundings(report: &Report) -> Option<String> {
    let mut lines = Vec::new();
    if !report.terraform.is_empty() {
        lines.push(format!(
            "{}: {}",
            plural(report.terraform.len(), "Terraform root folder"),
            named(&report.terraform)
        ));
    }
    if !report.dockerfiles.is_empty() {
        lines.push(format!("{}: {}", plural(report.dockerfiles.len(), "Dockerfile"), named(&report.dockerfiles)));
    }
    if let Some(address) = &report.guessed {
        lines.push(format!(
            "{address} is taken to be this repository: no remote is called so, and all folders that its applications name are here"
        ));
    }
    if report.uncommitted > 0 {
        let paths = plural(report.uncommitted, "uncommitted path");
        lines.push(format!("{paths} not looked at: all this is about the last commit"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn named(all: &[String]) -> String {
    let shown = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > NAMED { format!("{shown} and {} more", all.len() - NAMED) } else { shown }
}

/// What the last commit changes, with diffs.
fn changes(report: &Report, most: usize, screen: &Screen) -> Option<String> {
    let Base::Parent { short, subject } = &report.base else { return None };
    let changed: Vec<_> = report.applications.changed.iter().chain(&report.overlays.changed).collect();
    if changed.is_empty() {
        return None;
    }
    let mut lines = vec![screen.paint(Colour::Bold, &format!("changed by {short} {subject}"))];
    let (mut left, mut cut) = (most, 0);
    for Changed { name, place, change } in changed {
        let (what, diff) = about(change);
        lines.push(format!("  {} ({place}): {what}", screen.paint(Colour::Bold, name)));
        let Some(diff) = diff else { continue };
        let shown = diff.lines.len().min(left);
        lines.extend(
            diff.lines.iter().take(shown).map(|line| format!("    {}", painted(line.mark, &line.text, screen))),
        );
        left -= shown;
        cut += diff.lines.len() - shown + diff.cut;
    }
    if cut > 0 {
        lines.push(format!("  {} more: `tidegate init --lines {}` shows all", plural(cut, "line"), most + cut));
    }
    Some(lines.join("\n"))
}

fn about(change: &Change) -> (String, Option<&Diff>) {
    match change {
        Change::Objects(diff) => (counts(diff), Some(diff)),
        Change::New(Some(diff)) => (format!("new, {}", plural(diff.added, "object")), Some(diff)),
        Change::New(None) => ("new, and refused".to_owned(), None),
        Change::Gone => ("no longer there".to_owned(), None),
        Change::Broken(failure) => (format!("rendered before, and refused now: {}", failure.message), None),
        Change::Mended(failure) => (format!("rendered now; before it was refused: {}", failure.message), None),
    }
}

fn counts(diff: &Diff) -> String {
    let part = |count: usize, word: &str| (count > 0).then(|| format!("{} {word}", plural(count, "object")));
    let mut parts: Vec<String> =
        [part(diff.changed, "changed"), part(diff.added, "added"), part(diff.removed, "removed")]
            .into_iter()
            .flatten()
            .collect();
    if diff.unread > 0 {
        parts.push(format!("{} that cannot be compared", plural(diff.unread, "document")));
    }
    parts.join(", ")
}

fn painted(mark: Mark, text: &str, screen: &Screen) -> String {
    match mark {
        Mark::Object => screen.paint(Colour::Bold, text),
        Mark::Place => screen.paint(Colour::Cyan, text),
        Mark::Before => screen.paint(Colour::Red, text),
        Mark::After => screen.paint(Colour::Green, text),
        Mark::Same => text.to_owned(),
    }
}

/// Reasons with their counts and first places.
fn reasons(word: &str, groups: &[Group<'_>], screen: &Screen) -> Option<String> {
    if groups.is_empty() {
        return None;
    }
    let mut lines = vec![screen.paint(Colour::Bold, word)];
    for Group { code, reason, all } in groups {
        lines.push(format!("  {} × {}: {reason}", all.len(), screen.paint(Colour::Red, code)));
        if let Some(first) = all.first() {
            let at = first.at();
            let of = if first.place.starts_with(at.as_str()) { String::new() } else { format!(", of {}", first.place) };
            let label = if all.len() > 1 { "first: " } else { "" };
            lines.push(format!("      {label}{} at {at}{of}", first.name));
            if first.says_more(reason) {
                lines.push(format!("      {}", first.failure.message));
            }
            if let Some(hint) = &first.failure.hint {
                lines.push(format!("      {} {hint}", screen.paint(Colour::Cyan, "hint:")));
            }
        }
    }
    Some(lines.join("\n"))
}

/// What nobody looked into, with the first paths: an application that is missing may be there.
fn skipped(all: &[Skipped], screen: &Screen) -> Option<String> {
    let mut lines = vec![screen.paint(Colour::Bold, "not looked into")];
    for Skipped { code, reason, count, first } in all {
        lines.push(format!("  {count} × {}: {reason}", screen.paint(Colour::Red, code)));
        let more = count.saturating_sub(first.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("      {}{more}", first.join(", ")));
    }
    (!all.is_empty()).then(|| lines.join("\n"))
}

fn others(tally: &Tally, screen: &Screen) -> Option<String> {
    if tally.elsewhere.is_empty() {
        return None;
    }
    let mut lines = vec![screen.paint(Colour::Bold, "of other repositories")];
    let mut all: Vec<_> = tally.elsewhere.iter().collect();
    all.sort_by_key(|(address, count)| (std::cmp::Reverse(**count), *address));
    lines.extend(all.iter().take(NAMED).map(|(address, count)| format!("  {count} × {address}")));
    if all.len() > NAMED {
        lines.push(format!("  and {} more repositories", all.len() - NAMED));
    }
    lines.push(
        "  name them under `repositories` of tidegate.yaml, and `tidegate apps list` renders them too".to_owned(),
    );
    lines.push("  if one of them is this repository, add it to its `aliases`".to_owned());
    Some(lines.join("\n"))
}

/// The files that are planned, in full.
pub fn files(plan: &Plan, screen: &Screen) -> String {
    let mut lines: Vec<String> = plan.notes.clone();
    for Planned { path, content } in &plan.files {
        lines.push(screen.paint(Colour::Bold, &format!("{path} (new)")));
        lines.extend(content.lines().map(|line| screen.paint(Colour::Green, &format!("+{line}"))));
    }
    lines.join("\n")
}

fn plural(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests;
