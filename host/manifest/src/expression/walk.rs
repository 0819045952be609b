//! The walk through an expression's tree that finds what it mentions and what in it is unknown.

use super::{
    Analysis, COMMIT, EVENT, FIELDS, FUNCTIONS, Item, LONGEST_PATTERN, MACRO_DEPTH, MACROS, Mention, Place, Problem,
    TYPES, VARIABLES, trimmed,
};
use crate::code;
use crate::glob;
use crate::nearest::suggestion;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::{Context, Value};
use std::ops::Range;

/// A part of `a.b["c"][d]` after its root.
enum Part<'a> {
    Name(&'a str, Range<usize>),
    Computed(Range<usize>),
}

pub(super) struct Walker<'a> {
    text: &'a str,
    info: &'a SourceInfo,
    place: Place,
    /// Variables of macros, which hide those of the scope.
    locals: Vec<String>,
    macros: usize,
    found: &'a mut Analysis,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a str, info: &'a SourceInfo, place: Place, found: &'a mut Analysis) -> Self {
        Self { text, info, place, locals: Vec::new(), macros: 0, found }
    }

    fn error(&mut self, code: &'static str, range: Range<usize>, message: String, hint: Option<String>) {
        self.found.problems.push(Problem { code, range, message, hint, warning: false });
    }

    /// The place of a node's token. The parser counts characters.
    fn range(&self, id: u64) -> Range<usize> {
        let Some((start, stop)) = self.info.offset_for(id) else { return trimmed(self.text) };
        let byte = |n: u32| self.text.char_indices().nth(n as usize).map_or(self.text.len(), |(i, _)| i);
        let start = byte(start);
        start..byte(stop.saturating_add(1)).max(start)
    }

    /// The place of a field's name, which stands after the node's dot.
    fn field_range(&self, id: u64, field: &str) -> Range<usize> {
        let dot = self.range(id).start;
        match self.text[dot..].find(field) {
            Some(i) => dot + i..dot + i + field.len(),
            None => self.range(id),
        }
    }

    /// The place from the leftmost token of a node to its own.
    fn extent(&self, node: &IdedExpr) -> Range<usize> {
        let own = match &node.expr {
            Expr::Select(select) => self.field_range(node.id, &select.field),
            _ => self.range(node.id),
        };
        let left = match &node.expr {
            Expr::Select(select) => Some(&*select.operand),
            Expr::Call(call) => call.target.as_deref().or(call.args.first()),
            _ => None,
        };
        let start = left.map_or(own.start, |l| self.extent(l).start.min(own.start));
        start..own.end
    }

    pub(super) fn walk(&mut self, node: &'a IdedExpr) {
        match &node.expr {
            Expr::Ident(_) | Expr::Select(_) => self.chain(node),
            Expr::Call(call) if call.func_name == "_[_]" => self.chain(node),
            Expr::Call(call) => self.call(node, call),
            Expr::List(list) => list.elements.iter().for_each(|e| self.walk(e)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.walk(&entry.key);
                        self.walk(&entry.value);
                    }
                }
            }
            Expr::Struct(made) => {
                let message = format!("there is no type `{}`", made.type_name);
                self.error(code::EXPRESSION, self.range(node.id), message, None);
            }
            Expr::Comprehension(inner) => {
                self.walk(&inner.iter_range);
                self.macros += 1;
                if self.macros == MACRO_DEPTH + 1 {
                    let message = format!("macros are nested more than {MACRO_DEPTH} levels deep");
                    let hint = "compute it in a step and mention its output".to_owned();
                    self.error(code::EXPRESSION_SIZE, self.macro_range(node.id), message, Some(hint));
                }
                self.locals.push(inner.iter_var.clone());
                self.locals.push(inner.accu_var.clone());
                self.walk(&inner.accu_init);
                self.walk(&inner.loop_cond);
                self.walk(&inner.loop_step);
                self.walk(&inner.result);
                self.locals.truncate(self.locals.len() - 2);
                self.macros -= 1;
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    /// `a.b["c"]` as a whole, because what a field means depends on its root.
    fn chain(&mut self, node: &'a IdedExpr) {
        let mut parts = Vec::new();
        let mut at = node;
        loop {
            match &at.expr {
                Expr::Select(select) => {
                    parts.push(Part::Name(&select.field, self.field_range(at.id, &select.field)));
                    at = &select.operand;
                }
                Expr::Call(call) if call.func_name == "_[_]" && call.args.len() == 2 => {
                    let index = &call.args[1];
                    parts.push(match &index.expr {
                        Expr::Literal(LiteralValue::String(name)) => Part::Name(name.inner(), self.range(index.id)),
                        _ => {
                            self.walk(index);
                            Part::Computed(self.extent(index))
                        }
                    });
                    at = &call.args[0];
                }
                Expr::Ident(name) => {
                    parts.reverse();
                    let name = name.trim_start_matches('.');
                    if !self.locals.iter().any(|l| l == name) {
                        self.root(name, self.range(at.id), &parts);
                    }
                    return;
                }
                _ => {
                    self.walk(at);
                    return;
                }
            }
        }
    }

    fn root(&mut self, name: &str, range: Range<usize>, parts: &[Part<'_>]) {
        if !VARIABLES.contains(&name) {
            if !TYPES.contains(&name) {
                let known = VARIABLES.iter().copied().filter(|v| match *v {
                    "item" => self.place.item,
                    "inputs" | "environment" => self.place.given,
                    "secrets" => self.place.secrets,
                    _ => true,
                });
                let hint = suggestion(name, known);
                self.error(code::UNKNOWN_VARIABLE, range, format!("there is no variable `{name}`"), hint);
            }
            return;
        }
        if !self.found.variables.iter().any(|v| v == name) {
            self.found.variables.push(name.to_owned());
        }
        match name {
            "item" if !self.place.item => {
                let hint = "only steps with a `forEach`, or in a group with one, have an item; a `when` beside a `forEach` has none yet".to_owned();
                self.error(code::NOT_HERE, range, "there is no `item` here".to_owned(), Some(hint));
            }
            "inputs" | "environment" if !self.place.given => {
                let message = format!("`{name}` has no meaning yet: nothing gives {name} to a run in this version");
                let hint = "take the value from `event`, or from the outputs of a step".to_owned();
                self.error(code::NOT_BUILT, range, message, Some(hint));
            }
            "steps" if !self.place.steps => {
                let message = "no step has run when this is evaluated".to_owned();
                self.error(code::NOT_HERE, range, message, None);
            }
            "steps" => self.mention(range, parts),
            "secrets" if !self.place.secrets => {
                let message = "a secret can only be given to a step, through `with` or `env`".to_owned();
                self.error(code::NOT_HERE, range, message, None);
            }
            "secrets" => self.secret(range, parts),
            "event" => {
                self.event_field(&EVENT, "an event", parts.first());
                if let Some(Part::Name("commit", _)) = parts.first() {
                    self.event_field(&COMMIT, "a commit", parts.get(1));
                }
            }
            _ => {}
        }
    }

    fn event_field(&mut self, known: &[&str], what: &str, part: Option<&Part<'_>>) {
        if let Some(Part::Name(field, range)) = part
            && !known.contains(field)
        {
            let hint = suggestion(field, known.iter().copied());
            let message = format!("{what} has no field `{field}`");
            // A webhook's event may carry more than this build knows, hence no error.
            let range = range.clone();
            self.found.problems.push(Problem { code: code::EVENT_FIELD, range, message, hint, warning: true });
        }
    }

    /// A secret is a name and nothing else: which ones a step is given must be seen before it runs.
    fn secret(&mut self, range: Range<usize>, parts: &[Part<'_>]) {
        match parts {
            [Part::Name(name, _)] => {
                if !self.found.secrets.iter().any(|known| known == name) {
                    self.found.secrets.push((*name).to_owned());
                }
            }
            _ => {
                let message = "the expression does not say which secret it means".to_owned();
                let hint = "write `secrets.NAME` or `secrets[\"NAME\"]`, with the name of a credential".to_owned();
                self.error(code::DYNAMIC_SECRET, range, message, Some(hint));
            }
        }
    }

    fn mention(&mut self, range: Range<usize>, parts: &[Part<'_>]) {
        let (step, at) = match parts.first() {
            Some(Part::Name(step, at)) => (*step, at.clone()),
            other => {
                let range = if let Some(Part::Computed(at)) = other { at.clone() } else { range };
                let message = "the expression does not say which step it means".to_owned();
                let hint = "write the step's name: `steps.NAME` or `steps[\"NAME\"]`; needs are found from it";
                self.error(code::DYNAMIC_STEP, range, message, Some(hint.to_owned()));
                return;
            }
        };
        let mut rest = &parts[1..];
        let mut item = None;
        match rest.first() {
            Some(Part::Name(name, range)) if !FIELDS.contains(name) => {
                let dotted = self.text[..range.start].trim_end().ends_with('.');
                item = Some(Item { text: Some((*name).to_owned()), dotted, range: range.clone() });
            }
            Some(Part::Computed(range)) => item = Some(Item { text: None, dotted: false, range: range.clone() }),
            _ => {}
        }
        if item.is_some() {
            rest = &rest[1..];
        }
        let (mut output, mut unknown) = (None, None);
        match rest {
            [Part::Name("status", _), ..] => self.found.asks_status = true,
            [Part::Name("outputs", _), Part::Name(name, at), ..] => output = Some(((*name).to_owned(), at.clone())),
            [Part::Name(name, at), ..] if !FIELDS.contains(name) => unknown = Some(((*name).to_owned(), at.clone())),
            _ => {}
        }
        self.found.mentions.push(Mention { step: step.to_owned(), range: at, item, unknown, output });
    }

    fn call(&mut self, node: &'a IdedExpr, call: &'a CallExpr) {
        if let Some(target) = &call.target {
            self.walk(target);
        }
        call.args.iter().for_each(|a| self.walk(a));
        let name = call.func_name.as_str();
        // Operators are calls too; their names are no identifiers.
        if !name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) {
            return;
        }
        let range = self.function_range(node.id, name);
        if let Some((_, form)) = MACROS.iter().find(|(m, _)| *m == name) {
            let message = format!("`{name}` is not called like this");
            self.error(code::UNKNOWN_FUNCTION, range, message, Some(format!("write `{form}`")));
            return;
        }
        if name != "dyn" && !FUNCTIONS.contains(&name) {
            let all: Vec<&str> = FUNCTIONS.iter().copied().chain(MACROS.iter().map(|(m, _)| *m)).collect();
            let hint = crate::nearest::nearest(name, all).map(|n| format!("did you mean `{n}`?"));
            self.error(code::UNKNOWN_FUNCTION, range, format!("there is no function `{name}`"), hint);
            return;
        }
        let count = call.args.len() + usize::from(call.target.is_some());
        match name {
            "success" | "failure" | "always" => {
                self.found.asks_status = true;
                if count != 0 {
                    self.error(code::UNKNOWN_FUNCTION, range, format!("`{name}()` takes nothing"), None);
                }
            }
            "touches" | "changedDirectories" => {
                if name == "changedDirectories" && !self.place.directories {
                    let message =
                        "`changedDirectories` gives the items of a `forEach` and has no meaning here".to_owned();
                    self.error(code::NOT_HERE, range, message, None);
                } else if count != 1 || call.target.is_some() {
                    let hint = format!("write `{name}('path/**')`");
                    self.error(code::UNKNOWN_FUNCTION, range, format!("`{name}` takes one glob"), Some(hint));
                } else if let Expr::Literal(LiteralValue::String(text)) = &call.args[0].expr
                    && let Err(why) = glob::compile(text.inner())
                {
                    let message = format!("`{}` is not a glob: {why}", text.inner());
                    self.error(code::BAD_GLOB, self.range(call.args[0].id), message, None);
                }
            }
            "matches" => self.pattern(call, range),
            _ => {}
        }
    }

    /// The place of a called function's name: the node's own token may be the name, the dot or the bracket.
    fn function_range(&self, id: u64, name: &str) -> Range<usize> {
        let token = self.range(id);
        let before = self.text[..token.end].rfind(name);
        let after = self.text[token.start..].find(name).map(|i| i + token.start);
        match before.or(after) {
            Some(i) => i..i + name.len(),
            None => token,
        }
    }

    /// The place of a macro's name, which stands before the node's bracket.
    fn macro_range(&self, id: u64) -> Range<usize> {
        let token = self.range(id);
        let before = &self.text[..token.start];
        let name = before.len() - before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        if name == 0 { token } else { token.start - name..token.start }
    }

    /// A pattern must be written down: one from outside could take megabytes to compile.
    fn pattern(&mut self, call: &CallExpr, range: Range<usize>) {
        let Some(argument) = call.args.last() else { return };
        let Expr::Literal(LiteralValue::String(pattern)) = &argument.expr else {
            let message = "the pattern of `matches` must be written as text".to_owned();
            self.error(code::BAD_PATTERN, range, message, None);
            return;
        };
        let at = self.range(argument.id);
        if pattern.inner().len() > LONGEST_PATTERN {
            let message = format!("the pattern has more than {LONGEST_PATTERN} bytes");
            self.error(code::BAD_PATTERN, at, message, None);
            return;
        }
        // The evaluator's own regular expressions are asked, so that the two never disagree.
        let probe = IdedExpr {
            id: 0,
            expr: Expr::Call(CallExpr {
                func_name: "matches".to_owned(),
                target: None,
                args: vec![
                    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::String(String::new().into())) },
                    argument.clone(),
                ],
            }),
        };
        if Value::resolve(&probe, &Context::default()).is_err() {
            let message = format!("`{}` is not a regular expression, or too large a one", pattern.inner());
            self.error(code::BAD_PATTERN, at, message, None);
        }
    }
}
