//! What a rollback brings back, and what it cannot: files of the application's folder, and whatever else it read.

use super::choice::{Before, candidates};
use crate::apps::Desk;
use crate::place::aside;
use engine::Engine;
use git::{Kind, Mirror};
use model::application::{Application, Content};
use model::{Blame, CommitId, Failure};
use reconcile::{Origin, Repositories};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most files of one rollback.
const FILES: usize = 10_000;
/// Most files that differ, wherever they are.
const PATHS: usize = FILES * 100;
/// The largest file that is brought back, in bytes.
const LARGEST: usize = 64 << 20;
/// Paths that are named in one message.
const NAMED: usize = 10;

/// What is to be brought back, and to where.
pub struct Plan {
    pub repository: String,
    pub branch: String,
    pub head: CommitId,
    pub target: CommitId,
    /// Whether the application was healthy with the target.
    pub healthy: bool,
    pub files: Vec<File>,
    /// Paths outside of its folder that it read at the target and that differ: others may rest on them, so they stay as they are.
    pub outside: Vec<String>,
    /// The rollback after which nothing has happened in its folder: it is done already.
    pub already: Option<CommitId>,
}

/// A path with its content at the target, or that it was not there.
pub type File = (String, Option<Vec<u8>>);

/// What is known of an application's past.
#[derive(Clone)]
pub struct Past {
    /// The revisions with which it was healthy, newest first.
    pub healthy: Vec<String>,
    /// Its rollbacks, newest first.
    pub rollbacks: Vec<store::Rollback>,
}

/// Where its files are.
struct Place {
    mirror: Mirror,
    repository: String,
    folder: String,
    branch: String,
    head: CommitId,
}

/// To where.
enum Way {
    /// One of these, the first with which anything differs.
    To(Vec<CommitId>),
    /// It has gone there.
    Gone(Before),
}

impl Desk {
    /// Where a rollback of an application goes, and what of its files it brings back. `origins` are those of its newest look.
    pub(super) async fn plan(
        &self,
        application: &Application,
        to: Option<&str>,
        past: &Past,
        origins: &[Origin],
    ) -> Result<(Mirror, Plan), Failure> {
        let (engine, config, of) = (self.engine.clone(), self.floor.config.clone(), application.clone());
        let (named, known) = (to.map(str::to_owned), past.clone());
        let begun = aside(move || {
            let place = place(&of, &config, &engine)?;
            let way = way(&place, &of, named.as_deref(), &known)?;
            Ok((place, way))
        });
        let (place, way) = begun.await?;
        let plan = |target: CommitId| Plan {
            repository: place.repository.clone(),
            branch: place.branch.clone(),
            head: place.head.clone(),
            healthy: past.healthy.contains(&target.0),
            target,
            files: Vec::new(),
            outside: Vec::new(),
            already: None,
        };
        let candidates = match way {
            Way::Gone(Before { commit, target }) => {
                return Ok((place.mirror, Plan { already: Some(commit), ..plan(target) }));
            }
            Way::To(candidates) => candidates,
        };
        for target in &candidates {
            let (mirror, of, head) = (place.mirror.clone(), target.clone(), place.head.clone());
            let paths = aside(move || mirror.changed_paths(&of, &head, PATHS).map_err(|e| e.failure())).await?;
            let (paths, others): (Vec<String>, Vec<String>) =
                paths.into_iter().partition(|path| is_inside(&place.folder, path));
            let outside = self.read_there(application, target, others, origins).await;
            if paths.is_empty() && outside.is_empty() && to.is_none() {
                continue;
            }
            if paths.is_empty() && !outside.is_empty() {
                return Err(nothing_inside(&place, target, &outside));
            }
            if paths.len() > FILES {
                let message = format!("{} files differ; at most {FILES} are brought back by one commit", paths.len());
                return Err(Failure::new(Blame::User, "too-large", message).hint("revert the commit with `git revert`"));
            }
            let (mirror, of) = (place.mirror.clone(), target.clone());
            let files = aside(move || contents(&mirror, &of, paths)).await?;
            return Ok((place.mirror.clone(), Plan { files, outside, ..plan(target.clone()) }));
        }
        let target = candidates.into_iter().next().unwrap_or_else(|| place.head.clone());
        let plan = plan(target);
        Ok((place.mirror, plan))
    }

    /// Those of these paths that the application's render at a revision read.
    async fn read_there(
        &self,
        application: &Application,
        target: &CommitId,
        mut paths: Vec<String>,
        origins: &[Origin],
    ) -> Vec<String> {
        if paths.is_empty() {
            return paths;
        }
        let mut there = application.clone();
        for source in &mut there.sources {
            target.as_str().clone_into(&mut source.revision);
        }
        let repositories: Arc<dyn Repositories> = self.floor.repositories.clone();
        let jobs = aside(move || reconcile::jobs(&there, &repositories)).await;
        let mut reads = Vec::new();
        for job in jobs.into_iter().flatten() {
            let rendered = self.floor.renders.render(&job).await.ok().and_then(|rendered| rendered.reads);
            reads.extend(rendered.zip(job.sources.first()).map(|(reads, source)| (reads, source.name.clone())));
        }
        if reads.is_empty() {
            // What it read then cannot be told any more: what it reads now is the next best.
            reads.extend(origins.iter().filter_map(|origin| origin.reads.clone()));
        }
        paths.retain(|path| reads.iter().any(|(reads, root)| reads.touches(root, path)));
        paths
    }
}

