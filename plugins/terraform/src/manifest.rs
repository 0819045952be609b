//! What a plan was made of and for. It travels in the plan's archive and holds no secret: placeholders stay placeholders.

use crate::host::Host;
use crate::image;
use crate::invocation::{DATA, MANIFEST};
use crate::root::Root;
use crate::tar;
use crate::tool::Installed;
use crate::tree::Files;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::container::Container;
use tidegate::{Context, Error};

/// The only form of manifest so far.
pub const FORM: u32 = 1;
/// The largest manifest and Markdown, in bytes.
const LARGEST: u64 = 1 << 20;

/// The manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORM`].
    pub form: u32,
    /// What planned, and in which image.
    pub tool: Installed,
    /// Folders of the machine that the image's container has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_folders: Vec<String>,
    /// Which root module, with backend and variables.
    pub root: Root,
    /// The repository of the run.
    pub repository: Option<String>,
    /// The commit of the run.
    pub commit: Option<String>,
    /// The run.
    pub run: String,
    /// Where the state is.
    pub backend: Backend,
    /// The state that was planned on; absent where there was none.
    pub state: Option<State>,
    /// The digest of the committed lock file; absent where none is committed.
    pub lock_file: Option<String>,
    /// The digest of the plan file.
    pub plan_file: String,
    /// The configuration.
    pub files: Files,
    /// One line.
    pub summary: String,
    /// Whether there is anything to do.
    pub changes: bool,
    /// How many objects apply works on.
    pub objects: u32,
    /// The outputs that were known and are not secret.
    pub outputs: BTreeMap<String, Value>,
    /// The names of the secret ones.
    pub sensitive_outputs: Vec<String>,
}

/// Where the state is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// `s3`, `local`.
    pub kind: String,
    /// Whether it is a file that is gone when the step ends: what a step has to itself, none outside sees.
    pub passes: bool,
}

/// The folders that each child has to itself and of which nothing can be granted.
const OWN: [&str; 4] = ["/workspace", "/tmp", "/dev", "/proc"];

/// Which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// It rises with each change.
    pub serial: u64,
    /// The same for all states that came from one.
    pub lineage: String,
}

impl State {
    /// Reads what `state pull` prints, which is the whole state: only these two fields are looked at.
    pub fn of(printed: &[u8]) -> Option<Self> {
        serde_json::from_slice(printed).ok().filter(|state: &Self| !state.lineage.is_empty())
    }
}

impl Backend {
    /// Reads what `init` left in the tool's folder. That may hold secrets: only the kind and local paths are looked at.
    /// `folders` are those of the machine that the tool's container has; absent without one.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(host: &dyn Host, root: &Root, folders: Option<&[String]>) -> Result<Self, Error> {
        let text = host.read(&format!("{DATA}/terraform.tfstate"))?.unwrap_or_default();
        Ok(Self::from_data(&text, root, folders))
    }

    fn from_data(text: &[u8], root: &Root, folders: Option<&[String]>) -> Self {
        let value: Value = serde_json::from_slice(text).unwrap_or_default();
        let backend = &value["backend"];
        let kind = backend["type"].as_str().unwrap_or("local");
        let is_default = root.workspace.as_deref().unwrap_or("default") == "default";
        let path = backend["config"][if is_default { "path" } else { "workspace_dir" }].as_str().unwrap_or_default();
        let path = plain(&root.directory, path);
        let within =
            |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // An absolute path is one that an operator granted; but a container has its own of all that it was not given.
        let kept = folders.is_none_or(|folders| folders.iter().any(|folder| within(folder.trim_end_matches('/'))));
        Self { kind: kind.to_owned(), passes: kind == "local" && (!kept || OWN.into_iter().any(within)) }
    }
}

