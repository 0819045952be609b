//! What a source says to its renderer, as a file would say it. The inverse of `renderer.rs`, so that a patch of the file's
//! form can be merged into what has been read.

use crate::yaml::Node;
use model::application::{Helm, HelmValues, Kustomize, KustomizePatch, Plugin, Renderer};
use serde_json::{Map, Value, json, to_value};

/// A mapping with the renderer's key, or an empty one. Nothing in it has a place.
pub(super) fn written(renderer: &Renderer) -> Node {
    let (key, value) = match renderer {
        Renderer::Detected => return Node::of_json(json!({})),
        Renderer::Kustomize(it) => ("kustomize", kustomize(it)),
        Renderer::Directory(it) => ("directory", plain(to_value(it))),
        Renderer::Helm(it) => ("helm", helm(it)),
        Renderer::Plugin(it) => ("plugin", plugin(it)),
    };
    Node::of_json(Value::Object(Map::from_iter([(key.to_owned(), value)])))
}

/// The model's own JSON, whose keys are those of the file, without what is absent.
fn plain(json: serde_json::Result<Value>) -> Value {
    without_nulls(json.unwrap_or_default())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn kustomize(it: &Kustomize) -> Value {
    let mut made = plain(to_value(it));
    made["images"] = it.images.iter().map(|image| image.written.as_str()).collect();
    made["patches"] = it.patches.iter().map(patch).collect();
    made
}

fn patch(it: &KustomizePatch) -> Value {
    let options = json!({"allowNameChange": it.allow_name_change, "allowKindChange": it.allow_kind_change});
    let target = it.target.as_ref().map(|target| plain(to_value(target)));
    without_nulls(json!({"path": it.path, "patch": it.patch, "target": target, "options": options}))
}

fn helm(it: &Helm) -> Value {
    let mut made = plain(to_value(Helm { values: None, ..it.clone() }));
    match &it.values {
        Some(HelmValues::Text(text)) => made["values"] = json!(text),
        Some(HelmValues::Object(object)) => made["valuesObject"] = json!(object),
        None => {}
    }
    made
}

fn plugin(it: &Plugin) -> Value {
    let env: Vec<Value> = it.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let parameters: Vec<Value> = it.parameters.iter().map(|parameter| plain(to_value(parameter))).collect();
    json!({"name": it.name, "env": env, "parameters": parameters})
}
