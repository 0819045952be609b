//! A visit to a work tree's repository: what it holds now and held a commit ago, and what of its files is there. It writes
//! nothing.

use super::address::{How, Ours, image_of};
use super::files::{self, Deploys, Existing, Facts, Ignored};
use super::local::{Local, Opened, Point};
use super::look::{Look, look};
use super::refusal::Refused;
use super::report::{Base, Report, Skipped, Tally};
use super::survey::{Bench, State, Subject, Wanted, progress};
use super::write;
use crate::args::Host;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use crate::select::yaml_files;
use git::WorkTree;
use manifest::{HostConfig, RepositoryKey};
use model::Failure;
use model::application::FolderPath;
use reconcile::{Entry, Files, Walked, walk_around};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A look at a work tree's repository.
pub struct Visit {
    pub root: PathBuf,
    name: String,
    branch: String,
    remotes: Vec<String>,
    uncommitted: usize,
    base: Base,
    state: Ignored,
    now: (Look, Arc<Local>),
    /// The commit before, where there is one.
    before: Option<(Look, Arc<Local>)>,
    /// A work tree of its own for questions about what is ignored.
    tree: WorkTree,
}

impl Visit {
    pub fn begin(tree: WorkTree, config: Option<&HostConfig>) -> Result<Self, Exit> {
        let failure = |e: git::Error| e.failure();
        let root = tree.root().to_owned();
        let second = WorkTree::discover(&root).map_err(failure)?;
        let second = second.ok_or_else(|| Failure::internal("a work tree that is none"))?;
        let remotes = tree.remotes().map_err(failure)?;
        let name = called(&root, &remotes);
        let head = tree.head().map_err(failure)?;
        let (mut uncommitted, mut walked) = (0, None);
        if head.is_some() {
            uncommitted = tree.uncommitted().map_err(failure)?;
        } else {
            // What is ignored is not going to be committed either.
            walked = Some(Walked { files: tree.files().map_err(failure)?, unread: Vec::new() });
        }
        let parent = head.as_ref().map(|head| tree.parent(&head.id)).transpose().map_err(failure)?.flatten();
        let branch = tree.default_branch().unwrap_or_else(|| "main".to_owned());
        let state =
            if tree.ignores(&format!("{}/", files::STATE)).map_err(failure)? { Ignored::Yes } else { Ignored::No };
        let opened = Arc::new(Opened::new(tree, &name));
        let point = head.as_ref().map_or(Point::Folder, |head| Point::Commit(head.id.clone()));
        let files = opened.files(&point)?;
        let found = look(&*files, walked.unwrap_or_else(|| walk_around(&*files, "")));
        let ours = Arc::new(ours(&found, &*files, &remotes, config));
        let local = |head: Point| Arc::new(Local { opened: opened.clone(), ours: ours.clone(), head });
        let base = match (&head, &parent) {
            (None, _) => Base::NoCommit,
            (Some(head), None) => Base::First { short: head.short.clone() },
            (Some(head), Some(_)) => Base::Parent { short: head.short.clone(), subject: head.subject.clone() },
        };
        let mut before = None;
        if let Some(parent) = parent {
            let point = Point::Commit(parent);
            let files = opened.files(&point)?;
            before = Some((look(&*files, walk_around(&*files, "")), local(point)));
        }
        Ok(Self {
            root,
            name,
            branch,
            remotes,
            uncommitted,
            base,
            state,
            now: (found, local(point)),
            before,
            tree: second,
        })
    }

    pub async fn report(&self, bench: &Bench, screen: &Screen) -> Result<Report, Exit> {
        let (found, local) = &self.now;
        let before = |subjects: fn(&Self, &Look) -> Vec<Subject>| {
            self.before.as_ref().map(|(look, local)| (subjects(self, look), local.clone()))
        };
        let applications = tally(bench, applications(found), local, before(|_, look| applications(look)), screen).await;
        let overlays = tally(bench, self.overlays(), local, before(Self::overlays_before), screen).await;
        let texts = |folders: &[FolderPath]| folders.iter().map(ToString::to_string).collect();
        let guessed = (local.ours.how == How::Folders).then(|| local.ours.called.join(", "));
        Ok(Report {
            applications,
            overlays,
            base: self.base.clone(),
            unread: found.unread.clone(),
            skipped: found.findings.unread.iter().map(|(why, unread)| Skipped::of(why, unread)).collect(),
            guessed,
            uncommitted: self.uncommitted,
            terraform: texts(&found.findings.terraform),
            dockerfiles: found.findings.dockerfiles.clone(),
        })
    }

    fn overlays(&self) -> Vec<Subject> {
        let (found, local) = &self.now;
        found.bare_overlays(|address| local.ours.contains(address)).into_iter().map(overlay).collect()
    }

    /// The overlays of now as they were; and those that are no longer there.
    fn overlays_before(&self, before: &Look) -> Vec<Subject> {
        let (found, local) = &self.now;
        let had = |look: &Look, folder: &FolderPath| look.has_kustomization(folder);
        let mut all = found.bare_overlays(|address| local.ours.contains(address));
        all.retain(|folder| had(before, folder));
        let mut gone = before.bare_overlays(|address| local.ours.contains(address));
        gone.retain(|folder| !had(found, folder));
        all.into_iter().chain(gone).map(overlay).collect()
    }

