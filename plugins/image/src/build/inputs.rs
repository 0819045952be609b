//! What the step takes, and what it means for a builder.

use crate::facts::{Facts, RUN};
use crate::place;
use crate::platform::Platform;
use crate::target::{Insecure, Target};
use crate::tool::{Kept, Recipe, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::Error;

/// The step's `with`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The folder of the workspace that instructions copy from.
    #[serde(default = "root")]
    pub context: String,
    /// The file with the instructions, in the workspace; `Dockerfile` or `Containerfile` in `context` unless given.
    #[serde(default)]
    pub dockerfile: Option<String>,
    /// Where the image goes: `registry.example.com/team/app`.
    pub image: String,
    /// Its tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// More tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Values for `ARG` instructions. No secrets: they stay in the image's history.
    #[serde(default)]
    pub build_args: BTreeMap<String, String>,
    /// The stage to build; the last one unless given.
    #[serde(default)]
    pub target: Option<String>,
    /// Labels. Those of the commit and the run are always there.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `linux/amd64`…: several make one index, where the tool can (docker cannot).
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Whether layers of earlier builds are used: `true` for those that the tool keeps itself, or a folder of buildah's or
    /// podman's own, which stays. One outside the workspace must be granted. Not with several platforms.
    #[serde(default)]
    pub cache: Cache,
    /// Which builder; the first of buildah, podman and docker that is there and granted, unless given.
    #[serde(default)]
    pub tool: Chosen,
    /// Looks for newer base images, even where the tool has some.
    #[serde(default)]
    pub pull: bool,
    /// Speaks plain HTTP to the registry that the image is pushed to. The operator must have granted `http://` there.
    #[serde(default)]
    pub insecure: Insecure,
}

/// What may be reused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`cache` is true, false or a folder")]
pub enum Cache {
    /// What the tool keeps itself, or nothing.
    Own(bool),
    /// A folder.
    Folder(String),
}

impl Default for Cache {
    fn default() -> Self {
        Self::Own(false)
    }
}

/// Which builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Chosen {
    /// The first that is there and granted.
    #[default]
    Auto,
    /// buildah.
    Buildah,
    /// podman.
    Podman,
    /// docker.
    Docker,
}

fn root() -> String {
    ".".to_owned()
}

/// The inputs, read and found sound.
pub(super) struct Wanted {
    pub(super) target: Target,
    pub(super) recipe: Recipe,
    pub(super) tools: Vec<Tool>,
}

impl Inputs {
    pub(super) fn wanted(&self, facts: &Facts, workspace: &str) -> Result<Wanted, Error> {
        let wrong = |message: String, field: &str| Err(Error::invalid(message).with_field(field));
        let target = Target::new(&self.image, self.tag.as_deref(), &self.tags)?.with_tag()?;
        let context = place::workspace(&self.context, "/context")?;
        let dockerfile = match &self.dockerfile {
            Some(path) => place::workspace(path, "/dockerfile")?,
            None => String::new(),
        };
        if context.split('/').next() == Some(place::FOLDER) {
            return wrong(format!("`{}` is this plugin's own folder", place::FOLDER), "/context");
        }
        for (name, value) in &self.build_args {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(word) || name.as_bytes()[0].is_ascii_digit() {
                return wrong(format!("`{name}` cannot be the name of a build argument"), "/buildArgs");
            }
            if value.contains('\0') {
                return wrong(format!("the build argument `{name}` holds a NUL character"), "/buildArgs");
            }
        }
        for (name, value) in &self.labels {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return wrong(format!("`{name}` cannot be a label"), "/labels");
            }
        }
        let stage = |text: &String| {
            text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if self.target.as_ref().is_some_and(stage) {
            return wrong("`target` cannot be the name of a stage".to_owned(), "/target");
        }
        let mut platforms = Vec::new();
        for text in &self.platforms {
            platforms.push(Platform::parse(text).map_err(|error| error.with_field("/platforms"))?.to_string());
        }
        if platforms.len() > 1 && self.cache != Cache::Own(false) {
            // Seen with buildah 1.28: the second platform got the layers of the first, from the cache.
            return wrong(
                "builders take the layers of one platform for another's: no `cache` with several".to_owned(),
                "/cache",
            );
        }
        let cache = match &self.cache {
            Cache::Own(false) => Kept::Nothing,
            Cache::Own(true) => Kept::Layers,
            Cache::Folder(path) => {
                let of =
                    platforms.first().map(|platform| format!("/{}", platform.replace('/', "-"))).unwrap_or_default();
                Kept::Folder(cache_folder(path, workspace)? + &of)
            }
        };
        let tools = match self.tool {
            Chosen::Auto => vec![Tool::Buildah, Tool::Podman, Tool::Docker],
            Chosen::Buildah => vec![Tool::Buildah],
            Chosen::Podman => vec![Tool::Podman],
            Chosen::Docker => vec![Tool::Docker],
        };
        // What docker cannot do, another may.
        let docker = |&tool: &Tool| tool == Tool::Docker;
        let beyond = if platforms.len() > 1 {
            Some(("/platforms", "several platforms at once"))
        } else if matches!(cache, Kept::Folder(_)) {
            Some(("/cache", "a cache folder"))
        } else {
            None
        };
        let tools: Vec<Tool> = tools.into_iter().filter(|tool| beyond.is_none() || !docker(tool)).collect();
        if let (Some((field, what)), true) = (beyond, tools.is_empty()) {
            return wrong(format!("docker's own builder does not know {what}: use buildah or podman"), field);
        }
        let mut labels = facts.labels(&self.labels);
        labels.entry(RUN.to_owned()).or_insert_with(|| facts.run.clone());
        let arguments = self.build_args.clone();
        let (stage, pull) = (self.target.clone(), self.pull);
        let (ignore, registries) = (None, None);
        let recipe =
            Recipe { context, dockerfile, arguments, stage, labels, platforms, cache, pull, ignore, registries };
        Ok(Wanted { target, recipe, tools })
    }
}