fn is_inside(folder: &str, path: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Paths in a sentence.
pub fn listed(paths: &[String]) -> String {
    let mut text = paths.iter().take(NAMED).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    if paths.len() > NAMED {
        text.push_str(&format!(" and {} more", paths.len() - NAMED));
    }
    text
}

fn nothing_inside(place: &Place, target: &CommitId, outside: &[String]) -> Failure {
    let message = format!(
        "nothing in its folder `{}` differs from {}, and what it read outside of it does: {}. A rollback brings its own folder back and \
         nothing else, since others may rest on the rest",
        place.folder,
        target.short(),
        listed(outside)
    );
    Failure::new(Blame::User, "unsupported", message)
        .hint("revert the commit that changed them with `git revert`, or name another revision with `--to`")
}

/// The repository, folder and branch that an application's files are in, fetched.
fn place(application: &Application, config: &manifest::HostConfig, engine: &Engine) -> Result<Place, Failure> {
    let folders: Vec<_> =
        application.sources.iter().filter(|source| matches!(source.content, Content::Folder(_))).collect();
    let ([source], true) = (folders.as_slice(), application.sources.len() == 1) else {
        let message = format!(
            "`{}` has several sources, or none in Git: which of them to bring back nobody can say",
            application.name
        );
        return Err(Failure::new(Blame::User, "unsupported", message).hint("revert the commit with `git revert`"));
    };
    let Content::Folder(path) = &source.content else {
        return Err(Failure::internal("a folder that is none"));
    };
    let name = manifest::repository_of(&source.repository, config).ok_or_else(|| {
        let message = format!("its repository {} is not configured", manifest::without_secret(&source.repository));
        Failure::new(Blame::User, "not-found", message)
    })?;
    let git = |e: git::Error| e.failure();
    let mirror = engine.mirror(name)?;
    mirror.fetch().map_err(git)?;
    let revision = source.revision.as_str();
    let branch = match revision {
        "HEAD" => mirror.default_branch().map_err(git)?,
        name => mirror.branches().map_err(git)?.into_iter().map(|(branch, _)| branch).find(|branch| branch == name),
    };
    let branch = branch.ok_or_else(|| {
        let message = format!("`targetRevision: {revision}` is no branch, so no commit can move it");
        Failure::new(Blame::User, "unsupported", message).hint("set `targetRevision` to a healthy revision instead")
    })?;
    let head = mirror.resolve(&format!("refs/heads/{branch}")).map_err(git)?.ok_or_else(|| missing(name, &branch))?;
    Ok(Place { mirror, repository: name.to_owned(), folder: path.in_source().to_owned(), branch, head })
}

fn missing(repository: &str, what: &str) -> Failure {
    Failure::new(Blame::User, "not-found", format!("the repository `{repository}` has no commit `{what}`"))
}

fn way(place: &Place, application: &Application, to: Option<&str>, past: &Past) -> Result<Way, Failure> {
    let git = |e: git::Error| e.failure();
    let Place { mirror, repository, folder, head, .. } = place;
    let Past { healthy, rollbacks } = past;
    if let Some(to) = to {
        return Ok(Way::To(vec![found(mirror, to, healthy)?.ok_or_else(|| missing(repository, to))?]));
    }
    // What a forced push took away is none to compare with.
    let there = |id: &str| Some(CommitId(id.to_owned())).filter(|id| mirror.commit(id).is_ok());
    let of_here = rollbacks.iter().filter(|rollback| rollback.repository == *repository);
    let before = of_here
        .filter_map(|rollback| Some(Before { commit: there(&rollback.commit)?, target: there(&rollback.target)? }));
    let before: Vec<Before> = before.collect();
    for gone in &before {
        if mirror.is_ancestor(&gone.commit, head).map_err(git)? {
            let since = mirror.changed_paths(&gone.commit, head, PATHS).map_err(git)?;
            if !since.iter().any(|path| is_inside(folder, path)) {
                return Ok(Way::Gone(gone.clone()));
            }
            break;
        }
    }
    let known = healthy.iter().filter_map(|id| there(id)).collect();
    let candidates = candidates(known, &before, |later, earlier| mirror.is_ancestor(earlier, later)).map_err(git)?;
    if candidates.is_empty() {
        let message = format!("no sync of `{}` is known after which it was healthy", application.name);
        return Err(Failure::new(Blame::User, "not-found", message)
            .hint("name a revision with `--to`, or revert the commit with `git revert`"));
    }
    Ok(Way::To(candidates))
}

/// A revision by its id, or by the beginning of one in the history.
fn found(mirror: &Mirror, to: &str, healthy: &[String]) -> Result<Option<CommitId>, Failure> {
    let known: BTreeSet<&String> = healthy.iter().filter(|id| to.len() >= 7 && id.starts_with(to)).collect();
    match known.first() {
        Some(id) if known.len() == 1 => Ok(Some(CommitId((*id).clone()))),
        _ => mirror.resolve(to).map_err(|e| e.failure()),
    }
}

/// Each of these paths with its content at a commit, or that it was not there.
fn contents(mirror: &Mirror, target: &CommitId, paths: Vec<String>) -> Result<Vec<File>, Failure> {
    let git = |e: git::Error| e.failure();
    let snapshot = mirror.snapshot(target, &git::Folders::default()).map_err(git)?;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let content = match snapshot.look(&path).map_err(git)? {
            None | Some((Kind::Directory, _)) => None,
            Some((Kind::File | Kind::Executable, _)) => mirror.read(target, &path, LARGEST).map_err(git)?,
            Some(_) => {
                let message = format!("`{path}` was a link or a submodule");
                return Err(
                    Failure::new(Blame::User, "unsupported", message).hint("revert the commit with `git revert`")
                );
            }
        };
        files.push((path, content));
    }
    Ok(files)
}
