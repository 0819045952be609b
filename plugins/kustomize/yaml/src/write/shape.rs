//! What the characters of a text allow: plain, single quotes, a block.

use crate::read::break_width;

/// What go-yaml's emitter asks of a text before it chooses a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub plain: bool,
    pub single: bool,
    pub block: bool,
    /// Some character breaks a line.
    pub multiline: bool,
}

/// What a look at each character found.
#[derive(Default)]
struct Seen {
    indicator: bool,
    breaks: bool,
    special: bool,
    space_before_break: bool,
    space_after_break: bool,
}

pub fn of(text: &str) -> Shape {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Shape { plain: true, single: true, block: false, multiline: false };
    };
    let tame = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'=' | b'+');
    if first.is_ascii_alphanumeric() && bytes.iter().all(|byte| tame(byte) || *byte == b'-') {
        return Shape { plain: true, single: true, block: true, multiline: false };
    }
    let seen = look(bytes);
    let edge = |byte: &u8| *byte == b' ';
    let outer_break = break_width(bytes, 0) > 0 || ends_in_break(bytes);
    let edges = edge(first) || edge(last) || outer_break;
    let quotes_only = seen.space_before_break || seen.special;
    Shape {
        plain: !(edges || seen.space_after_break || quotes_only || seen.breaks || seen.indicator),
        single: !(seen.space_after_break || quotes_only),
        block: !(edge(last) || quotes_only),
        multiline: seen.breaks,
    }
}

/// Whether go-yaml v3 writes a text as a block: unlike v2, it writes tabs as they are.
pub fn is_block_in_v3(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut starts = text.char_indices().map(|(at, _)| at);
    let printable = starts.all(|at| bytes[at] == b'\t' || is_printable(bytes, at));
    printable && !text.is_empty() && !text.ends_with(' ') && !look(bytes).space_before_break
}

fn ends_in_break(bytes: &[u8]) -> bool {
    (1..=3).any(|width| bytes.len().checked_sub(width).is_some_and(|at| break_width(bytes, at) == width))
}

fn look(bytes: &[u8]) -> Seen {
    let mut seen = Seen { indicator: begins_like_syntax(bytes), ..Seen::default() };
    let (mut previous, mut after_blank) = (b'a', true);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let width = width(byte);
        let next = bytes.get(at + width).copied();
        match byte {
            b':' if at > 0 && next.is_none_or(|next| matches!(next, b' ' | b'\t')) => seen.indicator = true,
            b'#' if after_blank => seen.indicator = true,
            _ => {}
        }
        let breaks = break_width(bytes, at).min(width) > 0;
        seen.special |= !is_printable(bytes, at);
        seen.breaks |= breaks;
        seen.space_after_break |= byte == b' ' && previous == b'\n';
        seen.space_before_break |= breaks && previous == b' ';
        after_blank = breaks || matches!(byte, b' ' | b'\t');
        previous = if breaks { b'\n' } else { byte };
        at += width;
    }
    seen
}

fn begins_like_syntax(bytes: &[u8]) -> bool {
    let spaced = bytes.get(1).is_none_or(|next| matches!(next, b' ' | b'\t'));
    match bytes[0] {
        b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => true,
        b'-' | b'?' | b':' if spaced => true,
        _ => bytes.starts_with(b"---") || bytes.starts_with(b"..."),
    }
}

pub fn width(first: u8) -> usize {
    match first {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

/// What go-yaml v2 writes as it is. A tab is not among it, nor is anything beyond U+FFFF.
pub fn is_printable(bytes: &[u8], at: usize) -> bool {
    let next = |ahead: usize| bytes.get(at + ahead).copied().unwrap_or(0);
    match bytes[at] {
        b'\n' | 0x20..=0x7E => true,
        0xC2 => next(1) >= 0xA0,
        0xC3..=0xEC | 0xEE => true,
        0xED => next(1) < 0xA0,
        0xEF => !matches!((next(1), next(2)), (0xBB, 0xBF) | (0xBF, 0xBE | 0xBF)),
        _ => false,
    }
}
