//! What the configured repositories declare, as of their last fetch: applications by name, and projects.

use crate::configured::Configured;
use crate::declared::{Declarations, declared};
use crate::entry::{Entry, refuse_twins};
use globset::GlobMatcher;
use manifest::{Declaration, Diagnostic, HostConfig, Severity, Source as File};
use model::Failure;
use model::application::Project;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What is declared.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The applications, by name. Two of one name are both refused.
    pub entries: Vec<Arc<Entry>>,
    /// Their projects, by name.
    pub projects: HashMap<String, Project>,
    /// What is wrong with files that declare, or only warns.
    pub problems: Vec<(File, Vec<Diagnostic>)>,
    /// Repositories and folders that could not be read, and why. They take no other one with them.
    pub unread: Vec<(String, Failure)>,
    /// Repositories of which every file was read and understood: what is not declared there any more is gone indeed.
    pub whole: BTreeSet<String>,
}

impl Catalog {
    /// Reads what is declared. Blocking; contacts nobody but for what `repositories` does.
    pub fn read(config: &HostConfig, repositories: &Configured) -> Self {
        let mut made = Self::default();
        let mut entries = Vec::new();
        for (name, repository) in &config.repositories {
            if repository.applications.is_empty() {
                made.whole.insert(name.clone());
                continue;
            }
            let globs: Vec<GlobMatcher> =
                repository.applications.iter().filter_map(|glob| access::environment::glob(glob)).collect();
            let takes = |path: &str| globs.iter().any(|glob| glob.is_match(path));
            let found = match repositories.at(name, "HEAD") {
                Ok(source) => declared(&*source.files, name, takes),
                Err(failure) => {
                    made.unread.push((format!("the repository `{name}`"), failure));
                    continue;
                }
            };
            let before = entries.len();
            let sound = made.take(name, found, &mut entries);
            if sound && entries[before..].iter().all(|entry: &Entry| entry.application.is_ok()) {
                made.whole.insert(name.clone());
            }
        }
        refuse_twins(&mut entries);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        made.entries = entries.into_iter().map(Arc::new).collect();
        made
    }

    /// Takes what a repository declares; answers whether nothing in it was left unread.
    fn take(&mut self, name: &str, found: Declarations, entries: &mut Vec<Entry>) -> bool {
        let Declarations { files, unlisted } = found;
        let mut sound = unlisted.is_empty();
        let place = |folder: String| if folder.is_empty() { name.to_owned() } else { format!("{name}:{folder}") };
        self.unread
            .extend(unlisted.into_iter().map(|(folder, failure)| (format!("the folder `{}`", place(folder)), failure)));
        for found in files {
            if !found.diagnostics.is_empty() {
                sound = false;
                self.problems.push((found.file.clone(), found.diagnostics.clone()));
            }
            for document in &found.documents {
                if let Some(Declaration::Project(project)) = &document.value {
                    self.projects.insert(project.name.clone(), (**project).clone());
                }
                let warnings: Vec<_> =
                    document.diagnostics.iter().filter(|d| d.severity == Severity::Warning).cloned().collect();
                if !warnings.is_empty() {
                    self.problems.push((found.file.clone(), warnings));
                }
            }
            entries.extend(Entry::of(&found));
        }
        sound
    }

    /// The application of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        let at = self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        self.entries.get(at)
    }
}
