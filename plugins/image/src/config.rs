//! An image's configuration: that of its base, with what the inputs change. The same inputs give the same bytes.

use crate::canonical;
use crate::platform::Platform;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tidegate::Error;

/// What a container of the image runs. What is absent stays as the base has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The program with its first arguments. It replaces the base's, and the base's `cmd` with it.
    #[serde(default)]
    pub entrypoint: Option<Vec<String>>,
    /// Arguments of `entrypoint`, or the program where there is none.
    #[serde(default)]
    pub cmd: Option<Vec<String>>,
    /// Environment variables, added to the base's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The working directory.
    #[serde(default)]
    pub working_dir: Option<String>,
    /// The user, by name or number, with `:group` or without.
    #[serde(default)]
    pub user: Option<String>,
    /// Ports that it listens on, `8080` or `53/udp`, added to the base's.
    #[serde(default)]
    pub exposed_ports: Vec<Port>,
    /// Labels, added to the base's. The input `labels` is the same.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Folders that are volumes, added to the base's.
    #[serde(default)]
    pub volumes: Vec<String>,
    /// The signal that stops it.
    #[serde(default)]
    pub stop_signal: Option<String>,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a port is a number, or a text like `53/udp`")]
pub enum Port {
    /// Of TCP.
    Number(u16),
    /// With its protocol.
    Text(String),
}

/// A layer that is put upon the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The digest of the archive before compression.
    pub diff_id: String,
    /// How it came to be, for `history`.
    pub by: String,
}

impl Port {
    fn named(&self) -> Result<String, Error> {
        let (port, protocol) = match self {
            Self::Number(port) => (port.to_string(), "tcp"),
            Self::Text(text) => match text.split_once('/') {
                Some((port, protocol)) => (port.to_owned(), protocol),
                None => (text.clone(), "tcp"),
            },
        };
        let number = port.parse::<u16>().is_ok_and(|number| number > 0) && !port.starts_with('+');
        if number && ["tcp", "udp", "sctp"].contains(&protocol) {
            return Ok(format!("{port}/{protocol}"));
        }
        let shown = crate::digest::shortened(&format!("{port}/{protocol}"));
        Err(Error::invalid(format!("`{shown}` is no port")).with_field("/config/exposedPorts"))
    }
}

impl Settings {
    /// Finds what no container could run with.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn check(&self) -> Result<(), Error> {
        for name in self.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(
                    Error::invalid(format!("`{name}` cannot be the name of a variable")).with_field("/config/env")
                );
            }
        }
        if self.entrypoint.as_ref().is_some_and(Vec::is_empty) && self.cmd.as_ref().is_some_and(Vec::is_empty) {
            return Err(
                Error::invalid("both `entrypoint` and `cmd` are empty: nothing would run").with_field("/config")
            );
        }
        self.exposed_ports.iter().try_for_each(|port| port.named().map(drop))
    }
}

/// The bytes of a configuration: that of `base` (or none), for a platform, with settings and layers added.
///
/// # Errors
/// `image-manifest`, where the base's configuration is none.
pub fn build(
    base: Option<&Value>,
    platform: &Platform,
    settings: &Settings,
    layers: &[Added],
    created: &str,
) -> Result<Vec<u8>, Error> {
    let wrong = || Error::new("image-manifest", "the configuration of the base image cannot be read");
    let mut image = match base {
        Some(Value::Object(fields)) => fields.clone(),
        Some(_) => return Err(wrong()),
        None => Map::new(),
    };
    // Docker's old builder left its own container in there.
    for stale in ["container", "container_config", "docker_version", "id", "parent"] {
        image.remove(stale);
    }
    image.insert("created".to_owned(), created.into());
    image.insert("architecture".to_owned(), platform.architecture.as_str().into());
    image.insert("os".to_owned(), platform.os.as_str().into());
    if let Some(variant) = &platform.variant {
        image.insert("variant".to_owned(), variant.as_str().into());
    }
    let mut config = match image.remove("config") {
        Some(Value::Object(fields)) => fields,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(wrong()),
    };
    apply(&mut config, settings)?;
    image.insert("config".to_owned(), Value::Object(config));
    let mut diff_ids = match base.map(|base| &base["rootfs"]["diff_ids"]) {
        Some(Value::Array(ids)) => ids.clone(),
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return Err(wrong()),
    };
    diff_ids.extend(layers.iter().map(|layer| layer.diff_id.as_str().into()));
    image.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": diff_ids }));
    let mut history = match image.remove("history") {
        Some(Value::Array(entries)) => entries,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return Err(wrong()),
    };
    history.extend(layers.iter().map(|layer| json!({ "created": created, "created_by": layer.by })));
    image.insert("history".to_owned(), history.into());
    canonical::bytes(&image)
}

