//! How much work an expression can be at most, found before it runs: CEL ends always, but `x + x` in a chain of macros
//! doubles with each link, and an evaluator cannot be interrupted.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use serde_json::Value;
use std::rc::Rc;

/// The most work, in bytes looked at or copied: well below a second.
const MOST_WORK: f64 = 50_000_000.0;
/// The most rounds of all macros together.
const MOST_ROUNDS: f64 = 1_000_000.0;
/// The largest collection that a macro may walk.
const MOST_ITEMS: f64 = 65_536.0;
/// The largest value that may come up on the way, in bytes.
const LARGEST: f64 = 16_777_216.0;
/// The largest result, in bytes.
pub(crate) const LARGEST_RESULT: usize = 1 << 20;

/// An upper bound of a value.
#[derive(Clone)]
struct Bound<'a> {
    /// Items, where it is a collection.
    items: f64,
    /// Bytes, all within it counted.
    bytes: f64,
    /// Its largest item.
    item: Option<Rc<Bound<'a>>>,
    /// The value itself, where it comes from the scope.
    known: Option<&'a Value>,
}

impl<'a> Bound<'a> {
    fn small() -> Self {
        Self { items: 0.0, bytes: 16.0, item: None, known: None }
    }

    fn text(bytes: f64) -> Self {
        Self { bytes: bytes + 16.0, ..Self::small() }
    }

    fn of(value: &'a Value) -> Self {
        let items = match value {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        Self { items: items as f64, bytes: bytes_of(value), item: None, known: Some(value) }
    }

    fn largest_item(&self) -> Self {
        if let Some(item) = &self.item {
            return (**item).clone();
        }
        match self.known {
            Some(Value::Array(items)) => items.iter().map(Bound::of).fold(Self::small(), Self::or),
            Some(Value::Object(fields)) => {
                // A macro walks the keys, an index gives a value; either may be meant.
                let keys = fields.keys().map(|k| k.len()).max().unwrap_or(0);
                fields.values().map(Bound::of).fold(Self::text(keys as f64), Self::or)
            }
            _ => Self { known: None, ..self.clone() },
        }
    }

    /// Whichever of the two is larger, part by part.
    fn or(self, other: Self) -> Self {
        let item = match (&self.item, &other.item, self.known, other.known) {
            (None, None, None, None) => None,
            _ => Some(Rc::new(self.clone().inner().merge(other.clone().inner()))),
        };
        Self { items: self.items.max(other.items), bytes: self.bytes.max(other.bytes), item, known: None }
    }

    /// The item without looking further into it.
    fn inner(self) -> Self {
        match self.item {
            Some(item) => Self { known: None, ..(*item).clone() },
            None => Self { items: self.items, bytes: self.bytes, item: None, known: None },
        }
    }

    fn merge(self, other: Self) -> Self {
        Self { items: self.items.max(other.items), bytes: self.bytes.max(other.bytes), item: None, known: None }
    }
}

/// Bytes of a value, roughly as its JSON.
pub(crate) fn bytes_of(value: &Value) -> f64 {
    16.0 + match value {
        Value::String(text) => text.len() as f64,
        Value::Array(items) => items.iter().map(bytes_of).sum(),
        Value::Object(fields) => fields.iter().map(|(k, v)| k.len() as f64 + bytes_of(v)).sum(),
        _ => 0.0,
    }
}

/// Work so far.
#[derive(Default)]
struct Meter {
    work: f64,
    rounds: f64,
}

/// The variables of an expression and the bytes of the changed paths.
pub(crate) struct Known<'a> {
    pub(crate) variables: &'a dyn Fn(&str) -> Option<&'a Value>,
    pub(crate) changed_bytes: f64,
    pub(crate) changed_paths: f64,
}

/// Why an expression could be too much work; fine where `Ok`.
pub(crate) fn check(expression: &IdedExpr, known: &Known<'_>) -> Result<(), String> {
    let mut meter = Meter::default();
    let mut estimate = Estimate { known, locals: Vec::new(), meter: &mut meter };
    estimate.bound(expression).map(|_| ())
}

struct Estimate<'a, 'k> {
    known: &'k Known<'a>,
    locals: Vec<(String, Bound<'a>)>,
    meter: &'k mut Meter,
}

impl<'a> Estimate<'a, '_> {
    fn spend(&mut self, work: f64) -> Result<(), String> {
        self.meter.work += work + 1.0;
        if self.meter.work > MOST_WORK || self.meter.rounds > MOST_ROUNDS {
            return Err("it could take too much work with these values".to_owned());
        }
        Ok(())
    }

