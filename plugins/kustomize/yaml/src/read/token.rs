//! What the scanner finds and the composer reads: the tokens of YAML 1.1.

use std::borrow::Cow;

use super::cursor::Mark;
use crate::node::Style;

#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    StreamEnd,
    /// `%YAML 1.1`
    Version,
    /// `%TAG !e! tag:example.com,2000:`
    TagDirective {
        handle: &'a str,
        prefix: Cow<'a, str>,
    },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag {
        handle: &'a str,
        suffix: Cow<'a, str>,
    },
    Scalar {
        text: Cow<'a, str>,
        style: Style,
    },
}

/// A token and where it begins.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    pub token: Token<'a>,
    pub mark: Mark,
}
