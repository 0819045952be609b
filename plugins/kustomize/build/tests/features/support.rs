//! What all tests share: a tree of files written in one text, and `kubectl kustomize` as the judge where it is on the
//! machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use kustomize_build::{Entry, Error, Files, Kind, Options, Remote, Rendering, Result, build};

/// Files and links in memory.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
    pub remotes: BTreeMap<String, Remote>,
}

impl Tree {
    /// From `-- path --` lines, each followed by the file's text. `-- path -> target --` is a link.
    pub fn parse(text: &str) -> Self {
        let mut tree = Self::default();
        let mut file = None;
        for line in text.trim_start_matches('\n').split_inclusive('\n') {
            let head = line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --"));
            match (head, &file) {
                (Some(head), _) => match head.split_once(" -> ") {
                    Some((path, target)) => {
                        tree.links.insert(path.to_owned(), target.to_owned());
                        file = None;
                    }
                    None => {
                        tree.files.insert(head.to_owned(), Vec::new());
                        file = Some(head.to_owned());
                    }
                },
                (None, Some(path)) => tree.files.entry(path.clone()).or_default().extend_from_slice(line.as_bytes()),
                (None, None) => panic!("text before the first file: {line}"),
            }
        }
        tree
    }

    /// With a file of any bytes.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    /// On disk, for kubectl.
    fn write(&self, root: &Path) {
        for (path, bytes) in &self.files {
            let place = root.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, bytes).unwrap();
        }
        for (path, target) in &self.links {
            let place = root.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, place).unwrap();
        }
    }

    fn is_folder(&self, path: &str) -> bool {
        let below =
            |known: &String| path.is_empty() || known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.files.keys().any(below) || self.links.keys().any(below)
    }
}

impl Files for Tree {
    fn look(&self, path: &str) -> Result<Option<Kind>> {
        Ok(if self.files.contains_key(path) {
            Some(Kind::File)
        } else if self.links.contains_key(path) {
            Some(Kind::Link)
        } else {
            self.is_folder(path).then_some(Kind::Directory)
        })
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let link = self.links.get(path).map(|target| target.as_bytes().to_vec());
        Ok(self.files.get(path).cloned().or(link))
    }

    fn entries(&self, _: &str) -> Result<Option<Vec<Entry>>> {
        Ok(None)
    }

    fn remote(&self, spec: &str) -> Result<Option<Remote>> {
        Ok(self.remotes.get(spec).cloned())
    }
}

/// What `kubectl kustomize` says of a folder; `None` where there is no kubectl.
fn oracle(tree: &Tree, folder: &str) -> Option<Result<String, String>> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
    tree.write(&root);
    let output = Command::new("kubectl").arg("kustomize").arg(root.join(folder)).output();
    std::fs::remove_dir_all(&root).unwrap();
    let output = output.ok()?;
    Some(if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    })
}

/// Builds `folder` of a tree in the form of [`Tree::parse`], and expects this output, which kubectl prints as well.
#[track_caller]
pub fn check(files: &str, folder: &str, expected: &str) -> Rendering {
    check_tree(&Tree::parse(files), folder, expected)
}

/// As [`check`], for a tree.
#[track_caller]
pub fn check_tree(tree: &Tree, folder: &str, expected: &str) -> Rendering {
    let rendering = match build(tree, folder, &Options::default()) {
        Ok(rendering) => rendering,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(rendering.yaml, expected.trim_start_matches('\n'));
    if let Some(printed) = oracle(tree, folder) {
        assert_eq!(printed.as_deref(), Ok(rendering.yaml.as_str()), "kubectl prints something else");
    }
    rendering
}

/// Builds with options, and expects this output.
#[track_caller]
pub fn check_with(files: &str, folder: &str, options: &Options, expected: &str) {
    let rendering = match build(&Tree::parse(files), folder, options) {
        Ok(rendering) => rendering,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(rendering.yaml, expected.trim_start_matches('\n'));
}

/// Builds `folder`, and expects an error with this message, where kubectl fails as well.
#[track_caller]
pub fn fails(files: &str, folder: &str, message: &str) -> Error {
    let tree = Tree::parse(files);
    let Err(error) = build(&tree, folder, &Options::default()) else { panic!("builds") };
    assert_eq!(error.to_string(), message);
    if let Some(printed) = oracle(&tree, folder) {
        assert!(printed.is_err(), "kubectl builds it:\n{}", printed.unwrap_or_default());
    }
    error
}
