//! The root module of a step: where it is, and how the tool is told about workspace, backend and variables. Checked
//! before anything runs; it reads no file.

use crate::inputs::{Drift, Plan, Validate};
use crate::tool::Tool;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::container::Container;

/// The longest environment variable, with its name: Linux takes none longer than 128 KiB.
const LONGEST_VARIABLE: usize = 128 * 1024 - 1;

/// Variables that this plugin sets itself, or that would change what is planned behind the pipeline's back.
const KEPT: [&str; 8] = [
    "TF_DATA_DIR",
    "TF_IN_AUTOMATION",
    "TF_INPUT",
    "TF_WORKSPACE",
    "CHECKPOINT_DISABLE",
    "TF_LOG_PATH",
    // These would have the tool use other providers than the lock file says.
    "TF_REATTACH_PROVIDERS",
    "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE",
];

/// A root module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Root {
    /// Its folder in the workspace; empty for the workspace's root.
    pub directory: String,
    /// The Terraform workspace.
    pub workspace: Option<String>,
    /// Files, from the workspace's root, and `key=value` pairs, in the order in which they count. A secret is its
    /// placeholder here.
    pub backend: Vec<Setting>,
    /// Files of variables, from the workspace's root.
    pub var_files: Vec<String>,
    /// Variables as the tool takes them from its environment. A secret is its placeholder here.
    pub variables: BTreeMap<String, String>,
}

/// A setting of the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// A file, from the workspace's root.
    File(String),
    /// `key=value`.
    Pair(String),
}

/// What runs it.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The tool, where one is asked for.
    pub tool: Option<Tool>,
    /// The constraint on its version.
    pub version: Option<String>,
    /// The variables that the pipeline gives.
    pub env: BTreeMap<String, String>,
    /// The container that it runs in, unless it is the machine's own.
    pub container: Option<Container>,
}

impl Root {
    /// That of `terraform/validate`.
    ///
    /// # Errors
    /// `invalid` with the field.
    pub fn of_validate(inputs: &Validate) -> Result<Self, Error> {
        Self::new(&inputs.directory, None, &[], &[], &BTreeMap::new())
    }

    /// That of `terraform/plan`.
    ///
    /// # Errors
    /// `invalid` with the field.
    pub fn of_plan(inputs: &Plan) -> Result<Self, Error> {
        let Plan { directory, workspace, backend_config, var_files, variables, .. } = inputs;
        Self::new(directory, workspace.as_deref(), backend_config, var_files, variables)
    }

    /// That of `terraform/drift`.
    ///
    /// # Errors
    /// `invalid` with the field.
    pub fn of_drift(inputs: &Drift) -> Result<Self, Error> {
        let Drift { directory, workspace, backend_config, var_files, variables, .. } = inputs;
        Self::new(directory, workspace.as_deref(), backend_config, var_files, variables)
    }

    fn new(
        directory: &str,
        workspace: Option<&str>,
        backend: &[String],
        var_files: &[String],
        variables: &BTreeMap<String, Value>,
    ) -> Result<Self, Error> {
        let wrong = |field: &str, message: String| Error::invalid(message).with_field(field);
        let directory = resolve("", directory)
            .ok_or_else(|| wrong("/directory", format!("`{directory}` is not a folder of the workspace")))?;
        if let Some(name) = workspace
            && (name.is_empty() || name.contains(['/', '\0']) || name.starts_with('-') || name == "." || name == "..")
        {
            return Err(wrong("/workspace", format!("`{name}` cannot be the name of a Terraform workspace")));
        }
        let mut settings = Vec::new();
        for (at, given) in backend.iter().enumerate() {
            let field = format!("/backendConfig/{at}");
            settings.push(match given.split_once('=') {
                Some((key, _)) if is_name(key) => Setting::Pair(given.clone()),
                Some((key, _)) => {
                    return Err(wrong(&field, format!("`{key}` cannot be the name of a backend setting")));
                }
                None => Setting::File(resolve(&directory, given).ok_or_else(|| {
                    wrong(&field, format!("`{given}` is neither `key=value` nor a file of the workspace"))
                })?),
            });
        }
        let mut files = Vec::new();
        for (at, file) in var_files.iter().enumerate() {
            let path = resolve(&directory, file).filter(|path| !path.is_empty());
            files.push(path.ok_or_else(|| {
                wrong(&format!("/varFiles/{at}"), format!("`{file}` is not a file of the workspace"))
            })?);
        }
        let mut environment = BTreeMap::new();
        for (name, value) in variables {
            let field = format!("/variables/{}", name.replace('~', "~0").replace('/', "~1"));
            if !is_name(name) {
                return Err(wrong(&field, format!("`{name}` cannot be the name of a variable")));
            }
            let text = expression(value).ok_or_else(|| {
                wrong(&field, format!("the variable `{name}` is null: leave it out to have its default"))
            })?;
            if matches!(value, Value::Array(_) | Value::Object(_)) && text.contains("{tidegate:secret:") {
                let message = format!(
                    "the variable `{name}` holds a secret within a list or a map, where it would be pasted unquoted"
                );
                return Err(wrong(&field, message).with_hint("give the secret as a variable of its own"));
            }
            if text.contains('\0') || name.len() + text.len() + 8 > LONGEST_VARIABLE {
                let message =
                    format!("the variable `{name}` holds a NUL or more than 128 KiB: use a file of variables");
                return Err(wrong(&field, message));
            }
            environment.insert(name.clone(), text);
        }
        let workspace = workspace.map(str::to_owned);
        Ok(Self { directory, workspace, backend: settings, var_files: files, variables: environment })
    }

