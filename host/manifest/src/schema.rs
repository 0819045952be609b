//! JSON Schemas of the files, for editors. They are looser than the readers: what needs a second look (names, cycles,
//! expressions) only the readers check.

use crate::catalog::Catalog;
use crate::{API_VERSION, grant};
use serde_json::{Map, Value, json};

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pipeline.
    Pipeline,
    /// An application in Argo CD's format.
    Application,
    /// The host's configuration.
    Host,
}

/// The JSON Schema (draft 2020-12) of a file. A pipeline's includes the inputs of every step in the catalog.
pub fn schema(kind: Kind, catalog: &dyn Catalog) -> Value {
    match kind {
        Kind::Pipeline => pipeline(catalog),
        Kind::Application => crate::application::schema(),
        Kind::Host => host(),
    }
}

fn document(kind: &str, metadata: Value, spec: Value, required: &[&str], defs: Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Tidegate {kind}"),
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "const": kind },
            "metadata": metadata,
            "spec": spec,
        },
        "$defs": defs,
    })
}

/// An object with these properties and no others.
fn object(description: &str, properties: Value, required: &[&str]) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn texts(description: &str) -> Value {
    json!({ "description": description, "type": "array", "items": { "type": "string" } })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn duration(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" })
}

/// The grant's schema moves below `$defs`, and its own definitions with it.
fn definitions(mut defs: Map<String, Value>) -> Value {
    let mut grant = grant::schema();
    if let Some(grant) = grant.as_object_mut() {
        grant.remove("$schema");
        if let Some(Value::Object(inner)) = grant.remove("$defs") {
            defs.extend(inner);
        }
    }
    // An operator may also name what a later build serves; the reader warns.
    defs.insert("Grant".to_owned(), grant);
    Value::Object(defs)
}

fn pipeline(catalog: &dyn Catalog) -> Value {
    let mut offers: Vec<_> = catalog.names().iter().filter_map(|n| catalog.offer(n)).collect();
    offers.sort_by(|a, b| a.uses.cmp(&b.uses));
    let names: Vec<Value> = offers.iter().map(|o| Value::String(o.uses.clone())).collect();
    let mut defs = Map::new();
    let mut choices = Vec::new();
    for offer in &offers {
        let name = format!("with:{}", offer.uses).replace(['/', '~', '#', '%'], "-");
        let mut inputs = offer.inputs.clone();
        relocate(&mut inputs, &name);
        allow_expressions(&mut inputs, true);
        if let Some(inputs) = inputs.as_object_mut() {
            inputs.remove("$schema");
            inputs.entry("description").or_insert_with(|| Value::String(offer.summary.clone()));
        }
        let needs_with = inputs.get("required").and_then(Value::as_array).is_some_and(|r| !r.is_empty());
        let mut then = json!({ "properties": { "with": { "$ref": format!("#/$defs/{name}") } } });
        if needs_with {
            then["required"] = json!(["with"]);
        }
        choices.push(json!({
            "if": { "required": ["uses"], "properties": { "uses": { "const": offer.uses } } },
            "then": then,
        }));
        defs.insert(name, inputs);
    }
    let mut step = object("A step, or a group of steps under `forEach`.", step_properties(&names), &[]);
    step["allOf"] = Value::Array(choices);
    step["oneOf"] = json!([{ "required": ["uses"] }, { "required": ["steps", "forEach"] }]);
    defs.insert("Step".to_owned(), step);
    defs.insert("Concurrency".to_owned(), concurrency());
    let metadata = object(
        "What it is called.",
        json!({
            "name": { "description": "Its name.", "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": 63 },
            "labels": { "type": "object" },
            "annotations": { "type": "object" },
            "description": text("What it is for."),
        }),
        &["name"],
    );
    let spec = object(
        "What it does.",
        json!({
            "triggers": triggers(),
            "concurrency": { "$ref": "#/$defs/Concurrency" },
            "steps": {
                "description": "Steps by name. Order comes from `needs` and from the steps that expressions mention.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1000,
                "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$", "maxLength": 63 },
                "additionalProperties": { "$ref": "#/$defs/Step" },
            },
        }),
        &["steps"],
    );
    document("Pipeline", metadata, spec, &["apiVersion", "kind", "metadata", "spec"], definitions(defs))
}

