//! What it takes to look after applications: where each goes, by which rules, under which brakes.

use crate::books::Books;
use crate::branch::Branch;
use crate::brood::{Brood, Nest, Stir};
use crate::catalog::{Catalog, Projects};
use crate::child::Ancestor;
use crate::configured::Configured;
use crate::entry::Entry;
use crate::keeper::{Ask, Keeper};
use crate::look::Subject;
use crate::nobody::Nobody;
use crate::render::Renders;
use crate::requirement::{Owning, Requirements, owns_folder};
use crate::rights::Rights;
use crate::target::target;
use access::{Environment, People};
use cluster::clock::SystemClock;
use cluster::kubernetes::{Access, Connection, Timeouts};
use cluster::{Destination, Directory, Kubernetes};
use manifest::{Account, Cluster, HostConfig, Mode, Reach};
use model::application::{Application, ApplicationName, Attention, Content};
use model::{Blame, Failure};
use planner::decide::{self, Brakes, Window};
use planner::depend::{Dependency, Stand};
use planner::object::ObjectKey;
use planner::reason::{Code, Reason};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Braked;
use tokio::sync::mpsc;

/// A cluster that is opened by whoever needs it first. One that does not answer delays nobody who goes elsewhere.
type Opened = Arc<tokio::sync::OnceCell<Way>>;