fn apply(config: &mut Map<String, Value>, settings: &Settings) -> Result<(), Error> {
    let mut set = |name: &str, value: Option<Value>| value.map(|value| config.insert(name.to_owned(), value));
    if let Some(entrypoint) = &settings.entrypoint {
        set("Entrypoint", Some(json!(entrypoint)));
        // Arguments of another program make no sense to this one.
        set("Cmd", Some(Value::Null));
    }
    set("Cmd", settings.cmd.as_ref().map(|cmd| json!(cmd)));
    set("WorkingDir", settings.working_dir.as_ref().map(|folder| json!(folder)));
    set("User", settings.user.as_ref().map(|user| json!(user)));
    set("StopSignal", settings.stop_signal.as_ref().map(|signal| json!(signal)));
    config.retain(|_, value| !value.is_null());
    if !settings.env.is_empty() {
        let mut variables: Vec<String> = match config.remove("Env") {
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        for (name, value) in &settings.env {
            let entry = format!("{name}={value}");
            match variables.iter_mut().find(|known| known.split('=').next() == Some(name)) {
                Some(known) => *known = entry,
                None => variables.push(entry),
            }
        }
        config.insert("Env".to_owned(), json!(variables));
    }
    let ports = settings.exposed_ports.iter().map(Port::named).collect::<Result<Vec<_>, _>>()?;
    merge(config, "ExposedPorts", ports.into_iter().map(|port| (port, json!({}))));
    merge(config, "Volumes", settings.volumes.iter().map(|volume| (volume.clone(), json!({}))));
    merge(config, "Labels", settings.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    Ok(())
}

fn merge(config: &mut Map<String, Value>, name: &str, entries: impl Iterator<Item = (String, Value)>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return;
    }
    let map = config.entry(name).or_insert_with(|| json!({}));
    if !map.is_object() {
        *map = json!({});
    }
    if let Value::Object(map) = map {
        map.extend(entries);
    }
}

#[cfg(test)]
mod tests {
    use super::{Added, Settings, build};
    use crate::platform::Platform;
    use serde_json::{Value, json};

    fn built(base: Option<Value>, settings: Value, layers: &[Added]) -> String {
        let settings: Settings = serde_json::from_value(settings).expect("settings");
        settings.check().expect("right settings");
        let platform = Platform::parse("linux/arm/v7").expect("a platform");
        let bytes =
            build(base.as_ref(), &platform, &settings, layers, "1970-01-01T00:00:00Z").expect("a configuration");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_bytes_are_these() {
        let layer = Added { diff_id: "sha256:1".into(), by: "tidegate: a to /a".into() };
        let settings = json!({
            "entrypoint": ["/a"], "env": {"B": "2", "A": "1"}, "exposedPorts": [8080, "53/udp"], "user": "1000",
            "labels": {"b": "x", "a": "y"}, "volumes": ["/data"], "workingDir": "/", "stopSignal": "SIGINT",
        });
        let expected = concat!(
            r#"{"architecture":"arm","config":{"Entrypoint":["/a"],"Env":["A=1","B=2"],"#,
            r#""ExposedPorts":{"53/udp":{},"8080/tcp":{}},"Labels":{"a":"y","b":"x"},"StopSignal":"SIGINT","#,
            r#""User":"1000","Volumes":{"/data":{}},"WorkingDir":"/"},"created":"1970-01-01T00:00:00Z","#,
            r#""history":[{"created":"1970-01-01T00:00:00Z","created_by":"tidegate: a to /a"}],"os":"linux","#,
            r#""rootfs":{"diff_ids":["sha256:1"],"type":"layers"},"variant":"v7"}"#,
        );
        assert_eq!(built(None, settings, &[layer]), expected);
    }

    #[test]
    fn what_is_not_said_stays_as_the_base_has_it() {
        let base = json!({
            "architecture": "arm", "os": "linux", "author": "x", "container": "gone", "created": "2020-01-01T00:00:00Z",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin", "A=0"], "Labels": {"base": "1"}, "ExposedPorts": null, "Healthcheck": {"Test": []}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}, "history": [{"empty_layer": true}],
        });
        let layer = Added { diff_id: "sha256:1".into(), by: "x".into() };
        let text = built(Some(base.clone()), json!({"env": {"A": "1"}, "labels": {"own": "2"}}), &[layer]);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["config"]["Cmd"], json!(["sh"]));
        assert_eq!(value["config"]["Env"], json!(["PATH=/bin", "A=1"]));
        assert_eq!(value["config"]["Labels"], json!({"base": "1", "own": "2"}));
        assert_eq!(value["config"]["Healthcheck"], json!({"Test": []}));
        assert_eq!(value["rootfs"]["diff_ids"], json!(["sha256:0", "sha256:1"]));
        assert_eq!((value["history"].as_array().map(Vec::len), &value["author"]), (Some(2), &json!("x")));
        assert_eq!((&value["container"], &value["config"]["ExposedPorts"]), (&Value::Null, &Value::Null));
        let text = built(Some(base), json!({"entrypoint": ["/a"]}), &[]);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["config"]["Cmd"], Value::Null, "the base's arguments are of its own program");
    }

    #[test]
    fn wrong_settings_are_named() {
        for wrong in [
            json!({"env": {"A=B": ""}}),
            json!({"exposedPorts": ["x"]}),
            json!({"exposedPorts": ["80/http"]}),
            json!({"exposedPorts": [0]}),
            json!({"exposedPorts": ["70000"]}),
            json!({"entrypoint": [], "cmd": []}),
        ] {
            let settings: Settings = serde_json::from_value(wrong.clone()).expect("settings");
            assert!(settings.check().is_err(), "{wrong}");
        }
        assert!(serde_json::from_value::<Settings>(json!({"entryPoint": ["/a"]})).is_err());
    }
}
