//! The walk through two objects at once. It never copies more than the values that it shows.

use super::list::Pairing;
use super::mask::Marks;
use super::{Change, Comparison, Step, normal, quantity};
use crate::application::Extent;
use crate::ignore::Marked;
use crate::managed::{Fields, MANAGER, others};
use crate::object::DEEPEST;
use serde_json::Value;
use std::collections::BTreeSet;

/// When a walk stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// At the first change.
    First,
    /// When all is seen.
    End,
}

/// One step of the path to where the walk is.
enum Place<'v> {
    Field(&'v str),
    Item(String),
}

pub(super) struct Walk<'a, 'v> {
    comparison: &'a Comparison<'a>,
    extent: Extent,
    until: Until,
    ignored: (Marked<'v>, Marked<'v>),
    ours: Fields,
    trusted: Fields,
    others: Vec<(&'v str, Fields)>,
    path: Vec<Place<'v>>,
    changes: Vec<Change>,
    marks: Marks,
}

/// Whose the fields are where the walk is.
#[derive(Clone, Default)]
struct Here<'f> {
    ours: Option<&'f Fields>,
    trusted: Option<&'f Fields>,
    others: Vec<(&'f str, &'f Fields)>,
}

impl<'f> Here<'f> {
    fn below(&self, step: impl Fn(&'f Fields) -> Option<&'f Fields>) -> Self {
        Self {
            ours: self.ours.and_then(&step),
            trusted: self.trusted.and_then(&step),
            others: self.others.iter().filter_map(|(name, fields)| Some((*name, step(fields)?))).collect(),
        }
    }

    fn field(&self, name: &str) -> Self {
        self.below(|fields| fields.field(name))
    }

    fn item(&self, index: usize, item: &Value) -> Self {
        self.below(|fields| fields.item(index, item))
    }

    fn is_trusted(&self) -> bool {
        self.trusted.is_some_and(Fields::is_leaf)
    }

    /// Whether an apply that no longer says the field would take it away: this host had said it, and nobody else has.
    fn is_ours_alone(&self) -> bool {
        self.ours.is_some() && self.others.is_empty()
    }
}

impl<'a, 'v> Walk<'a, 'v> {
    pub fn new(
        comparison: &'a Comparison<'a>,
        extent: Extent,
        desired: &'v Value,
        live: &'v Value,
        until: Until,
    ) -> Self {
        let Comparison { key, rules, .. } = comparison;
        Self {
            comparison,
            extent,
            until,
            ignored: (rules.marked(key, desired), rules.marked(key, live)),
            ours: Fields::of(live, &BTreeSet::from([MANAGER])),
            trusted: Fields::of(live, &rules.managers(key)),
            others: others(live),
            path: vec![],
            changes: vec![],
            marks: Marks::default(),
        }
    }

    pub fn found_any(&self) -> bool {
        !self.changes.is_empty()
    }

    pub fn changes(self) -> Vec<Change> {
        self.changes
    }

    pub fn root(&mut self, desired: &'v Value, live: &'v Value) {
        // The trees leave `self` for the time of the walk, so that it can hold parts of them while it changes.
        let (ours, trusted) = (std::mem::take(&mut self.ours), std::mem::take(&mut self.trusted));
        let others = std::mem::take(&mut self.others);
        let here = Here {
            ours: Some(&ours).filter(|f| !f.is_leaf()),
            trusted: Some(&trusted).filter(|f| !f.is_leaf()),
            others: others.iter().map(|(name, fields)| (*name, fields)).collect(),
        };
        self.value(desired, live, &here);
    }

    fn is_done(&self) -> bool {
        self.until == Until::First && self.found_any()
    }

    fn is_ignored(&self, desired: Option<&'v Value>, live: Option<&'v Value>, here: &Here<'_>) -> bool {
        desired.is_some_and(|v| self.ignored.0.has(v))
            || live.is_some_and(|v| self.ignored.1.has(v))
            || here.is_trusted()
            || normal::is_theirs(self.path.iter().map(|place| match place {
                Place::Field(name) => *name,
                Place::Item(_) => "",
            }))
    }

