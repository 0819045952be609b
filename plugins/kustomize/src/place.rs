//! Finds the image's item in a kustomization, and refuses files in which an edit would be a guess.

use crate::image::State;
use crate::keys;
use crate::problem::Problem;
use crate::tree::{Document, Entries, Kind, Layout, Node, entry};
use granit_parser::ScalarStyle;

/// What an edit can change in an item.
pub const FIELDS: [&str; 3] = ["newName", "newTag", "digest"];

/// The `images` of a kustomization.
pub enum Images<'a> {
    /// There is no such key.
    Missing,
    /// The key has no value, or null.
    Empty(&'a Node, &'a Node),
    /// A list.
    List {
        /// The whole list.
        node: &'a Node,
        /// How it is written.
        layout: Layout,
        /// Its items.
        items: &'a [Node],
        /// Which of them is the image's.
        found: Option<usize>,
    },
}

/// The entries of the whole file.
///
/// # Errors
/// Where it is no kustomization, or a template of one.
pub fn root(document: &Document) -> Result<(Layout, &Entries), Problem> {
    let Kind::Mapping(layout, entries) = &document.root.kind else {
        return Err(Problem::at(document.root.place, "the file is not a mapping, so it is no kustomization"));
    };
    no_templates(&document.root)?;
    keys::of_root(entries)?;
    if let Some((_, kind)) = entry(entries, "kind")
        && !matches!(kind.text(), Some("Kustomization" | "Component"))
        && !matches!(&kind.kind, Kind::Scalar(text, style) if says_nothing(kind, text, *style))
    {
        return Err(Problem::at(kind.place, "`kind` is neither Kustomization nor Component"));
    }
    Ok((*layout, entries))
}

/// Finds `images`, and the item of an image.
///
/// # Errors
/// Where `images` is no list of mappings, or several items are for the image.
pub fn images<'a>(document: &'a Document, image: &str) -> Result<Images<'a>, Problem> {
    let (_, entries) = root(document)?;
    let Some((key, node)) = entry(entries, "images") else { return Ok(Images::Missing) };
    if is_null(node) {
        return Ok(Images::Empty(key, node));
    }
    let Kind::Sequence(layout, items) = &node.kind else {
        return Err(Problem::at(node.place, "`images` is not a list"));
    };
    not_shared(document, &document.root)?;
    not_shared(document, node)?;
    let mut found = None;
    for (index, item) in items.iter().enumerate() {
        let Kind::Mapping(layout, fields) = &item.kind else {
            return Err(Problem::at(item.place, "this item of `images` is not a mapping"));
        };
        if *layout == Layout::Pair {
            return Err(Problem::at(item.place, "put this item in braces: `{…}`"));
        }
        keys::of_item(fields)?;
        let Some((_, name)) = entry(fields, "name") else { continue };
        // `!!binary` would be decoded.
        if name.tag.as_deref().is_some_and(|tag| tag != "!!str") {
            return Err(Problem::at(name.place, "this name has a tag: write it without"));
        }
        if resolved(document, name).map(|(text, _)| text) != Some(image) {
            continue;
        }
        if found.is_some() {
            return Err(Problem::at(item.place, format!("`images` has a second item for `{image}`"))
                .with_hint("leave one of the two: kustomize applies both, one after the other"));
        }
        not_shared(document, item)?;
        found = Some(index);
    }
    Ok(Images::List { node, layout: *layout, items, found })
}

/// What an item says.
///
/// # Errors
/// Where a field that an edit can change is no text.
pub fn state(document: &Document, fields: &Entries) -> Result<State, Problem> {
    let field = |name: &str| -> Result<Option<String>, Problem> {
        let Some((_, value)) = entry(fields, name) else { return Ok(None) };
        let Some((text, style)) = resolved(document, value) else {
            return Err(Problem::at(value.place, format!("`{name}` is not a text")));
        };
        Ok((!says_nothing(value, text, style)).then(|| text.to_owned()))
    };
    Ok(State { name: field("newName")?, tag: field("newTag")?, digest: field("digest")? })
}

/// Whether a field counts as absent for kustomize: null or an empty text.
pub fn says_nothing(value: &Node, text: &str, style: ScalarStyle) -> bool {
    value.is_absent() || text.is_empty() || (style == ScalarStyle::Plain && is_null_word(text))
}

fn is_null_word(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether it is null, and no anchor makes it somebody else's as well.
fn is_null(node: &Node) -> bool {
    node.anchor == 0
        && node.tag.as_deref().is_none_or(|tag| tag == "!!null")
        && matches!(&node.kind, Kind::Scalar(text, ScalarStyle::Plain) if is_null_word(text))
}

/// The text and style of a scalar, or of the one that an alias refers to.
pub fn resolved<'a>(document: &'a Document, node: &'a Node) -> Option<(&'a str, ScalarStyle)> {
    match &node.kind {
        Kind::Scalar(text, style) => Some((text, *style)),
        Kind::Alias(target) => document.anchored.get(target).map(|(text, style)| (text.as_str(), *style)),
        _ => None,
    }
}

/// An edit within a node that an alias repeats would change the other place as well.
///
/// # Errors
/// Where it is such a node.
pub fn not_shared(document: &Document, node: &Node) -> Result<(), Problem> {
    if node.anchor > 0 && document.aliased.contains(&node.anchor) {
        return Err(Problem::at(node.place, "this has an anchor that is used elsewhere, which would change as well")
            .with_hint("write the value out where the anchor or its alias is"));
    }
    Ok(())
}

/// `{{ … }}` is a mapping as a key to YAML, or a part of a plain text. Whoever wrote it meant a template, whose values
/// nobody knows here.
fn no_templates(node: &Node) -> Result<(), Problem> {
    let template = || Problem::at(node.place, "this is a template (`{{`), not a kustomization");
    match &node.kind {
        Kind::Scalar(text, ScalarStyle::Plain) if text.contains("{{") => Err(template()),
        Kind::Scalar(..) | Kind::Alias(_) => Ok(()),
        Kind::Sequence(_, items) => items.iter().try_for_each(no_templates),
        Kind::Mapping(_, entries) => entries.iter().try_for_each(|(key, value)| {
            if !matches!(key.kind, Kind::Scalar(..) | Kind::Alias(_)) {
                return Err(template());
            }
            no_templates(key)?;
            no_templates(value)
        }),
    }
}
