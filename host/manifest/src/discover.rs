//! What a repository holds that Tidegate could look after, from a listing of its paths and its small files: applications,
//! kustomizations that nothing builds upon, root modules of Terraform, and Dockerfiles. It judges by names and contents
//! alone, never by where a file happens to be; whoever calls it lists and reads.

use crate::application::{DeclaredKind, applications};
use crate::diagnostic::Severity;
use crate::matching::{Detected, detect_renderer, is_kustomization};
use crate::source::Source;
use crate::yaml::{Node, parse_all};
use model::application::FolderPath;
use std::collections::{BTreeMap, BTreeSet};

/// The most files of one kind that are read: looking at a repository must end, however large it is. Of one kind, so that
/// none is missing because there are many of another.
const MOST_READ: usize = 200_000;
/// How many paths are told of files that were not read for one reason.
const FIRST: usize = 5;
/// What every file of Argo CD's says, and few others: looking for it is a thousand times cheaper than reading YAML.
const WORD: &[u8] = b"argoproj.io/";
/// Folders that are not the repository's own work.
const FOREIGN: [&str; 5] = [".git", ".terraform", "node_modules", "vendor", "third_party"];

/// What was found, each in the order of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Documents of Argo CD's.
    pub applications: Vec<FoundApplication>,
    /// Folders of kustomizations that no other one builds upon: what one deploys.
    pub overlays: Vec<FolderPath>,
    /// Folders of Terraform that no other one uses as a module: what one applies.
    pub terraform: Vec<FolderPath>,
    /// Folders that those use as modules, by whatever way.
    pub modules: Vec<FolderPath>,
    /// Paths of Dockerfiles.
    pub dockerfiles: Vec<String>,
    /// Paths of files that speak of Argo CD and are no YAML: there may be more documents in them.
    pub broken: Vec<String>,
    /// Files that were not looked into, by reason: there may be more in them as well.
    pub unread: BTreeMap<Why, Unread>,
}

/// Why a file was not looked into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There are more than so many of its kind.
    TooMany(usize),
    /// It is larger than so many bytes.
    TooLarge(usize),
    /// It is not UTF-8.
    NotText,
    /// It is a kustomization without a document of YAML.
    NoDocument,
    /// The disk, in its words.
    Failed(String),
}

/// Files that were not looked into for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// How many they are.
    pub count: usize,
    /// The paths of the first few.
    pub first: Vec<String>,
}

/// A document of Argo CD's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundApplication {
    /// The file.
    pub path: String,
    /// Its kind.
    pub kind: DeclaredKind,
    /// Its name.
    pub name: Option<String>,
    /// Whether it could be used as it is.
    pub fit: Fitness,
}

/// Whether a document can be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitness {
    /// It can.
    Usable,
    /// It is refused; reading the file says why.
    Refused,
}

/// Looks at a repository: `paths` are those of its files from its top, `read` gives the content of one.
pub fn discover<'a>(
    paths: impl IntoIterator<Item = &'a str>,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, Why>,
) -> Findings {
    let listed: BTreeSet<&str> = paths.into_iter().filter(|path| is_own(path)).collect();
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in &listed {
        let (folder, name) = split(path);
        folders.entry(folder).or_default().push(name);
    }
    let mut look = Look {
        folders,
        reads: BTreeMap::new(),
        found: Findings::default(),
        built_upon: BTreeSet::new(),
        modules: BTreeSet::new(),
    };
    for path in listed {
        look.at(path, &mut read);
    }
    look.finish()
}

/// A look at a repository that is under way.
struct Look<'a> {
    folders: BTreeMap<&'a str, Vec<&'a str>>,
    /// How many files of a kind were read.
    reads: BTreeMap<Role, usize>,
    found: Findings,
    /// Folders that a kustomization builds upon.
    built_upon: BTreeSet<FolderPath>,
    /// Folders that are used as modules.
    modules: BTreeSet<FolderPath>,
}

/// What a file may be, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Kustomization,
    Terraform,
    /// YAML, among which are applications.
    Yaml,
}

