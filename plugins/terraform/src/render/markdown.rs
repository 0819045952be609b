//! The Markdown that reviewers read. It opens with what matters, puts what destroys before what makes, folds what is
//! long, and says what it leaves out when it would get too large for a comment.

use super::lines::{Lines, path_text};
use super::text::{code, cut, fenced, html, html_code, visible};
use super::view::{Action, Entry, View};

/// The most bytes of the whole: forges take 64 KiB in a comment, and whoever posts it may add some words.
pub const LONGEST: usize = 60 * 1024;
/// What is kept for the words at the end that say what was cut.
const FOOT: usize = 1024;
/// An object with more lines is folded.
const OPEN: usize = 14;
/// The most lines of one object.
const MOST_LINES: usize = 120;
/// The most bytes of one object.
const MOST_BYTES: usize = 8 * 1024;
/// The most characters of an address.
const MOST_OF_ADDRESS: usize = 300;
/// The most checks, variables of which each has its line at the head or the end.
const MOST_NOTES: usize = 20;

/// What stands above.
#[derive(Clone, Debug, Default)]
pub struct Title {
    /// `Terraform plan`, `Terraform drift`.
    pub what: String,
    /// The directory of the root module.
    pub directory: String,
    /// The Terraform workspace, unless it is the default one.
    pub workspace: Option<String>,
    /// `terraform 1.11.4`.
    pub tool: String,
    /// What the reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// One object, short and in full.
struct Block {
    section: usize,
    action: Action,
    brief: String,
    full: String,
}

/// How much of a block is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Nothing,
    Brief,
    Full,
}

/// The whole, at most [`LONGEST`] bytes.
pub fn markdown(view: &View, title: &Title) -> String {
    let head = head(view, title);
    let (sections, blocks) = blocks(view);
    let headings: usize = sections.iter().map(|section| section.len() + 1).sum();
    let budget = LONGEST.saturating_sub(head.len() + headings + FOOT);
    let shares = shares(&blocks, budget);
    let mut text = head;
    for (at, section) in sections.iter().enumerate() {
        let mut begun = false;
        for (block, share) in blocks.iter().zip(&shares).filter(|(block, _)| block.section == at) {
            if *share != Share::Nothing && !begun {
                if !text.ends_with("\n\n") {
                    text.push('\n');
                }
                text += section;
                begun = true;
            }
            match share {
                Share::Nothing => {}
                Share::Brief => text += &block.brief,
                Share::Full => text += &block.full,
            }
        }
    }
    text + &foot(&blocks, &shares)
}

/// All addresses first, then as many in full as there is room for, in order.
fn shares(blocks: &[Block], budget: usize) -> Vec<Share> {
    let mut shares = vec![Share::Nothing; blocks.len()];
    let mut used = 0;
    for (share, block) in shares.iter_mut().zip(blocks) {
        if used + block.brief.len() > budget {
            break;
        }
        used += block.brief.len();
        *share = Share::Brief;
    }
    for (share, block) in shares.iter_mut().zip(blocks).filter(|(share, _)| **share == Share::Brief) {
        let grown = used - block.brief.len() + block.full.len();
        if grown <= budget {
            used = grown;
            *share = Share::Full;
        }
    }
    shares
}