fn step_properties(names: &[Value]) -> Value {
    json!({
        "uses": { "description": "The plugin's step.", "enum": names },
        "with": { "description": "Its inputs; a text may hold `${{ … }}`.", "type": "object" },
        "needs": texts("Steps that must end first."),
        "when": { "description": "A boolean CEL expression; without it, `success()`.", "type": ["string", "boolean"] },
        "timeout": duration("The longest that one attempt may take; waiting for people does not count."),
        "retry": object("Further attempts.", json!({
            "limit": { "description": "How many after the first.", "type": "integer", "minimum": 0, "maximum": 100 },
            "backoff": object("Pauses between attempts.", json!({
                "duration": duration("The first pause; 5s without it."),
                "factor": { "description": "Each pause is this many times the one before; 2 without it.", "type": "number", "minimum": 1, "maximum": 100 },
                "maxDuration": duration("The longest pause; 3m without it."),
            }), &[]),
            "on": texts("Error codes that are retried; without it, every error that is marked retryable."),
        }), &["limit"]),
        "continueOnError": { "description": "Whether its failure lets the run go on.", "type": "boolean" },
        "env": {
            "description": "Environment variables for its programs.",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
        },
        "artifacts": object("Files that it leaves or takes.", json!({
            "store": { "description": "Artifact → path to store.", "type": "object", "additionalProperties": { "type": "string" } },
            "extract": { "description": "Path → what to put there: an artifact's name or digest.", "type": "object", "additionalProperties": { "type": "string" } },
        }), &[]),
        "grants": { "$ref": "#/$defs/Grant" },
        "forEach": {
            "description": "An expression whose list gives the items.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        },
        "steps": {
            "description": "The steps of a group.",
            "type": "object",
            "additionalProperties": { "$ref": "#/$defs/Step" },
        },
        "concurrency": { "$ref": "#/$defs/Concurrency" },
        "workspace": object("Whose tree it goes on in.", json!({ "from": text("The step.") }), &["from"]),
    })
}

fn concurrency() -> Value {
    object(
        "Which runs or steps exclude each other.",
        json!({
            "key": text("Those of an equal key exclude each other."),
            "policy": { "description": "What happens to the others.", "enum": ["latest", "queue", "parallel"] },
        }),
        &["key"],
    )
}

fn triggers() -> Value {
    let filter = |description: &str| {
        let mut made = object(
            description,
            json!({
                "branches": texts("Globs of branches; without it, every one."),
                "paths": texts("Globs of changed paths, of which one must match."),
            }),
            &[],
        );
        made["type"] = json!(["object", "null"]);
        made
    };
    let mut tag = object("A new tag.", json!({ "names": texts("Globs of tags.") }), &[]);
    tag["type"] = json!(["object", "null"]);
    let names = |description: &str| json!({ "description": description, "type": ["string", "array"], "items": { "type": "string" } });
    let at = json!({
        "anyOf": [{ "type": "string" }, object("A point in time.", json!({ "cron": text("Five fields.") }), &["cron"])],
    });
    object(
        "What starts it.",
        json!({
            "push": filter("A push to a branch."),
            "changeRequest": filter("An opened or updated change request."),
            "tag": tag,
            "schedule": {
                "description": "Points in time, as cron expressions.",
                "anyOf": [{ "type": "array", "items": at }, at],
            },
            "manual": { "description": "A person; always possible.", "type": ["object", "null"] },
            "webhook": names("Deliveries to a named hook."),
            "run": names("The end of another pipeline's run."),
        }),
        &[],
    )
}

/// References of an offer's schema are to its own root, which is now a definition.
fn relocate(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" && target.starts_with('#') => {
                        *target = format!("#/$defs/{name}{}", &target[1..]);
                    }
                    _ => relocate(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| relocate(i, name)),
        _ => {}
    }
}

/// Lets every property and item also be a text with an expression.
fn allow_expressions(schema: &mut Value, outermost: bool) {
    let Value::Object(fields) = schema else { return };
    for key in ["properties", "$defs", "patternProperties"] {
        if let Some(Value::Object(inner)) = fields.get_mut(key) {
            inner.values_mut().for_each(|s| allow_expressions(s, false));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner @ Value::Object(_)) = fields.get_mut(key) {
            allow_expressions(inner, false);
        }
    }
    // A plain text may hold one already; what merely refers is opened where it refers to.
    let plain = fields.get("type") == Some(&json!("string"))
        && !["enum", "const", "pattern", "format", "maxLength"].iter().any(|k| fields.contains_key(*k));
    if outermost || plain || fields.is_empty() {
        return;
    }
    let mut wrapped = Map::new();
    if let Some(description) = fields.get("description") {
        wrapped.insert("description".to_owned(), description.clone());
    }
    let inner = std::mem::take(schema);
    wrapped.insert("anyOf".to_owned(), json!([inner, { "type": "string", "pattern": "\\$\\{\\{" }]));
    *schema = Value::Object(wrapped);
}

