//! What the tests share: a machine of folders and sockets, and real registries.

#![allow(dead_code, reason = "each test binary uses a part")]

pub mod machine;
pub mod registry;
pub mod token;
pub mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A fresh folder for a test.
pub fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the last run's folder goes away");
    }
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Writes a file, with the folders above it.
pub fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(path, content).expect("a file");
}

/// Whether there are these programs. In CI there must be; elsewhere their absence is said.
pub fn available(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|program| !found(program)).collect();
    if missing.is_empty() {
        return true;
    }
    let why = format!(
        "{test}: not run, because {missing:?} are not here (apt-get install docker-registry skopeo buildah openssl)"
    );
    assert!(std::env::var_os("CI").is_none(), "{why}");
    eprintln!("{why}");
    false
}

/// Whether there is this program.
pub fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs a program to its end and answers what it printed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
