//! Renders, each only once for the files that it reads.

use crate::files::Files;
use crate::kept::{Given, Kept, Variant};
use crate::key::Key;
use crate::reads::ReadSet;
use crate::recorder::Recorder;
use git::Kind;
use model::{Blame, Digest, Failure, Grant};
use plugin::wit::renderer;
use plugin::{Invocation, Limits, Plugin, Root, Silent};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The root in which the folder is that is rendered.
const MAIN: &str = "main";

/// A renderer that is locked, and what its plugin is granted.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The plugin.
    pub plugin: String,
    /// The renderer's name within it.
    pub renderer: String,
    /// The component.
    pub digest: Digest,
    /// What it may do at most.
    pub grant: Grant,
}

/// Where renderers come from.
pub trait Renderers: Send + Sync {
    /// The renderer that an application's source names. Errors: `not-found`.
    fn find(&self, name: &str) -> Result<Offered, Failure>;

    /// Its component, loaded once. Blocking.
    fn load(&self, offered: &Offered) -> Result<Arc<Plugin>, Failure>;
}

/// A root of a job.
#[derive(Clone)]
pub struct Source {
    /// `main`, or the `ref` of an application's source.
    pub name: String,
    /// The repository's name in the configuration.
    pub repository: String,
    /// The commit's id; empty for a folder.
    pub commit: String,
    /// Its files.
    pub files: Arc<dyn Files>,
}

/// What is to be rendered.
#[derive(Clone)]
pub struct Job {
    /// The application's name.
    pub application: String,
    /// The namespace that it goes to; empty for none.
    pub namespace: String,
    /// The folder in the root `main`.
    pub path: String,
    /// All that can be read, `main` first.
    pub sources: Vec<Source>,
    /// The renderer's name; found out by the folder's files where absent.
    pub renderer: Option<String>,
    /// Its parameters, an object.
    pub parameters: Value,
}

/// A render that went well, now or before.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Objects as a YAML stream.
    pub manifests: String,
    /// For people.
    pub warnings: Vec<String>,
    /// The renderer that made it.
    pub renderer: String,
    /// Equal ones, equal results.
    pub result: Digest,
    /// What it read. Absent where that was not the same all the time.
    pub reads: Option<Arc<ReadSet>>,
}

/// Renders and keeps.
pub struct Renders {
    renderers: Arc<dyn Renderers>,
    kept: Kept,
    rendered: AtomicU64,
}

impl std::fmt::Debug for Renders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renders").field("rendered", &self.rendered).finish_non_exhaustive()
    }
}

/// A job with its renderer.
struct Order<'a> {
    job: &'a Job,
    offered: Offered,
    key: Key,
}

impl Renders {
    /// Renders by these, and keeps there.
    pub fn new(renderers: Arc<dyn Renderers>, kept: Kept) -> Self {
        Self { renderers, kept, rendered: AtomicU64::new(0) }
    }

    /// How many times a plugin was called to render.
    pub fn count(&self) -> u64 {
        self.rendered.load(Ordering::Relaxed)
    }

    /// The objects of a job: kept ones where every file that was read for them is the same, else rendered now.
    ///
    /// Errors: what is wrong with the files (which is kept as well); `not-found` for the folder or the renderer; what happened
    /// to the plugin.
    pub async fn render(&self, job: &Job) -> Result<Rendered, Failure> {
        let order = self.order(job)?;
        if let Some(variant) = self.same(&order)?
            && let Some(given) = self.kept.given(&variant)
        {
            return answer(&order, &given, &variant.result, Some(variant.reads.clone()));
        }
        self.render_now(&order).await
    }

    /// The digest of a job's result, where that is known without rendering.
    pub fn known(&self, job: &Job) -> Result<Option<Digest>, Failure> {
        let order = self.order(job)?;
        Ok(self.same(&order)?.map(|variant| variant.result))
    }

