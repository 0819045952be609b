//! Which pipeline is meant, and for which commit.

use crate::args::Run;
use crate::exit::Exit;
use crate::open::{source, system_user};
use crate::screen::Screen;
use engine::{Engine, Source as Files};
use git::{Mirror, WorkTree};
use manifest::{Catalog, Source};
use model::{Blame, Commit, CommitId, Digest, Event, Failure, Pipeline};
use std::path::{Path, PathBuf};

/// Largest pipeline read from a repository, in bytes; the reader itself says more below that.
const LARGEST: usize = 64 << 20;
/// Most paths that an event lists.
const PATHS: usize = 65_536;
/// Kinds of files that may stand beside pipelines.
const OTHER_KINDS: [&str; 2] = ["Host", "Application"];

/// A pipeline with what it is to run for.
#[derive(Debug)]
pub struct Selected {
    pub pipeline: Pipeline,
    pub text: Digest,
    pub event: Event,
    pub source: Files,
    pub files: Vec<String>,
}

/// Finds pipeline and commit. Blocking.
pub fn select(engine: &Engine, wanted: &Run, folder: &Path, screen: &Screen) -> Result<Selected, Exit> {
    let actor = wanted.actor.clone().unwrap_or_else(system_user);
    match &wanted.repository {
        Some(repository) => of_commit(engine, wanted, repository, (folder, actor), screen),
        None => of_work_tree(engine, wanted, (folder, actor), screen),
    }
}

fn of_work_tree(
    engine: &Engine,
    wanted: &Run,
    (here, actor): (&Path, String),
    screen: &Screen,
) -> Result<Selected, Exit> {
    let tree = WorkTree::discover(here).map_err(|e| e.failure())?.ok_or_else(|| {
        Failure::new(Blame::User, "invalid", format!("{} is in no Git work tree", here.display()))
            .hint("run this in a clone, or give `--config` and `--repository`")
    })?;
    let file = match &wanted.pipeline {
        Some(name) if here.join(name).is_file() => source(&shown(here, name))?,
        name => in_folder(tree.root(), name.as_deref())?,
    };
    let pipeline = parse(&file, engine.shelf(), screen)?;
    let commit = tree.head().map_err(|e| e.failure())?;
    let name = tree.root().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // Before the first commit there is none to name.
    let none = || Commit {
        id: CommitId("0".repeat(40)),
        short: "0".repeat(8),
        subject: String::new(),
        author: String::new(),
        committer: String::new(),
    };
    let event = Event {
        kind: "push".to_owned(),
        repository: name,
        branch: tree.branch(),
        change_request: None,
        commit: commit.unwrap_or_else(none),
        actor,
        changed_paths: None,
    };
    let files = tree.files().map_err(|e| e.failure())?;
    let text = Digest::of(&file.text);
    Ok(Selected { pipeline, text, event, source: Files::WorkTree(tree.root().to_owned()), files })
}

/// A path as it was written where that leads there from here, and else in full.
fn shown(here: &Path, name: &str) -> PathBuf {
    let same = std::env::current_dir().is_ok_and(|current| current == here);
    if same { PathBuf::from(name) } else { here.join(name) }
}

/// The files of the work tree that a run was made from, as they are now.
pub fn files_of(source: &Files) -> Result<Vec<String>, Exit> {
    let Files::WorkTree(root) = source else { return Ok(vec![]) };
    let gone = || Failure::new(Blame::User, "not-found", format!("the work tree {} is gone", root.display()));
    let tree = WorkTree::discover(root).map_err(|e| e.failure())?.ok_or_else(gone)?;
    Ok(tree.files().map_err(|e| e.failure())?)
}

/// The pipeline of that name in `.tidegate/`, or the only one.
fn in_folder(root: &Path, name: Option<&str>) -> Result<Source, Exit> {
    let folder = root.join(".tidegate");
    let mut found = Vec::new();
    for path in yaml_files(&folder) {
        found.extend(Candidate::of(source(&path)?, &path));
    }
    pick(found, name, &folder.display().to_string())
}