    fn value(&mut self, desired: &'v Value, live: &'v Value, here: &Here<'_>) {
        if self.is_done() || self.path.len() > DEEPEST || self.is_ignored(Some(desired), Some(live), here) {
            return;
        }
        match (desired, live) {
            (Value::Object(_), Value::Object(_)) => self.map(desired, live, here),
            (Value::Array(desired), Value::Array(live)) => {
                let keep = |items: &'v [Value], marked: &Marked<'v>| -> Vec<&'v Value> {
                    items.iter().filter(|item| !marked.has(item)).collect()
                };
                let (desired, live) = (keep(desired, &self.ignored.0), keep(live, &self.ignored.1));
                self.list(&desired, &live, here);
            }
            _ if self.same(desired, live) => {}
            _ => self.change(Some(live), Some(desired), here),
        }
    }

    fn map(&mut self, desired: &'v Value, live: &'v Value, here: &Here<'_>) {
        let (Some(desired), Some(live)) = (desired.as_object(), live.as_object()) else { return };
        for (name, wanted) in desired.iter().filter(|(_, wanted)| !wanted.is_null()) {
            let below = here.field(name);
            self.path.push(Place::Field(name));
            match live.get(name).filter(|has| !has.is_null()) {
                Some(has) => self.value(wanted, has, &below),
                None => self.lacking(wanted, &below),
            }
            self.path.pop();
        }
        let said = |name: &String| desired.get(name).is_some_and(|wanted| !wanted.is_null());
        for (name, has) in live.iter().filter(|(name, has)| !has.is_null() && !said(name)) {
            self.path.push(Place::Field(name));
            self.extra(has, &here.field(name));
            self.path.pop();
        }
    }

    /// Whether something within the value at hand may not count, so that it cannot be told as a whole.
    fn is_mixed(&self, marked: &Marked<'v>) -> bool {
        let in_metadata = matches!(self.path.first(), Some(Place::Field("metadata"))) && self.path.len() <= 2;
        in_metadata || !marked.is_empty()
    }

    /// What is wanted and not there. What is empty and what is absent are the same to servers.
    fn lacking(&mut self, wanted: &'v Value, here: &Here<'_>) {
        if self.is_done() || is_empty(wanted) || self.is_ignored(Some(wanted), None, here) {
            return;
        }
        match wanted {
            Value::Object(map) if self.is_mixed(&self.ignored.0) => {
                for (name, wanted) in map {
                    self.path.push(Place::Field(name));
                    self.lacking(wanted, &here.field(name));
                    self.path.pop();
                }
            }
            _ => self.change(None, Some(wanted), here),
        }
    }

    /// What is there and not wanted: it goes where the whole object is answered for, or where this host had brought it.
    fn extra(&mut self, has: &'v Value, here: &Here<'_>) {
        if self.is_done() || is_empty(has) || self.is_ignored(None, Some(has), here) {
            return;
        }
        let partly = match self.extent {
            Extent::Whole => self.is_mixed(&self.ignored.1),
            Extent::Said => here.ours.is_some_and(|ours| !ours.is_leaf()),
        };
        match has {
            Value::Object(map) if partly => {
                for (name, has) in map {
                    self.path.push(Place::Field(name));
                    self.extra(has, &here.field(name));
                    self.path.pop();
                }
            }
            Value::Array(items) if partly && self.extent == Extent::Said => {
                for (i, has) in items.iter().enumerate() {
                    self.path.push(Place::Item(i.to_string()));
                    self.extra(has, &here.item(i, has));
                    self.path.pop();
                }
            }
            _ if self.extent == Extent::Whole || here.is_ours_alone() => self.change(Some(has), None, here),
            _ => {}
        }
    }

