//! What an expression sees when it is evaluated.

use crate::{expression, glob};
use cel::{Context, ExecutionError};
use model::StepStatus;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What an expression sees.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The event, as [`model::Event`] is written in JSON.
    pub event: Value,
    /// The run's inputs.
    pub inputs: Value,
    /// `{name: {status, outputs, …}}`, for a step with items `{name: {item: {status, outputs, …}}}`.
    pub steps: Value,
    /// The run.
    pub run: Value,
    /// The environment.
    pub environment: Value,
    /// What stands for each secret that the step may be given, by the credential's name.
    pub secrets: Value,
    /// The item, within a `forEach`.
    pub item: Option<Value>,
    /// Paths that differ from the base; absent where there is nothing to compare with.
    pub changed_paths: Option<Vec<String>>,
    /// How the needed steps ended, for `success()` and `failure()`.
    pub needs: Vec<StepStatus>,
}

impl Scope {
    /// A variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        match name {
            "event" => Some(&self.event),
            "inputs" => Some(&self.inputs),
            "steps" => Some(&self.steps),
            "run" => Some(&self.run),
            "environment" => Some(&self.environment),
            "secrets" => Some(&self.secrets),
            "item" => self.item.as_ref(),
            _ => None,
        }
    }

    /// The evaluator's context with the variables and steps that an expression names: outputs can be large, and what
    /// is not named need not be converted.
    pub(crate) fn context(&self, analysis: &expression::Analysis) -> Context<'static, 'static> {
        let mut context = Context::default();
        for name in &analysis.variables {
            let Some(value) = self.variable(name) else { continue };
            let converted = match (name.as_str(), value) {
                ("steps", Value::Object(steps)) => {
                    let named: Map<String, Value> = steps
                        .iter()
                        .filter(|(step, _)| analysis.mentions.iter().any(|m| m.step == **step))
                        .map(|(step, value)| (step.clone(), value.clone()))
                        .collect();
                    to_cel(&Value::Object(named))
                }
                _ => to_cel(value),
            };
            context.add_variable_from_value(name.as_str(), converted);
        }
        self.add_functions(&mut context);
        context
    }

    fn add_functions(&self, context: &mut Context<'static, 'static>) {
        let success = self.needs.iter().all(|s| s.is_success() || *s == StepStatus::Skipped);
        let failure = self.needs.iter().any(|s| s.is_failure());
        let paths = Arc::new(self.changed_paths.clone());
        let directories = Arc::clone(&paths);
        // Adding fails only for names of the standard library, which these are not; were one of them to become such
        // a name, the expression would say so.
        let _ = context.add_function("success", move || -> bool { success });
        let _ = context.add_function("failure", move || -> bool { failure });
        let _ = context.add_function("always", || -> bool { true });
        let _ = context.add_function("touches", move |pattern: Arc<String>| -> Result<bool, ExecutionError> {
            let Some(paths) = paths.as_ref() else { return Ok(true) };
            let glob = glob::compile(&pattern).map_err(|why| ExecutionError::function_error("touches", why))?;
            Ok(paths.iter().any(|p| glob.is_match(p)))
        });
        let _ = context.add_function(
            "changedDirectories",
            move |pattern: Arc<String>| -> Result<cel::Value, ExecutionError> {
                changed_directories(directories.as_deref(), &pattern)
                    .map(|found| {
                        let found: Vec<cel::Value> = found.into_iter().map(|d| cel::Value::String(d.into())).collect();
                        cel::Value::List(found.into())
                    })
                    .map_err(|why| ExecutionError::function_error("changedDirectories", why))
            },
        );
    }
}

/// The directories that match the glob and contain a changed path, in byte order. Without changed paths there is
/// nothing to take directories from, and an empty list would silently mean that nothing is to be done.
fn changed_directories(paths: Option<&[String]>, pattern: &str) -> Result<Vec<String>, String> {
    let glob = glob::compile(pattern.trim_end_matches('/'))?;
    let paths = paths.ok_or("this event has no base to compare with, so no changed paths are known")?;
    let mut found = std::collections::BTreeSet::new();
    for path in paths {
        let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(i, _)| &path[..i]);
        found.extend(ends.filter(|d| glob.is_match(d)).map(str::to_owned));
    }
    Ok(found.into_iter().collect())
}

/// JSON as the evaluator's value. Integers become `int` where they fit: CEL adds no `uint` to an `int`.
pub(crate) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => cel::Value::Int(i),
            (None, Some(u)) => cel::Value::UInt(u),
            _ => cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(s) => cel::Value::String(Arc::new(s.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let fields: HashMap<String, cel::Value> = fields.iter().map(|(k, v)| (k.clone(), to_cel(v))).collect();
            cel::Value::Map(fields.into())
        }
    }
}

/// The evaluator's value as JSON, a map's keys in byte order: its own order is another in each process, and a
/// step's inputs are digested.
pub(crate) fn from_cel(value: &cel::Value) -> Result<Value, String> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(b) => Value::Bool(*b),
        cel::Value::Int(i) => Value::from(*i),
        cel::Value::UInt(u) => Value::from(*u),
        cel::Value::Float(f) => {
            serde_json::Number::from_f64(*f).map(Value::Number).ok_or_else(|| format!("{f} is not a number of JSON"))?
        }
        cel::Value::String(s) => Value::String(s.to_string()),
        cel::Value::List(items) => Value::Array(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let mut fields: Vec<(String, Value)> = Vec::new();
            for (key, value) in map.map.iter() {
                fields.push((key.to_string(), from_cel(value)?));
            }
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        // Bytes, types and functions have no JSON of their own.
        other => return Err(format!("a {} cannot be a result; convert it with `string()`", other.type_of())),
    })
}
