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
            Images::List { layout: Layout::Flow, node, items, .. } => self.add_to_flow(node, items, image, state),
            Images::Empty(key) => {
                let (layout, entries) = place::root(self.document)?;
                if layout == Layout::Flow {
                    return Err(Problem::at(key.place, "`images` has no value"));
                }
                let indent = self.column(key)? + self.dash_indent(entries);
                let at = line_end(self.source, self.colon(key)?);
                let item = self.block_item(&" ".repeat(indent), " ", ScalarStyle::Plain, image, state);
                self.splices.insert(at, format!("{}{item}", line_break(self.source)));
                Ok(())
            }
            Images::Missing => self.add_images(image, state),
        }
    }

    /// After the last item, in its indentation and quotes.
    fn add_to_block(&mut self, items: &[Node], image: &str, state: &State) -> Result<(), Problem> {
        let Some(last) = items.last() else { return Err(Problem::editor("a block list without items")) };
        let Kind::Mapping(_, fields) = &last.kind else {
            return Err(Problem::at(last.place, "this item of `images` is not a mapping"));
        };
        let first = fields.first().map_or(last, |(key, _)| key);
        let begin =
            if matches!(last.kind, Kind::Mapping(Layout::Flow, _)) { last.span.start } else { first.span.start };
        let prefix = &self.source[line_start(self.source, begin)..begin];
        let indent = prefix.len() - prefix.trim_start_matches(' ').len();
        let gap = prefix[indent..].strip_prefix('-').filter(|gap| !gap.is_empty() && gap.bytes().all(|b| b == b' '));
        let Some(gap) = gap else {
            return Err(Problem::at(last.place, "this item of `images` does not begin with a dash in its own line"));
        };
        let leaf = last.last_leaf();
        if matches!(leaf.kind, Kind::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded)) || leaf.is_absent() {
            return Err(Problem::at(leaf.place, "the last value of `images` has no end that is certain"));
        }
        let style = entry(fields, "name").map_or(ScalarStyle::Plain, |(_, name)| quotes_of(name));
        let item = self.block_item(&prefix[..indent], gap, style, image, state);
        let at = line_end(self.source, leaf.span.end);
        self.splices.insert(at, format!("{}{item}", line_break(self.source)));
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
            self.splices.insert(end, format!(", {key}: [{item}]"));
            return Ok(());
        }
        if self.document.ends_explicitly {
            return Err(Problem::whole("the document is ended by `...`, so nothing can be added at its end"));
        }
        let ended = self.source.ends_with('\n');
        let leaf = self.document.root.last_leaf();
        if !ended && matches!(leaf.kind, Kind::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded)) {
            return Err(Problem::at(leaf.place, "a line break after this block would become a part of it"));
        }
        let column = self.column(first)?;
        let newline = line_break(self.source);
        let indent = " ".repeat(column + self.dash_indent(entries));
        let item = self.block_item(&indent, " ", ScalarStyle::Plain, image, state);
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

    fn block_item(&self, indent: &str, gap: &str, style: ScalarStyle, image: &str, state: &State) -> String {
        let fields = self.fields(Layout::Block, style, false, image, state);
        let separator = format!("{}{indent} {gap}", line_break(self.source));
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
