//! Applications as files declare them: each with its place, or with what is wrong with it.

use crate::declared::{Declaring, refusal};
use manifest::{Declaration, Declared, DeclaredKind};
use model::application::Application;
use model::{Blame, Failure};
use serde_json::json;
use std::collections::BTreeMap;

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
        Some(Self { name, project, repository, place, kind: document.kind, application })
    }
}

/// How many places of one name are said.
const NAMED: usize = 4;

/// Two of one name are both refused: which of them is meant nobody can say. One that is refused already keeps its reason.
pub fn refuse_twins(entries: &mut [Entry]) {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == DeclaredKind::Application) {
        places.entry(entry.name.clone()).or_default().push(entry.place.clone());
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
            entry.application = Err(failure.hint("let `applications` in tidegate.yaml name the files of one of them"));
        }
    }
}
