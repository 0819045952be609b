//! Makes a kustomization pull another image by changing only the bytes that say so: comments, quotes, indentation, line
//! breaks and everything else stay. What would be a guess is refused, and each edit is read again and compared with
//! what it was meant to be.

use crate::chain;
use crate::ends::is_block;
use crate::image::{Change, State};
use crate::keys;
use crate::place::{self, FIELDS, Images};
use crate::problem::Problem;
use crate::scalar;
use crate::splice::{Splices, line_break, line_end, line_start};
use crate::tree::{self, Document, Entries, Kind, Layout, Node, entry};
use crate::verify;
use granit_parser::ScalarStyle;

/// A kustomization after an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole file; the same bytes where all was already so.
    pub text: String,
    /// What the image's item says now.
    pub state: State,
}

/// Edits a kustomization.
///
/// # Errors
/// Where the file is no kustomization that can be edited without a guess.
pub fn edit(source: &str, change: &Change) -> Result<Edited, Problem> {
    if source.replace("\r\n", "").contains('\r') {
        return Err(Problem::whole("the file ends lines by a carriage return alone"));
    }
    keys::no_other_breaks(source)?;
    let document = tree::parse(source)?;
    let mut editor = Editor { source, document: &document, splices: Splices::default() };
    let state = match place::images(&document, &change.image)? {
        Images::List { items, found: Some(index), .. } => {
            let Kind::Mapping(layout, fields) = &items[index].kind else {
                return Err(Problem::at(items[index].place, "this item of `images` is not a mapping"));
            };
            let old = place::state(&document, fields)?;
            let state = old.changed(change);
            chain::check(&document, items, Some(index), &change.image, &state)?;
            editor.set_fields(*layout, fields, &old, &state)?;
            state
        }
        images => {
            let state = State::default().changed(change);
            if let Images::List { items, .. } = &images {
                chain::check(&document, items, None, &change.image, &state)?;
            }
            editor.add(&images, &change.image, &state)?;
            state
        }
    };
    if editor.splices.is_empty() {
        return Ok(Edited { text: source.to_owned(), state });
    }
    let text = editor.splices.apply(source).ok_or_else(|| Problem::editor("two changes overlap"))?;
    verify::verify(&document, &text, &change.image, &state)?;
    Ok(Edited { text, state })
}

pub(crate) struct Editor<'a> {
    pub source: &'a str,
    pub document: &'a Document,
    pub splices: Splices,
}

