//! Reads an edited file again: the image's item must say what it should, and everything else what it said.

use crate::image::State;
use crate::place::{self, FIELDS, Images};
use crate::problem::Problem;
use crate::scalar;
use crate::tree::{self, Comment, Document, Entries, Kind, Node, entry, same_entries};
use granit_parser::ScalarStyle;

/// Compares a file with what it was before.
///
/// # Errors
/// Where the edit did not do exactly what it should. Then the editor has a bug, and the file must not be written.
pub fn verify(old: &Document, text: &str, image: &str, state: &State) -> Result<(), Problem> {
    let new = tree::parse(text).map_err(|problem| wrong(&format!("the result cannot be read: {problem}")))?;
    let (old_layout, old_entries) = place::root(old)?;
    let (layout, entries) = place::root(&new)?;
    if layout != old_layout || new.root.anchor != old.root.anchor || new.root.tag != old.root.tag {
        return Err(wrong("the file is written in another way"));
    }
    let rest = |entries: &Entries| entries.iter().position(|(key, _)| key.text() == Some("images"));
    let position = rest(entries).ok_or_else(|| wrong("`images` is gone"))?;
    let old_position = rest(old_entries).unwrap_or(position);
    if position != old_position
        || old_entries.len() < position
        || !same_entries(&entries[..position], &old_entries[..position])
        || !same_entries(&entries[position + 1..], old_entries.get(position + 1..).unwrap_or_default())
    {
        return Err(wrong("something besides `images` changed"));
    }
    let Images::List { items, found: Some(index), .. } = place::images(&new, image)? else {
        return Err(wrong("the image has no item"));
    };
    let (old_items, old_found) = match place::images(old, image)? {
        Images::List { items, found, .. } => (items, found),
        _ => (&[][..], None),
    };
    let others_same =
        |from: &[Node], to: &[Node]| from.len() == to.len() && from.iter().zip(to).all(|(a, b)| a.same(b));
    let kept = match old_found {
        Some(old_index) => {
            old_index == index
                && others_same(&items[..index], &old_items[..index])
                && others_same(&items[index + 1..], &old_items[index + 1..])
                && others_in_item(&items[index], Some(&old_items[index]))
        }
        None => {
            index + 1 == items.len() && others_same(&items[..index], old_items) && others_in_item(&items[index], None)
        }
    };
    if !kept {
        return Err(wrong("something besides the image's fields changed"));
    }
    check_item(&new, &items[index], state)?;
    // A removed line takes its own comment along, and nothing else does.
    let removed = match old_found {
        Some(old_index) => removed(&old_items[old_index], &items[index]),
        None => Vec::new(),
    };
    if !comments_kept(old, &new, &removed) {
        return Err(wrong("comments changed"));
    }
    Ok(())
}

/// Whether an item's other fields are the same. A new item has only its name.
fn others_in_item(item: &Node, old: Option<&Node>) -> bool {
    fn others(node: &Node) -> Vec<&(Node, Node)> {
        let Kind::Mapping(_, fields) = &node.kind else { return Vec::new() };
        fields.iter().filter(|(key, _)| !key.text().is_some_and(|name| FIELDS.contains(&name))).collect()
    }
    let now = others(item);
    let Some(old) = old else { return now.len() == 1 };
    let before = others(old);
    item.anchor == old.anchor
        && item.tag == old.tag
        && now.len() == before.len()
        && now.iter().zip(before).all(|((key, value), (old_key, old))| key.same(old_key) && value.same(old))
}

/// Each field says what it should, and to every reader.
fn check_item(document: &Document, item: &Node, state: &State) -> Result<(), Problem> {
    let Kind::Mapping(_, fields) = &item.kind else { return Err(wrong("the item is no mapping")) };
    if place::state(document, fields)? != *state {
        return Err(wrong("the item does not say what it should"));
    }
    for (key, value) in fields {
        let field = key.text().is_some_and(|name| FIELDS.contains(&name) || name == "name");
        if field
            && let Kind::Scalar(text, ScalarStyle::Plain) = &value.kind
            && key.text() != Some("name")
            && !place::says_nothing(value, text, ScalarStyle::Plain)
            && value.tag.is_none()
            && scalar::retyped(text)
            && state_has(state, text)
        {
            return Err(wrong("a reader would take the value for a number"));
        }
    }
    Ok(())
}

fn state_has(state: &State, text: &str) -> bool {
    [&state.tag, &state.digest].into_iter().flatten().any(|value| value == text)
}

/// The values of fields that an item lost. Where it had only one of tag and digest, that one was renamed, and its line
/// is still there.
fn removed<'a>(old: &'a Node, new: &Node) -> Vec<&'a Node> {
    let (Kind::Mapping(_, before), Kind::Mapping(_, now)) = (&old.kind, &new.kind) else { return Vec::new() };
    if entry(before, "newTag").is_none() || entry(before, "digest").is_none() {
        return Vec::new();
    }
    let gone = before.iter().filter(|(key, _)| key.text().is_some_and(|name| entry(now, name).is_none()));
    gone.map(|(_, value)| value).collect()
}

/// Whether all comments are there in their order. Only those behind a removed value in its line may be gone.
fn comments_kept(old: &Document, new: &Document, removed: &[&Node]) -> bool {
    let behind = |comment: &Comment| {
        removed.iter().any(|value| value.place.0 == comment.place.0 && value.span.end <= comment.span.start)
    };
    let now = || new.comments.iter().map(|comment| &comment.text);
    let all = old.comments.iter().map(|comment| &comment.text);
    let others = old.comments.iter().filter(|comment| !behind(comment)).map(|comment| &comment.text);
    now().eq(all) || now().eq(others)
}

fn wrong(message: &str) -> Problem {
    Problem::editor(format!("the edit would not do what it should: {message}"))
}

#[cfg(test)]
mod tests {
    use super::verify;
    use crate::image::State;
    use crate::tree::parse;

    #[test]
    fn only_the_comment_of_a_removed_value_may_go() {
        let old = "images:\n- name: app # n\n  newTag: v1\n  # own\n  digest: x # d\n# end\n";
        let new = "images:\n- name: app # n\n  newTag: v2\n  # own\n# end\n";
        let document = parse(old).expect("YAML");
        let state = State { tag: Some("v2".into()), ..State::default() };
        assert_eq!(verify(&document, new, "app", &state), Ok(()));
        assert_eq!(verify(&document, &new.replace("# own", "# own\n  # d"), "app", &state), Ok(()));
        for (comment, instead) in
            [(" # n", ""), ("  # own\n", ""), ("# end\n", ""), ("# n", "# m"), ("# end", "# end\n# new")]
        {
            let text = new.replacen(comment, instead, 1);
            assert!(verify(&document, &text, "app", &state).is_err(), "{text}");
        }
        // A renamed field keeps its comment.
        let document = parse("images:\n- name: app\n  digest: x # d\n").expect("YAML");
        assert!(verify(&document, "images:\n- name: app\n  newTag: v2\n", "app", &state).is_err());
        assert_eq!(verify(&document, "images:\n- name: app\n  newTag: v2 # d\n", "app", &state), Ok(()));
    }
}
