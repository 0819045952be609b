//! Field specs from `crds:`: OpenAPI definitions of custom kinds, whose extensions say which fields are labels,
//! annotations, names or references.

use kustomize_yaml::Node;

use super::{Config, NameReference};
use crate::error::{Error, Result};
use crate::fieldspec::{FieldSpec, merge_one};
use crate::id::Gvk;

/// How deep definitions may refer to one another. Upstream overflows its stack where they refer to themselves.
const MAX_DEPTH: usize = 32;

/// Field specs of one file: definitions by name, each with `Schema`.
///
/// # Errors
/// What is no such definition, first of all a `CustomResourceDefinition`, and two that contradict each other.
pub fn from_crds(document: &Node) -> Result<Config> {
    let mut config = Config::default();
    let Node::Mapping(definitions) = document else {
        return Err(misshapen(format!("the file holds a {}, not OpenAPI definitions by name", document.shape())));
    };
    definitions.iter().try_for_each(|(name, definition)| check(&name.text, definition))?;
    for name in definitions.keys() {
        let Some(properties) = properties(document, name) else { continue };
        if ["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some()) {
            let kind = name.rsplit('.').next().unwrap_or_default();
            let gvk = Gvk { kind: kind.to_owned(), ..Gvk::default() };
            Reader { document, gvk, config: &mut config }.properties(name, &mut Vec::new())?;
        }
    }
    config.sort();
    Ok(config)
}

/// Looks at what kustomize decodes of a definition: `Schema` with `properties`, and `Dependencies`.
fn check(name: &str, definition: &Node) -> Result<()> {
    mapping(name, definition)?;
    if let Some(schema) = schema(definition) {
        mapping(&format!("{name}.Schema"), schema)?;
        if let Some(properties) = schema.get("properties") {
            let place = format!("{name}.Schema.properties");
            mapping(&place, properties)?;
            let mut fields = properties.as_mapping().into_iter().flatten();
            fields.try_for_each(|(field, schema)| mapping(&format!("{place}.{}", field.text), schema))?;
        }
    }
    let dependencies = definition.get("Dependencies").filter(|dependencies| !dependencies.is_null());
    match dependencies {
        None | Some(Node::Sequence(_)) => Ok(()),
        Some(other) => Err(misshapen(format!("`{name}.Dependencies` is a {}, not a list of names", other.shape()))),
    }
}

/// A mapping, or nothing.
fn mapping(place: &str, node: &Node) -> Result<()> {
    match node {
        Node::Mapping(_) => Ok(()),
        node if node.is_null() => Ok(()),
        node => Err(misshapen(format!("`{place}` is a {}, not a part of an OpenAPI definition", node.shape()))),
    }
}

fn misshapen(what: String) -> Error {
    Error::invalid("", what).hint(
        "`crds:` takes files of OpenAPI definitions, `NAME: {Schema: {properties: …}}`; a CustomResourceDefinition goes \
         to `resources:`",
    )
}

/// Go's JSON takes a key in any case, and people write `schema` as well.
fn schema(definition: &Node) -> Option<&Node> {
    let fields = definition.as_mapping()?;
    fields
        .get("Schema")
        .or_else(|| fields.iter().find(|(key, _)| key.text.eq_ignore_ascii_case("schema")).map(|(_, value)| value))
}

fn properties<'a>(document: &'a Node, name: &str) -> Option<&'a Node> {
    schema(document.get(name)?)?.get("properties")
}

struct Reader<'a> {
    document: &'a Node,
    gvk: Gvk,
    config: &'a mut Config,
}

impl Reader<'_> {
    fn properties(&mut self, name: &str, path: &mut Vec<String>) -> Result<()> {
        let document = self.document;
        let Some(fields) = properties(document, name).and_then(Node::as_mapping) else { return Ok(()) };
        if path.len() >= MAX_DEPTH {
            return Ok(());
        }
        for (field, property) in fields {
            path.push(field.text.clone());
            self.property(property, path)?;
            if let Some(reference) = property.get("$ref").and_then(Node::as_str) {
                self.properties(reference, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, property: &Node, path: &[String]) -> Result<()> {
        let text = |key: &str| property.get(key).and_then(Node::as_str);
        let spec = FieldSpec::new(self.gvk.clone(), &path.join("/"), false);
        if text("x-kubernetes-annotation").is_some() {
            merge_one(&mut self.config.common_annotations, &spec)?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge_one(&mut self.config.common_labels, &spec)?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge_one(&mut self.config.name_prefix, &spec)?;
        }
        let target = text("x-kubernetes-object-ref-api-version").zip(text("x-kubernetes-object-ref-kind"));
        let Some((version, kind)) = target else { return Ok(()) };
        let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
        let referrer = FieldSpec::new(self.gvk.clone(), &format!("{}/{key}", path.join("/")), false);
        // The whole `group/version` is taken for a version, as upstream does.
        let target = Gvk { group: String::new(), version: version.to_owned(), kind: kind.to_owned() };
        self.config.merge_reference(&NameReference { target, referrers: vec![referrer] })
    }
}