    /// A path of the workspace as the tool finds it from the directory.
    pub fn from_directory(&self, path: &str) -> String {
        let up = "../".repeat(self.directory.split('/').filter(|part| !part.is_empty()).count());
        format!("{up}{path}")
    }

    /// A path in the directory, from the workspace's root.
    pub fn path(&self, name: &str) -> String {
        if self.directory.is_empty() { name.to_owned() } else { format!("{}/{name}", self.directory) }
    }

    /// The backend's settings as a variable that adds arguments to `init`; absent where there are none. In the
    /// environment and not in the arguments, which other users of the machine can read: the tool splits it as a shell
    /// would, so each is in single quotes.
    pub fn backend_arguments(&self) -> Option<String> {
        let quoted = |setting: &Setting| {
            let value = match setting {
                Setting::File(path) => self.from_directory(path),
                Setting::Pair(pair) => pair.clone(),
            };
            format!("'-backend-config={}'", value.replace('\'', r"'\''"))
        };
        let arguments: Vec<String> = self.backend.iter().map(quoted).collect();
        (!arguments.is_empty()).then(|| arguments.join(" "))
    }

    /// The files that it is told to read besides its own.
    pub fn named_files(&self) -> impl Iterator<Item = &str> {
        let backend = self.backend.iter().filter_map(|setting| match setting {
            Setting::File(path) => Some(path.as_str()),
            Setting::Pair(_) => None,
        });
        backend.chain(self.var_files.iter().map(String::as_str))
    }
}

/// Checks the variables that a pipeline gives.
///
/// # Errors
/// `invalid` with the field.
pub fn check_environment(env: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, value) in env {
        let wrong = |message: String| Err(Error::invalid(message).with_field("/env"));
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return wrong(format!("`{name}` cannot be the name of a variable, or its value holds a NUL"));
        }
        if name.starts_with("TIDEGATE_") || KEPT.contains(&name.as_str()) || name.starts_with("TF_CLI_ARGS") {
            return wrong(format!("`{name}` is set by the step itself: use the step's inputs"));
        }
        if name.starts_with("TF_LOG") && !value.is_empty() {
            return wrong(format!("`{name}` would print secrets into the log"));
        }
    }
    Ok(())
}

/// Checks a duration as Go writes it: `90s`, `1h30m`.
///
/// # Errors
/// `invalid` with the field.
pub fn check_lock_timeout(text: &str) -> Result<(), Error> {
    let mut rest = text;
    let mut good = !rest.is_empty();
    while good && !rest.is_empty() {
        let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let unit = ["ms", "s", "m", "h"].into_iter().find(|unit| rest[digits..].starts_with(unit));
        let number = rest[..digits].parse::<f64>().is_ok();
        good = number && unit.is_some();
        rest = &rest[digits + unit.map_or(0, str::len)..];
    }
    if good || text == "0" {
        return Ok(());
    }
    Err(Error::invalid(format!("`{text}` is no duration, as `5m` and `1h30m` are")).with_field("/lockTimeout"))
}

/// A value as the tool reads it from its environment: a text as it is, everything else as an expression, in which what
/// begins a template must be escaped. Absent for `null`.
fn expression(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => Some(escaped(value)),
        scalar => Some(scalar.to_string()),
    }
}

