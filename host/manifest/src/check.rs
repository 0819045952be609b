//! Values checked against a JSON Schema, its errors told at the place of the value in the file.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::nearest::suggestion;
use crate::template::{self, Segment};
use crate::yaml::{Kind, Node};
use jsonschema::error::ValidationErrorKind as Error;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The most errors of one value that are looked at; each is told at the cost of a walk through the file.
const MOST_ERRORS: usize = 200;

/// What a text with an expression exempts from the check.
#[derive(PartialEq)]
enum Open {
    /// The expression is alone: the value may become anything.
    Anything,
    /// The expression stands within text: the value will be some text.
    Text,
}

/// Checks a node. Expressions exempt their places. `what` names the whole: "`with` of the step `image`".
pub(crate) fn check_schema(node: &Node, schema: &Value, what: &str, sink: &mut Sink) {
    let instance = node.to_json();
    let validator = match jsonschema::options().offline().build(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("the plugin's own schema is broken, so {what} was not checked: {error}");
            sink.push(Diagnostic::warning(code::BAD_INPUT, node.span.clone(), message));
            return;
        }
    };
    let mut open = Exempt::default();
    open.find(node, &mut Vec::new());
    for error in validator.iter_errors(&instance).take(MOST_ERRORS) {
        Check { root: node, schema, what, open: &open }.tell(&error, sink);
    }
}

