//! Evaluating what a locked pipeline holds: expressions, conditions, templates and the items of a `forEach`.

use crate::bound::{self, Known};
use crate::expression::{Place, analyse};
use crate::scope::{Scope, from_cel};
use crate::template::{self, Segment};
use cel::ExecutionError;
use model::{Blame, Failure};
use serde_json::Value;

/// The most that one template becomes, in bytes: a short file may repeat a long output many times.
const LARGEST_TEMPLATE: usize = 8 << 20;
/// The most items of a `forEach`.
pub(crate) const MOST_ITEMS: usize = 256;

fn failure(expression: &str, why: &str) -> Failure {
    let mut shown: String = expression.trim().chars().take(200).collect();
    if shown.len() < expression.trim().len() {
        shown.push('…');
    }
    Failure::new(Blame::User, "expression", format!("`{shown}`: {why}"))
}

/// Evaluates an expression, without `${{ }}`.
///
/// # Errors
/// It is not CEL, it names what the scope does not have, its types do not fit, or it could be too much work.
pub fn evaluate(expression: &str, scope: &Scope) -> Result<Value, Failure> {
    let (program, analysis) = analyse(expression, Place::ANY);
    let Some(program) = program else {
        let why = analysis.problems.iter().find(|p| !p.warning).map_or("it is not valid", |p| p.message.as_str());
        return Err(failure(expression, why));
    };
    if let Some(missing) = analysis.variables.iter().find(|v| scope.variable(v).is_none()) {
        return Err(failure(expression, &format!("there is no `{missing}` here")));
    }
    let paths = scope.changed_paths.as_deref().unwrap_or_default();
    let variables = |name: &str| scope.variable(name);
    let known = Known {
        variables: &variables,
        changed_bytes: paths.iter().map(|p| p.len() as f64 + 16.0).sum(),
        changed_paths: paths.len() as f64,
    };
    bound::check(program.expression(), &known).map_err(|why| failure(expression, &why))?;
    let context = scope.context(&analysis);
    let value = program.execute(&context).map_err(|error| failure(expression, &in_words(&error)))?;
    let value = from_cel(&value).map_err(|why| failure(expression, &why))?;
    if bound::bytes_of(&value) > 2.0 * bound::LARGEST_RESULT as f64 || json_len(&value) > bound::LARGEST_RESULT {
        return Err(failure(expression, "its result is larger than 1 MiB"));
    }
    Ok(value)
}

fn json_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

/// The evaluator's errors hold whole values in their debug form; outputs do not belong into a message.
fn in_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
        ExecutionError::NoSuchOverload(error) => error.to_string(),
        ExecutionError::UnexpectedType { got, want } => format!("expected {want}, found {got}"),
        ExecutionError::FunctionError { function, message } => format!("`{function}`: {message}"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number becomes too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "an index lies outside its list".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("`{}` does not work on these values", operator.trim_matches('_'))
        }
        ExecutionError::ValuesNotComparable(..) => "these values cannot be compared".to_owned(),
        _ => "it does not work on these values".to_owned(),
    }
}

/// An expression with or without `${{ }}`, as its bare text.
pub(crate) fn bare(text: &str) -> Result<String, Failure> {
    if !text.contains("${{") {
        return Ok(text.trim().to_owned());
    }
    let segments = template::split(text).map_err(|_| failure(text, "`${{` has no `}}`"))?;
    match template::alone(&segments) {
        Some((source, _)) => Ok(source.trim().to_owned()),
        None => Err(failure(text, "there is text beside the expression")),
    }
}

