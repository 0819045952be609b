//! What the files of a commit or folder hold: applications, overlays, Terraform, Dockerfiles. It renders nothing.

use super::address::Used;
use super::refusal::Refused;
use manifest::{DeclaredKind, Diagnostic, Findings, Why};
use model::application::{Content, FolderPath};
use model::{Blame, Failure};
use reconcile::{Content as Read, Declaring, Entry, Files, Walked, refuse_twins};
use std::collections::BTreeSet;

/// The largest file that is read, in bytes: what is larger is no file that a person wrote. It is told.
const LARGEST: usize = 4 << 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Look {
    /// All files.
    pub listing: Vec<String>,
    pub findings: Findings,
    /// Folders with a kustomization.
    kustomized: BTreeSet<String>,
    /// Applications by name.
    pub entries: Vec<Entry>,
    /// Files with an application or a project.
    pub declaring: Vec<String>,
    /// Files and folders that could not be read, in which there may be more.
    pub unread: Vec<Refused>,
}

/// Looks at files, of which these are there.
pub fn look(files: &dyn Files, walked: Walked) -> Look {
    let read = |path: &str| match files.read(path, LARGEST) {
        Ok(Read::Bytes(bytes, _)) => Ok(bytes),
        Ok(Read::TooLarge(_)) => Err(Why::TooLarge(LARGEST)),
        Ok(Read::None(_)) => Err(Why::Failed("it is no longer there".to_owned())),
        // With its path it would be a reason of its own.
        Err(failure) => Err(Why::Failed(failure.message.replace(path, "…"))),
    };
    let Walked { files: listing, unread } = walked;
    let mut findings = manifest::discover(listing.iter().map(String::as_str), read);
    // What was there and is none of ours is not missing.
    findings.terraform.retain(|folder| folder.as_str() != ".tidegate");
    let mut paths: BTreeSet<String> = findings.applications.iter().map(|found| found.path.clone()).collect();
    paths.extend(findings.broken.iter().cloned());
    let declared = reconcile::declared_at(files, "", paths);
    let mut entries: Vec<Entry> = declared.iter().flat_map(Entry::of).collect();
    refuse_twins(&mut entries);
    entries.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.place.cmp(&b.place)));
    let folder = |(folder, failure): (String, Failure)| {
        let place = if folder.is_empty() { "the top folder".to_owned() } else { folder };
        Refused { name: place.clone(), place, failure }
    };
    let unread = unread.into_iter().map(folder).chain(declared.iter().filter_map(broken)).collect();
    let declaring = declared.iter().filter(|found| declares(found)).map(|found| found.file.path.clone()).collect();
    let split = |path: &String| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        manifest::is_kustomization(name).then(|| folder.to_owned())
    };
    let kustomized = listing.iter().filter_map(split).collect();
    Look { listing, findings, kustomized, entries, declaring, unread }
}

/// Why there may be more in a file than was found.
fn broken(found: &Declaring) -> Option<Refused> {
    let Diagnostic { code, message, span, .. } =
        found.diagnostics.iter().find(|d| d.severity == manifest::Severity::Error)?;
    let (line, column) = found.file.position(span.start);
    let details = serde_json::json!({"path": found.file.path, "line": line, "column": column, "code": code});
    let failure = Failure { details: Some(details), ..Failure::new(Blame::User, "invalid", message) };
    Some(Refused { name: found.file.path.clone(), place: found.file.path.clone(), failure })
}

/// Whether a configuration should look into a file.
fn declares(found: &Declaring) -> bool {
    let taken = |kind: DeclaredKind| matches!(kind, DeclaredKind::Application | DeclaredKind::AppProject);
    found.documents.iter().any(|document| taken(document.kind))
}

impl Look {
    /// The addresses that applications name, each with the folders that are taken from there.
    pub fn used(&self) -> Vec<Used> {
        let applications = self.entries.iter().filter_map(|entry| entry.application.as_ref().ok());
        let sources = applications.flat_map(|application| &application.sources);
        let used = |source: &model::application::Source| {
            let folders = match &source.content {
                Content::Folder(folder) => vec![folder.to_string()],
                Content::Reference => Vec::new(),
                // Of a repository of charts, which is none of Git's.
                Content::Chart(_) => return None,
            };
            Some(Used { address: source.repository.clone(), folders })
        };
        sources.filter_map(used).collect()
    }

    /// Whether a folder has a kustomization.
    pub fn has_kustomization(&self, folder: &FolderPath) -> bool {
        self.kustomized.contains(folder.in_source())
    }

    /// Kustomizations that are built upon by none and that no application of this repository points to.
    pub fn bare_overlays(&self, is_ours: impl Fn(&str) -> bool) -> Vec<FolderPath> {
        let applications = self.entries.iter().filter_map(|entry| entry.application.as_ref().ok());
        let ours = applications.flat_map(|application| &application.sources).filter(|s| is_ours(&s.repository));
        let pointed: BTreeSet<&str> = ours
            .filter_map(|source| match &source.content {
                Content::Folder(folder) => Some(folder.as_str()),
                _ => None,
            })
            .collect();
        self.findings.overlays.iter().filter(|folder| !pointed.contains(folder.as_str())).cloned().collect()
    }
}
