//! From a folder to one stream of objects.

use crate::files::{Depth, Files, manifests};
use crate::manifest::{Manifest, read};
use crate::selection::Selection;
use kustomize_yaml::write;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate::source::{self, Entry, Kind};
use tidegate::{Error, Renderer, Rendering, Request};

/// The renderer.
#[derive(Debug)]
pub struct Directory;

/// Argo CD's `directory`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether folders below it belong to it.
    pub recurse: bool,
    /// A glob of what belongs to it; everything without one.
    pub include: Option<String>,
    /// A glob of what does not; it wins.
    pub exclude: Option<String>,
}

impl Renderer for Directory {
    const NAME: &'static str = "directory";
    const SUMMARY: &'static str = "The objects of a folder as they are written";
    type Parameters = Parameters;

    fn render(request: &Request, parameters: Parameters) -> Result<Rendering, Error> {
        rendered(&Main, &request.path, &parameters)
    }
}

/// The root `main`.
struct Main;

impl Files for Main {
    fn follow(&self, path: &str) -> Result<Option<(String, Kind)>, Error> {
        source::follow("main", path)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        source::read("main", path)
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        source::entries("main", path)
    }
}

/// Whether a file is Argo CD's `.argocd-source.yaml`, or that of one application.
fn is_override(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.strip_prefix(".argocd-source").is_some_and(|rest| rest.ends_with(".yaml"))
}

/// Renders a folder.
///
/// # Errors
/// `invalid` with the place, `unsupported`; those of the host.
pub fn rendered(files: &dyn Files, folder: &str, parameters: &Parameters) -> Result<Rendering, Error> {
    let selection = Selection::new(parameters.include.as_deref(), parameters.exclude.as_deref())?;
    let depth = if parameters.recurse { Depth::Whole } else { Depth::Flat };
    let (mut objects, mut warnings) = (Vec::new(), Vec::new());
    for path in manifests(files, folder, depth, &selection)? {
        // Gone since it was listed: then the folder changes while it is read.
        let Some(bytes) = files.read(&path)? else { continue };
        match read(&path, &bytes)? {
            Manifest::Objects(mut found) => objects.append(&mut found),
            Manifest::Skipped => {}
            // It says something about the folder, and the host reads it.
            Manifest::Other if is_override(&path) => {}
            Manifest::Other => warnings.push(format!("{path} holds no Kubernetes object and was passed over")),
        }
    }
    let manifests = write::stream(&objects).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Rendering { manifests, warnings })
}
