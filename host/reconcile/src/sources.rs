//! From an application to what is rendered: a job for each of its sources that has a folder.

use crate::job::{Elsewhere, Job, MAIN, Source};
use crate::overrides::{Overridden, overridden};
use model::application::{Application, Content, Plugin, PluginParameter, Renderer};
use model::{Blame, Failure};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The repositories that a host may read.
pub trait Repositories: Send + Sync {
    /// The configured name of a repository, by its address as somebody wrote it; contacts nobody.
    fn name(&self, address: &str) -> Option<String>;

    /// The files of a repository at a revision (a branch, a tag, a commit, `HEAD`), by its address as somebody wrote it;
    /// `None` where it is not configured. Errors: `no-such-revision`, `unavailable`.
    fn open(&self, address: &str, revision: &str) -> Result<Option<Source>, Failure>;
}

/// The jobs of an application, in the order of its sources, with what their folders say about them.
///
/// Errors: `not-found` for a repository that is not configured; `no-such-revision`; `unsupported` for charts of Helm repositories;
/// `invalid` for an `.argocd-source.yaml`.
pub fn jobs(application: &Application, repositories: &Arc<dyn Repositories>) -> Result<Vec<Job>, Failure> {
    let mut references = Vec::new();
    for source in &application.sources {
        if let Some(name) = &source.reference {
            references.push(Source { name: name.clone(), ..open(source, repositories)? });
        }
    }
    let mut jobs = Vec::new();
    for source in &application.sources {
        let path = match &source.content {
            Content::Folder(path) => path.in_source().to_owned(),
            Content::Reference => continue,
            Content::Chart(chart) => {
                let message = format!("`chart: {chart}`: charts of Helm repositories are not rendered by this version");
                return Err(Failure::new(Blame::User, "unsupported", message)
                    .hint("commit the chart, or what it renders to, to a repository"));
            }
        };
        let main = Source { name: MAIN.to_owned(), ..open(source, repositories)? };
        let Overridden { renderer, warnings } = overridden(application, &source.renderer, &main, &path)?;
        let (renderer, parameters) = rendering(&renderer)?;
        jobs.push(Job {
            application: application.name.to_string(),
            namespace: application.destination.namespace.as_ref().map(ToString::to_string).unwrap_or_default(),
            path,
            sources: std::iter::once(main).chain(references.iter().cloned()).collect(),
            elsewhere: Some(Arc::new(ByUrl(repositories.clone()))),
            renderer,
            parameters,
            warnings,
        });
    }
    Ok(jobs)
}

fn open(source: &model::application::Source, repositories: &Arc<dyn Repositories>) -> Result<Source, Failure> {
    repositories.open(&source.repository, &source.revision)?.ok_or_else(|| {
        let message = format!("the repository {} is not configured", manifest::without_secret(&source.repository));
        Failure::new(Blame::User, "not-found", message)
            .hint("name it in tidegate.yaml under `spec.repositories`, by its `url` or among the `aliases` of one")
    })
}

/// The renderer's name, where one is named, and its parameters.
fn rendering(renderer: &Renderer) -> Result<(Option<String>, Value), Failure> {
    let value = |parameters: serde_json::Result<Value>| {
        parameters.map_err(|e| Failure::internal(format!("parameters of a renderer are no JSON: {e}")))
    };
    Ok(match renderer {
        Renderer::Detected => (None, json!({})),
        Renderer::Kustomize(it) => {
            let mut parameters = value(serde_json::to_value(it))?;
            parameters["images"] = it.images.iter().map(|image| image.written.as_str()).collect();
            (Some("kustomize".to_owned()), parameters)
        }
        Renderer::Directory(it) => (Some("directory".to_owned()), value(serde_json::to_value(it))?),
        Renderer::Helm(it) => (Some("helm".to_owned()), value(serde_json::to_value(it))?),
        Renderer::Plugin(it) => (Some(it.name.clone()), of_plugin(it)),
    })
}

/// What a plugin gets as its parameters: each by its name, a text, a list or a mapping, and null where it has no value; `env` as
/// one mapping beside them, where there is any. Whoever wrote the renderer says what may be there.
fn of_plugin(plugin: &Plugin) -> Value {
    let value = |parameter: &PluginParameter| match parameter {
        PluginParameter { string: Some(text), .. } => json!(text),
        PluginParameter { array: Some(items), .. } => json!(items),
        PluginParameter { map, .. } => json!(map),
    };
    let parameters = plugin.parameters.iter().map(|parameter| (parameter.name.clone(), value(parameter)));
    let env: Map<String, Value> = plugin.env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let env = (!env.is_empty()).then(|| ("env".to_owned(), Value::Object(env)));
    Value::Object(parameters.chain(env).collect())
}

/// Other repositories by what a kustomization says: an address, and `?ref=` with a revision.
struct ByUrl(Arc<dyn Repositories>);

impl Elsewhere for ByUrl {
    fn name(&self, url: &str) -> Option<String> {
        self.0.name(url.split_once('?').map_or(url, |(address, _)| address))
    }

    fn find(&self, url: &str) -> Result<Option<Source>, Failure> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let revision = query.split('&').find_map(|part| part.strip_prefix("ref=")).unwrap_or("HEAD");
        Ok(self.0.open(address, revision)?.map(|source| Source { name: url.to_owned(), ..source }))
    }
}
