//! Applications of applications: what an application declared when it was synced last, as entries beside those of files. A child
//! has the rights of all from whom it comes, and never one more. Pure.

use crate::declared::{Declaring, refusal};
use crate::entry::Entry;
use manifest::{Declarations, DeclaredKind, Diagnostic, HostConfig, Severity, Source as File};
use model::application::{Application, Content, Deletion};
use model::{Blame, Failure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use store::{ChildRow, Leaving};

/// How deep applications may declare each other: a file's application is at none.
pub(crate) const DEEPEST: usize = 8;

/// An application from which another one comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its name.
    pub name: String,
    /// Its project, whose rules hold for all that come from it.
    pub project: String,
}

/// From whom a child comes, as it is stored with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Descent {
    /// The repository that declares the first of them.
    pub(crate) repository: String,
    /// The first one first; its parent last.
    pub(crate) ancestors: Vec<Ancestor>,
}

impl Descent {
    /// That of an application's children.
    pub(crate) fn from(parent: &Entry) -> Self {
        let own = Ancestor { name: parent.name.clone(), project: parent.project.clone() };
        let ancestors = parent.ancestors.iter().cloned().chain([own]).collect();
        Self { repository: parent.repository.clone(), ancestors }
    }

    /// Why a child of this name is not to be there, where it is not.
    pub(crate) fn refuses(&self, name: &str) -> Option<String> {
        if self.is_circle(name) {
            let names = self.ancestors.iter().map(|ancestor| ancestor.name.as_str());
            let circle = names.skip_while(|ancestor| *ancestor != name);
            let circle = circle.chain([name]).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" declares ");
            return Some(format!("applications would declare each other in a circle: {circle}"));
        }
        (self.ancestors.len() > DEEPEST)
            .then(|| format!("applications declare each other to a depth of {DEEPEST} and no deeper"))
    }

    fn is_circle(&self, name: &str) -> bool {
        self.ancestors.iter().any(|ancestor| ancestor.name == name)
    }
}

/// Adds to the applications of files those that they have declared, and theirs. Answers what warns in their documents.
pub(crate) fn expand(entries: &mut Vec<Entry>, rows: &[ChildRow], config: &HostConfig) -> Vec<(File, Vec<Diagnostic>)> {
    let mut warnings = Vec::new();
    let mut of: BTreeMap<&str, Vec<&ChildRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.leaving.is_none()) {
        of.entry(&row.parent).or_default().push(row);
    }
    let mut at = 0;
    // Those that are added are looked at in turn.
    while let Some(parent) = entries.get(at) {
        at += 1;
        let rows = if parent.kind == DeclaredKind::Application { of.remove(parent.name.as_str()) } else { None };
        let Some(rows) = rows else { continue };
        let (parent, place) = (parent.clone(), place(parent, config));
        let descent = Descent::from(&parent);
        for row in rows {
            // One in a circle its parent's look tells. Here it would be a second one of its name, and take the first one with it.
            if descent.is_circle(&row.name) {
                continue;
            }
            let (mut entry, warned) = entry(row, &descent, place.clone());
            warnings.extend(warned);
            if let Some(why) = descent.refuses(&row.name) {
                entry.application = Err(Failure::new(Blame::User, "invalid", why));
            }
            entries.push(entry);
        }
    }
    for row in of.into_values().flatten() {
        let (mut entry, warned) = entry(row, &descent(row), format!("application {}", row.parent));
        warnings.extend(warned);
        let message = format!("its parent `{}` is declared nowhere that could be read", row.parent);
        entry.application = Err(Failure::new(Blame::User, "invalid", message));
        entries.push(entry);
    }
    warnings
}

/// What cannot be used declares nothing that can. Parents come before their children.
pub(crate) fn refuse_with_parents(entries: &mut [Entry]) {
    let failed = |entry: &Entry| Some((entry.name.clone(), entry.application.as_ref().err()?.message.clone()));
    let mut refused: HashMap<String, String> = entries.iter().filter_map(failed).collect();
    for entry in entries.iter_mut().filter(|entry| entry.application.is_ok()) {
        let Some((parent, why)) = entry.parent().and_then(|parent| Some((parent, refused.get(parent)?))) else {
            continue;
        };
        let message = format!("its parent `{parent}` cannot be used: {why}");
        refused.insert(entry.name.clone(), message.clone());
        entry.application = Err(Failure::new(Blame::User, "invalid", message));
    }
}

/// A child that its parent has no more, as it is to end: by its document, or where that was never understood, by what was kept of it.
pub(crate) fn leaving(row: &ChildRow, remembered: Option<&Entry>) -> Option<Entry> {
    let how = row.leaving?;
    let descent = descent(row);
    let (mut entry, _) = entry(row, &descent, format!("application {}", row.parent));
    if entry.application.is_err() {
        entry.application = remembered.filter(|known| !known.ancestors.is_empty())?.application.clone();
    }
    if let (Ok(application), Leaving::LetGo) = (&mut entry.application, how) {
        application.deletion = Deletion::Keeps;
    }
    entry.application.is_ok().then_some(entry)
}

/// Of a row that another version wrote nobody knows from whom it comes: then it has no rights.
fn descent(row: &ChildRow) -> Descent {
    serde_json::from_value(row.descent.clone()).unwrap_or_else(|_| {
        let ancestor = Ancestor { name: row.parent.clone(), project: String::new() };
        Descent { repository: String::new(), ancestors: vec![ancestor] }
    })
}

/// Where a parent has its children from.
fn place(parent: &Entry, config: &HostConfig) -> String {
    let source = parent.application.as_ref().ok().and_then(|application| {
        application.sources.iter().find_map(|source| {
            let Content::Folder(path) = &source.content else { return None };
            let repository = manifest::repository_of(&source.repository, config)?;
            Some(format!(": {repository}:{}", path.in_source()))
        })
    });
    format!("application {}{}", parent.name, source.unwrap_or_default())
}

fn entry(row: &ChildRow, descent: &Descent, place: String) -> (Entry, Option<(File, Vec<Diagnostic>)>) {
    let file = File::new(format!("application {}, {}", row.parent, row.name), manifest::to_yaml(&row.document));
    let Declarations { documents, diagnostics } = manifest::applications(&file);
    let found = Declaring { repository: descent.repository.clone(), file, documents, diagnostics };
    let made = Entry::of(&found).next();
    let project = row.document["spec"]["project"].as_str().filter(|project| !project.is_empty());
    let application = match (made, found.documents.first().and_then(|document| refusal(&found.file, document))) {
        (Some(Entry { application, .. }), _) => application,
        (None, why) => Err(why.unwrap_or_else(|| Failure::invalid("its document is no application of Argo CD's"))),
    };
    let entry = Entry {
        name: row.name.clone(),
        project: project.unwrap_or(Application::DEFAULT_PROJECT).to_owned(),
        repository: descent.repository.clone(),
        place,
        kind: DeclaredKind::Application,
        application,
        ancestors: descent.ancestors.clone(),
    };
    let all = found.diagnostics.iter().chain(found.documents.iter().flat_map(|document| &document.diagnostics));
    let warned: Vec<Diagnostic> = all.filter(|d| d.severity == Severity::Warning).cloned().collect();
    (entry, (!warned.is_empty()).then_some((found.file, warned)))
}

#[cfg(test)]
mod tests;