/// A cluster that is open.
#[derive(Clone)]
enum Way {
    Folder(Arc<dyn Destination>),
    Kubernetes(Arc<Kubernetes>),
}

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
    /// The same as other accounts, by cluster and account.
    acting: Mutex<BTreeMap<(String, String), Arc<Kubernetes>>>,
    /// What applications tell whoever keeps all of them, who takes the other end.
    stirs: mpsc::UnboundedSender<Stir>,
    stirred: Mutex<Option<mpsc::UnboundedReceiver<Stir>>>,
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
        let (stirs, stirred) = mpsc::unbounded_channel();
        Self {
            config,
            books,
            repositories,
            renders,
            base: base.to_owned(),
            state: state.to_owned(),
            rules,
            opened: Mutex::default(),
            acting: Mutex::default(),
            stirs,
            stirred: Mutex::new(Some(stirred)),
        }
    }

    /// The same with a cluster that is open already.
    #[cfg(test)]
    pub(crate) fn with(self, name: &str, destination: Arc<dyn Destination>) -> Self {
        let way = tokio::sync::OnceCell::new_with(Some(Way::Folder(destination)));
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Arc::new(way));
        self
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
        let (cluster_alone, held) = self.destination(name, cluster, entry).await?;
        let brood = Arc::new(Brood::of(entry, self.books.clone(), self.stirs.clone()));
        let destination = Arc::new(Nest { cluster: cluster_alone.clone(), brood: brood.clone() });
        let mut application = target(declared, destination.nature().0);
        application.problems.extend(held);
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
        let brakes = self.brakes(entry, name, cluster);
        let dependencies =
            declared.depends_on.iter().map(|other| self.dependency(declared, other)).collect::<Result<_, _>>()?;
        let subject = Subject {
            declared: (**declared).clone(),
            application,
            destination,
            cluster: cluster_alone,
            brood,
            repositories: self.repositories.clone(),
            renders: self.renders.clone(),
            rights: Arc::new(rights),
        };
        let requirements = self.requirements(entry, name);
        Ok(Keeper::new(Arc::new(subject), self.books.clone(), brakes, dependencies, requirements))
    }

    /// What the applications of a cluster own, and which of them does. Errors: those of the journal.
    pub fn owned(&self, catalog: &Catalog, cluster: &str) -> Result<HashMap<ObjectKey, String>, Failure> {
        let mut owned = HashMap::new();
        let there = |entry: &&Arc<Entry>| self.cluster(entry).is_some_and(|(name, _)| name == cluster);
        for entry in catalog.entries.iter().filter(there) {
            let memory = self.books.memory(&entry.name)?;
            owned.extend(memory.inventory.objects().map(|(key, _)| (key.clone(), entry.name.clone())));
        }
        Ok(owned)
    }

    /// Tells whoever keeps all applications that a child of this one is doing otherwise than before.
    pub(crate) fn stir(&self, parent: &str) {
        // Without anybody who keeps all of them nobody hears it.
        let _ = self.stirs.send(Stir::Of(parent.to_owned()));
    }

    /// The same of what applications declare.
    pub(crate) fn declared(&self) {
        let _ = self.stirs.send(Stir::Declared);
    }

    /// What applications tell; for the first who asks.
    pub(crate) fn stirred(&self) -> Option<mpsc::UnboundedReceiver<Stir>> {
        self.stirred.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A cluster as the account of an application's project sees it; as nobody, with the reason, where it has none, or another one
    /// than those from whom it comes: who writes a child's document must gain no account by naming a project.
    async fn destination(
        &self,
        name: &str,
        cluster: &Cluster,
        entry: &Entry,
    ) -> Result<(Arc<dyn Destination>, Option<Reason>), Failure> {
        let project = entry.project.as_str();
        let other = |ancestor: &&Ancestor| cluster.account(&ancestor.project) != cluster.account(project);
        if let Some(ancestor) = entry.ancestors.iter().find(other) {
            let text = format!(
                "its project `{project}` has another account in the cluster `{name}` than the project `{}` of `{}`, which \
                 declares it: only a file may choose an account",
                ancestor.project, ancestor.name
            );
            let reason = Reason::new(Code::NotPermitted, text);
            return Ok((Arc::new(Nobody::new(&reason.text)), Some(reason)));
        }
        let account = match cluster.account(project) {
            Account::Own => None,
            Account::Of(account) => Some(account),
            Account::Nobody => {
                let text = format!(
                    "its project `{project}` has no account in the cluster `{name}`: \
                     `spec.clusters.{name}.impersonate.projects` of tidegate.yaml names one, or `default` for all"
                );
                let reason = Reason::new(Code::NotPermitted, text);
                return Ok((Arc::new(Nobody::new(&reason.text)), Some(reason)));
            }
        };
        let destination: Arc<dyn Destination> = match (self.open(name, cluster).await?, account) {
            (Way::Folder(directory), _) => directory,
            (Way::Kubernetes(kubernetes), None) => kubernetes,
            (Way::Kubernetes(kubernetes), Some(account)) => {
                let at = (name.to_owned(), account.to_owned());
                let known = self.acting().get(&at).cloned();
                match known {
                    Some(known) => known,
                    None => {
                        let acting = kubernetes.acting(account).await;
                        let acting = Arc::new(acting.map_err(|failure| Failure::unavailable(failure.message))?);
                        self.acting().entry(at).or_insert(acting).clone()
                    }
                }
            }
        };
        Ok((destination, None))
    }

    fn acting(&self) -> MutexGuard<'_, BTreeMap<(String, String), Arc<Kubernetes>>> {
        self.acting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cluster, opened once.
    async fn open(&self, name: &str, cluster: &Cluster) -> Result<Way, Failure> {
        let cell =
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        cell.get_or_try_init(|| self.connect(name, cluster)).await.cloned()
    }

    async fn connect(&self, name: &str, cluster: &Cluster) -> Result<Way, Failure> {
        Ok(match &cluster.reach {
            Reach::Directory(path) => {
                let directory = Directory::open(&self.place(path));
                let directory = directory.map_err(|failure| Failure::unavailable(failure.message))?;
                Way::Folder(Arc::new(directory))
            }
            Reach::Branch { repository, branch } => {
                let (configured, of, on) = (self.repositories.clone(), repository.clone(), branch.clone());
                let folder = self.state.join("branches").join(name);
                let open = move || {
                    Branch::open(configured.mirror(&of)?, &on, &folder)
                        .map_err(|failure| Failure::unavailable(failure.message))
                };
                let opened = tokio::task::spawn_blocking(open).await;
                let opened = opened.map_err(|e| Failure::internal(format!("opening a branch panicked: {e}")))??;
                Way::Folder(Arc::new(opened))
            }
            Reach::Kubeconfig { path, context } => {
                let access = Access::Kubeconfig { path: self.place(path), context: context.clone() };
                let connection = Connection { access, impersonate: None, timeouts: Timeouts::default() };
                let kubernetes = Kubernetes::new(&connection, Arc::new(SystemClock::default())).await;
                let kubernetes = kubernetes.map_err(|failure| Failure::unavailable(failure.message))?;
                Way::Kubernetes(Arc::new(kubernetes))
            }
        })
    }

    /// A path of the configuration: from its folder, or `~/` from the user's.
    fn place(&self, path: &str) -> PathBuf {
        let home = path.strip_prefix("~/").zip(std::env::var_os("HOME"));
        home.map_or_else(|| self.base.join(path), |(rest, home)| PathBuf::from(home).join(rest))
    }

    /// The rules of the repository that declares it, those of its project where that is declared, and those of the projects of all
    /// from whom it comes.
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
        let mut rules = vec![own];
        let all = entry
            .ancestors
            .iter()
            .map(|it| (it.project.as_str(), format!("the project `{}` of `{}`", it.project, it.name)));
        for (project, whose) in all.chain([(entry.project.as_str(), format!("its project `{}`", entry.project))]) {
            match projects.get(project) {
                Some(project) => {
                    let whose = format!("the project `{}`", project.name);
                    if rules.iter().all(|(known, _)| *known != whose) {
                        rules.push((whose, &project.deploys));
                    }
                }
                None if project == Application::DEFAULT_PROJECT => {}
                None => return Err(Reason::new(Code::NotPermitted, format!("{whose} is declared nowhere"))),
            }
        }
        Rights::new((name, cluster.server.as_deref()), rules)
    }

    /// The brakes as they are whenever somebody asks: they may be put on in the middle of a sync.
    fn brakes(&self, entry: &Entry, name: &str, cluster: &Cluster) -> Box<Ask> {
        let skipped = entry.application.as_ref().is_ok_and(|application| application.attention == Attention::Skipped);
        let mode = match cluster.mode {
            Mode::Apply => decide::Mode::Apply,
            Mode::Observe => decide::Mode::Observe,
        };
        let (books, application, cluster) = (self.books.clone(), entry.name.clone(), name.to_owned());
        Box::new(move || {
            let suspended = books.brake(Braked::Application, &application)?;
            Ok(Brakes {
                suspended: suspended.or_else(|| skipped.then(|| "its file says `skip-reconcile`".to_owned())),
                frozen: books.brake(Braked::Cluster, &cluster)?,
                window: Window::default(),
                mode,
                ..Brakes::default()
            })
        })
    }

    /// Whether an environment owns a cluster.
    fn owns_cluster(&self, environment: &str, cluster: &str) -> bool {
        let configured = self.config.environments.get(environment);
        configured.is_some_and(|it| it.owns.clusters.iter().any(|owned| owned == cluster))
    }

    /// Whether an application is one of an environment, by its file: by its cluster, or by a folder that is rendered.
    pub(crate) fn is_of(&self, entry: &Entry, environment: &str) -> bool {
        let Ok(application) = &entry.application else { return false };
        let Some(rules) = self.rules.environments.iter().find(|rules| rules.name == environment) else { return false };
        let folders = application.sources.iter().filter_map(|source| match &source.content {
            Content::Folder(path) => {
                Some((manifest::repository_of(&source.repository, &self.config)?, path.in_source()))
            }
            _ => None,
        });
        self.cluster(entry).is_some_and(|(name, _)| self.owns_cluster(environment, name))
            || folders.into_iter().any(|(repository, folder)| owns_folder(rules, repository, folder))
    }

    /// What the host's environments may ask about it.
    fn requirements(&self, entry: &Entry, cluster: &str) -> Requirements {
        let environments = self.rules.environments.iter().map(|environment| {
            let cluster = self.owns_cluster(&environment.name, cluster);
            Owning { environment: environment.clone(), cluster }
        });
        let (people, books) = (self.rules.people.clone(), self.books.clone());
        Requirements::new(&entry.name, environments, people, books, self.repositories.clone())
    }

    /// How an application stands that another one depends on, and whether both come from one repository: then it must have come as far
    /// as the other one's commit.
    fn dependency(&self, of: &Application, name: &ApplicationName) -> Result<(Dependency, bool), Failure> {
        let standing = self.books.memory(name.as_str())?.standing;
        let stand = standing.map_or(Stand::Unknown, |standing| Stand::At {
            reached: (standing.sync == planner::survey::SyncStatus::Synced).then(|| standing.revision.clone()),
            wanted: standing.revision,
            health: standing.health,
        });
        let source = |application: &Application| {
            let source = application.sources.first()?;
            let repository = manifest::repository_of(&source.repository, &self.config)?;
            Some((repository.to_owned(), source.revision.clone()))
        };
        let other = self.books.declaration(name.as_str())?.and_then(|entry| source(entry.application.as_ref().ok()?));
        let together = other.is_some() && other == source(of);
        Ok((Dependency { application: planner::ApplicationName(name.to_string()), stand }, together))
    }
}

fn called(reference: &model::application::ClusterReference) -> String {
    match reference {
        model::application::ClusterReference::Name(name) => format!("`{name}`"),
        model::application::ClusterReference::Server(server) => server.clone(),
    }
}