fn head(view: &View, title: &Title) -> String {
    let directory = if title.directory.is_empty() { "." } else { &title.directory };
    let mut text = format!("### {}: {}", title.what, code(cut(directory, MOST_OF_ADDRESS).0));
    if let Some(workspace) = &title.workspace {
        text += &format!(" ({})", code(cut(workspace, MOST_OF_ADDRESS).0));
    }
    let mut summary = view.summary();
    if let Some(first) = summary.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text += &format!("\n\n**{summary}.**");
    let counts = view.counts;
    let mut parts = Vec::new();
    let mut part = |count: u32, one: &str, many: &str| match count {
        0 => {}
        1 => parts.push(format!("1 {one}")),
        count => parts.push(format!("{count} {many}")),
    };
    part(counts.replaces, "of them replaced", "of them replaced");
    if !view.changes.is_empty() {
        part(counts.outputs, "output changes", "outputs change");
    }
    part(counts.drift, "object changed outside", "objects changed outside");
    part(u32::try_from(view.deferred.len()).unwrap_or(u32::MAX), "change deferred", "changes deferred");
    if !parts.is_empty() {
        text += &format!(" {}.", parts.join(", "));
    }
    if !title.tool.is_empty() {
        text += &format!(" Planned by {}.", visible(&title.tool));
    }
    text += "\n\n";
    for note in title.notes.iter().take(MOST_NOTES) {
        text += &format!("> {}\n\n", html(cut(note, 1000).0));
    }
    if !view.checks.is_empty() {
        text += "**Checks that do not pass:**\n\n";
        for check in view.checks.iter().take(MOST_NOTES) {
            let address = cut(&check.address, MOST_OF_ADDRESS).0;
            text += &format!("- {} ({})", code(address), html(&check.status));
            for problem in check.problems.iter().take(3) {
                text += &format!(": {}", code(cut(problem, 300).0));
            }
            text.push('\n');
        }
        if let Some(more) = view.checks.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
            text += &format!("- and {more} more\n");
        }
        text.push('\n');
    }
    text
}

/// Headings, and the blocks below them in order.
fn blocks(view: &View) -> (Vec<String>, Vec<Block>) {
    let mut sections = Vec::new();
    let mut blocks = Vec::new();
    let mut section = |name: &str, entries: &[&Entry], reason: &dyn Fn(usize) -> Option<String>| {
        if entries.is_empty() {
            return;
        }
        sections.push(format!("#### {name} ({})\n\n", entries.len()));
        for (at, entry) in entries.iter().enumerate() {
            blocks.push(block(sections.len() - 1, entry, reason(at)));
        }
    };
    for (action, name) in [
        (Action::Delete, "Destroyed"),
        (Action::Replace, "Replaced"),
        (Action::Update, "Changed in place"),
        (Action::Create, "Created"),
        (Action::Forget, "Forgotten, but not destroyed"),
        (Action::Read, "Read during apply"),
        (Action::Move, "Moved or imported"),
    ] {
        let entries: Vec<&Entry> = view.changes.iter().filter(|entry| entry.action == action).collect();
        section(name, &entries, &|at| why(entries[at]));
    }
    let outputs: Vec<&Entry> = view.outputs.iter().collect();
    section("Outputs", &outputs, &|_| None);
    let deferred: Vec<&Entry> = view.deferred.iter().map(|(_, entry)| entry).collect();
    section("Left for a later plan", &deferred, &|at| Some(html(&view.deferred[at].0)));
    let drift: Vec<&Entry> = view.drift.iter().collect();
    section("Changed outside since the last apply", &drift, &|at| {
        (drift[at].action == Action::Delete).then(|| "it is gone".to_owned())
    });
    (sections, blocks)
}

fn block(section: usize, entry: &Entry, why: Option<String>) -> Block {
    let address = cut(&entry.address, MOST_OF_ADDRESS).0;
    let mut title = html_code(address);
    if let Some(deposed) = &entry.deposed {
        title += &format!(" (deposed object {})", html_code(cut(deposed, 40).0));
    }
    if let Some(why) = why {
        title += &format!(": {why}");
    }
    let brief = format!("- {title}\n");
    let (before, after) = match entry.action {
        // Not what it was, which goes on as it is.
        Action::Forget | Action::Move => (&entry.after, &entry.after),
        _ => (&entry.before, &entry.after),
    };
    let lines = Lines::between(before, after, &entry.replace_paths);
    let full = if lines.lines.is_empty() {
        brief.clone()
    } else {
        let open = if lines.lines.len() <= OPEN { " open" } else { "" };
        format!("<details{open}><summary>{title}</summary>\n\n{}\n</details>\n\n", fenced("diff", &content(&lines)))
    };
    Block { section, action: entry.action, brief, full }
}