/// An absolute path without `.` and `..`, as the tool takes it in a folder of the workspace.
fn plain(directory: &str, path: &str) -> String {
    let from = if path.starts_with('/') { String::new() } else { format!("/workspace/{directory}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Manifest {
    /// Reads that of a plan out of its archive.
    ///
    /// # Errors
    /// `terraform-no-plan` where the artifact is none, and those of reading it.
    pub fn of_artifact(host: &dyn Host, digest: &str) -> Result<Self, Error> {
        let text = member(host, digest, MANIFEST)?.ok_or_else(|| no_plan(digest, "it has no manifest"))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| no_plan(digest, &error.to_string()))?;
        if manifest.form != FORM {
            return Err(no_plan(digest, "a newer version of this plugin made it"));
        }
        Ok(manifest)
    }

    /// The container in which it is applied, of the very image that planned; absent where that was the machine's own tool.
    ///
    /// # Errors
    /// `invalid` where the image is not named by its digest.
    pub fn container(&self, context: &Context) -> Result<Option<Container>, Error> {
        let Some(image) = self.tool.image.clone() else { return Ok(None) };
        image::container(context, image, self.machine_folders.clone()).map(Some)
    }
}

/// A file of a plan's archive.
///
/// # Errors
/// Those of reading the artifact, and `terraform-no-plan` where it is no archive.
pub fn member(host: &dyn Host, digest: &str, path: &str) -> Result<Option<Vec<u8>>, Error> {
    tar::member(path, LARGEST, &mut |offset, length| host.read_artifact(digest, offset, length)).map_err(|problem| {
        match problem {
            tar::Problem::Read(error) => error,
            tar::Problem::Form(why) => no_plan(digest, why),
        }
    })
}

fn no_plan(digest: &str, why: &str) -> Error {
    Error::new("terraform-no-plan", format!("the artifact {digest} is no plan of this plugin: {why}"))
        .with_field("/plan")
        .with_hint("give the output `plan` of a `terraform/plan` step")
}

#[cfg(test)]
mod tests {
    use super::Backend;
    use crate::root::Root;
    use serde_json::json;

    #[test]
    fn a_state_that_passes_is_found() {
        let inputs = |workspace: Option<&str>| {
            let inputs = serde_json::from_value(json!({"directory": "a", "workspace": workspace})).expect("inputs");
            Root::of_plan(&inputs).expect("a root")
        };
        let inside = |config: serde_json::Value, workspace| {
            let text = json!({"backend": {"type": "local", "config": config}}).to_string();
            Backend::from_data(text.as_bytes(), &inputs(workspace), None).passes
        };
        assert!(Backend::from_data(b"", &inputs(None), None).passes, "no backend is the local one");
        assert!(inside(json!({"path": null}), None));
        assert!(inside(json!({"path": "../x.tfstate"}), None));
        assert!(inside(json!({"path": "/workspace/x.tfstate"}), None));
        assert!(!inside(json!({"path": "/srv/x.tfstate"}), None));
        for own in ["/tmp/x.tfstate", "/dev/shm/x", "/srv/../tmp/x", "../../tmp/x"] {
            assert!(inside(json!({"path": own}), None), "{own} is each child's own");
        }
        assert!(!inside(json!({"path": "/workspaces/x.tfstate"}), None));
        assert!(!inside(json!({"path": "../../x.tfstate"}), None));
        // The path is for the default workspace only.
        assert!(inside(json!({"path": "/srv/x.tfstate"}), Some("dev")));
        assert!(!inside(json!({"path": null, "workspace_dir": "/srv/states"}), Some("dev")));
        let s3 = json!({"backend": {"type": "s3", "config": {}}}).to_string();
        assert!(!Backend::from_data(s3.as_bytes(), &inputs(None), Some(&[])).passes);
        let contained = |path: &str| {
            let text = json!({"backend": {"type": "local", "config": {"path": path}}}).to_string();
            Backend::from_data(text.as_bytes(), &inputs(None), Some(&["/srv/states/".to_owned()])).passes
        };
        assert!(!contained("/srv/states/x.tfstate"), "the container has that folder of the machine");
        assert!(contained("/srv/x.tfstate") && contained("/srv/states-2/x") && contained("../../x"), "and no other");
    }
}