impl Editor<'_> {
    fn set_fields(&mut self, layout: Layout, fields: &Entries, old: &State, new: &State) -> Result<(), Problem> {
        let wanted = [&new.name, &new.tag, &new.digest];
        let had = [&old.name, &old.tag, &old.digest];
        let mut cleared: Vec<usize> = (0..3).filter(|&at| had[at].is_some() && wanted[at].is_none()).collect();
        // The field that a new one is put after, by what people and kustomize write: name, newName, newTag, digest.
        let mut after = entry(fields, "name");
        for at in 0..3 {
            let existing = entry(fields, FIELDS[at]);
            if let Some(text) = wanted[at] {
                if let Some((key, value)) = existing {
                    self.set(layout, key, value, text)?;
                } else if let Some(position) = (at > 0).then(|| cleared.iter().position(|&other| other > 0)).flatten() {
                    // A tag that becomes a digest, or the reverse, stays in its line.
                    let (key, value) = entry(fields, FIELDS[cleared.remove(position)])
                        .ok_or_else(|| Problem::editor("a field that was there is gone"))?;
                    place::not_shared(self.document, key)?;
                    self.splices.replace(key.span.clone(), renamed(&self.source[key.span.clone()], FIELDS[at]));
                    self.set(layout, key, value, text)?;
                } else {
                    let (key, value) =
                        after.ok_or_else(|| Problem::editor("an item without a name was taken for the image's"))?;
                    self.insert_after(layout, fields, (key, value), FIELDS[at], text)?;
                }
            }
            if existing.is_some_and(|(_, value)| !value.is_absent()) && !cleared.contains(&at) {
                after = existing;
            }
        }
        for at in cleared {
            self.remove(layout, fields, FIELDS[at])?;
        }
        Ok(())
    }

    /// Replaces a value, unless it says so already.
    fn set(&mut self, layout: Layout, key: &Node, value: &Node, text: &str) -> Result<(), Problem> {
        let quotes = self.quotes();
        let Some((old, style)) = place::resolved(self.document, value) else {
            return Err(Problem::at(value.place, "this value is not a text"));
        };
        let mistaken = style == ScalarStyle::Plain && value.tag.is_none() && scalar::retyped(text);
        if old == text && !mistaken {
            return Ok(());
        }
        if value.tag.as_deref().is_some_and(|tag| tag != "!!str") {
            return Err(Problem::at(value.place, "this value has a tag"));
        }
        if let Kind::Alias(_) = value.kind {
            // In the place of the alias alone; the anchor keeps its value.
            self.splices.replace(value.span.clone(), scalar::write(text, ScalarStyle::Plain, quotes, layout));
            return Ok(());
        }
        place::not_shared(self.document, value)?;
        if value.is_absent() {
            if value.anchor > 0 || value.tag.is_some() {
                return Err(Problem::at(value.place, "this value is an anchor or a tag alone"));
            }
            let colon = self.colon(key)?;
            self.splices.insert(colon, format!(" {}", scalar::write(text, ScalarStyle::Plain, quotes, layout)));
            return Ok(());
        }
        if is_block(value) {
            return self.set_block(layout, key, value, text);
        }
        if self.source[value.span.clone()].contains('\n') {
            return Err(Problem::at(key.place, "this value spans several lines"));
        }
        self.splices.replace(value.span.clone(), scalar::write(text, style, quotes, layout));
        Ok(())
    }

    /// Makes a block of lines a text in the line of its key. Comments within would be lost.
    fn set_block(&mut self, layout: Layout, key: &Node, value: &Node, text: &str) -> Result<(), Problem> {
        let header = self.header(key, value)?;
        let head = line_end(self.source, header.start);
        let end = self.block_end(key, value)?;
        if self.chomping(&header) != Some('-') || self.document.comment_in(&(head..end)).is_some() {
            return Err(Problem::at(key.place, "this value spans several lines"));
        }
        self.splices.replace(header, scalar::write(text, ScalarStyle::Plain, self.quotes(), layout));
        self.splices.replace(head..end, String::new());
        Ok(())
    }

    fn insert_after(
        &mut self,
        layout: Layout,
        fields: &Entries,
        (key, value): (&Node, &Node),
        name: &str,
        text: &str,
    ) -> Result<(), Problem> {
        let style = match entry(fields, "newTag").or_else(|| entry(fields, "name")).map(|(_, value)| &value.kind) {
            Some(Kind::Scalar(_, style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted))) => *style,
            _ => ScalarStyle::Plain,
        };
        let field = format!(
            "{}: {}",
            renamed(&self.source[key.span.clone()], name),
            scalar::write(text, style, self.quotes(), layout)
        );
        if layout == Layout::Flow {
            self.splices.insert(value.span.end, format!(", {field}"));
            return Ok(());
        }
        let indent = " ".repeat(self.column(key)?);
        let at = self.last_line_end(key, value)?;
        self.splices.insert(at, format!("{}{indent}{field}", line_break(self.source, at)));
        Ok(())
    }

    /// The quotes that the file prefers.
    pub fn quotes(&self) -> ScalarStyle {
        let (single, double) = self.document.quotes;
        if single > double { ScalarStyle::SingleQuoted } else { ScalarStyle::DoubleQuoted }
    }

    /// Just behind the colon of a key without a value.
    pub fn colon(&self, key: &Node) -> Result<usize, Problem> {
        let rest = &self.source[key.span.end..];
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        if rest[spaces..].starts_with(':') {
            Ok(key.span.end + spaces + 1)
        } else {
            Err(Problem::at(key.place, "this key has no colon behind it"))
        }
    }

    /// Where an entry ends.
    pub fn end(&self, key: &Node, value: &Node) -> Result<usize, Problem> {
        if value.is_absent() { self.colon(key) } else { Ok(value.span.end) }
    }

    /// The column, from 0, of a key that begins a line, or follows only dashes.
    pub fn column(&self, key: &Node) -> Result<usize, Problem> {
        let begin = self.document.start(key);
        let prefix = &self.source[line_start(self.source, begin)..begin];
        if prefix.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
            Ok(prefix.len())
        } else {
            Err(Problem::at(key.place, "this key does not begin its line"))
        }
    }
}

/// A key in the quotes of another one.
pub(crate) fn renamed(old: &str, name: &str) -> String {
    match old.chars().next() {
        Some(quote @ ('"' | '\'')) => format!("{quote}{name}{quote}"),
        _ => name.to_owned(),
    }
}