impl Look<'_> {
    fn at(&mut self, path: &str, read: &mut impl FnMut(&str) -> Result<Vec<u8>, Why>) {
        let (folder, name) = split(path);
        if is_dockerfile(name) {
            self.found.dockerfiles.push(path.to_owned());
        }
        let Some(role) = self.role(folder, name) else { return };
        let reads = self.reads.entry(role).or_default();
        *reads += 1;
        let bytes = if *reads > MOST_READ { Err(Why::TooMany(MOST_READ)) } else { read(path) };
        let text = bytes.and_then(|bytes| match role {
            // What is not Argo CD's is nobody's business, whatever it is.
            Role::Yaml if !bytes.windows(WORD.len()).any(|window| window == WORD) => Ok(None),
            _ => String::from_utf8(bytes).map(Some).map_err(|_| Why::NotText),
        });
        match (role, text) {
            (_, Ok(None)) => {}
            (_, Err(why)) => self.unread(path, why),
            (Role::Kustomization, Ok(Some(text))) => self.kustomization(path, folder, &text),
            (Role::Terraform, Ok(Some(text))) => {
                let used = local_modules(&text).filter_map(|source| below(folder, source));
                self.modules.extend(used);
                self.found.terraform.extend(FolderPath::parse(folder).ok());
            }
            (Role::Yaml, Ok(Some(text))) => self.application(path, text),
        }
    }

    fn role(&self, folder: &str, name: &str) -> Option<Role> {
        let is_yaml = || [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending));
        match name {
            _ if is_kustomization(name) => Some(Role::Kustomization),
            _ if is_terraform(name) => Some(Role::Terraform),
            _ if is_yaml() && !self.is_template(folder) => Some(Role::Yaml),
            _ => None,
        }
    }

    fn unread(&mut self, path: &str, why: Why) {
        let unread = self.found.unread.entry(why).or_default();
        unread.count += 1;
        if unread.first.len() < FIRST {
            unread.first.push(path.to_owned());
        }
    }

    /// Whether a folder holds templates of a chart, which are no YAML before Helm has seen them.
    fn is_template(&self, folder: &str) -> bool {
        let mut at = folder;
        while let Some((parent, name)) = at.rsplit_once('/').or((!at.is_empty()).then_some(("", at))) {
            let names = self.folders.get(parent).into_iter().flatten().copied();
            if name == "templates" && detect_renderer(names) == Detected::Helm {
                return true;
            }
            at = parent;
        }
        false
    }

    fn kustomization(&mut self, path: &str, folder: &str, text: &str) {
        let documents = parse_all(text, &mut Default::default());
        let Some(node) = documents.first().map(|document| &document.node) else {
            self.unread(path, Why::NoDocument);
            return;
        };
        for key in ["resources", "bases", "components"] {
            let used = node.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
            self.built_upon.extend(used.filter_map(|entry| below(folder, entry)));
        }
        // A component is there for others, even where none uses it yet.
        if node.get("kind").and_then(Node::as_str) != Some("Component") {
            self.found.overlays.extend(FolderPath::parse(folder).ok());
        }
    }

    fn application(&mut self, path: &str, text: String) {
        let read = applications(&Source::new(path, text));
        if read.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            self.found.broken.push(path.to_owned());
        }
        for declared in read.documents {
            let fit = if declared.value.is_some() { Fitness::Usable } else { Fitness::Refused };
            let found = FoundApplication { path: path.to_owned(), kind: declared.kind, name: declared.name, fit };
            self.found.applications.push(found);
        }
    }

    fn finish(self) -> Findings {
        let Self { mut found, built_upon, modules, .. } = self;
        found.overlays.retain(|folder| !built_upon.contains(folder));
        let (used, roots) = found.terraform.into_iter().partition(|folder| modules.contains(folder));
        (found.modules, found.terraform) = (used, roots);
        found.modules.sort();
        found.modules.dedup();
        found.terraform.sort();
        found.terraform.dedup();
        found.overlays.sort();
        found.overlays.dedup();
        found
    }
}

fn is_own(path: &str) -> bool {
    !path.split('/').any(|segment| FOREIGN.contains(&segment))
}

/// Folder and name; the folder of what is at the top is empty.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn is_dockerfile(name: &str) -> bool {
    let bare = matches!(name, "Dockerfile" | "Containerfile");
    let suffixed = name.starts_with("Dockerfile.") || name.starts_with("Containerfile.");
    (bare || suffixed || name.ends_with(".Dockerfile")) && !name.ends_with(".dockerignore")
}

fn is_terraform(name: &str) -> bool {
    [".tf", ".tf.json", ".tofu"].iter().any(|ending| name.ends_with(ending))
}

/// The folder that a relative path means from another one, where it stays within the repository.
fn below(folder: &str, relative: &str) -> Option<FolderPath> {
    let path = if folder.is_empty() { relative.to_owned() } else { format!("{folder}/{relative}") };
    (!relative.starts_with('/')).then(|| FolderPath::parse(&path).ok()).flatten()
}

/// The local modules that a file of Terraform uses. Only they have a `source` that begins with a dot, so lines are enough:
/// what stands in a comment or text at worst hides a root module, which a person sees missing.
fn local_modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        // A block may stand on one line.
        let inner = line.split_once('{').filter(|_| line.starts_with("module")).map_or(line, |(_, inner)| inner);
        let rest = inner.trim_start().trim_start_matches('"').strip_prefix("source")?;
        let rest = rest.trim_start_matches('"').trim_start().strip_prefix(['=', ':'])?;
        let source = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        (source.starts_with("./") || source.starts_with("../")).then_some(source)
    })
}