fn host() -> Value {
    let named = |description: &str, value: Value| {
        json!({
            "description": description,
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$" },
            "additionalProperties": value,
        })
    };
    let secret = json!({
        "description": "Where the secret is: `env:NAME` or `file:PATH`.",
        "type": "string",
        "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
    });
    // Requirements and capabilities of later builds pass here; the reader warns of them.
    let grant = json!({ "description": "What it may do.", "type": "object" });
    let spec = object(
        "How the host runs.",
        json!({
            "listen": text("Where the daemon listens, such as 127.0.0.1:7420."),
            "state": text("The folder of its state, relative to this file."),
            "store": object("A store that several daemons share.", json!({ "secret": secret }), &["secret"]),
            "repositories": named("Git repositories by name.", object("A repository.", json!({
                "url": text("A path, https:// or ssh://, without credentials."),
                "forge": text("The forge that serves it."),
                "credential": text("The name of its credential."),
                "aliases": texts("Other addresses by which applications call it."),
                "applications": texts("Globs of Application files."),
                "poll": text("How often a daemon looks at it: `30s`, which is the default; `1s` for a path on this machine."),
                "deploys": object("What its applications may deploy; nothing without it.", json!({
                    "clusters": texts("Globs of clusters; a `!` in front denies."),
                    "namespaces": texts("Globs of namespaces; a `!` in front denies."),
                    "kinds": texts("Globs of kinds: `apps/Deployment`, `ConfigMap`; a `!` in front denies. All of namespaces without it."),
                }), &["clusters", "namespaces"]),
            }), &["url"])),
            "credentials": named("Credentials by name.", object("A credential.", json!({
                "secret": secret,
                "for": texts("Repositories that it is sent to, and nowhere else."),
                "username": text("The user's name."),
            }), &["secret", "for"])),
            "clusters": named("Clusters by name.", object("A cluster.", json!({
                "directory": text("A folder that stands for a cluster."),
                "repository": text("A repository in which rendered manifests are kept."),
                "branch": text("Its branch for them."),
                "kubeconfig": text("A kubeconfig's path."),
                "context": text("The context within it."),
                "server": text("The address by which applications call it."),
                "mode": { "description": "Whether it is changed or only looked at.", "enum": ["apply", "observe"] },
                "impersonate": object("Whom everything is done as, by the application's project; applications of others are held.", json!({
                    "default": text("The account of projects that have none."),
                    "projects": { "description": "Accounts by project.", "type": "object", "additionalProperties": { "type": "string" } },
                }), &[]),
            }), &[])),
            "environments": named("Environments by name.", object("An environment.", json!({
                "owns": object("Whoever writes here is in it.", json!({
                    "paths": { "description": "REPOSITORY:GLOB.", "type": "array", "items": { "type": "string", "pattern": "^[^:]+:.+$" } },
                    "clusters": texts("Clusters by name."),
                }), &[]),
                "pipelinesFrom": texts("Repositories whose pipelines may change it."),
                "requires": {
                    "description": "What must hold before it is changed.",
                    "type": "array",
                    "items": requirement(),
                },
            }), &[])),
            "groups": named("Members by group.", texts("People by name.")),
            "people": named("Identities by person.", json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            "plugins": object("Plugins and what they may do.", json!({
                "lock": text("The lock's path."),
                "grants": named("Grants by plugin.", grant.clone()),
                "sources": named("Plugins that do not come with the binary.", object("A plugin.", json!({
                    "from": text("A path or a registry's reference."),
                    "grants": grant,
                }), &["from"])),
            }), &[]),
            "jail": object("How native programs are confined.", json!({
                "required": { "description": "Refuse to run where the machine cannot give the whole jail.", "type": "boolean" },
            }), &[]),
        }),
        &[],
    );
    document("Host", json!({ "type": "object" }), spec, &["apiVersion", "kind", "spec"], definitions(Map::new()))
}

fn requirement() -> Value {
    let approval = object(
        "People approve exactly what is to run.",
        json!({
            "group": text("The group that they are of."),
            "count": { "description": "How many; 1 without it.", "type": "integer", "minimum": 1 },
            "expires": duration("How long an approval lasts."),
            "verified": { "description": "Whether only verified identities count.", "type": "boolean" },
        }),
        &[],
    );
    let healthy = object(
        "Another environment is healthy with the images that are new.",
        json!({ "environment": text("Its name.") }),
        &["environment"],
    );
    let hours = json!({ "type": "string", "pattern": "^\\s*[0-9]{1,2}:[0-9]{2}\\s*-\\s*[0-9]{1,2}:[0-9]{2}\\s*$" });
    let days = model::window::Day::NAMES.map(|name| json!({ "type": "string", "pattern": any_case(name) }));
    let window = object(
        "It is changed within these hours alone.",
        json!({
            "days": { "description": "Days of the week; all without it.", "type": "array", "minItems": 1, "items": { "anyOf": days } },
            "hours": {
                "description": "HH:MM-HH:MM, one or several; across midnight it is of the day on which it begins.",
                "anyOf": [hours, { "type": "array", "minItems": 1, "items": hours }],
            },
            "zone": text("Whose clock is meant, such as `Europe/Berlin`; UTC without it."),
        }),
        &[],
    );
    json!({
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": { "approval": approval, "healthy": healthy, "window": window },
            },
            { "type": "string" },
        ],
    })
}

/// A pattern for a day's name, in full or its first three letters, in any case.
fn any_case(name: &str) -> String {
    let letters: Vec<String> = name.chars().map(|c| format!("[{}{c}]", c.to_ascii_uppercase())).collect();
    let (short, rest) = letters.split_at(3.min(letters.len()));
    format!("^{}({})?$", short.concat(), rest.concat())
}
