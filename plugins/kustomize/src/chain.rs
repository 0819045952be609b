//! Items that kustomize applies to the same image besides its own. It applies all in their order, each to what the ones
//! before it made of the image, and takes each `name` for a pattern of what is pulled, with or without tag and digest.

use crate::image::State;
use crate::place;
use crate::problem::Problem;
use crate::tree::{Document, Entries, Kind, Node, entry};

/// Whether what an item says is what is pulled in the end. Where the image has no item yet, one comes after all.
///
/// # Errors
/// At the item that takes the image first, or changes it once more.
pub fn check(
    document: &Document,
    items: &[Node],
    found: Option<usize>,
    image: &str,
    state: &State,
) -> Result<(), Problem> {
    let own = found.unwrap_or(items.len());
    let name = state.name.as_deref().unwrap_or(image);
    let pulled = [
        State { tag: None, digest: None, ..state.clone() },
        State { digest: None, ..state.clone() },
        State { tag: None, ..state.clone() },
        state.clone(),
    ]
    .map(|state| state.reference(image));
    if found.is_none() {
        nobody_elses(document, items, image)?;
    }
    for (index, item) in items.iter().enumerate().filter(|(index, _)| *index != own) {
        let Kind::Mapping(_, fields) = &item.kind else { continue };
        let Some(pattern) = name_of(document, fields) else { continue };
        let other = place::state(document, fields)?;
        if index < own && may_match(pattern, image) && other.name.as_deref().is_some_and(|to| to != image) {
            let message = format!("this item takes `{image}` first, and under its new name nothing else would");
            return Err(Problem::at(item.place, message));
        }
        if index > own && other != State::default() && pulled.iter().any(|pulled| may_match(pattern, pulled)) {
            let message = format!("this later item changes `{name}` once more, after the item for `{image}`");
            return Err(Problem::at(item.place, message));
        }
    }
    Ok(())
}

/// A new item must not change other images, which some item makes the image of.
fn nobody_elses(document: &Document, items: &[Node], image: &str) -> Result<(), Problem> {
    for item in items {
        let Kind::Mapping(_, fields) = &item.kind else { continue };
        let (Some(from), Some(to)) = (name_of(document, fields), place::state(document, fields)?.name) else {
            continue;
        };
        if from != image && to == image {
            let message = format!("this item makes `{from}` an `{image}`, which a new item for `{image}` would change");
            return Err(Problem::at(item.place, message));
        }
    }
    Ok(())
}

fn name_of<'a>(document: &'a Document, fields: &'a Entries) -> Option<&'a str> {
    let (_, name) = entry(fields, "name")?;
    place::resolved(document, name).map(|(text, _)| text)
}

/// Whether a `name`, which Go takes for a regular expression, matches a text. In names people write nothing but `.`,
/// which is any character; for what else a pattern can hold, the answer is yes.
fn may_match(pattern: &str, text: &str) -> bool {
    let repeats = pattern.split('{').skip(1).any(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    if repeats || pattern.contains(['*', '+', '?', '(', ')', '|', '[', ']', '\\']) {
        return true;
    }
    let mut letters = text.chars();
    pattern.chars().all(|wanted| letters.next().is_some_and(|letter| wanted == '.' || wanted == letter))
        && letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::may_match;

    #[test]
    fn names_are_patterns() {
        assert!(may_match("r.io/app", "r.io/app"));
        assert!(may_match("r.io/app", "rxio/app"));
        assert!(may_match("a.*", "b"), "what is not understood may match");
        assert!(may_match("a{2}", "aa"));
        for (pattern, text) in [("app", "appx"), ("appx", "app"), ("app", "r/app"), ("{{app}}", "app"), ("$APP", "APP")]
        {
            assert!(!may_match(pattern, text), "{pattern} {text}");
        }
    }
}