/// A file that may be the pipeline.
struct Candidate {
    stem: String,
    /// Its `metadata.name`.
    name: Option<String>,
    file: Source,
}

impl Candidate {
    /// Any file but one that is surely something else: one with a mistyped kind is to be told so, not passed over.
    fn of(file: Source, path: &Path) -> Option<Self> {
        let head = manifest::head(&file);
        let other = head.kind.as_deref().is_some_and(|kind| OTHER_KINDS.contains(&kind));
        (!other).then(|| Self { stem: stem(path), name: head.name, file })
    }

    /// What a person calls it: its own name, and its file's where that is another.
    fn shown(&self) -> String {
        match &self.name {
            Some(name) if *name != self.stem => format!("{name} ({})", self.stem),
            _ => self.stem.clone(),
        }
    }
}

fn pick(mut found: Vec<Candidate>, name: Option<&str>, place: &str) -> Result<Source, Exit> {
    found.sort_by(|a, b| a.stem.cmp(&b.stem));
    let names = found.iter().map(Candidate::shown).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        // Scripts have always said the file's name, so that one comes first.
        if found.iter().any(|candidate| candidate.stem == name) {
            found.retain(|candidate| candidate.stem == name);
        } else {
            found.retain(|candidate| candidate.name.as_deref() == Some(name));
        }
        if found.len() > 1 {
            let message = format!("{place} has several pipelines that are called `{name}`: {names}");
            let failure = Failure::new(Blame::User, "invalid", message);
            return Err(failure.hint("say which file: `tidegate run FILE`, without `.yaml`").into());
        }
    }
    if found.len() == 1 {
        return Ok(found.swap_remove(0).file);
    }
    let failure = match (name, names.is_empty()) {
        (Some(name), false) => {
            Failure::new(Blame::User, "not-found", format!("{place} has no pipeline `{name}`; it has {names}"))
        }
        (Some(name), true) => {
            Failure::new(Blame::User, "not-found", format!("there is no file `{name}`, and no pipeline in {place}"))
        }
        (None, true) => Failure::new(Blame::User, "not-found", format!("there is no pipeline in {place}"))
            .hint("write one there, or name a file: `tidegate run PIPELINE.yaml`"),
        (None, false) => Failure::new(Blame::User, "invalid", format!("{place} has several pipelines: {names}"))
            .hint("say which one: `tidegate run NAME`"),
    };
    Err(failure.into())
}

/// The YAML files directly in a folder, by name.
pub fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut files: Vec<PathBuf> = entries.unwrap_or_default();
    files.retain(|path| path.is_file() && path.extension().is_some_and(|e| e == "yaml" || e == "yml"));
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Checks a pipeline, and prints what only warns. Errors: all of its problems.
pub fn parse(file: &Source, catalog: &dyn Catalog, screen: &Screen) -> Result<Pipeline, Exit> {
    let parsed = manifest::pipeline(file, catalog);
    let Some(pipeline) = parsed.value else { return Err(Exit::File(file.clone(), parsed.diagnostics)) };
    screen.warnings(file, &parsed.diagnostics);
    Ok(pipeline)
}

/// The paths of which a run for this commit knows that they changed: on a branch all since it left the default branch, on
/// the default branch itself those of this commit. `None` where there is nothing to compare with.
fn changed_paths(mirror: &Mirror, default: Option<&CommitId>, id: &CommitId) -> Result<Option<Vec<String>>, Failure> {
    let fork = match default {
        Some(head) => mirror.merge_base(head, id).map_err(|e| e.failure())?,
        None => None,
    };
    let base = match fork {
        Some(fork) if fork != *id => Some(fork),
        // A history that shares nothing with the default branch has no base.
        None if default.is_some() => None,
        _ => mirror.parent(id).map_err(|e| e.failure())?,
    };
    base.map(|base| mirror.changed_paths(&base, id, PATHS).map_err(|e| e.failure())).transpose()
}

