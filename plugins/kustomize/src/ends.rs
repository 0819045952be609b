//! Where values end, so that lines can be put behind them.

use crate::edit::Editor;
use crate::problem::Problem;
use crate::splice::{line_end, next_line};
use crate::tree::{Kind, Node};
use granit_parser::ScalarStyle;
use std::ops::Range;

impl Editor<'_> {
    /// The end of the last line of an entry that is written by indentation, before the line's break.
    pub fn last_line_end(&self, key: &Node, value: &Node) -> Result<usize, Problem> {
        let (key, leaf) = last_entry(key, value);
        if leaf.is_absent() {
            if leaf.anchor > 0 || leaf.tag.is_some() {
                return Err(Problem::at(leaf.place, "this value is an anchor or a tag alone"));
            }
            let Some(key) = key else { return Err(uncertain(leaf)) };
            return Ok(line_end(self.source, self.colon(key)?));
        }
        if is_block(leaf) {
            let Some(key) = key else { return Err(uncertain(leaf)) };
            return self.block_end(key, leaf);
        }
        Ok(line_end(self.source, leaf.span.end))
    }

    /// The end of the last line of a block scalar, which is the last one that is indented deeper than its key.
    pub fn block_end(&self, key: &Node, block: &Node) -> Result<usize, Problem> {
        let column = self.column(key)?;
        let header = self.header(key, block)?;
        let mut end = line_end(self.source, header.start);
        let mut at = next_line(self.source, end);
        while at < self.source.len() {
            let (line, indent) = self.line(at);
            if !line.is_empty() {
                if indent <= column {
                    break;
                }
                end = line_end(self.source, at);
            }
            at = next_line(self.source, at);
        }
        match self.chomping(&header) {
            Some('-') => Ok(end),
            None if end < self.source.len() => Ok(end),
            None => Err(Problem::at(block.place, "a line break after this block would become a part of it")),
            // Empty lines behind it are a part of it.
            Some(_) => Err(uncertain(block)),
        }
    }

    /// The `|` or `>` that announces a block scalar, with what belongs to it.
    pub fn header(&self, key: &Node, block: &Node) -> Result<Range<usize>, Problem> {
        let mut at = self.colon(key)?;
        loop {
            let rest = &self.source[at..];
            let text = rest.trim_start();
            at += rest.len() - text.len();
            let word = text.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
            match word.chars().next() {
                Some('|' | '>') => return Ok(at..at + word.len()),
                // An anchor or a tag.
                Some('&' | '!') => at += word.len(),
                _ => return Err(uncertain(block)),
            }
        }
    }

    /// What becomes of the line breaks at the end of a block scalar: `-`, `+`, or what is usual.
    pub fn chomping(&self, header: &Range<usize>) -> Option<char> {
        self.source[header.clone()].chars().find(|mark| matches!(mark, '-' | '+'))
    }

    /// Whether a line break behind an entry, at the end of the file, would change its value.
    pub fn grows(&self, key: &Node, value: &Node) -> bool {
        let (key, leaf) = last_entry(key, value);
        let header = key.and_then(|key| self.header(key, leaf).ok());
        is_block(leaf) && header.is_none_or(|header| self.chomping(&header) != Some('-'))
    }

    /// Behind the comment lines that follow a place and are indented deeper than a column: they are still about what is
    /// before them.
    pub fn behind_comments(&self, end: usize, column: usize) -> usize {
        let mut last = end;
        let mut at = next_line(self.source, end);
        while at < self.source.len() {
            let (line, indent) = self.line(at);
            if line.starts_with('#') && indent > column {
                last = line_end(self.source, at);
            } else if !line.is_empty() {
                break;
            }
            at = next_line(self.source, at);
        }
        last
    }

    /// A line without blanks around it, and its indentation.
    fn line(&self, start: usize) -> (&str, usize) {
        let line = &self.source[start..line_end(self.source, start)];
        (line.trim(), line.len() - line.trim_start_matches(' ').len())
    }
}

/// Whether it is a text in `|` or `>`.
pub fn is_block(node: &Node) -> bool {
    matches!(node.kind, Kind::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded))
}

/// The last leaf of an entry, and the key that it is the value of.
fn last_entry<'a>(key: &'a Node, value: &'a Node) -> (Option<&'a Node>, &'a Node) {
    let leaf = value.last_leaf();
    let mut holder = Some(key);
    let mut node = value;
    while !std::ptr::eq(node, leaf) {
        match &node.kind {
            Kind::Mapping(_, entries) => {
                let Some((inner, value)) = entries.last() else { break };
                (holder, node) = (Some(inner), value);
            }
            Kind::Sequence(_, items) => {
                let Some(item) = items.last() else { break };
                (holder, node) = (None, item);
            }
            _ => break,
        }
    }
    (holder, leaf)
}

fn uncertain(leaf: &Node) -> Problem {
    Problem::at(leaf.place, "this value has no end that is certain, so nothing can be put behind it")
}