fn escaped(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(",")),
        Value::Object(items) => {
            let items = items.iter().map(|(key, item)| format!("{}:{}", literal(key), escaped(item)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(","))
        }
        Value::String(text) => literal(text),
        scalar => scalar.to_string(),
    }
}

fn literal(text: &str) -> String {
    // JSON's `\b` and `\f` are none of HCL's escapes.
    let json = Value::from(text).to_string().replace("\\b", "\\u0008").replace("\\f", "\\u000c");
    json.replace("${", "$${").replace("%{", "%%{")
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

/// A path relative to a folder, from the root; absent where it leaves the root or is absolute.
pub fn resolve(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Root, check_environment, check_lock_timeout, resolve};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn root(with: Value) -> Result<Root, String> {
        let inputs = serde_json::from_value(with).map_err(|error| error.to_string())?;
        Root::of_plan(&inputs).map_err(|error| format!("{} {}", error.message, error.details.unwrap_or_default()))
    }

    #[test]
    fn paths_are_from_the_directory() {
        let root = root(json!({
            "directory": "./environments/dev/", "varFiles": ["../common.tfvars"],
            "backendConfig": ["backend.hcl", "bucket=it's", "key=a=b"],
        }))
        .expect("a root");
        assert_eq!(root.directory, "environments/dev");
        assert_eq!(root.var_files, ["environments/common.tfvars"]);
        assert_eq!(root.from_directory(&root.var_files[0]), "../../environments/common.tfvars");
        let arguments = root.backend_arguments().expect("settings");
        assert_eq!(
            arguments,
            r"'-backend-config=../../environments/dev/backend.hcl' '-backend-config=bucket=it'\''s' '-backend-config=key=a=b'"
        );
    }

    #[test]
    fn what_leaves_the_workspace_is_refused() {
        for (with, field) in [
            (json!({"directory": ".."}), "/directory"),
            (json!({"directory": "/etc"}), "/directory"),
            (json!({"directory": "a", "varFiles": ["../../x"]}), "/varFiles/0"),
            (json!({"directory": "a", "varFiles": ["x", "/y"]}), "/varFiles/1"),
            (json!({"directory": "a", "backendConfig": ["../../b"]}), "/backendConfig/0"),
            (json!({"directory": "a", "backendConfig": ["-x=1"]}), "/backendConfig/0"),
            (json!({"directory": "a", "workspace": "-x"}), "/workspace"),
            (json!({"directory": "a", "variables": {"a b": 1}}), "/variables/a b"),
            (json!({"directory": "a", "variables": {"a": null}}), "/variables/a"),
        ] {
            let wrong = root(with.clone()).expect_err(field);
            assert!(wrong.contains(&format!("\"{field}\"")), "{with} {wrong}");
        }
        assert!(root(json!({"directory": "a", "planFile": "x"})).is_err());
        assert_eq!(resolve("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(resolve("", "."), Some(String::new()));
    }

    #[test]
    fn variables_are_expressions_without_templates() {
        let root = root(json!({"directory": "", "variables": {
            "text": "${x} \"q\"", "number": 1.5, "flag": true, "list": ["${x}", 1], "map": {"a%{": "\u{8}\u{c}\n\"", "b": null},
        }}))
        .expect("a root");
        let expected = [
            ("flag", "true"),
            ("list", r#"["$${x}",1]"#),
            ("map", r#"{"a%%{":"\u0008\u000c\n\"","b":null}"#),
            ("number", "1.5"),
            ("text", "${x} \"q\""),
        ];
        let given: Vec<(&str, &str)> = root.variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn the_environment_is_the_steps_own() {
        let check = |name: &str, value: &str| check_environment(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        for name in
            ["TF_DATA_DIR", "TF_CLI_ARGS_plan", "TF_CLI_ARGS", "TF_WORKSPACE", "TIDEGATE_X", "A=B", "", "TF_LOG"]
        {
            assert!(check(name, "x").is_err(), "{name}");
        }
        for name in ["AWS_REGION", "TF_VAR_a", "TF_TOKEN_example_com", "TF_PLUGIN_CACHE_DIR"] {
            assert!(check(name, "x").is_ok(), "{name}");
        }
    }

    #[test]
    fn durations_are_gos() {
        for good in ["5m", "90s", "1h30m", "0", "0s", "1.5h", "100ms"] {
            assert!(check_lock_timeout(good).is_ok(), "{good}");
        }
        for bad in ["", "5", "m", "5 m", "-5m", "5d", "5m -x", "1..2s"] {
            assert!(check_lock_timeout(bad).is_err(), "{bad}");
        }
    }
}
