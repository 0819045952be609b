//! What it takes to look after applications: where each goes, by which rules, under which brakes.

use crate::books::Books;
use crate::branch::Branch;
use crate::catalog::Projects;
use crate::configured::Configured;
use crate::entry::Entry;
use crate::keeper::Keeper;
use crate::look::Subject;
use crate::render::Renders;
use crate::requirement::{Owning, Requirements};
use crate::rights::Rights;
use crate::target::target;
use access::{Environment, People};
use cluster::clock::SystemClock;
use cluster::kubernetes::{Access, Connection, Timeouts};
use cluster::{Destination, Directory, Kubernetes};
use manifest::{Cluster, HostConfig, Mode, Reach};
use model::application::{ApplicationName, Attention, Content};
use model::{Blame, Failure};
use planner::decide::{self, Brakes, Window};
use planner::depend::{Dependency, Stand};
use planner::reason::{Code, Reason};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use store::Braked;

/// A cluster that is opened by whoever needs it first. One that does not answer delays nobody who goes elsewhere.
type Opened = Arc<tokio::sync::OnceCell<Arc<dyn Destination>>>;

/// What environments ask, and of whom.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The environments.
    pub environments: Vec<Environment>,
    /// Who votes.
    pub people: Arc<People>,
}

/// The host's side of its applications.
pub struct Floor {
    /// The configuration.
    pub config: HostConfig,
    /// What is remembered of applications.
    pub books: Books,
    /// Where their files are.
    pub repositories: Arc<Configured>,
    /// What renders them.
    pub renders: Arc<Renders>,
    /// The folder of the configuration, from which its paths are meant.
    base: PathBuf,
    /// The folder of the host's state.
    state: PathBuf,
    rules: Rules,
    opened: Mutex<BTreeMap<String, Opened>>,
}

