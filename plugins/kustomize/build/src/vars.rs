//! Vars: `$(NAME)` in certain fields becomes the value of a field of an object.

use std::collections::{BTreeMap, BTreeSet};

use kustomize_yaml::{Kind, Node, Scalar, number};

use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec};
use crate::kustomization::Var;
use crate::path;
use crate::resources::Resources;

/// The vars of a build, by name.
#[derive(Debug, Clone, Default)]
pub struct Vars(BTreeMap<String, Var>);

/// What a var stands for.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// Where it is all of a field it keeps its kind; `part` is what it is as a part of a text.
    Scalar { whole: Scalar, part: String },
    /// A mapping or a list: such a var stays as it is written.
    Unusable,
}

impl Vars {
    /// Notes which objects the vars of a kustomization look at, and adds them.
    ///
    /// # Errors
    /// A var that may mean several objects, and a name that comes twice.
    pub fn add(&mut self, vars: &[Var], resources: &mut Resources) -> Result<()> {
        for var in vars {
            let target = &var.target;
            let mut matching: Vec<_> = resources
                .list_mut()
                .iter_mut()
                .filter(|resource| {
                    resource
                        .ids()
                        .any(|id| if target.namespace.is_empty() { target.same_gvkn(id) } else { target.same(id) })
                })
                .collect();
            match &mut matching[..] {
                [] => {}
                [only] => only.vars.push(var.name.clone()),
                many => {
                    let what =
                        format!("found {} resId matches for var {} (unable to disambiguate)", many.len(), var.name);
                    return Err(Error::transform("vars", what));
                }
            }
        }
        vars.iter().try_for_each(|var| self.insert(var.clone()))
    }

    /// Adds those of a kustomization that this one builds on.
    ///
    /// # Errors
    /// A name that comes twice.
    pub fn merge(&mut self, more: Vars) -> Result<()> {
        more.0.into_values().try_for_each(|var| self.insert(var))
    }

    fn insert(&mut self, var: Var) -> Result<()> {
        if self.0.contains_key(&var.name) {
            return Err(Error::transform("vars", format!("var '{}' already encountered", var.name)));
        }
        self.0.insert(var.name.clone(), var);
        Ok(())
    }

    /// Replaces vars in all fields of `specs`. Returns a warning for each that is nowhere.
    ///
    /// # Errors
    /// A var without an object or field, and fields of a shape that vars are not replaced in.
    pub fn resolve(&self, resources: &mut Resources, specs: &[FieldSpec]) -> Result<Vec<String>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.0.values().map(|var| Ok((var.name.as_str(), value(var, resources)?)));
        let values: BTreeMap<&str, Value> = values.collect::<Result<_>>()?;
        let mut expander = Expander { values: &values, used: BTreeSet::new() };
        for resource in resources.list_mut() {
            let gvk = resource.id().gvk.clone();
            for spec in specs {
                resource.changing_shared(|node| {
                    spec.apply(&gvk, node, Create::Never, &mut |node, _| expander.field(node))
                })?;
            }
        }
        let unused = values.keys().filter(|name| !expander.used.contains(**name));
        Ok(unused.map(|name| format!("well-defined vars that were never replaced: {name}")).collect())
    }
}

fn value(var: &Var, resources: &Resources) -> Result<Value> {
    let Some(object) = resources.iter().find(|resource| resource.vars.contains(&var.name)) else {
        let what = format!("var '{}' cannot be mapped to a field in the set of known resources", var.name);
        return Err(Error::transform("vars", what));
    };
    let found = path::lookup(object.node(), &path::split_indexed(&var.field_path)).ok().flatten();
    match found {
        None => {
            let what = format!("field '{}' of var '{}' not found in corresponding resource", var.field_path, var.name);
            Err(Error::transform("vars", what))
        }
        Some(Node::Scalar(scalar)) => primitive(scalar).ok_or_else(|| {
            Error::transform("vars", format!("'{}' of var '{}' is no value that vars have", scalar.text, var.name))
        }),
        Some(_) => Ok(Value::Unusable),
    }
}

/// Numbers as Go prints them: a float has an exponent in a text, and none where it stands alone.
fn primitive(scalar: &Scalar) -> Option<Value> {
    let whole = match scalar.kind {
        _ if scalar.is_string() => Scalar::string(scalar.text.as_str()),
        Kind::Int => Scalar::int(scalar.text.parse().ok()?),
        Kind::Float => {
            let value: f64 = scalar.text.parse().ok()?;
            let whole = Scalar { text: value.to_string(), kind: Kind::Float, ..Scalar::null() };
            return Some(Value::Scalar { whole, part: number::shortest(value) });
        }
        Kind::Bool => Scalar::bool(scalar.text.to_ascii_lowercase().parse().ok()?),
        _ => Scalar::string(scalar.text.as_str()),
    };
    Some(Value::Scalar { part: whole.text.clone(), whole })
}

struct Expander<'a> {
    values: &'a BTreeMap<&'a str, Value>,
    used: BTreeSet<&'a str>,
}

impl Expander<'_> {
    fn field(&mut self, node: &mut Node) -> Result<()> {
        match node {
            Node::Scalar(scalar) => self.scalar(scalar),
            Node::Mapping(mapping) => {
                for (key, value) in mapping.iter_mut() {
                    if key.kind != Kind::Str {
                        return Err(Error::transform("vars", format!("invalid map key: value='{}'", key.text)));
                    }
                    if let Node::Scalar(scalar) = value {
                        self.scalar(scalar);
                    }
                }
            }
            Node::Sequence(items) => {
                for item in items {
                    match item {
                        Node::Scalar(scalar) if scalar.is_string() => self.scalar(scalar),
                        _ => return Err(Error::transform("vars", "invalid value type expect a string")),
                    }
                }
            }
        }
        Ok(())
    }

    /// Every string is written anew, one without a var as well: it loses its style, and has a tag from now on.
    fn scalar(&mut self, scalar: &mut Scalar) {
        if scalar.is_string() {
            *scalar = self.expand(&scalar.text);
        }
    }

    /// The text with vars replaced, as a string; a var that is all of it keeps the kind of its value.
    fn expand(&mut self, text: &str) -> Scalar {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$').filter(|at| at + 1 < rest.len()) {
            expanded.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(tail) = after.strip_prefix('$') {
                expanded.push('$');
                rest = tail;
                continue;
            }
            let name = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
            let Some((name, tail)) = name else {
                // Neither a var nor an escape: both characters stay.
                let end = at + 1 + after.chars().next().map_or(0, char::len_utf8);
                expanded.push_str(&rest[at..end]);
                rest = &rest[end..];
                continue;
            };
            match self.values.get_key_value(name) {
                Some((name, Value::Scalar { whole, part })) => {
                    self.used.insert(name);
                    if at == 0 && tail.is_empty() && rest.len() == text.len() {
                        return whole.clone();
                    }
                    expanded.push_str(part);
                }
                _ => expanded.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        }
        expanded.push_str(rest);
        Scalar::string(expanded)
    }
}