fn of_commit(
    engine: &Engine,
    wanted: &Run,
    repository: &str,
    (here, actor): (&Path, String),
    screen: &Screen,
) -> Result<Selected, Exit> {
    if wanted.change_request.is_some() {
        let message =
            format!("the repository `{repository}` has no forge here that change requests could be read from");
        return Err(Failure::new(Blame::User, "unsupported", message).hint("use `--branch` or `--commit`").into());
    }
    let mirror = engine.mirror(repository)?;
    mirror.fetch().map_err(|e| e.failure())?;
    let default = mirror.default_branch().map_err(|e| e.failure())?;
    let (branch, reference) = match (&wanted.branch, &wanted.commit) {
        (_, Some(commit)) => (None, commit.clone()),
        (Some(branch), None) => (Some(branch.clone()), format!("refs/heads/{branch}")),
        (None, None) => {
            let missing = || {
                Failure::new(Blame::User, "not-found", format!("the repository `{repository}` has no default branch"))
            };
            let branch = default.clone().ok_or_else(missing)?;
            (Some(branch.clone()), format!("refs/heads/{branch}"))
        }
    };
    let id = mirror.resolve(&reference).map_err(|e| e.failure())?.ok_or_else(|| {
        let name = reference.trim_start_matches("refs/heads/");
        Failure::new(
            Blame::User,
            "not-found",
            format!("the repository `{repository}` has no branch, tag or commit `{name}`"),
        )
    })?;
    let commit = mirror.commit(&id).map_err(|e| e.failure())?;
    // Which steps a commit runs is not for that commit to say: the default branch has the pipeline.
    let trusted = match &default {
        Some(branch) => mirror.resolve(&format!("refs/heads/{branch}")).map_err(|e| e.failure())?,
        None => None,
    };
    let file = match &wanted.pipeline {
        Some(name) if here.join(name).is_file() => {
            screen.note(&format!("note: the pipeline is the file {name} of this machine, not one of `{repository}`"));
            source(&shown(here, name))?
        }
        name => {
            let missing = || {
                let message = format!("the repository `{repository}` names no default branch that exists");
                Failure::new(Blame::User, "not-found", message)
                    .hint("its pipelines are those of the default branch: push that, or name a pipeline's file of this machine")
            };
            in_repository(&mirror, trusted.as_ref().ok_or_else(missing)?, name.as_deref(), repository)?
        }
    };
    let pipeline = parse(&file, engine.shelf(), screen)?;
    let changed_paths = changed_paths(&mirror, trusted.as_ref(), &id)?;
    let event = Event {
        kind: "push".to_owned(),
        repository: repository.to_owned(),
        branch,
        change_request: None,
        commit,
        actor,
        changed_paths,
    };
    let text = Digest::of(&file.text);
    Ok(Selected { pipeline, text, event, source: Files::Commit, files: vec![] })
}

fn in_repository(mirror: &Mirror, at: &CommitId, name: Option<&str>, repository: &str) -> Result<Source, Exit> {
    let entries = mirror.entries(at, ".tidegate").map_err(|e| e.failure())?.unwrap_or_default();
    let mut found = Vec::new();
    for (entry, _) in entries
        .into_iter()
        .filter(|(entry, kind)| kind.is_file() && (entry.ends_with(".yaml") || entry.ends_with(".yml")))
    {
        let path = format!(".tidegate/{entry}");
        let bytes = mirror.read(at, &path, LARGEST).map_err(|e| e.failure())?.unwrap_or_default();
        let shown = format!("{repository}:{path}");
        let file = Source::from_bytes(&shown, bytes)
            .map_err(|diagnostic| Exit::File(Source::new(&shown, ""), vec![diagnostic]))?;
        found.extend(Candidate::of(file, Path::new(&entry)));
    }
    pick(found, name, &format!("`.tidegate` of the repository `{repository}`"))
}
