//! The order of keys: go-yaml's natural one, where `a2` stands before `a10` and punctuation before letters.

use std::cmp::Ordering;

use super::WriteError;
use crate::node::{Kind, Mapping, Node, Scalar, Style};

/// A field that can be printed.
pub type Field<'a> = (&'a str, &'a Node);

/// The fields of a mapping in the order that `compare` puts them.
///
/// # Errors
/// Keys that are no strings.
pub fn sorted(mapping: &Mapping, compare: fn(&str, &str) -> Ordering) -> Result<Vec<Field<'_>>, WriteError> {
    let mut fields = Vec::with_capacity(mapping.len());
    for (key, value) in mapping {
        if !is_text(key) {
            return Err(WriteError::Key { key: key.text.clone() });
        }
        fields.push((key.text.as_str(), value));
    }
    sort(&mut fields, compare);
    Ok(fields)
}

/// An empty key is written in quotes, which makes a string of it.
fn is_text(key: &Scalar) -> bool {
    let string = matches!(key.kind, Kind::Str | Kind::Custom | Kind::Binary);
    string || key.style != Style::Plain || key.text.is_empty()
}

/// A merge sort of our own: the natural order of odd keys may contradict itself, which the sorts of the standard
/// library answer with a panic.
fn sort<'a>(fields: &mut Vec<Field<'a>>, compare: fn(&str, &str) -> Ordering) {
    if fields.is_sorted_by(|a, b| compare(a.0, b.0) != Ordering::Greater) {
        return;
    }
    let mut merged: Vec<Field<'a>> = Vec::with_capacity(fields.len());
    let mut width = 1;
    while width < fields.len() {
        for run in fields.chunks(width * 2) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                if compare(b.0, a.0) == Ordering::Less {
                    merged.push(*b);
                    right = &right[1..];
                } else {
                    merged.push(*a);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(fields, &mut merged);
        merged.clear();
        width *= 2;
    }
}

/// go-yaml v2's order of two keys.
pub fn natural(a: &str, b: &str) -> Ordering {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    if common == a.len() || common == b.len() {
        return a.len().cmp(&b.len());
    }
    let start = (0..=common).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let (a_rest, b_rest) = (&a[start..], &b[start..]);
    let (Some(x), Some(y)) = (a_rest.chars().next(), b_rest.chars().next()) else { return a.len().cmp(&b.len()) };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => numbers(&a[..start], a_rest, b_rest).then(x.cmp(&y)),
    }
}

/// Digits at the first difference count as numbers. Where one of them is a 0, a digit other than 0 before it makes it
/// part of a larger number.
fn numbers(before: &str, a: &str, b: &str) -> Ordering {
    let mut first = 0_i64;
    if a.starts_with('0') || b.starts_with('0') {
        let digits = before.bytes().rev().take_while(u8::is_ascii_digit);
        first = i64::from(digits.into_iter().any(|digit| digit != b'0'));
    }
    let (an, al) = number(first, a);
    let (bn, bl) = number(first, b);
    an.cmp(&bn).then(al.cmp(&bl))
}

/// The value of the digits that `text` begins with, behind `first`, and how many they are. Large ones wrap, as in Go.
fn number(first: i64, text: &str) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((first, 0), |(value, count), digit| {
        (value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers_and_letters_come_last() {
        let mut fields: Vec<Field<'_>> = Vec::new();
        let value = Node::null();
        for key in ["b", "a10", "a2", "a-b", "a", "A", "a1b", "a01", "1", "_x", "é", "aé", "a.b", "a/b"] {
            fields.push((key, &value));
        }
        sort(&mut fields, natural);
        let keys: Vec<&str> = fields.iter().map(|field| field.0).collect();
        assert_eq!(keys.join(" "), "_x 1 A a a-b a.b a/b a1b a01 a2 a10 aé b é");
    }
}
