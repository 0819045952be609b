//! What the configured repositories declare, as of their last fetch: applications by name, and projects.

use crate::child;
use crate::configured::Configured;
use crate::declared::{Declarations, declared};
use crate::entry::{Entry, refuse_twins};
use crate::files::Files;
use crate::job::Source;
use git::Kind;
use globset::GlobMatcher;
use manifest::{Declaration, DeclaredKind, Diagnostic, HostConfig, Repository, Severity, Source as File};
use model::application::Project;
use model::{Blame, Failure};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{ChildRow, Leaving};

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
    /// Reads what is declared, by files and by applications that were synced. Blocking; contacts nobody but for what
    /// `repositories` does.
    pub fn read(config: &HostConfig, repositories: &Configured, children: &[ChildRow]) -> Self {
        Self::read_at(config, repositories, children).0
    }

    /// The same, with those of the applications that are remembered whose files are surely gone.
    pub fn read_with_gone(
        config: &HostConfig,
        repositories: &Configured,
        remembered: Vec<Entry>,
        children: &[ChildRow],
    ) -> (Self, Vec<Entry>) {
        let (mut made, read) = Self::read_at(config, repositories, children);
        made.refuse_heirs(&remembered);
        let gone = made.gone(config, &read, remembered, children);
        (made, gone)
    }

    /// The same, with the commits of which that was.
    pub(crate) fn read_at(config: &HostConfig, repositories: &Configured, children: &[ChildRow]) -> (Self, Read) {
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
        made.problems.extend(child::expand(&mut entries, children, config));
        refuse_twins(&mut entries);
        child::refuse_with_parents(&mut entries);
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
    /// operator looks for elsewhere, and what hides behind a link, is not gone. A child is gone where a sync of its parent said so.
    pub(crate) fn gone(
        &self,
        config: &HostConfig,
        read: &Read,
        remembered: Vec<Entry>,
        children: &[ChildRow],
    ) -> Vec<Entry> {
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
        let mut leaving: BTreeMap<&str, Entry> = BTreeMap::new();
        for row in children.iter().filter(|row| row.leaving.is_some() && !names.contains(row.name.as_str())) {
            let known = remembered.iter().find(|known| known.name == row.name);
            // Where two let it go in two ways, its objects stay.
            if let Some(entry) = child::leaving(row, known)
                && (row.leaving == Some(Leaving::LetGo) || !leaving.contains_key(row.name.as_str()))
            {
                leaving.insert(&row.name, entry);
            }
        }
        let is_gone = |entry: &Entry| !names.contains(entry.name.as_str()) && gone(entry);
        let files = remembered.into_iter().filter(|entry| !leaving.contains_key(entry.name.as_str()) && is_gone(entry));
        let files: Vec<Entry> = files.collect();
        leaving.into_values().chain(files).collect()
    }

    /// Rows of children that their parents have no more, and for which nothing is left to be done: others declare them by now, or
    /// they never were anything.
    pub(crate) fn settled<'r>(&self, remembered: &[Entry], children: &'r [ChildRow]) -> Vec<&'r ChildRow> {
        let settled = |row: &&ChildRow| {
            let known = remembered.iter().find(|known| known.name == row.name);
            let declared = self.find(&row.name).is_some_and(|entry| entry.application.is_ok());
            row.leaving.is_some() && (declared || (known.is_none() && child::leaving(row, None).is_none()))
        };
        children.iter().filter(settled).collect()
    }

    /// A child that has the name of a file's application takes that one's place where the file is gone for sure, and never while it
    /// only cannot be read: with the name it would have the objects.
    pub fn refuse_heirs(&mut self, remembered: &[Entry]) {
        let before: HashMap<&str, &Entry> = remembered.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        for entry in &mut self.entries {
            let Some(known) = before.get(entry.name.as_str()).filter(|known| known.ancestors.is_empty()) else {
                continue;
            };
            if entry.parent().is_none() || entry.application.is_err() || self.whole.contains(&known.repository) {
                continue;
            }
            let message = format!("the name `{}` is that of {}, which cannot be read now", entry.name, known.place);
            let refused = Err(Failure::new(Blame::User, "invalid", message));
            *entry = Arc::new(Entry { application: refused, ..Entry::clone(entry) });
        }
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
        !catalog.gone(&host(globs), &read, vec![remembered.clone()], &[]).is_empty()
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

    #[test]
    fn a_child_is_gone_where_its_parent_said_so_and_nobody_else_has_it() {
        let child = |leaving| ChildRow {
            parent: "root".to_owned(),
            name: "one".to_owned(),
            document: serde_json::json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"name": "one", "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
                "spec": {"destination": {"name": "dev"}, "source": {"repoURL": "./config.git", "path": "a"}}}),
            descent: serde_json::json!({"repository": "config", "ancestors": [{"name": "root", "project": "default"}]}),
            leaving,
        };
        let gone = |catalog: &Catalog, remembered: &[Entry], rows: &[ChildRow]| {
            let gone = catalog.gone(&host("[\"argocd/**\"]"), &Read::new(), remembered.to_vec(), rows);
            gone.into_iter().map(|entry| entry.application.map(|it| it.deletion).ok()).collect::<Vec<_>>()
        };
        let both = whole(&["config", "more"]);
        let (here, ends, let_go) = (child(None), child(Some(Leaving::Ends)), child(Some(Leaving::LetGo)));
        let known = child::leaving(&ends, None).expect("an entry");
        let foreground = Some(model::application::Deletion::Foreground);
        assert_eq!(gone(&both, std::slice::from_ref(&known), &[]), [], "nobody said so");
        assert_eq!(gone(&both, std::slice::from_ref(&known), std::slice::from_ref(&here)), []);
        assert_eq!(gone(&both, std::slice::from_ref(&known), std::slice::from_ref(&ends)), [foreground]);
        assert_eq!(
            gone(&whole(&["config"]), &[], std::slice::from_ref(&ends)),
            [],
            "it may have moved to the other one"
        );
        // Two parents that let it go in two ways: nothing of it is deleted.
        let other = ChildRow { parent: "second".to_owned(), ..let_go };
        let kept = Some(model::application::Deletion::Keeps);
        assert_eq!(gone(&both, &[], &[ends.clone(), other.clone()]), [kept]);
        assert_eq!(gone(&both, &[], &[other, ends.clone()]), [kept]);
        // Somebody else has it: it does not end, and once that one can be used, nobody has to end it.
        let mut declared = whole(&["config", "more"]);
        declared.entries.push(Arc::new(entry("argocd/one.yaml", "one", "", "apps/one")));
        assert_eq!(gone(&declared, &[], std::slice::from_ref(&ends)), []);
        assert_eq!(declared.settled(&[], std::slice::from_ref(&ends)).len(), 1);
        assert_eq!(both.settled(&[], std::slice::from_ref(&ends)).len(), 0);
        let refused = Failure::invalid("taken twice");
        declared.entries[0] = Arc::new(Entry { application: Err(refused), ..Entry::clone(&declared.entries[0]) });
        assert_eq!(gone(&declared, &[], std::slice::from_ref(&ends)), []);
        assert_eq!(declared.settled(&[], &[ends, here]).len(), 0);
    }

    #[test]
    fn a_name_is_not_inherited_from_a_file_that_cannot_be_read() {
        let ancestors = vec![child::Ancestor { name: "root".to_owned(), project: "default".to_owned() }];
        let file = Entry { repository: "more".to_owned(), ..entry("a.yaml", "one", "", "apps/one") };
        let heir = Arc::new(Entry { ancestors, ..entry("b.yaml", "one", "", "apps/one") });
        let refused = |whole: Catalog, known: &Entry| {
            let mut catalog = Catalog { entries: vec![heir.clone()], ..whole };
            catalog.refuse_heirs(std::slice::from_ref(known));
            catalog.entries[0].application.is_err()
        };
        assert!(refused(whole(&["config"]), &file));
        assert!(!refused(whole(&["config", "more"]), &file), "its file is gone, or says something else");
        assert!(!refused(whole(&["config"]), &heir), "it was a child before");
    }
}
