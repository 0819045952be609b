//! Takes a field out of an item, with its line where it has one, and with no comment but its own.

use crate::edit::Editor;
use crate::place;
use crate::problem::Problem;
use crate::splice::{line_end, line_start, next_line};
use crate::tree::{Entries, Layout, Node};
use std::ops::Range;

impl Editor<'_> {
    /// Takes a field out of an item.
    pub fn remove(&mut self, layout: Layout, fields: &Entries, name: &str) -> Result<(), Problem> {
        let Some(index) = fields.iter().position(|(key, _)| key.text() == Some(name)) else { return Ok(()) };
        let (key, value) = &fields[index];
        place::not_shared(self.document, key)?;
        if key.anchor > 0 || value.anchor > 0 {
            let node = if value.anchor > 0 { value } else { key };
            return Err(Problem::at(node.place, format!("`{name}` must go, but it has an anchor")));
        }
        let range = match layout {
            Layout::Flow | Layout::Pair => self.range_in_flow(fields, index)?,
            Layout::Block => self.range_in_block(fields, index)?,
        };
        // What is behind the value in its line is about the value.
        let line_end = line_end(self.source, value.span.end);
        let foreign = self.document.comments.iter().find(|comment| {
            range.contains(&comment.span.start) && !(value.span.end..line_end).contains(&comment.span.start)
        });
        if let Some(comment) = foreign {
            return Err(Problem::at(comment.place, format!("`{name}` must go, but this comment would go with it")));
        }
        if self.source[range.clone()].matches('\n').count() > 1 {
            return Err(Problem::at(key.place, format!("`{name}` must go, but more than its own line would")));
        }
        self.splices.replace(range, String::new());
        Ok(())
    }

    fn range_in_block(&self, fields: &Entries, index: usize) -> Result<Range<usize>, Problem> {
        let (key, value) = &fields[index];
        let begin = self.document.start(key);
        let start = line_start(self.source, begin);
        let own_line = is_blank(&self.source[start..begin]);
        Ok(match fields.get(index + 1) {
            _ if own_line && next_line(self.source, value.span.end) < self.source.len() => {
                start..next_line(self.source, value.span.end)
            }
            // The last line of a file: what comes before keeps what ended the file.
            _ if own_line => {
                let end = line_end(self.source, value.span.end);
                let before = self.source[..start].strip_suffix('\n').unwrap_or(&self.source[..start]);
                before.strip_suffix('\r').unwrap_or(before).len()..end
            }
            Some((next, _)) => begin..self.document.start(next),
            None => return Err(Problem::editor("an item has no name")),
        })
    }

    /// In braces a field goes with a comma: the one before it, so that JSON stays JSON, or the one behind it.
    fn range_in_flow(&self, fields: &Entries, index: usize) -> Result<Range<usize>, Problem> {
        let (key, value) = &fields[index];
        let begin = self.document.start(key);
        let before = index.checked_sub(1).map(|before| &fields[before]);
        let next = fields.get(index + 1).map(|(next, _)| self.document.start(next));
        let lines = self.own_lines(begin, value, next.is_some());
        let range = match (before, next) {
            (Some((before, before_value)), _) => {
                let end = self.end(before, before_value)?;
                // The blank behind a colon without a value is a part of it to some readers.
                let blank = before_value.is_absent() && self.source[end..].starts_with(' ');
                end + usize::from(blank)..value.span.end
            }
            (None, Some(next)) => begin..next,
            (None, None) => return Err(Problem::editor("an item has no name")),
        };
        let whole = range.start..line_end(self.source, value.span.end).max(range.end);
        let commented = self.document.comment_in(&whole).is_some();
        let spread = self.source[range.clone()].matches('\n').count() > 1;
        // The comma of the field before stays, which may be the last one then.
        Ok(lines.filter(|_| commented || spread).unwrap_or(range))
    }

    /// The lines of a field in braces, where nothing else is in them but a comment. One that others follow needs its
    /// comma there.
    fn own_lines(&self, begin: usize, value: &Node, others_follow: bool) -> Option<Range<usize>> {
        let start = line_start(self.source, begin);
        let end = line_end(self.source, value.span.end);
        let rest = self.source[value.span.end..end].trim_start_matches([' ', '\t']);
        let behind = rest.strip_prefix(',');
        let blank = behind.unwrap_or(rest).trim_start_matches([' ', '\t']);
        let alone = is_blank(&self.source[start..begin]) && (blank.is_empty() || blank.starts_with('#'));
        (alone && (behind.is_some() || !others_follow)).then(|| start..next_line(self.source, end))
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}