/// The lines of one object, as many as there is room for.
fn content(lines: &Lines) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for line in lines.lines.iter().take(MOST_LINES) {
        if text.len() + line.len() > MOST_BYTES {
            break;
        }
        text += line;
        text.push('\n');
        shown += 1;
    }
    let more = lines.lines.len() - shown;
    if more > 0 {
        text += &format!("  … {more} more lines\n");
    }
    if lines.unchanged > 0 {
        let plural = if lines.unchanged == 1 { "" } else { "s" };
        text += &format!("  ({} unchanged attribute{plural})\n", lines.unchanged);
    }
    text
}

/// Why, in HTML.
fn why(entry: &Entry) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(previous) = &entry.previous_address {
        parts.push(format!("moved from {}", html_code(cut(previous, MOST_OF_ADDRESS).0)));
    }
    if let Some(id) = &entry.import {
        parts.push(format!("imported, id {}", html_code(cut(id, MOST_OF_ADDRESS).0)));
    }
    if !entry.replace_paths.is_empty() {
        let paths: Vec<String> =
            entry.replace_paths.iter().take(5).map(|path| html_code(cut(&path_text(path), 100).0)).collect();
        parts.push(format!("forced by {}", paths.join(", ")));
    }
    if entry.action == Action::Replace && entry.actions.first().is_some_and(|first| first == "create") {
        parts.push("the new one is made first".to_owned());
    }
    let known = match entry.reason.as_deref() {
        None | Some("replace_because_cannot_update") if !entry.replace_paths.is_empty() => None,
        None | Some("") => None,
        Some("replace_because_cannot_update") => Some("it cannot be changed in place"),
        Some("replace_because_tainted") => Some("it is tainted: making it failed before"),
        Some("replace_by_request") => Some("asked for"),
        Some("replace_by_triggers") => Some("triggered by <code>replace_triggered_by</code>"),
        Some("delete_because_no_resource_config") => Some("no longer in the configuration"),
        Some("delete_because_no_module") => Some("its module is no longer in the configuration"),
        Some("delete_because_wrong_repetition") => Some("its <code>count</code> or <code>for_each</code> changed"),
        Some("delete_because_count_index") => Some("its index is beyond <code>count</code>"),
        Some("delete_because_each_key") => Some("its key is no longer in <code>for_each</code>"),
        Some("delete_because_no_move_target") => Some("what it was moved to is not in the configuration"),
        Some("read_because_config_unknown") => Some("its arguments are not known yet"),
        Some("read_because_dependency_pending") => Some("what it depends on changes first"),
        Some("read_because_check_nested") => Some("it belongs to a check"),
        Some(other) => {
            parts.push(html(&cut(other, 100).0.replace('_', " ")));
            None
        }
    };
    parts.extend(known.map(str::to_owned));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What was cut, in numbers.
fn foot(blocks: &[Block], shares: &[Share]) -> String {
    let all = || blocks.iter().zip(shares);
    let absent: Vec<Action> =
        all().filter(|(_, share)| **share == Share::Nothing).map(|(block, _)| block.action).collect();
    let brief = all().filter(|(block, share)| **share == Share::Brief && block.brief != block.full).count();
    if absent.is_empty() && brief == 0 {
        return String::new();
    }
    let mut parts = Vec::new();
    if brief > 0 {
        parts.push(format!("the attributes of {brief} objects"));
    }
    for (action, name) in [
        (Action::Delete, "destroyed"),
        (Action::Replace, "replaced"),
        (Action::Update, "changed"),
        (Action::Create, "created"),
        (Action::Forget, "forgotten"),
        (Action::Read, "read"),
        (Action::Move, "moved"),
    ] {
        let count = absent.iter().filter(|absent| **absent == action).count();
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    format!("\n**This is cut.** Not shown: {}. The redacted plan in JSON has more.\n", parts.join(", "))
}