/// Evaluates a `when`, with or without `${{ }}`.
///
/// # Errors
/// As [`evaluate`], or the result is no boolean.
pub fn condition(when: &str, scope: &Scope) -> Result<bool, Failure> {
    match evaluate(&bare(when)?, scope)? {
        Value::Bool(value) => Ok(value),
        other => Err(failure(when, &format!("a condition must be true or false, not {}", noun(&other)))),
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Evaluates every expression of a JSON value. One that is alone in its text keeps its type; within text, numbers and
/// booleans are printed, null is nothing, lists and maps become compact JSON.
///
/// # Errors
/// The first expression that fails.
pub fn resolve(template: &Value, scope: &Scope) -> Result<Value, Failure> {
    let mut made = 0;
    let mut evaluate = |source: &str| {
        let value = evaluate(source, scope)?;
        made += json_len(&value);
        if made > LARGEST_TEMPLATE {
            return Err(failure(source, "with it, the values of this step become larger than 8 MiB"));
        }
        Ok(value)
    };
    walk(template, &mut |text| {
        if !text.contains("${{") {
            return Ok(Value::String(text.to_owned()));
        }
        let segments = template::split(text).map_err(|_| failure(text, "`${{` has no `}}`"))?;
        if let Some((source, _)) = template::alone(&segments) {
            return evaluate(source);
        }
        let mut out = String::new();
        for segment in segments {
            match segment {
                Segment::Text(plain) => out.push_str(&plain),
                Segment::Expression(source, _) => out.push_str(&printed(evaluate(&source)?)),
            }
        }
        Ok(Value::String(out))
    })
}

/// As [`resolve`], but what cannot be evaluated yet stays as it is written: an expression that mentions a step for which
/// `unknown` is true, or that fails.
pub fn resolve_partial(template: &Value, scope: &Scope, unknown: &dyn Fn(&str) -> bool) -> Value {
    let attempt = |source: &str| {
        let (_, analysis) = analyse(source, Place::ANY);
        let open = analysis.mentions.iter().any(|m| unknown(&m.step));
        if open { None } else { evaluate(source, scope).ok() }
    };
    let resolved = walk(template, &mut |text| {
        let kept = || Ok(Value::String(text.to_owned()));
        if !text.contains("${{") {
            return kept();
        }
        let Ok(segments) = template::split(text) else { return kept() };
        if let Some((source, _)) = template::alone(&segments) {
            return attempt(source).map_or_else(kept, Ok);
        }
        let mut out = String::new();
        for segment in segments {
            match segment {
                Segment::Text(plain) => out.push_str(&plain),
                Segment::Expression(source, _) => match attempt(&source) {
                    Some(value) => out.push_str(&printed(value)),
                    None => out.push_str(&format!("${{{{{source}}}}}")),
                },
            }
        }
        Ok::<_, Failure>(Value::String(out))
    });
    resolved.unwrap_or_else(|_| template.clone())
}

fn walk(template: &Value, text: &mut dyn FnMut(&str) -> Result<Value, Failure>) -> Result<Value, Failure> {
    Ok(match template {
        Value::String(written) => text(written)?,
        Value::Array(items) => Value::Array(items.iter().map(|i| walk(i, text)).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(k, v)| Ok((k.clone(), walk(v, text)?)));
            Value::Object(fields.collect::<Result<_, Failure>>()?)
        }
        other => other.clone(),
    })
}

fn printed(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Evaluates a `forEach`, with or without `${{ }}`: a list of texts or numbers, each taken once, in its order.
///
/// # Errors
/// As [`evaluate`], or the result is no such list, or has more than 256 items.
pub fn items(for_each: &str, scope: &Scope) -> Result<Vec<String>, Failure> {
    let Value::Array(values) = evaluate(&bare(for_each)?, scope)? else {
        return Err(failure(for_each, "a `forEach` must give a list"));
    };
    let mut seen = std::collections::HashSet::new();
    let mut found: Vec<String> = Vec::new();
    for value in values {
        let item = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => return Err(failure(for_each, &format!("an item must be text or a number, not {}", noun(&other)))),
        };
        if seen.insert(item.clone()) {
            found.push(item);
        }
        if found.len() > MOST_ITEMS {
            return Err(failure(for_each, &format!("there are more than {MOST_ITEMS} items")));
        }
    }
    Ok(found)
}