    pub fn facts(&self, report: &Report) -> Facts {
        let (found, local) = &self.now;
        let any = report.applications.found + report.overlays.found > 0;
        Facts {
            name: self.name.clone(),
            branch: self.branch.clone(),
            aliases: local.ours.called.clone(),
            declaring: found.declaring.clone(),
            listing: found.listing.clone(),
            deploys: if any { Deploys::Something } else { Deploys::Nothing },
            terraform: report.terraform.clone(),
            modules: found.findings.modules.iter().map(ToString::to_string).collect(),
            dockerfiles: report.dockerfiles.clone(),
            image: image_of(&self.remotes, &self.name),
        }
    }

    pub fn existing(&self, host: &Host, state: Option<&Path>) -> Result<Existing, Exit> {
        let configuration = open::configured(host).map(|path| path.display().to_string());
        let pipelines = yaml_files(&self.root.join(".tidegate"));
        let texts = pipelines.iter().filter_map(|path| open::source(path).ok()).map(|source| source.text).collect();
        let taken = files::candidates().into_iter().filter(|path| write::is_taken(&self.root, path));
        Ok(Existing {
            configuration,
            bare_state: state.and_then(|state| self.bare(state)),
            state: self.state,
            pipelines: texts,
            taken: taken.map(str::to_owned).collect(),
        })
    }

    /// A state folder that commits would take in, from the top of the work tree.
    fn bare(&self, state: &Path) -> Option<String> {
        let full = std::path::absolute(state).ok()?;
        let root = self.root.canonicalize().ok()?;
        let path = full.strip_prefix(&root).or_else(|_| full.strip_prefix(&self.root)).ok()?;
        let plain: Vec<&str> = path.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        let path = FolderPath::parse(&plain.join("/")).ok()?;
        let within_git = path.as_str().split('/').any(|name| name == ".git");
        let ignored = within_git || self.tree.ignores(&format!("{path}/")).unwrap_or(true);
        (!ignored && path.as_str() != ".").then(|| path.to_string())
    }
}

/// What the repository is called: as where it was cloned from, else by its folder.
fn called(root: &Path, remotes: &[String]) -> String {
    let last = remotes.iter().find_map(|url| {
        let key = RepositoryKey::new(url);
        key.as_str().rsplit_once('/').map(|(_, name)| name.to_owned()).filter(|name| !name.is_empty())
    });
    last.or_else(|| root.file_name().map(|name| name.to_string_lossy().into_owned())).unwrap_or_default()
}

/// The addresses that mean this repository: those of its remotes, and what the configuration says of them.
fn ours(found: &Look, files: &dyn Files, remotes: &[String], config: Option<&HostConfig>) -> Ours {
    let mut known: Vec<&str> = remotes.iter().map(String::as_str).collect();
    for repository in config.iter().flat_map(|config| config.repositories.values()) {
        let all = || std::iter::once(&repository.url).chain(&repository.aliases).map(String::as_str);
        let same = |address: &str| {
            let key = RepositoryKey::new(address);
            matches!(address, "." | "./") || remotes.iter().any(|url| RepositoryKey::new(url) == key)
        };
        if all().any(same) {
            known.extend(all());
        }
    }
    let is_folder = |folder: &str| {
        let path = if folder == "." { "" } else { folder };
        matches!(files.look(path), Ok(Some(git::Kind::Directory)))
    };
    Ours::tell(known, &found.used(), is_folder)
}

fn applications(found: &Look) -> Vec<Subject> {
    let subject = |entry: &Entry| Subject {
        name: entry.name.clone(),
        place: entry.place.clone(),
        wanted: match &entry.application {
            Ok(application) => Wanted::Application(application.clone()),
            Err(failure) => Wanted::Refused(failure.clone()),
        },
    };
    found.entries.iter().map(subject).collect()
}

fn overlay(folder: FolderPath) -> Subject {
    Subject { name: folder.to_string(), place: folder.to_string(), wanted: Wanted::Overlay(folder) }
}

/// Renders things of one kind, and compares them with what they were.
async fn tally(
    bench: &Bench,
    subjects: Vec<Subject>,
    local: &Arc<Local>,
    before: Option<(Vec<Subject>, Arc<Local>)>,
    screen: &Screen,
) -> Tally {
    let subjects = Arc::new(subjects);
    let bar = progress(screen, "rendering", subjects.len());
    let states = bench.render(&subjects, local, &bar).await;
    bar.finish_and_clear();
    let mut tally = Tally { found: subjects.len(), ..Tally::default() };
    for (subject, state) in subjects.iter().zip(&states) {
        match state {
            State::Made(_) => tally.rendered += 1,
            State::Refused(failure) => {
                let Subject { name, place, .. } = subject.clone();
                tally.refused.push(Refused { name, place, failure: failure.clone() });
            }
            State::Elsewhere(addresses) => {
                tally.of_others += 1;
                addresses.iter().for_each(|address| *tally.elsewhere.entry(address.clone()).or_default() += 1);
            }
        }
    }
    if let Some((older, local_before)) = before {
        let bar = progress(screen, "comparing with the commit before", subjects.len());
        tally.changed = bench.changes((&subjects, local, states), (older, &local_before), &bar).await;
        bar.finish_and_clear();
    }
    tally
}