    fn list(&mut self, desired: &[&'v Value], live: &[&'v Value], here: &Here<'_>) {
        let field = self.field().to_owned();
        let pairing = Pairing::of(&field, [desired, live]);
        if pairing == Pairing::Places {
            return self.places(desired, live, here);
        }
        for (i, wanted) in desired.iter().enumerate() {
            let partner = pairing.partner(wanted, live);
            self.path.push(Place::Item(pairing.name(wanted).unwrap_or_else(|| i.to_string())));
            match partner {
                Some((j, has)) => self.value(wanted, has, &here.item(j, has)),
                None => self.change(None, Some(wanted), &Here::default()),
            }
            self.path.pop();
        }
        for (j, has) in live.iter().enumerate().filter(|(_, has)| pairing.partner(has, desired).is_none()) {
            self.path.push(Place::Item(pairing.name(has).unwrap_or_else(|| j.to_string())));
            self.extra(has, &here.item(j, has));
            self.path.pop();
        }
        // The order of these is the order in which they run.
        if field == "initContainers" {
            self.order(pairing, desired, live, here);
        }
    }

    fn order(&mut self, pairing: Pairing, desired: &[&'v Value], live: &[&'v Value], here: &Here<'_>) {
        let names = |list: &[&Value], other: &[&Value]| -> Vec<Value> {
            let shared = list.iter().filter(|item| pairing.partner(item, other).is_some());
            shared.filter_map(|item| pairing.name(item)).map(Value::from).collect()
        };
        let (wanted, has) = (names(desired, live), names(live, desired));
        if wanted != has && !self.is_done() {
            self.record(Some(Value::Array(has)), Some(Value::Array(wanted)), here);
        }
    }

    /// A list without keys is one value to servers; still its items are compared one by one, since servers fill in defaults.
    fn places(&mut self, desired: &[&'v Value], live: &[&'v Value], here: &Here<'_>) {
        if desired.len() == live.len() {
            for (i, (wanted, has)) in desired.iter().zip(live).enumerate() {
                self.path.push(Place::Item(i.to_string()));
                self.value(wanted, has, &here.item(i, has));
                self.path.pop();
            }
        } else if !self.is_done() {
            let whole = |items: &[&Value]| Value::Array(items.iter().map(|v| (*v).clone()).collect());
            let (before, after) = (whole(live), whole(desired));
            self.record(Some(before), Some(after), here);
        }
    }

    fn same(&self, desired: &Value, live: &Value) -> bool {
        if desired == live || (desired.is_number() && live.is_number() && desired.as_f64() == live.as_f64()) {
            return true;
        }
        let mut fields = self.path.iter().rev().filter_map(|place| match place {
            Place::Field(name) => Some(*name),
            Place::Item(_) => None,
        });
        let (field, parent) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        quantity::is_at(field, parent) && quantity::same(desired, live)
    }

    /// The name of the field in which the walk is.
    fn field(&self) -> &str {
        match self.path.last() {
            Some(Place::Field(name)) => name,
            _ => "",
        }
    }

    fn change(&mut self, before: Option<&Value>, after: Option<&Value>, here: &Here<'_>) {
        if !self.is_done() {
            self.record(before.cloned(), after.cloned(), here);
        }
    }

    fn record(&mut self, before: Option<Value>, after: Option<Value>, here: &Here<'_>) {
        let top = match self.path.first() {
            Some(Place::Field(name)) => *name,
            _ => "",
        };
        let (key, marks) = (self.comparison.key, &mut self.marks);
        let mut show = |value: Option<Value>| value.map(|value| marks.show(key, top, &value));
        let (before, after) = (show(before), show(after));
        let losers = here.others.iter().filter(|_| self.extent == Extent::Said || before.is_some());
        let taken_from = losers.map(|(name, _)| (*name).to_owned()).collect();
        let step = |place: &Place<'_>| match place {
            Place::Field(name) => Step::Field((*name).to_owned()),
            Place::Item(name) => Step::Item(name.clone()),
        };
        let steps = self.path.iter().map(step).collect();
        self.changes.push(Change { path: self.text(), steps, before, after, taken_from });
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for place in &self.path {
            match place {
                Place::Item(name) => text.push_str(&format!("[{name}]")),
                Place::Field(name) if name.contains(['.', '/', '[']) => text.push_str(&format!("[{name:?}]")),
                Place::Field(name) if text.is_empty() => text.push_str(name),
                Place::Field(name) => text.push_str(&format!(".{name}")),
            }
        }
        text
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}
