//! The pipelines of a repository, and what each says to a push. They come from the default branch: which steps a commit runs is
//! not for that commit to say.

use crate::changed::changed;
use crate::decide::{Verdict, decide};
use git::Mirror;
use manifest::{Catalog, Source};
use model::{CommitId, Digest, Event, Failure, Pipeline};
use store::Push;

/// Largest pipeline that is read, in bytes; the reader itself says more below that.
const LARGEST: usize = 64 << 20;
/// Who starts what nobody starts by hand.
const ACTOR: &str = "system:trigger";

/// A pipeline as a push finds it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What it is called: its name, or its file where that cannot be read.
    pub pipeline: String,
    /// What is to be done.
    pub found: Found,
}

/// What is to be done about a pipeline.
#[derive(Clone, Debug)]
pub enum Found {
    /// A run is to be started.
    Start {
        /// The pipeline, checked.
        pipeline: Box<Pipeline>,
        /// The digest of its text.
        text: Digest,
        /// Why it starts.
        event: Box<Event>,
        /// The same in one sentence.
        why: String,
    },
    /// None, and why.
    Skip(String),
    /// It cannot be used as it is written, and why.
    Broken(String),
}

/// Asks every pipeline about a push. Without a default branch that exists there is none to ask: a commit brings no pipelines of its
/// own along. Errors: those of the mirror. Blocking.
pub fn planned(mirror: &Mirror, push: &Push, catalog: &dyn Catalog) -> Result<Vec<Planned>, Failure> {
    let git = |e: git::Error| e.failure();
    let default = mirror.default_branch().map_err(git)?;
    let tip = match &default {
        Some(branch) => mirror.resolve(&format!("refs/heads/{branch}")).map_err(git)?,
        None => None,
    };
    let Some((default, trusted)) = default.as_deref().zip(tip) else {
        let why = "the repository names no default branch that exists".to_owned();
        return Ok(vec![Planned { pipeline: ".tidegate".to_owned(), found: Found::Skip(why) }]);
    };
    let commit = mirror.commit(&CommitId(push.commit.clone())).map_err(git)?;
    let changed = changed(mirror, push, (default, &trusted))?;
    let event = Event {
        kind: "push".to_owned(),
        repository: push.repository.clone(),
        branch: Some(push.branch.clone()),
        change_request: None,
        commit,
        actor: ACTOR.to_owned(),
        changed_paths: changed.paths.clone(),
    };
    let mut all = Vec::new();
    for (path, read) in files(mirror, &trusted, &push.repository)? {
        let source = match read {
            Ok(source) => source,
            Err(why) => {
                all.push(Planned { pipeline: path, found: Found::Broken(why) });
                continue;
            }
        };
        let head = manifest::head(&source);
        // Other files may stand beside pipelines.
        if head.kind.as_deref().is_some_and(|kind| kind != "Pipeline") {
            continue;
        }
        let parsed = manifest::pipeline(&source, catalog);
        let found = match parsed.value {
            None => Found::Broken(first_error(&source, &parsed.diagnostics)),
            Some(pipeline) => match decide(&pipeline.triggers, &push.branch, &changed) {
                Verdict::Skip(why) => Found::Skip(why),
                Verdict::Start(why) => Found::Start {
                    pipeline: Box::new(pipeline),
                    text: Digest::of(&source.text),
                    event: Box::new(event.clone()),
                    why,
                },
            },
        };
        all.push(Planned { pipeline: head.name.unwrap_or(path), found });
    }
    Ok(all)
}

type Read = Result<Source, String>;

fn files(mirror: &Mirror, at: &CommitId, repository: &str) -> Result<Vec<(String, Read)>, Failure> {
    let git = |e: git::Error| e.failure();
    let entries = mirror.entries(at, ".tidegate").map_err(git)?.unwrap_or_default();
    let yaml = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    let mut found = Vec::new();
    for (name, _) in entries.into_iter().filter(|(name, kind)| kind.is_file() && yaml(name)) {
        let path = format!(".tidegate/{name}");
        let read = match mirror.read(at, &path, LARGEST) {
            Ok(bytes) => Source::from_bytes(format!("{repository}:{path}"), bytes.unwrap_or_default())
                .map_err(|diagnostic| diagnostic.message),
            Err(error @ git::Error::TooLarge { .. }) => Err(error.failure().message),
            Err(error) => return Err(error.failure()),
        };
        found.push((path, read));
    }
    Ok(found)
}

fn first_error(source: &Source, diagnostics: &[manifest::Diagnostic]) -> String {
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == manifest::Severity::Error).collect();
    let Some(first) = errors.first() else { return "it cannot be read".to_owned() };
    let (line, column) = source.position(first.span.start);
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    format!("{}:{line}:{column}: {}: {}{more}", source.path, first.code, first.message)
}
