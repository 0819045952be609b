//! `[…]` and `{…}`.

use super::ReadError;
use super::compose::{Composer, Place};
use super::cursor::Mark;
use super::fields::Fields;
use super::token::Token;
use crate::node::{Kind, Node, Scalar, Style, Tag};

impl Composer<'_, '_> {
    pub(super) fn flow_sequence(&mut self) -> Result<Node, ReadError> {
        self.scanner.next()?;
        let mut items = Vec::new();
        loop {
            match self.scanner.peek()?.token {
                Token::FlowSequenceEnd => break,
                Token::Key => {
                    let mark = self.scanner.next()?.mark;
                    items.push(self.flow_pair(mark)?);
                }
                _ => items.push(self.node(Place::Flow)?),
            }
            if !self.flow_continues(&Token::FlowSequenceEnd, "did not find expected ',' or ']'")? {
                break;
            }
        }
        self.scanner.next()?;
        Ok(Node::Sequence(items))
    }

    /// Takes a comma between entries, and tells whether the collection goes on.
    fn flow_continues(&mut self, end: &Token<'_>, problem: &str) -> Result<bool, ReadError> {
        let next = self.scanner.peek()?;
        if next.token == *end {
            return Ok(false);
        }
        if next.token != Token::FlowEntry {
            return Err(next.mark.error(problem));
        }
        self.scanner.next()?;
        Ok(true)
    }

    /// `a: b` as an entry of a list: a mapping of one field.
    fn flow_pair(&mut self, mark: Mark) -> Result<Node, ReadError> {
        let mut fields = Fields::new(self.rules);
        let merge = self.at_merge_key()?;
        let key = self.flow_part(&Token::FlowSequenceEnd)?;
        let value = self.flow_value(&Token::FlowSequenceEnd)?;
        fields.add(key, merge, value, mark)?;
        fields.finish(mark)
    }

    fn flow_part(&mut self, end: &Token<'_>) -> Result<Node, ReadError> {
        let next = &self.scanner.peek()?.token;
        if matches!(next, Token::Value | Token::FlowEntry) || next == end {
            Ok(missing())
        } else {
            self.node(Place::Flow)
        }
    }

    fn flow_value(&mut self, end: &Token<'_>) -> Result<Node, ReadError> {
        if self.scanner.peek()?.token != Token::Value {
            return Ok(missing());
        }
        self.scanner.next()?;
        let next = &self.scanner.peek()?.token;
        if *next == Token::FlowEntry || next == end { Ok(missing()) } else { self.node(Place::Flow) }
    }

    pub(super) fn flow_mapping(&mut self) -> Result<Node, ReadError> {
        self.scanner.next()?;
        let mut fields = Fields::new(self.rules);
        loop {
            let mark = self.scanner.peek()?.mark;
            match self.scanner.peek()?.token {
                Token::FlowMappingEnd => break,
                Token::Key => {
                    self.scanner.next()?;
                    let merge = self.at_merge_key()?;
                    let key = self.flow_part(&Token::FlowMappingEnd)?;
                    let value = self.flow_value(&Token::FlowMappingEnd)?;
                    fields.add(key, merge, value, mark)?;
                }
                // A lone scalar is a key without a value.
                _ => {
                    let key = self.node(Place::Flow)?;
                    fields.add(key, false, missing(), mark)?;
                }
            }
            if !self.flow_continues(&Token::FlowMappingEnd, "did not find expected ',' or '}'")? {
                break;
            }
        }
        let end = self.scanner.next()?;
        fields.finish(end.mark)
    }
}

/// A value that is not written in `{}` or `[]`: kustomize writes it in quotes, and prints an empty string.
fn missing() -> Node {
    Node::Scalar(Scalar { text: String::new(), kind: Kind::Null, style: Style::Single, tag: Tag::Set })
}

pub(super) fn quote_missing(node: &mut Node) {
    match node {
        Node::Scalar(scalar) if scalar.kind == Kind::Null && scalar.text.is_empty() => scalar.style = Style::Single,
        Node::Scalar(_) => {}
        Node::Sequence(items) => items.iter_mut().for_each(quote_missing),
        Node::Mapping(fields) => fields.values_mut().for_each(quote_missing),
    }
}