impl std::fmt::Debug for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Floor").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Floor {
    /// Of a configuration whose paths begin at `base`, with a state folder. Opens nothing yet.
    pub fn new(
        config: HostConfig,
        (base, state): (&Path, &Path),
        rules: Rules,
        books: Books,
        repositories: Arc<Configured>,
        renders: Arc<Renders>,
    ) -> Self {
        Self {
            config,
            books,
            repositories,
            renders,
            base: base.to_owned(),
            state: state.to_owned(),
            rules,
            opened: Mutex::default(),
        }
    }

    /// Whether the application's cluster is one of this host.
    pub fn cluster<'a>(&'a self, entry: &Entry) -> Option<(&'a str, &'a Cluster)> {
        let application = entry.application.as_ref().ok()?;
        manifest::cluster_of(&application.destination.cluster, &self.config)
    }

    /// Who looks after an application. Errors: what is wrong with its file; a cluster that is not configured or cannot be
    /// opened.
    pub async fn keeper(&self, projects: &Projects, entry: &Entry) -> Result<Keeper, Failure> {
        let declared = entry.application.as_ref().map_err(Clone::clone)?;
        let Some((name, cluster)) = self.cluster(entry) else {
            let message = format!("its cluster {} is not configured", called(&declared.destination.cluster));
            return Err(Failure::new(Blame::User, "not-found", message).hint(
                "name it in tidegate.yaml under `spec.clusters`, or give one that has another name its `server`",
            ));
        };
        let destination = self.open(name, cluster).await?;
        let mut application = target(declared, destination.nature().0);
        let rights = match self.rights(projects, entry, name, cluster) {
            Ok(rights) => {
                application.problems.extend(rights.of_application(declared));
                rights
            }
            Err(reason) => {
                application.problems.push(reason);
                Rights::none(name)
            }
        };
        let brakes = self.brakes(entry, name, cluster)?;
        let dependencies = declared.depends_on.iter().map(|name| self.dependency(name)).collect::<Result<_, _>>()?;
        let subject = Subject {
            declared: (**declared).clone(),
            application,
            destination,
            repositories: self.repositories.clone(),
            renders: self.renders.clone(),
            rights: Arc::new(rights),
        };
        let requirements = self.requirements(entry, name);
        Ok(Keeper::new(Arc::new(subject), self.books.clone(), brakes, dependencies, requirements))
    }

    /// A cluster, opened once.
    async fn open(&self, name: &str, cluster: &Cluster) -> Result<Arc<dyn Destination>, Failure> {
        let cell =
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        cell.get_or_try_init(|| self.connect(name, cluster)).await.cloned()
    }

    async fn connect(&self, name: &str, cluster: &Cluster) -> Result<Arc<dyn Destination>, Failure> {
        let destination: Arc<dyn Destination> = match &cluster.reach {
            Reach::Directory(path) => {
                let directory = Directory::open(&self.place(path));
                Arc::new(directory.map_err(|failure| Failure::unavailable(failure.message))?)
            }
            Reach::Branch { repository, branch } => {
                let (configured, of, on) = (self.repositories.clone(), repository.clone(), branch.clone());
                let folder = self.state.join("branches").join(name);
                let open = move || {
                    Branch::open(configured.mirror(&of)?, &on, &folder)
                        .map_err(|failure| Failure::unavailable(failure.message))
                };
                let opened = tokio::task::spawn_blocking(open).await;
                Arc::new(opened.map_err(|e| Failure::internal(format!("opening a branch panicked: {e}")))??)
            }
            Reach::Kubeconfig { path, context } => {
                let access = Access::Kubeconfig { path: self.place(path), context: context.clone() };
                let connection = Connection { access, impersonate: None, timeouts: Timeouts::default() };
                let kubernetes = Kubernetes::new(&connection, Arc::new(SystemClock::default())).await;
                Arc::new(kubernetes.map_err(|failure| Failure::unavailable(failure.message))?)
            }
        };
        Ok(destination)
    }

    /// A path of the configuration: from its folder, or `~/` from the user's.
    fn place(&self, path: &str) -> PathBuf {
        let home = path.strip_prefix("~/").zip(std::env::var_os("HOME"));
        home.map_or_else(|| self.base.join(path), |(rest, home)| PathBuf::from(home).join(rest))
    }

    /// The rules of the repository that declares it, and those of its project where that is declared.
    fn rights(&self, projects: &Projects, entry: &Entry, name: &str, cluster: &Cluster) -> Result<Rights, Reason> {
        let Some(repository) = self.config.repositories.get(&entry.repository) else {
            return Err(Reason::new(Code::NotPermitted, "it is declared in no configured repository"));
        };
        if repository.deploys == model::application::Deploys::default() {
            let text = format!(
                "the repository `{}` may deploy nothing: `spec.repositories.{}.deploys` of tidegate.yaml says what, \
                 such as {{ clusters: [{name}], namespaces: [\"*\"] }}",
                entry.repository, entry.repository
            );
            return Err(Reason::new(Code::NotPermitted, text));
        }
        let own = (format!("the repository `{}`", entry.repository), &repository.deploys);
        let project = projects.get(&entry.project);
        if project.is_none() && entry.project != model::application::Application::DEFAULT_PROJECT {
            let text = format!("its project `{}` is declared nowhere", entry.project);
            return Err(Reason::new(Code::NotPermitted, text));
        }
        let project = project.map(|project| (format!("the project `{}`", project.name), &project.deploys));
        Rights::new((name, cluster.server.as_deref()), std::iter::once(own).chain(project))
    }

    fn brakes(&self, entry: &Entry, name: &str, cluster: &Cluster) -> Result<Brakes, Failure> {
        let skipped = entry.application.as_ref().is_ok_and(|application| application.attention == Attention::Skipped);
        let suspended = self.books.brake(Braked::Application, &entry.name)?;
        Ok(Brakes {
            suspended: suspended.or_else(|| skipped.then(|| "its file says `skip-reconcile`".to_owned())),
            frozen: self.books.brake(Braked::Cluster, name)?,
            window: Window::default(),
            mode: match cluster.mode {
                Mode::Apply => decide::Mode::Apply,
                Mode::Observe => decide::Mode::Observe,
            },
            ..Brakes::default()
        })
    }

    /// What the environments ask that own its cluster, or the place where its files are.
    fn requirements(&self, entry: &Entry, cluster: &str) -> Requirements {
        let sources = entry.application.iter().flat_map(|application| &application.sources);
        let places: Vec<(&str, String)> = sources
            .filter_map(|source| {
                let repository = manifest::repository_of(&source.repository, &self.config)?;
                match &source.content {
                    // What a folder is owned by, a file in it is: there may be none of any name.
                    Content::Folder(path) => Some((repository, format!("{}/kustomization.yaml", path.in_source()))),
                    Content::Reference | Content::Chart(_) => None,
                }
            })
            .collect();
        let owning = self.rules.environments.iter().filter_map(|environment| {
            let configured = self.config.environments.get(&environment.name);
            let owns_cluster = configured.is_some_and(|it| it.owns.clusters.iter().any(|owned| owned == cluster));
            let owns = owns_cluster || places.iter().any(|(repository, path)| environment.owns(repository, path));
            owns.then(|| Owning { environment: environment.clone(), cluster: owns_cluster })
        });
        let (people, books) = (self.rules.people.clone(), self.books.clone());
        Requirements::new(&entry.name, owning.collect(), people, books, self.repositories.clone())
    }

    /// How an application stands that another one depends on.
    fn dependency(&self, name: &ApplicationName) -> Result<Dependency, Failure> {
        let standing = self.books.memory(name.as_str())?.standing;
        let stand = standing.map_or(Stand::Unknown, |standing| Stand::At {
            reached: (standing.sync == planner::survey::SyncStatus::Synced).then(|| standing.revision.clone()),
            wanted: standing.revision,
            health: standing.health,
        });
        Ok(Dependency { application: planner::ApplicationName(name.to_string()), stand })
    }
}

fn called(reference: &model::application::ClusterReference) -> String {
    match reference {
        model::application::ClusterReference::Name(name) => format!("`{name}`"),
        model::application::ClusterReference::Server(server) => server.clone(),
    }
}
