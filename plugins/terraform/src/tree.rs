//! The files that a root module is made of: its folder, the local modules that it uses, the files that it is told to read.
//! Their digests say whether the configuration of a plan is still that of a commit. It reads no content of them.

use crate::host::Host;
use crate::invocation::{DATA, SCRATCH};
use crate::root::{Root, resolve};
use crate::tool::Tool;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::workspace::Kind;

/// More files than this are not listed one by one, only those that configure; more of these are an error. A manifest of so
/// many stays below the 1 MiB that a plugin may write.
const MOST: usize = 5_000;
/// How deep folders nest.
const DEEPEST: usize = 64;

/// Which files, and what is in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// The folders that are listed with all below them.
    pub folders: Vec<String>,
    /// Single files besides.
    pub singles: Vec<String>,
    /// The digest of each file by its path; `link` for a link that leads out of the workspace or to a folder.
    pub digests: BTreeMap<String, String>,
}

/// Checks that there is a root module.
///
/// # Errors
/// `not-found` and `terraform-no-configuration`, with the field.
pub fn check(host: &dyn Host, root: &Root, tool: Tool) -> Result<(), Error> {
    let shown = if root.directory.is_empty() { "the workspace's root" } else { &root.directory };
    let entries = host.entries(&root.directory)?.ok_or_else(|| {
        Error::new("not-found", format!("there is no folder {shown} in this commit"))
            .with_field("/directory")
            .with_hint("`directory` is a folder from the repository's root")
    })?;
    let ends: &[&str] = match tool {
        Tool::Terraform => &[".tf", ".tf.json"],
        Tool::Tofu => &[".tf", ".tf.json", ".tofu", ".tofu.json"],
    };
    let is_one = |name: &str| ends.iter().any(|end| name.ends_with(end)) && !name.starts_with('.');
    if !entries.iter().any(|entry| entry.kind != Kind::Directory && is_one(&entry.name)) {
        // The tool itself is content with an empty folder, and would plan to destroy what its state holds.
        return Err(Error::new("terraform-no-configuration", format!("{shown} holds no {} file", ends.join(" or ")))
            .with_field("/directory")
            .with_hint("name the folder of a root module"));
    }
    for file in root.named_files() {
        if host.summarise(file)?.is_none() {
            return Err(Error::new("not-found", format!("there is no file {file} in this commit"))
                .with_hint("`varFiles` and files in `backendConfig` are relative to `directory`"));
        }
    }
    Ok(())
}

/// The local modules that `init` found, from the workspace's root.
///
/// # Errors
/// Those of reading.
pub fn modules(host: &dyn Host, root: &Root) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Module {
        dir: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct List {
        modules: Vec<Module>,
    }
    let Some(text) = host.read(&format!("{DATA}/modules/modules.json"))? else { return Ok(Vec::new()) };
    let list: List = serde_json::from_slice(&text).map_err(|error| {
        Error::new("terraform-unreadable", format!("the tool's list of modules is unreadable: {error}"))
    })?;
    let folders = list.modules.iter().filter_map(|module| resolve(&root.directory, &module.dir));
    Ok(folders.filter(|folder| !below(folder, SCRATCH)).collect())
}

/// Lists files. Folders that lie in others are listed once.
///
/// # Errors
/// `terraform-too-many-files`, and those of reading.
pub fn files(host: &dyn Host, mut folders: Vec<String>, mut singles: Vec<String>) -> Result<Files, Error> {
    folders.sort();
    folders.dedup();
    let all = folders.clone();
    folders.retain(|folder| !all.iter().any(|other| other != folder && below(folder, other)));
    singles.retain(|file| !folders.iter().any(|folder| below(file, folder)));
    singles.sort();
    singles.dedup();
    let mut paths = Vec::new();
    for folder in &folders {
        walk(host, folder, 0, &mut paths)?;
    }
    if paths.len() > MOST {
        paths.retain(|path| configures(path));
    }
    if paths.len() > MOST {
        let message = format!("the folders of the configuration hold {} files that configure", paths.len());
        return Err(Error::new("terraform-too-many-files", message)
            .with_hint("give root modules and modules folders of their own"));
    }
    let mut digests = BTreeMap::new();
    for path in paths.iter().chain(&singles) {
        let digest = match host.summarise(path) {
            Ok(Some(summary)) => summary.digest,
            Ok(None) => continue,
            Err(error) if error.is("invalid") => "link".to_owned(),
            Err(error) => return Err(error),
        };
        digests.insert(path.clone(), digest);
    }
    Ok(Files { folders, singles, digests })
}

impl Files {
    /// Which files differ, with how: `changed a/main.tf`.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (path, digest) in &self.digests {
            match now.digests.get(path) {
                None => differences.push(format!("removed {path}")),
                Some(other) if other != digest => differences.push(format!("changed {path}")),
                Some(_) => {}
            }
        }
        let added = now.digests.keys().filter(|path| !self.digests.contains_key(*path));
        differences.extend(added.map(|path| format!("added {path}")));
        differences
    }
}

/// Folders named `.terraform` below these, which hold providers of somebody else's `init`.
///
/// # Errors
/// Those of reading.
pub fn foreign_data(host: &dyn Host, folders: &[String]) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for folder in folders {
        let path = join(folder, ".terraform");
        if host.entries(folder)?.into_iter().flatten().any(|entry| entry.name == ".terraform") {
            found.push(path);
        }
    }
    Ok(found)
}

fn walk(host: &dyn Host, folder: &str, depth: usize, paths: &mut Vec<String>) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(Error::invalid(format!("{folder} lies more than {DEEPEST} folders deep")));
    }
    for entry in host.entries(folder)?.into_iter().flatten() {
        if entry.name == ".git" || entry.name == ".terraform" || entry.name.starts_with(".tidegate-") {
            continue;
        }
        let path = join(folder, &entry.name);
        match entry.kind {
            Kind::Directory => walk(host, &path, depth + 1, paths)?,
            Kind::File | Kind::Link => paths.push(path),
        }
    }
    Ok(())
}

fn configures(path: &str) -> bool {
    [".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json", ".hcl", ".tftpl", ".tpl"]
        .iter()
        .any(|end| path.ends_with(end))
}

fn below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
