//! Which style a string is written in: the plainest that reads back as the same string.

use super::shape;
use crate::node::{Kind, Style};
use crate::number::Dialect;
use crate::read::resolve;

/// go-yaml v2's choice for a value.
pub fn v2(text: &str) -> Style {
    choose(text, shape::of(text).block, resolve::kind(text, Dialect::V2) == Kind::Str)
}

/// go-yaml v3's choice, which puts the bools of YAML 1.1 into quotes without reading them as such.
pub fn v3(text: &str) -> Style {
    let string = resolve::plain(text) == Kind::Str && !is_yaml11_bool(text);
    choose(text, shape::is_block_in_v3(text), string)
}

fn choose(text: &str, block: bool, string: bool) -> Style {
    if text.contains('\n') {
        return if block { Style::Literal } else { Style::Double };
    }
    if !string || is_base_60(text) {
        return Style::Double;
    }
    let shape = shape::of(text);
    match (shape.plain, shape.single) {
        (true, _) => Style::Plain,
        (false, true) => Style::Single,
        (false, false) => Style::Double,
    }
}

/// `yes`, `on` and their like.
fn is_yaml11_bool(text: &str) -> bool {
    text.len() <= 3 && resolve::kind(text, Dialect::V2) == Kind::Bool
}

/// `1:30`, which YAML 1.1 takes for a number: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((first, rest)) = rest.split_once(':') else { return false };
    let starts = first.starts_with(|digit: char| digit.is_ascii_digit());
    if !starts || !first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return false;
    }
    let (parts, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let sixty = |part: &str| match part.as_bytes() {
        [low] => low.is_ascii_digit(),
        [b'0'..=b'5', low] => low.is_ascii_digit(),
        _ => false,
    };
    parts.split(':').all(sixty) && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}
