//! Renders, each only once for the files that it reads.

use crate::job::{Job, Source};
use crate::kept::{Given, Kept, Variant};
use crate::key::Key;
use crate::reads::ReadSet;
use crate::roots::{self, Recorded};
use model::{Blame, Digest, Failure, Grant};
use plugin::wit::renderer;
use plugin::{Invocation, Limits, Plugin, Silent};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Applications a core whose files are worked on at once: some of them wait for a disk.
const AT_ONCE: usize = 4;

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
    room: Semaphore,
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
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { renderers, kept, rendered: AtomicU64::new(0), room: Semaphore::new(cores * AT_ONCE) }
    }

    /// Room for one application's files to be opened, rendered and read; who asks first has it first. A host that begins looks at
    /// all of its applications at once, and each of these holds files open and a plugin in memory. Nothing that a cluster may keep
    /// somebody waiting for is done meanwhile, so that none that does not answer delays the applications of another one.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.room.acquire().await.ok()
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
        if let Some(variant) = self.same(&order)
            && let Some(given) = self.kept.given(&variant)
        {
            return answer(&order, &given, &variant.result, Some(variant.reads.clone()));
        }
        self.render_now(&order).await
    }

    /// The digest of a job's result, where that is known without rendering.
    pub fn known(&self, job: &Job) -> Result<Option<Digest>, Failure> {
        let order = self.order(job)?;
        Ok(self.same(&order).map(|variant| variant.result))
    }

    /// Removes kept results that no key names any more; answers how many. Blocking. Errors: `unavailable`.
    pub fn sweep(&self, now: SystemTime) -> Result<usize, Failure> {
        self.kept.sweep(now)
    }

    fn order<'a>(&self, job: &'a Job) -> Result<Order<'a>, Failure> {
        let name = match &job.renderer {
            Some(name) => name.as_str(),
            None => job.detect()?,
        };
        let offered = self.renderers.find(name)?;
        let roots: Vec<_> = job.sources.iter().map(|root| (root.name.as_str(), root.repository.as_str())).collect();
        let of = [job.application.as_str(), &job.namespace, &job.path];
        let key = Key::new((&offered.digest, &offered.renderer), &offered.grant.source, of, &roots, &job.parameters);
        Ok(Order { job, offered, key })
    }

    fn same(&self, order: &Order<'_>) -> Option<Variant> {
        // What cannot be looked at now does not hold: an older render may have read a branch that is gone.
        let variants = self.kept.variants(&order.key);
        let holds = |variant: &&Variant| variant.reads.holds(|name| roots::files(order.job, name)).unwrap_or_default();
        variants.iter().find(holds).cloned()
    }

    async fn render_now(&self, order: &Order<'_>) -> Result<Rendered, Failure> {
        let Order { job, offered, key } = order;
        job.folder()?;
        let plugin = self.renderers.load(offered)?;
        let recorded = Arc::new(Recorded::new((*job).clone()));
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
        let (given, _) = plugin.render(invocation, recorded.clone(), request).await;
        let given = match given {
            Ok(renderer::Rendering { manifests, warnings }) => Given::Rendering { manifests, warnings },
            // Any other may be over when it is tried again.
            Err(failure) if failure.blame == Blame::User && !failure.retryable && failure.code != "denied" => {
                Given::Failure(failure)
            }
            Err(failure) => return Err(failure),
        };
        match recorded.reads() {
            Some(reads) => {
                let (variant, given) = self.kept.keep(key, reads, given);
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
            warnings: order.job.warnings.iter().chain(warnings).cloned().collect(),
            renderer: order.offered.renderer.clone(),
            result: result.clone(),
            reads,
        }),
    }
}
