//! The JSON Schema of an Application, out of the tables that the reader goes by.

use super::field::{Field, Need, Outcome, Shape};
use super::fields::APPLICATION;
use serde_json::{Map, Value, json};

/// The schema (draft 2020-12). What is refused is not in it, so that an editor says so while it is written.
pub(crate) fn schema() -> Value {
    let mut schema = object("An application in Argo CD's format.", APPLICATION);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Application");
    schema["properties"]["apiVersion"] = json!({ "const": super::VERSION });
    schema["properties"]["kind"] = json!({ "const": "Application" });
    schema
}

fn object(about: &str, keys: &[Field]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .filter(|field| !matches!(field.outcome, Outcome::Refused(_)))
        .map(|field| (field.key.to_owned(), property(field)))
        .collect();
    let required: Vec<&str> = keys.iter().filter(|field| field.need == Need::Required).map(|field| field.key).collect();
    json!({
        "description": about,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn property(field: &Field) -> Value {
    let mut made = match field.shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::Whole => json!({ "type": "integer" }),
        Shape::WholeOrText => json!({ "type": ["integer", "string"] }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::TextMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Object(keys) => object(field.about, keys),
        Shape::Objects(keys) => json!({ "type": "array", "items": object(field.about, keys) }),
        Shape::AnyMap => json!({ "type": "object" }),
        Shape::Anything => json!({}),
    };
    made["description"] = match field.outcome {
        Outcome::Warned(why) => json!(format!("{} No effect: {why}.", field.about)),
        _ => json!(field.about),
    };
    if matches!(field.outcome, Outcome::Warned(_)) {
        made["deprecated"] = json!(true);
    }
    made
}