/// The branch of a failed choice that was meant: the only one whose type fits. An optional value of a Rust type is such
/// a choice between itself and null.
fn meant<'a, 'e>(
    error: &jsonschema::ValidationError<'_>,
    branches: &'a [Vec<jsonschema::ValidationError<'e>>],
) -> Option<&'a [jsonschema::ValidationError<'e>]> {
    let here = error.instance_path().as_str();
    let mut fitting = branches.iter().filter(|branch| {
        !branch.iter().any(|e| matches!(e.kind(), Error::Type { .. }) && e.instance_path().as_str() == here)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first.as_slice())
}

/// The words of a choice between constants, which is how an enumeration with descriptions is written.
fn constants(branches: &[Vec<jsonschema::ValidationError<'_>>]) -> Option<Vec<String>> {
    let words = branches.iter().flatten().map(|e| match e.kind() {
        Error::Constant { expected_value } => expected_value.as_str().map(|w| vec![w.to_owned()]),
        Error::Enum { options } => {
            options.as_array().map(|o| o.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Error::Type { .. } => Some(Vec::new()),
        _ => None,
    });
    let words: Option<Vec<Vec<String>>> = words.collect();
    words.map(|w| w.concat()).filter(|w| !w.is_empty())
}

/// Places that the check leaves alone, because what will stand there is not known.
#[derive(Default)]
struct Exempt {
    open: HashMap<Vec<String>, Open>,
    /// Every place above one of them.
    above: HashSet<Vec<String>>,
}

impl Exempt {
    /// Gathers the places below a node; answers whether there are any.
    fn find(&mut self, node: &Node, path: &mut Vec<String>) -> bool {
        let mut any = false;
        match &node.kind {
            Kind::String(text) if text.contains("${{") => {
                let Ok(segments) = template::split(text) else { return false };
                if template::alone(&segments).is_some() {
                    self.open.insert(path.clone(), Open::Anything);
                    return true;
                }
                if segments.iter().any(|s| matches!(s, Segment::Expression(..))) {
                    self.open.insert(path.clone(), Open::Text);
                    return true;
                }
            }
            Kind::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    any |= self.find(item, path);
                    path.pop();
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    path.push(key.text.clone());
                    any |= self.find(value, path);
                    path.pop();
                }
            }
            _ => {}
        }
        if any {
            self.above.insert(path.clone());
        }
        any
    }

    fn covers(&self, path: &[String], kind: &Error) -> bool {
        if let Some(what) = self.open.get(path) {
            // Of a text that is not known, only its being text can be judged.
            return *what == Open::Anything || !matches!(kind, Error::Type { .. });
        }
        // A choice between schemas that fails above an expression may hold once it is known.
        self.above.contains(path)
            && matches!(
                kind,
                Error::AnyOf { .. }
                    | Error::OneOfNotValid { .. }
                    | Error::OneOfMultipleValid { .. }
                    | Error::Not { .. }
                    | Error::Contains
                    | Error::UniqueItems
                    | Error::Enum { .. }
                    | Error::Constant { .. }
            )
    }
}

fn segments(location: &Location) -> Vec<String> {
    location
        .iter()
        .map(|segment| match segment {
            LocationSegment::Property(name) => name.into_owned(),
            LocationSegment::Index(index) => index.to_string(),
        })
        .collect()
}

/// The node at a path, and the place of its key where it has one.
fn find<'a>(node: &'a Node, path: &[String]) -> (&'a Node, Option<Range<usize>>) {
    let mut found = (node, None);
    for segment in path {
        let next = match &found.0.kind {
            Kind::Map(entries) => {
                entries.iter().find(|(k, _)| k.text == *segment).map(|(k, v)| (v, Some(k.span.clone())))
            }
            Kind::Seq(items) => segment.parse::<usize>().ok().and_then(|i| items.get(i)).map(|n| (n, None)),
            _ => None,
        };
        match next {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}

struct Check<'a> {
    root: &'a Node,
    schema: &'a Value,
    what: &'a str,
    open: &'a Exempt,
}

impl Check<'_> {
    fn tell(&self, error: &jsonschema::ValidationError<'_>, sink: &mut Sink) {
        let Self { root, schema, what, open } = *self;
        let path = segments(error.instance_path());
        if open.covers(&path, error.kind()) {
            return;
        }
        if let Error::AnyOf { context } | Error::OneOfNotValid { context } = error.kind()
            && let Some(branch) = meant(error, context)
            && constants(context).is_none()
        {
            branch.iter().for_each(|e| self.tell(e, sink));
            return;
        }
        let (node, key) = find(root, &path);
        let name = if path.is_empty() { what.to_owned() } else { format!("`{}` in {what}", path.join(".")) };
        // A caret below a whole mapping says nothing; its key does.
        let span = match (&node.kind, key) {
            (Kind::Map(_) | Kind::Seq(_), Some(key)) => key,
            (Kind::Map(entries), None) => entries.first().map_or(node.span.clone(), |(k, _)| k.span.clone()),
            _ => node.span.clone(),
        };
        match error.kind() {
            Error::AdditionalProperties { unexpected } | Error::UnevaluatedProperties { unexpected } => {
                let known = known_properties(schema, error.schema_path())
                    .or_else(|| known_properties(schema, error.evaluation_path()))
                    .unwrap_or_default();
                for extra in unexpected.iter().take(MOST_ERRORS) {
                    let span = node
                        .entries()
                        .iter()
                        .find(|(k, _)| k.text == *extra)
                        .map_or(span.clone(), |(k, _)| k.span.clone());
                    let hint = sink.hint(|| suggestion(extra, known.iter().map(String::as_str)));
                    let message = format!("{name} has no key `{extra}`");
                    sink.push(
                        Diagnostic::error(code::UNKNOWN_KEY, span, message).label("unknown key").maybe_hint(hint),
                    );
                }
            }
            Error::Required { property } => {
                let property = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
                sink.push(Diagnostic::error(code::MISSING_KEY, span, format!("{name} needs `{property}`")));
            }
            Error::Enum { options } => {
                let words: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let hint = sink.hint(|| suggestion(node.as_str().unwrap_or(""), words.iter().copied()));
                let message = format!("{name} is not one of the allowed values");
                sink.push(Diagnostic::error(code::BAD_INPUT, span, message).maybe_hint(hint));
            }
            Error::AnyOf { context } | Error::OneOfNotValid { context } if constants(context).is_some() => {
                let words = constants(context).unwrap_or_default();
                let hint = sink.hint(|| suggestion(node.as_str().unwrap_or(""), words.iter().map(String::as_str)));
                let message = format!("{name} is not one of the allowed values");
                sink.push(Diagnostic::error(code::BAD_INPUT, span, message).maybe_hint(hint));
            }
            Error::Type { .. } => {
                let mut message = format!("{name} has the wrong type: {error}");
                cut(&mut message);
                let yes_no = node.as_str().and_then(|t| match t {
                    "yes" | "on" | "Yes" | "On" => Some("true"),
                    "no" | "off" | "No" | "Off" => Some("false"),
                    _ => None,
                });
                let hint = match (yes_no, &node.kind) {
                    (Some(meant), _) if error.to_string().contains("boolean") => {
                        Some(format!("in YAML 1.2 this is text; write `{meant}`"))
                    }
                    (_, Kind::Bool(_) | Kind::Int(_) | Kind::Float(_)) if error.to_string().contains("\"string\"") => {
                        Some("put it between quotes".to_owned())
                    }
                    _ => None,
                };
                sink.push(Diagnostic::error(code::WRONG_TYPE, span, message).maybe_hint(hint));
            }
            _ => {
                let mut message = format!("{name} does not fit: {error}");
                cut(&mut message);
                sink.push(Diagnostic::error(code::BAD_INPUT, span, message));
            }
        }
    }
}

/// A validator's message repeats the value, which may be long.
fn cut(message: &mut String) {
    const MOST: usize = 300;
    if message.len() > MOST {
        message.truncate(crate::source::floor(message, MOST));
        message.push('…');
    }
}

/// The properties beside the keyword at that path of the schema.
fn known_properties(schema: &Value, path: &Location) -> Option<Vec<String>> {
    let path = segments(path);
    let mut at = schema;
    for segment in path.split_last()?.1 {
        at = match at {
            Value::Array(items) => items.get(segment.parse::<usize>().ok()?)?,
            _ if segment == "$ref" => schema.pointer(at.get("$ref")?.as_str()?.strip_prefix('#')?)?,
            _ => at.get(segment)?,
        };
    }
    let properties = at.get("properties")?.as_object()?;
    Some(properties.keys().cloned().collect())
}