    fn order<'a>(&self, job: &'a Job) -> Result<Order<'a>, Failure> {
        let name = match &job.renderer {
            Some(name) => name.as_str(),
            None => detect(job)?,
        };
        let offered = self.renderers.find(name)?;
        let roots: Vec<_> = job.sources.iter().map(|root| (root.name.as_str(), root.repository.as_str())).collect();
        let of = [job.application.as_str(), &job.namespace, &job.path];
        let key = Key::new((&offered.digest, &offered.renderer), of, &roots, &job.parameters);
        Ok(Order { job, offered, key })
    }

    fn same(&self, order: &Order<'_>) -> Result<Option<Variant>, Failure> {
        for variant in self.kept.variants(&order.key).iter() {
            let root = |name: &str| order.job.sources.iter().find(|root| root.name == name).map(|root| &*root.files);
            if variant.reads.holds(root)? {
                return Ok(Some(variant.clone()));
            }
        }
        Ok(None)
    }

    async fn render_now(&self, order: &Order<'_>) -> Result<Rendered, Failure> {
        let Order { job, offered, key } = order;
        folder(job)?;
        let plugin = self.renderers.load(offered)?;
        let recorders: Vec<_> = job.sources.iter().map(|root| Arc::new(Recorder::new(root.files.clone()))).collect();
        let roots = job.sources.iter().zip(&recorders).map(|(root, recorder)| Root {
            name: root.name.clone(),
            repository: root.repository.clone(),
            source: recorder.clone(),
        });
        let named = |root: &Source| renderer::Root { name: root.name.clone(), commit: root.commit.clone() };
        let request = renderer::Request {
            name: offered.renderer.clone(),
            application: job.application.clone(),
            namespace: job.namespace.clone(),
            path: job.path.clone(),
            roots: job.sources.iter().map(named).collect(),
            parameters: job.parameters.to_string(),
        };
        let invocation = Invocation {
            plugin: offered.plugin.clone(),
            grant: offered.grant.clone(),
            limits: Limits::rendering(),
            services: Arc::new(Silent),
        };
        self.rendered.fetch_add(1, Ordering::Relaxed);
        let (given, _) = plugin.render(invocation, roots.collect(), request).await;
        let reads: Option<Vec<_>> = job
            .sources
            .iter()
            .zip(&recorders)
            .map(|(root, recorder)| Some((root.name.clone(), recorder.reads()?)))
            .collect();
        let given = match given {
            Ok(renderer::Rendering { manifests, warnings }) => Given::Rendering { manifests, warnings },
            // Any other may be over when it is tried again.
            Err(failure) if failure.blame == Blame::User && !failure.retryable => Given::Failure(failure),
            Err(failure) => return Err(failure),
        };
        match reads {
            Some(reads) => {
                let (variant, given) = self.kept.keep(key, ReadSet::new(reads), given);
                answer(order, &given, &variant.result, Some(variant.reads))
            }
            None => {
                let text = serde_json::to_vec(&given).unwrap_or_default();
                answer(order, &given, &Digest::of(text), None)
            }
        }
    }
}

fn answer(order: &Order<'_>, given: &Given, result: &Digest, reads: Option<Arc<ReadSet>>) -> Result<Rendered, Failure> {
    match given {
        Given::Failure(failure) => Err(failure.clone()),
        Given::Rendering { manifests, warnings } => Ok(Rendered {
            manifests: manifests.clone(),
            warnings: warnings.clone(),
            renderer: order.offered.renderer.clone(),
            result: result.clone(),
            reads,
        }),
    }
}

/// Files that tell which renderer a folder is for, as Argo CD looks for them; anything else is `directory`.
const SIGNS: [(&str, &str); 4] = [
    ("kustomization.yaml", "kustomize"),
    ("kustomization.yml", "kustomize"),
    ("Kustomization", "kustomize"),
    ("Chart.yaml", "helm"),
];

/// The renderer that a folder is for. It is found out anew each time, so it is in no read set.
fn detect(job: &Job) -> Result<&'static str, Failure> {
    let main = folder(job)?;
    for (sign, renderer) in SIGNS {
        let place = if job.path.is_empty() { sign.to_owned() } else { format!("{}/{sign}", job.path) };
        if matches!(main.files.look(&place)?, Some(Kind::File | Kind::Executable | Kind::Link)) {
            return Ok(renderer);
        }
    }
    Ok("directory")
}

/// The root `main`, where the job's folder is one in it.
fn folder(job: &Job) -> Result<&Source, Failure> {
    let main = job.sources.iter().find(|root| root.name == MAIN);
    let main = main.ok_or_else(|| Failure::internal("a render without a root `main`"))?;
    let place = if job.path.is_empty() { "its root" } else { &job.path };
    let wrong = |code: &str, what: String| Err(Failure::new(Blame::User, code, what));
    match main.files.look(&job.path)? {
        Some(Kind::Directory) => Ok(main),
        Some(kind) => wrong("invalid", format!("`{place}` is {}, not a folder", kind.noun())),
        None if main.commit.is_empty() => wrong("not-found", format!("there is no folder `{place}`")),
        None => {
            let short = main.commit.get(..7).unwrap_or(&main.commit);
            wrong("not-found", format!("there is no folder `{place}` in the commit {short} of `{}`", main.repository))
        }
    }
}