fn cache_folder(text: &str, workspace: &str) -> Result<String, Error> {
    match text.strip_prefix('/') {
        Some(rest) => {
            let path = place::image(rest, "/cache")?;
            if path.is_empty() {
                return Err(Error::invalid("`cache` cannot be the root").with_field("/cache"));
            }
            Ok(format!("/{path}"))
        }
        None => {
            let path = place::workspace(text, "/cache")?;
            if path.is_empty() || path.split('/').next() == Some(place::FOLDER) {
                return Err(Error::invalid("`cache` needs a folder of its own").with_field("/cache"));
            }
            Ok(format!("{workspace}/{path}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Inputs;
    use crate::build::{WORKSPACE, forecast};
    use crate::facts::{Facts, REVISION, RUN};
    use serde_json::{Value, json};

    fn read(mut with: Value) -> Result<(Inputs, Facts), String> {
        with["image"] = "r.io/app:v1".into();
        let inputs: Inputs = serde_json::from_value(with).map_err(|error| error.to_string())?;
        let facts = Facts { run: "r1".into(), revision: Some("c0ffee".into()), ..Facts::default() };
        forecast(&facts, &inputs).map_err(|error| error.message)?;
        Ok((inputs, facts))
    }

    #[test]
    fn labels_of_commit_and_run_are_there() {
        let (inputs, facts) = read(json!({"labels": {"a": "b"}})).expect("sound");
        let labels = inputs.wanted(&facts, WORKSPACE).expect("sound").recipe.labels;
        assert_eq!(labels.get(RUN).map(String::as_str), Some("r1"));
        assert_eq!(labels.get(REVISION).map(String::as_str), Some("c0ffee"));
        assert_eq!(labels.len(), 3);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            json!({"context": "/"}),
            json!({"context": "../x"}),
            json!({"context": ".tidegate-image"}),
            json!({"dockerfile": "/etc/passwd"}),
            json!({"buildArgs": {"A=B": "c"}}),
            json!({"buildArgs": {"--x": "c"}}),
            json!({"buildArgs": {"1A": "c"}}),
            json!({"labels": {"a=b": "c"}}),
            json!({"target": "a b"}),
            json!({"platforms": ["linux"]}),
            json!({"cache": 1}),
            json!({"cache": "."}),
            json!({"cache": ".tidegate-image/x"}),
            json!({"cache": "/../etc"}),
            json!({"cache": "/"}),
            json!({"cache": true, "platforms": ["linux/amd64", "linux/arm64"]}),
            json!({"tool": "kaniko"}),
            json!({"tool": "docker", "platforms": ["linux/amd64", "linux/arm64"]}),
            json!({"tool": "docker", "cache": "/cache"}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        let (inputs, facts) = read(json!({"cache": "/cache"})).expect("sound");
        assert_eq!(inputs.wanted(&facts, WORKSPACE).expect("sound").tools.len(), 2, "docker cannot");
    }
}
