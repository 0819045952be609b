//! Adds an item for an image that a kustomization does not name yet, in the file's own style.

use crate::edit::{Editor, renamed};
use crate::image::State;
use crate::place::{self, FIELDS, Images};
use crate::problem::Problem;
use crate::scalar;
use crate::splice::{line_break, line_end, line_start};
use crate::tree::{Entries, Kind, Layout, Node, entry};
use granit_parser::ScalarStyle;

impl Editor<'_> {
    /// Adds an item for an image that has none.
    pub fn add(&mut self, images: &Images<'_>, image: &str, state: &State) -> Result<(), Problem> {
        match images {
            Images::List { layout: Layout::Block, items, .. } => self.add_to_block(items, image, state),
            Images::List { node, items, .. } => self.add_to_flow(node, items, image, state),
            Images::Empty(key, value) => self.add_to_nothing(key, value, image, state),
            Images::Missing => self.add_images(image, state),
        }
    }

    /// After the last item, in its indentation and quotes.
    fn add_to_block(&mut self, items: &[Node], image: &str, state: &State) -> Result<(), Problem> {
        let Some(last) = items.last() else { return Err(Problem::editor("a block list without items")) };
        let Kind::Mapping(_, fields) = &last.kind else {
            return Err(Problem::at(last.place, "this item of `images` is not a mapping"));
        };
        let Some((first, _)) = fields.first() else {
            return Err(Problem::at(last.place, "this item of `images` has no name"));
        };
        let flow = matches!(last.kind, Kind::Mapping(Layout::Flow, _));
        let begin =
            if flow { self.document.start(last) } else { self.document.start(last).min(self.document.start(first)) };
        let (indent, gap) = self.dash(last, begin)?;
        let end = match fields.last() {
            Some((key, value)) if !flow => self.last_line_end(key, value)?,
            _ => line_end(self.source, last.span.end),
        };
        let at = self.behind_comments(end, indent.len());
        let newline = line_break(self.source, at);
        let style = entry(fields, "name").map_or(ScalarStyle::Plain, |(_, name)| quotes_of(name));
        let item = self.block_item(&indent, &gap, newline, style, image, state);
        self.splices.insert(at, format!("{newline}{item}"));
        Ok(())
    }

    /// The indentation of the dash before an item, and the blanks behind it. The item may begin in a later line.
    fn dash(&self, item: &Node, begin: usize) -> Result<(String, String), Problem> {
        let none = || Problem::at(item.place, "this item of `images` does not begin with a dash in its own line");
        let mut start = line_start(self.source, begin);
        let mut line = &self.source[start..begin];
        let mut same_line = true;
        loop {
            let text = line.trim_start_matches(' ');
            let indent = &line[..line.len() - text.len()];
            if let Some(rest) = text.strip_prefix('-') {
                let blanks = &rest[..rest.len() - rest.trim_start_matches(' ').len()];
                return match (same_line, rest.len() - blanks.len()) {
                    (true, 0) if !blanks.is_empty() => Ok((indent.to_owned(), blanks.to_owned())),
                    (false, 0) => Ok((indent.to_owned(), " ".to_owned())),
                    (false, _) if !blanks.is_empty() && rest.trim_start().starts_with('#') => {
                        Ok((indent.to_owned(), " ".to_owned()))
                    }
                    _ => Err(none()),
                };
            }
            // Between the dash and the item there may be empty lines and comments.
            if !text.trim().is_empty() && (same_line || !text.starts_with('#')) {
                return Err(none());
            }
            same_line = false;
            let Some(before) = self.source[..start].strip_suffix('\n') else { return Err(none()) };
            start = line_start(self.source, before.len());
            line = before[start..].trim_end_matches('\r');
        }
    }

    /// In the place of null, or of nothing.
    fn add_to_nothing(&mut self, key: &Node, value: &Node, image: &str, state: &State) -> Result<(), Problem> {
        let (root, entries) = place::root(self.document)?;
        let colon = self.colon(key)?;
        let end = value.tag_span.as_ref().map_or(0, |tag| tag.end);
        let end = if value.is_absent() { end.max(colon) } else { end.max(value.span.end) };
        if root == Layout::Block && !self.source[colon..end].contains('\n') {
            let indent = " ".repeat(self.column(key)? + self.dash_indent(entries));
            let at = line_end(self.source, end);
            let newline = line_break(self.source, at);
            let item = self.block_item(&indent, " ", newline, ScalarStyle::Plain, image, state);
            self.splices.replace(colon..end, String::new());
            self.splices.insert(at, format!("{newline}{item}"));
            return Ok(());
        }
        let style = if root == Layout::Flow { quotes_of(key) } else { ScalarStyle::Plain };
        let list = format!("[{}]", self.flow_item(style, style != ScalarStyle::Plain, image, state));
        if end == colon {
            self.splices.insert(colon, format!(" {list}"));
        } else {
            self.splices.replace(self.document.start(value)..end, list);
        }
        Ok(())
    }

    fn add_to_flow(&mut self, list: &Node, items: &[Node], image: &str, state: &State) -> Result<(), Problem> {
        let Some(last) = items.last() else {
            self.splices.insert(list.span.start + 1, self.flow_item(ScalarStyle::Plain, false, image, state));
            return Ok(());
        };
        let (quoted_keys, style) = match &last.kind {
            Kind::Mapping(_, fields) => (
                fields.first().is_some_and(|(key, _)| quotes_of(key) != ScalarStyle::Plain),
                entry(fields, "name").map_or(ScalarStyle::Plain, |(_, name)| quotes_of(name)),
            ),
            _ => (false, ScalarStyle::Plain),
        };
        let item = self.flow_item(style, quoted_keys, image, state);
        self.splices.insert(last.span.end, format!(", {item}"));
        Ok(())
    }

    /// `images` at the end of the file.
    fn add_images(&mut self, image: &str, state: &State) -> Result<(), Problem> {
        place::not_shared(self.document, &self.document.root)?;
        let (layout, entries) = place::root(self.document)?;
        let Some((first, _)) = entries.first() else {
            return Err(Problem::at(self.document.root.place, "the file holds nothing yet"));
        };
        if layout == Layout::Flow {
            let quoted = quotes_of(first);
            let key = renamed(&self.source[first.span.clone()], "images");
            let item = self.flow_item(quoted, quoted != ScalarStyle::Plain, image, state);
            let Some((last, value)) = entries.last() else { return Err(Problem::editor("a mapping lost its entries")) };
            let end = self.end(last, value)?;
            // Some readers take a comma right behind the colon for a part of the key.
            let gap = if value.is_absent() { " " } else { "" };
            self.splices.insert(end, format!("{gap}, {key}: [{item}]"));
            return Ok(());
        }
        if self.document.ends_explicitly {
            return Err(Problem::whole("the document is ended by `...`, so nothing can be added at its end"));
        }
        let ended = self.source.ends_with('\n');
        if let Some((key, value)) = entries.last()
            && !ended
            && self.grows(key, value)
        {
            let leaf = value.last_leaf();
            return Err(Problem::at(leaf.place, "a line break after this block would become a part of it"));
        }
        let column = self.column(first)?;
        let end = if ended { self.source.len() - 1 } else { self.source.len() };
        let newline = line_break(self.source, end);
        let indent = " ".repeat(column + self.dash_indent(entries));
        let item = self.block_item(&indent, " ", newline, ScalarStyle::Plain, image, state);
        let text = format!("{}images:{newline}{item}", " ".repeat(column));
        let text = if ended { text + newline } else { format!("{newline}{text}") };
        self.splices.insert(self.source.len(), text);
        Ok(())
    }

    /// By how much the file indents the dashes of a list below its key.
    fn dash_indent(&self, entries: &Entries) -> usize {
        let indents = entries.iter().filter_map(|(key, value)| {
            let Kind::Sequence(Layout::Block, items) = &value.kind else { return None };
            let item = items.first()?;
            let line = &self.source[line_start(self.source, item.span.start)..];
            let dash = line.len() - line.trim_start_matches(' ').len();
            line[dash..].starts_with('-').then(|| dash.checked_sub(self.column(key).ok()?)).flatten()
        });
        indents.into_iter().next().unwrap_or(0)
    }

    fn block_item(
        &self,
        indent: &str,
        gap: &str,
        newline: &str,
        style: ScalarStyle,
        image: &str,
        state: &State,
    ) -> String {
        let fields = self.fields(Layout::Block, style, false, image, state);
        let separator = format!("{newline}{indent} {gap}");
        format!("{indent}-{gap}{}", fields.join(&separator))
    }

    fn flow_item(&self, style: ScalarStyle, quoted_keys: bool, image: &str, state: &State) -> String {
        format!("{{{}}}", self.fields(Layout::Flow, style, quoted_keys, image, state).join(", "))
    }

    fn fields(&self, layout: Layout, style: ScalarStyle, quoted: bool, image: &str, state: &State) -> Vec<String> {
        let values = [Some(image), state.name.as_deref(), state.tag.as_deref(), state.digest.as_deref()];
        let keys = ["name"].into_iter().chain(FIELDS);
        let quote = if quoted { "\"" } else { "" };
        keys.zip(values)
            .filter_map(|(key, value)| {
                let value = scalar::write(value?, style, self.quotes(), layout);
                Some(format!("{quote}{key}{quote}: {value}"))
            })
            .collect()
    }
}

fn quotes_of(node: &Node) -> ScalarStyle {
    match node.kind {
        Kind::Scalar(_, style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)) => style,
        _ => ScalarStyle::Plain,
    }
}
