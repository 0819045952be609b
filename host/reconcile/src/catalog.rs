//! What the configured repositories declare, as of their last fetch: applications by name, and projects.

use crate::configured::Configured;
use crate::declared::{Declarations, declared};
use crate::entry::{Entry, refuse_twins};
use crate::files::Files;
use crate::job::Source;
use git::Kind;
use globset::GlobMatcher;
use manifest::{Declaration, DeclaredKind, Diagnostic, HostConfig, Repository, Severity, Source as File};
use model::Failure;
use model::application::Project;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Projects by name.
pub type Projects = HashMap<String, Project>;

/// What is declared.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The applications, by name. Two of one name are both refused.
    pub entries: Vec<Arc<Entry>>,
    /// Their projects, by name. Whoever keeps an application holds on to them, and to nothing else of what is declared.
    pub projects: Arc<Projects>,
    /// What is wrong with files that declare, or only warns.
    pub problems: Vec<(File, Vec<Diagnostic>)>,
    /// Repositories and folders that could not be read, and why. They take no other one with them.
    pub unread: Vec<(String, Failure)>,
    /// Repositories of which every file that may declare an application was read and understood.
    pub whole: BTreeSet<String>,
}

/// The commits of which a catalog was read, by the name of their repository.
pub(crate) type Read = BTreeMap<String, Source>;

impl Catalog {
    /// Reads what is declared. Blocking; contacts nobody but for what `repositories` does.
    pub fn read(config: &HostConfig, repositories: &Configured) -> Self {
        Self::read_at(config, repositories).0
    }

    /// The same, with those of the applications that are remembered whose files are surely gone.
    pub fn read_with_gone(
        config: &HostConfig,
        repositories: &Configured,
        remembered: Vec<Entry>,
    ) -> (Self, Vec<Entry>) {
        let (made, read) = Self::read_at(config, repositories);
        let gone = made.gone(config, &read, remembered);
        (made, gone)
    }

    /// The same, with the commits of which that was.
    pub(crate) fn read_at(config: &HostConfig, repositories: &Configured) -> (Self, Read) {
        let (mut made, mut read) = (Self::default(), Read::new());
        let (mut entries, mut projects) = (Vec::new(), Projects::new());
        for (name, repository) in &config.repositories {
            if repository.applications.is_empty() {
                made.whole.insert(name.clone());
                continue;
            }
            let found = match repositories.at(name, "HEAD") {
                Ok(source) => {
                    let found = declared(&*source.files, name, takes(repository));
                    read.insert(name.clone(), source);
                    found
                }
                Err(failure) => {
                    made.unread.push((format!("the repository `{name}`"), failure));
                    continue;
                }
            };
            let before = entries.len();
            let sound = made.take(name, found, &mut entries, &mut projects);
            // What is no application, such as an `ApplicationSet`, is refused for good, and hides none.
            let understood = |entry: &Entry| entry.kind != DeclaredKind::Application || entry.application.is_ok();
            if sound && entries[before..].iter().all(understood) {
                made.whole.insert(name.clone());
            }
        }
        refuse_twins(&mut entries);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        made.entries = entries.into_iter().map(Arc::new).collect();
        made.projects = Arc::new(projects);
        (made, read)
    }

    /// What is as it was before is the very same: most of a host's files do not change with a commit.
    pub(crate) fn share(&mut self, before: &Self) {
        if self.projects == before.projects {
            self.projects = before.projects.clone();
        }
        for entry in &mut self.entries {
            if let Some(same) = before.find(&entry.name).filter(|same| *same == entry) {
                *entry = same.clone();
            }
        }
    }

    /// Of the applications that are remembered, those that are declared nowhere any more. Only where every repository that
    /// may declare them was read and understood, and only those whose very file is gone, or says something else: what an
    /// operator looks for elsewhere, and what hides behind a link, is not gone.
    pub(crate) fn gone(&self, config: &HostConfig, read: &Read, remembered: Vec<Entry>) -> Vec<Entry> {
        if !config.repositories.keys().all(|name| self.whole.contains(name)) {
            return Vec::new();
        }
        let names: BTreeSet<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        let gone = |entry: &Entry| {
            let source = read.get(&entry.repository).zip(config.repositories.get(&entry.repository)).zip(entry.path());
            source.is_some_and(|((source, repository), path)| {
                takes(repository)(path) && !hides(&*source.files, path).unwrap_or(true)
            })
        };
        remembered.into_iter().filter(|entry| !names.contains(entry.name.as_str()) && gone(entry)).collect()
    }

