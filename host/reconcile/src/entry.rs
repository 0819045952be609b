//! Applications as files declare them: each with its place, or with what is wrong with it.

use crate::child::Ancestor;
use crate::declared::{Declaring, refusal};
use crate::target::confirmed;
use manifest::{Declaration, Declared, DeclaredKind};
use model::application::Application;
use model::{Blame, Failure, Timestamp};
use planner::application::DELETION_APPROVED;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// An application of a repository, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name, or its place where it has none.
    pub name: String,
    /// Its project, `default` without one.
    pub project: String,
    /// The repository that declares it, by its name in the configuration; empty without one.
    pub repository: String,
    /// `repository:path:line`, or `path:line` in a repository without a name.
    pub place: String,
    /// What it declares.
    pub kind: DeclaredKind,
    /// As its file says, or what is wrong with that.
    pub application: Result<Box<Application>, Failure>,
    /// Of one that another application declares: from whom it comes, the first one first, its parent last.
    pub ancestors: Vec<Ancestor>,
}

impl Entry {
    /// The applications of a file. Projects are none.
    pub fn of(found: &Declaring) -> impl Iterator<Item = Self> {
        found.documents.iter().filter_map(|document| Self::of_document(found, document))
    }

    fn of_document(found: &Declaring, document: &Declared) -> Option<Self> {
        let application = match (&document.value, refusal(&found.file, document)) {
            (Some(Declaration::Application(application)), _) => Ok(application.clone()),
            (None, Some(failure)) if document.kind != DeclaredKind::AppProject => Err(failure),
            _ => return None,
        };
        let (line, _) = found.file.position(document.span.start);
        let colon = if found.repository.is_empty() { "" } else { ":" };
        let place = format!("{}{colon}{}:{line}", found.repository, found.file.path);
        let name = document.name.clone().unwrap_or_else(|| place.clone());
        let project = document.project.clone().unwrap_or_else(|| Application::DEFAULT_PROJECT.to_owned());
        let repository = found.repository.clone();
        Some(Self { name, project, repository, place, kind: document.kind, application, ancestors: Vec::new() })
    }

    /// The application that declares it, where that is no file.
    pub fn parent(&self) -> Option<&str> {
        self.ancestors.last().map(|parent| parent.name.as_str())
    }

    /// The path of its file in its repository; a child has none.
    pub(crate) fn path(&self) -> Option<&str> {
        if self.parent().is_some() {
            return None;
        }
        let place = match self.repository.as_str() {
            "" => self.place.as_str(),
            repository => self.place.strip_prefix(repository)?.strip_prefix(':')?,
        };
        place.rsplit_once(':').map(|(path, _)| path)
    }

    /// What a sync by this file, begun then, must hear now that the file says something else. Where in its file it is written
    /// says nothing, and neither does an answer that is older than the question.
    pub(crate) fn told_by(&self, newer: &Self, begun: Timestamp) -> Change {
        let (Ok(before), Ok(now)) = (&self.application, &newer.application) else { return Change::Other };
        let but_confirmed = |application: &Application| {
            let mut application = application.clone();
            application.annotations.remove(DELETION_APPROVED);
            application
        };
        if self.repository != newer.repository
            || self.ancestors != newer.ancestors
            || but_confirmed(before) != but_confirmed(now)
        {
            return Change::Other;
        }
        match (confirmed(&before.annotations), confirmed(&now.annotations)) {
            (before, Ok(Some(now))) if now >= begun && before != Ok(Some(now)) => Change::Confirmed,
            _ => Change::None,
        }
    }
}

/// How a file differs from an older one of the same application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// In nothing that a sync heeds.
    None,
    /// A person confirmed in it what a sync asks about, and nothing else.
    Confirmed,
    /// In what is to be done.
    Other,
}

/// How many places of one name are said.
const NAMED: usize = 4;

/// Two of one name are both refused: which of them is meant nobody can say. One that is refused already keeps its reason.
pub fn refuse_twins(entries: &mut [Entry]) {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut children: BTreeSet<String> = BTreeSet::new();
    for entry in entries.iter().filter(|entry| entry.kind == DeclaredKind::Application) {
        places.entry(entry.name.clone()).or_default().push(entry.place.clone());
        children.extend(entry.parent().map(|_| entry.name.clone()));
    }
    for entry in entries.iter_mut().filter(|entry| entry.application.is_ok()) {
        let all = places.get(&entry.name).map(Vec::as_slice).unwrap_or_default();
        if all.len() > 1 {
            let mut shown = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if all.len() > NAMED {
                shown.push_str(&format!(" and {} more", all.len() - NAMED));
            }
            let message = format!("the name `{}` is taken more than once: {shown}", entry.name);
            let reason = "the name is taken more than once";
            let failure =
                Failure { details: Some(json!({ "reason": reason })), ..Failure::new(Blame::User, "invalid", message) };
            let hint = if children.contains(&entry.name) {
                "let one of them declare it, and sync the other one with `--prune` where that is an application"
            } else {
                "let `applications` in tidegate.yaml name the files of one of them"
            };
            entry.application = Err(failure.hint(hint));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use manifest::Source;

    /// An application in a file of the repository `config`.
    pub(crate) fn entry(path: &str, name: &str, annotations: &str, folder: &str) -> Entry {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{ name: {name}, annotations: {{ {annotations} }} }}\n\
             spec:\n  destination: {{ name: dev }}\n  source: {{ repoURL: ./config.git, path: {folder} }}\n"
        );
        let file = Source::new(path, &text);
        let manifest::Declarations { documents, diagnostics } = manifest::applications(&file);
        let found = Declaring { repository: "config".to_owned(), file, documents, diagnostics };
        let made = Entry::of(&found).next().expect("an application");
        assert!(made.application.is_ok(), "{made:?}");
        made
    }

    #[test]
    fn a_sync_hears_how_its_file_differs() {
        let at = |text: &str| Timestamp::parse(text).expect("an instant");
        let approved = |text: &str| format!("argocd.argoproj.io/deletion-approved: \"{text}\"");
        let begun = at("2026-01-31T12:00:00Z");
        let before = entry("a.yaml", "one", "", "apps/one");
        let told =
            |annotations: &str, folder: &str| before.told_by(&entry("a.yaml", "one", annotations, folder), begun);
        assert_eq!(told("", "apps/one"), Change::None);
        assert_eq!(told("", "apps/two"), Change::Other);
        assert_eq!(told("tidegate.dev/max-prune: \"3\"", "apps/one"), Change::Other);
        assert_eq!(told(&approved("2026-01-31T12:00:01Z"), "apps/one"), Change::Confirmed);
        assert_eq!(told(&approved("2026-01-31T12:00:01Z"), "apps/two"), Change::Other);
        // An answer from before the question, and one that is none.
        assert_eq!(told(&approved("2026-01-31T11:59:59Z"), "apps/one"), Change::None);
        assert_eq!(told(&approved("yes"), "apps/one"), Change::None);
        let confirmed = entry("a.yaml", "one", &approved("2026-01-31T12:00:01Z"), "apps/one");
        assert_eq!(confirmed.told_by(&confirmed, begun), Change::None);
        assert_eq!(confirmed.told_by(&before, begun), Change::None);
        // Where it is written does not matter.
        let moved = Entry { place: "config:b.yaml:7".to_owned(), ..before.clone() };
        assert_eq!(before.told_by(&moved, begun), Change::None);
        assert_eq!((before.path(), moved.path()), (Some("a.yaml"), Some("b.yaml")));
    }
}
