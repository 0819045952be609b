//! What is to be rendered, and of which files.

use crate::files::Files;
use git::Kind;
use model::{Blame, Failure};
use serde_json::Value;
use std::sync::Arc;

/// The root in which the folder is that is rendered.
pub(crate) const MAIN: &str = "main";

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

/// Other repositories, that files of a job name by URL.
pub trait Elsewhere: Send + Sync {
    /// The configured name of the repository at a URL; contacts nobody.
    fn name(&self, url: &str) -> Option<String>;

    /// The repository at a URL with its revision (`?ref=`), as a file writes it; `None` where it is not configured. Errors:
    /// `no-such-revision`, `unavailable`.
    fn find(&self, url: &str) -> Result<Option<Source>, Failure>;
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
    /// All that can be read, `main` among them.
    pub sources: Vec<Source>,
    /// What else can be read where a file names it.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    /// The renderer's name; found out by the folder's files where absent.
    pub renderer: Option<String>,
    /// Its parameters, an object.
    pub parameters: Value,
    /// What was odd about the job itself, for people; it stands in front of the renderer's own.
    pub warnings: Vec<String>,
}

/// Files that tell which renderer a folder is for, as Argo CD looks for them; anything else is `directory`.
const SIGNS: [(&str, &str); 4] = [
    ("kustomization.yaml", "kustomize"),
    ("kustomization.yml", "kustomize"),
    ("Kustomization", "kustomize"),
    ("Chart.yaml", "helm"),
];

impl Job {
    /// The root of this name, also one elsewhere.
    pub(crate) fn root(&self, name: &str) -> Result<Option<Source>, Failure> {
        let own = self.sources.iter().find(|source| source.name == name);
        match (own, &self.elsewhere) {
            (Some(own), _) => Ok(Some(own.clone())),
            (None, Some(elsewhere)) => elsewhere.find(name),
            (None, None) => Ok(None),
        }
    }

    /// The repository of the root of this name; contacts nobody.
    pub(crate) fn repository(&self, name: &str) -> Option<String> {
        let own = self.sources.iter().find(|source| source.name == name).map(|own| own.repository.clone());
        own.or_else(|| self.elsewhere.as_ref()?.name(name))
    }

    /// The renderer that the folder is for. It is found out anew each time, so it is in no read set.
    pub(crate) fn detect(&self) -> Result<&'static str, Failure> {
        let main = self.folder()?;
        for (sign, renderer) in SIGNS {
            let place = if self.path.is_empty() { sign.to_owned() } else { format!("{}/{sign}", self.path) };
            if matches!(main.files.look(&place)?, Some(Kind::File | Kind::Executable | Kind::Link)) {
                return Ok(renderer);
            }
        }
        Ok("directory")
    }

    /// The root `main`, where the job's folder is one in it. Errors: `not-found`, `invalid`.
    pub(crate) fn folder(&self) -> Result<&Source, Failure> {
        let main = self.sources.iter().find(|root| root.name == MAIN);
        let main = main.ok_or_else(|| Failure::internal("a render without a root `main`"))?;
        let place = if self.path.is_empty() { "its root" } else { &self.path };
        let wrong = |code: &str, what: String| Err(Failure::new(Blame::User, code, what));
        match main.files.look(&self.path)? {
            Some(Kind::Directory) => Ok(main),
            Some(kind) => wrong("invalid", format!("`{place}` is {}, not a folder", kind.noun())),
            None if main.commit.is_empty() => wrong("not-found", format!("there is no folder `{place}`")),
            None => {
                let short = main.commit.get(..7).unwrap_or(&main.commit);
                wrong(
                    "not-found",
                    format!("there is no folder `{place}` in the commit {short} of `{}`", main.repository),
                )
            }
        }
    }
}