    /// Takes what a repository declares; answers whether nothing in it was left unread.
    fn take(&mut self, name: &str, found: Declarations, entries: &mut Vec<Entry>, projects: &mut Projects) -> bool {
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
                    projects.insert(project.name.clone(), (**project).clone());
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

/// Whether a path may declare applications by the configuration of its repository.
fn takes(repository: &Repository) -> impl Fn(&str) -> bool + use<> {
    let globs: Vec<GlobMatcher> =
        repository.applications.iter().filter_map(|glob| access::environment::glob(glob)).collect();
    move |path| globs.iter().any(|glob| glob.is_match(path))
}

/// Whether what is at a path, or on the way there, is something in which nobody looks: a link, a submodule; or a folder.
fn hides(files: &dyn Files, path: &str) -> Result<bool, Failure> {
    let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    for folder in folders {
        match files.look(folder)? {
            Some(Kind::Directory) => {}
            Some(Kind::Link | Kind::Submodule) => return Ok(true),
            Some(Kind::File | Kind::Executable) | None => return Ok(false),
        }
    }
    Ok(!matches!(files.look(path)?, None | Some(Kind::File | Kind::Executable)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::entry;
    use crate::files::{Content, Listing};

    /// What is at each path, and nothing else.
    struct Paths(Vec<(&'static str, Kind)>);

    impl Files for Paths {
        fn look(&self, path: &str) -> Result<Option<Kind>, Failure> {
            Ok(self.0.iter().find(|(at, _)| *at == path).map(|(_, kind)| *kind))
        }

        fn read(&self, _: &str, _: usize) -> Result<Content, Failure> {
            Ok(Content::None(None))
        }

        fn list(&self, _: &str) -> Result<Listing, Failure> {
            Ok(Listing::None(None))
        }
    }

    fn host(globs: &str) -> HostConfig {
        let text = format!(
            "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    config: {{ url: ./config.git, applications: {globs} }}\n    more: {{ url: ./more.git, applications: [\"**\"] }}\n"
        );
        let parsed = manifest::host(&File::new("tidegate.yaml", &text));
        parsed.value.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
    }

    fn gone(catalog: &Catalog, globs: &str, paths: &[(&'static str, Kind)], remembered: &Entry) -> bool {
        let source = Source {
            name: "main".to_owned(),
            repository: "config".to_owned(),
            commit: String::new(),
            files: Arc::new(Paths(paths.to_vec())),
        };
        let read = Read::from([("config".to_owned(), source)]);
        !catalog.gone(&host(globs), &read, vec![remembered.clone()]).is_empty()
    }

    fn whole(names: &[&str]) -> Catalog {
        Catalog { whole: names.iter().map(|name| (*name).to_owned()).collect(), ..Catalog::default() }
    }

    #[test]
    fn an_application_is_gone_only_where_that_is_sure() {
        let all = "[\"argocd/**\"]";
        let remembered = entry("argocd/team/one.yaml", "one", "", "apps/one");
        let both = whole(&["config", "more"]);
        let folders = [("argocd", Kind::Directory), ("argocd/team", Kind::Directory)];
        let with = |kind: Kind| [folders[0], folders[1], ("argocd/team/one.yaml", kind)];
        assert!(gone(&both, all, &folders, &remembered), "its file is gone");
        assert!(gone(&both, all, &[], &remembered), "and its folder");
        assert!(gone(&both, all, &with(Kind::File), &remembered), "its file says something else");
        for kind in [Kind::Link, Kind::Submodule, Kind::Directory] {
            assert!(!gone(&both, all, &with(kind), &remembered), "nobody looked into {kind:?}");
        }
        for kind in [Kind::Link, Kind::Submodule] {
            assert!(!gone(&both, all, &[folders[0], ("argocd/team", kind)], &remembered), "nor into {kind:?}");
        }
        assert!(!gone(&both, "[\"argocd/*.yaml\"]", &folders, &remembered), "it is looked for elsewhere");
        assert!(!gone(&whole(&["config"]), all, &folders, &remembered), "it may have moved to the other one");
        assert!(!gone(&whole(&["more"]), all, &folders, &remembered), "what was not understood may be it");
        let mut declared = whole(&["config", "more"]);
        declared.entries.push(Arc::new(Entry { place: "more:a.yaml:1".to_owned(), ..remembered.clone() }));
        assert!(!gone(&declared, all, &folders, &remembered), "it has moved");
        let elsewhere = Entry { repository: "removed".to_owned(), place: "removed:a.yaml:1".to_owned(), ..remembered };
        assert!(!gone(&both, all, &folders, &elsewhere), "its repository is no longer looked at");
    }

    #[test]
    fn what_is_as_it_was_is_shared() {
        let (one, two) = (entry("a.yaml", "one", "", "apps/one"), entry("b.yaml", "two", "", "apps/two"));
        let of = |entries: &[&Entry]| Catalog {
            entries: entries.iter().map(|entry| Arc::new((*entry).clone())).collect(),
            ..Catalog::default()
        };
        let before = of(&[&one, &two]);
        let mut now = of(&[&one, &entry("b.yaml", "two", "", "apps/three")]);
        now.share(&before);
        assert!(Arc::ptr_eq(&now.entries[0], &before.entries[0]) && Arc::ptr_eq(&now.projects, &before.projects));
        assert_ne!(now.entries[1], before.entries[1]);
    }
}