    fn made(&mut self, bound: Bound<'a>) -> Result<Bound<'a>, String> {
        if bound.bytes > LARGEST {
            return Err("a value on the way could become too large".to_owned());
        }
        self.spend(bound.bytes)?;
        Ok(bound)
    }

    fn bound(&mut self, node: &IdedExpr) -> Result<Bound<'a>, String> {
        self.spend(1.0)?;
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => Ok(Bound::text(text.inner().len() as f64)),
            Expr::Literal(LiteralValue::Bytes(bytes)) => Ok(Bound::text(bytes.inner().len() as f64)),
            Expr::Literal(_) | Expr::Unspecified | Expr::Struct(_) => Ok(Bound::small()),
            Expr::Ident(name) => {
                if let Some((_, bound)) = self.locals.iter().rev().find(|(n, _)| n == name) {
                    return Ok(bound.clone());
                }
                let value = (self.known.variables)(name.trim_start_matches('.'));
                Ok(value.map_or_else(Bound::small, Bound::of))
            }
            Expr::Select(select) => {
                let from = self.bound(&select.operand)?;
                Ok(match from.known {
                    Some(value) => value.get(&select.field).map_or_else(Bound::small, Bound::of),
                    None => from.largest_item(),
                })
            }
            Expr::List(list) => {
                let mut made = Bound { items: list.elements.len() as f64, ..Bound::small() };
                let mut largest = Bound::small();
                for element in &list.elements {
                    let bound = self.bound(element)?;
                    made.bytes += bound.bytes;
                    largest = largest.or(bound);
                }
                made.item = Some(Rc::new(largest));
                self.made(made)
            }
            Expr::Map(map) => {
                let mut made = Bound { items: map.entries.len() as f64, ..Bound::small() };
                let mut largest = Bound::small();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        for part in [&entry.key, &entry.value] {
                            let bound = self.bound(part)?;
                            made.bytes += bound.bytes;
                            largest = largest.or(bound);
                        }
                    }
                }
                made.item = Some(Rc::new(largest));
                self.made(made)
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(inner) => self.comprehension(inner),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<Bound<'a>, String> {
        let mut arguments = Vec::new();
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            arguments.push(self.bound(argument)?);
        }
        let name = call.func_name.as_str();
        if name == "_[_]" {
            if let (Some(from), Some(index)) = (arguments.first(), call.args.get(1)) {
                if let (Some(value), Expr::Literal(LiteralValue::String(key))) = (from.known, &index.expr) {
                    return Ok(value.get(key.inner()).map_or_else(Bound::small, Bound::of));
                }
                return Ok(from.largest_item());
            }
            return Ok(Bound::small());
        }
        let bytes: f64 = arguments.iter().map(|a| a.bytes).sum();
        match name {
            "_+_" => {
                let items = arguments.iter().map(|a| a.items).sum();
                let item = arguments.iter().map(Bound::largest_item).reduce(Bound::or);
                self.made(Bound { items, bytes, item: item.map(Rc::new), known: None })
            }
            "_?_:_" => Ok(arguments.into_iter().skip(1).reduce(Bound::or).unwrap_or_else(Bound::small)),
            "string" | "bytes" | "dyn" | "type" => self.made(Bound { bytes: bytes + 32.0, ..Bound::small() }),
            "touches" => {
                self.spend(self.known.changed_bytes + bytes)?;
                Ok(Bound::small())
            }
            "changedDirectories" => {
                let bytes = self.known.changed_bytes;
                let items = self.known.changed_paths;
                self.made(Bound { items, bytes, item: Some(Rc::new(Bound::text(bytes / items.max(1.0)))), known: None })
            }
            "matches" => {
                // Compiling costs far more than matching, and a counted repetition multiplies the pattern.
                let pattern = match call.args.last().map(|a| &a.expr) {
                    Some(Expr::Literal(LiteralValue::String(text))) => text.inner(),
                    _ => "{",
                };
                let compile = if pattern.contains('{') || pattern.contains("\\p") || pattern.contains("\\P") {
                    2_000_000.0
                } else {
                    2_000.0 + 100.0 * pattern.len() as f64
                };
                self.spend(compile + bytes)?;
                Ok(Bound::small())
            }
            // A collection knows its size; a text's characters are counted.
            "size" if arguments.iter().any(|a| a.items > 0.0) => Ok(Bound::small()),
            _ => {
                self.spend(bytes)?;
                Ok(Bound::small())
            }
        }
    }

    fn comprehension(&mut self, inner: &ComprehensionExpr) -> Result<Bound<'a>, String> {
        let range = self.bound(&inner.iter_range)?;
        let rounds = range.items;
        if rounds > MOST_ITEMS {
            return Err(format!("a macro would walk more than {MOST_ITEMS} items"));
        }
        let item = range.largest_item();
        let start = self.bound(&inner.accu_init)?;
        let (work, done) = (self.meter.work, self.meter.rounds);
        self.meter.rounds += 1.0;
        self.locals.push((inner.iter_var.clone(), item.clone()));
        self.locals.push((inner.accu_var.clone(), start));
        let step = self.bound(&inner.loop_step)?;
        let condition = self.bound(&inner.loop_cond)?;
        self.locals.truncate(self.locals.len() - 2);
        // One round was estimated; the others cost the same.
        self.meter.rounds += (self.meter.rounds - done) * (rounds - 1.0).max(0.0);
        let once = self.meter.work - work + item.bytes + condition.bytes;
        self.spend(once * rounds)?;
        self.made(Bound {
            items: step.items * rounds,
            bytes: step.bytes * rounds.max(1.0),
            item: Some(Rc::new(step.largest_item())),
            known: None,
        })
    }
}
