//! `$patch: delete`, `replace` and `merge`.

use super::MergeError;
use super::element::{self, value_text};
use crate::node::{Mapping, Node};

const KEY: &str = "$patch";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    Delete,
    Replace,
    Merge,
}

fn parse(word: &str) -> Result<Directive, MergeError> {
    match word {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        _ => Err(MergeError::Directive { directive: word.to_owned() }),
    }
}

/// The directive of a mapping of the patch, which is taken out of it.
pub fn of_mapping(patch: &mut Mapping) -> Result<Directive, MergeError> {
    let Some(value) = patch.get(KEY) else { return Ok(Directive::Merge) };
    let directive = parse(value_text(value))?;
    patch.remove(KEY);
    Ok(directive)
}

/// The directive of a list of the patch: an item that holds nothing else. It is taken out.
pub fn of_list(patch: &mut Vec<Node>) -> Result<Directive, MergeError> {
    let holder = patch.iter().find_map(|item| item.as_mapping().filter(|item| item.contains_key(KEY)));
    let Some(holder) = holder.filter(|holder| holder.len() == 1) else { return Ok(Directive::Merge) };
    let word = holder.get(KEY).map(value_text).unwrap_or_default().to_owned();
    let directive = parse(&word)?;
    element::remove(patch, &[KEY.to_owned()], &[word])?;
    Ok(directive)
}
