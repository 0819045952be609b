//! Files that a step keeps for later runs: the key, and what is said about it. A cache never fails the step, and is never
//! needed for a right result: whatever goes wrong is a line of the log.

use crate::digest::short;
use crate::files::{Files, Workspace};
use crate::inputs::check_path;
use crate::pattern::{find, parse_all};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate::{Error, cache, info, warn};

/// Longest prefix of a key, in bytes: the host takes 256, and a digest follows.
const LONGEST_NAME: usize = 200;

/// Paths that are kept for later runs of this repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// Files and folders to keep, from the workspace's root: `target`, `node_modules`. Nothing outside the workspace can be
    /// kept, so no `~`: tell the tool to put its files into the workspace (`CARGO_HOME`, `npm_config_cache`, `GOMODCACHE`).
    /// A path that is there before the script begins, from the commit or from an earlier step, is not restored.
    #[schemars(length(min = 1, max = 16))]
    pub paths: Vec<String>,
    /// The name of what is kept, and with `files` the first part of its key: `rust`. Without `files` it is the whole key, and
    /// what is kept under it stays as it was first saved until the host drops it. The first of `paths` unless given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub key: Option<String>,
    /// Files whose content decides, as paths or patterns from the workspace's root: `Cargo.lock`, `**/go.sum`. What is kept
    /// is used again where all of them are the same as when it was saved.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub files: Vec<String>,
    /// Beginnings of keys, tried in this order where the key itself has nothing: the newest that begins so is restored.
    /// `rust-` takes what was kept with other `files`. None unless given.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub restore_keys: Vec<String>,
}

/// What a step found out before its script began; kept in the workspace for a host that is started again in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Absent where there is none to save under.
    key: Option<String>,
}

impl Cache {
    /// Finds what the host would refuse, before anything runs.
    ///
    /// # Errors
    /// `invalid`, with the field below `field`.
    pub fn check(&self, field: &str) -> Result<(), Error> {
        let wrong = |message: String, part: &str| Err(Error::invalid(message).with_field(&format!("{field}/{part}")));
        if self.paths.is_empty() || self.paths.len() > 16 {
            return wrong("a cache has 1 to 16 paths".to_owned(), "paths");
        }
        let paths = self.clean_paths();
        for (index, path) in paths.iter().enumerate() {
            let place = format!("paths/{index}");
            if let Err(problem) = check_path(path) {
                return Err(Error::invalid(problem).with_field(&format!("{field}/{place}")).with_hint(
                    "only paths in the workspace can be kept: tell the tool to put its files there, by CARGO_HOME say",
                ));
            }
            if path.contains(['*', '?']) {
                return wrong(format!("`{path}` is a pattern: a cache keeps whole files and folders"), &place);
            }
            if path.split('/').next() == Some(".git") || path.starts_with(".tidegate-") {
                return wrong(format!("`{path}` is never kept"), &place);
            }
            let below = |other: &String| path == other || path.starts_with(&format!("{other}/"));
            if paths.iter().enumerate().any(|(at, other)| at != index && below(other)) {
                return wrong(format!("`{path}` is in another path of this cache"), &place);
            }
        }
        let is_key = |text: &str| !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control);
        if !is_key(self.name()) {
            return wrong(format!("a key has 1 to {LONGEST_NAME} bytes and no control character"), "key");
        }
        if self.restore_keys.len() > 8 || !self.restore_keys.iter().all(|key| is_key(key)) {
            return wrong("at most 8 keys, of 1 to 200 bytes".to_owned(), "restoreKeys");
        }
        parse_all(&self.files, &format!("{field}/files")).map(drop)
    }

    /// Restores it, and says so. Answers what to do after the script.
    pub fn restore(&self) -> Attempt {
        let key = match self.current_key(&Workspace) {
            Ok(Ok(key)) => key,
            Ok(Err(reason)) => {
                warn!("cache: {} is off: {reason}", self.name());
                return Attempt { key: None };
            }
            Err(error) => {
                warn!("cache: {} is off: {}", self.name(), error.message);
                return Attempt { key: None };
            }
        };
        let paths = self.clean_paths();
        let (line, save) = restored(&key, &cache::restore(&key, &self.restore_keys, &paths));
        match line {
            Line::Info(line) => info!("{line}"),
            Line::Warn(line) => warn!("{line}"),
        }
        Attempt { key: save.then_some(key) }
    }

    /// Saves it where the attempt says so, and says what became of it.
    pub fn save(&self, attempt: &Attempt) {
        let Some(key) = &attempt.key else { return };
        match cache::save(key, &self.clean_paths()) {
            Ok(saved) if saved.stored => info!("cache: saved {key}, {}", bytes(saved.size)),
            Ok(_) => info!("cache: not saved: another run has saved {key} meanwhile"),
            // The ordinary case of a change from outside is no oddity.
            Err(error) if error.is("denied") => info!("cache: not saved: {}", error.message),
            Err(error) => warn!("cache: {key} is not saved: {}", error.message),
        }
    }

    /// The key for the files as they are now, or why there is none.
    fn current_key(&self, tree: &impl Files) -> Result<Result<String, String>, Error> {
        let patterns = parse_all(&self.files, "/files")?;
        let mut files = Vec::new();
        for (pattern, text) in patterns.iter().zip(&self.files) {
            let found = find(std::slice::from_ref(pattern), |path| tree.entries(path))?;
            if let Some(cut) = found.cut {
                return Ok(Err(format!("`{text}` matches too much: {cut}")));
            }
            if found.paths.is_empty() {
                return Ok(Err(format!("no file matches `{text}`")));
            }
            for path in found.paths {
                let Some(summary) = tree.summarise(&path)? else { continue };
                files.push((path, summary.digest));
            }
        }
        Ok(Ok(key(self.name(), files)))
    }

    fn name(&self) -> &str {
        self.key.as_deref().or(self.paths.first().map(String::as_str)).unwrap_or_default()
    }

    fn clean_paths(&self) -> Vec<String> {
        self.paths.iter().map(|path| path.trim_start_matches("./").trim_end_matches('/').to_owned()).collect()
    }
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Info(String),
    Warn(String),
}

/// The key: the name alone where no files decide.
fn key(name: &str, mut files: Vec<(String, String)>) -> String {
    if files.is_empty() {
        return name.to_owned();
    }
    files.sort();
    files.dedup();
    format!("{name}-{}", short(files.iter().flat_map(|(path, digest)| [path.as_str(), digest.as_str()])))
}

/// What is said about the answer, and whether to save after the script.
fn restored(key: &str, answer: &Result<Option<cache::Hit>, Error>) -> (Line, bool) {
    match answer {
        Ok(Some(hit)) if hit.exact => (
            Line::Info(format!("cache: hit {key}, {}, of branch {} at {}", bytes(hit.size), hit.branch, hit.at)),
            false,
        ),
        Ok(Some(hit)) => (
            Line::Info(format!(
                "cache: miss {key}, restored the nearest: {}, {}, of branch {} at {}",
                hit.key,
                bytes(hit.size),
                hit.branch,
                hit.at
            )),
            true,
        ),
        Ok(None) => (Line::Info(format!("cache: miss {key}")), true),
        // What is there already is as good as anything that could be restored, and is saved under its key.
        Err(error) if error.is("conflict") => (Line::Info(format!("cache: not restored: {}", error.message)), true),
        Err(error) if error.is("denied") => (Line::Info(format!("cache: off: {}", error.message)), false),
        Err(error) => (Line::Warn(format!("cache: {key} is not restored: {}", error.message)), true),
    }
}

/// `12 MB`.
fn bytes(size: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, word)) if size / unit < 10 => format!("{}.{} {word}", size / unit, size % unit * 10 / unit),
        Some((unit, word)) => format!("{} {word}", size / unit),
        None => format!("{size} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Line, bytes, cache, key, restored};
    use crate::files::tests::Folder;
    use proptest::prelude::*;
    use tidegate::Error;

    fn file(path: &str, digest: &str) -> (String, String) {
        (path.to_owned(), digest.to_owned())
    }

    fn check(json: &str) -> Result<(), String> {
        let cache: Cache = serde_json::from_str(json).map_err(|error| error.to_string())?;
        cache.check("/cache/0").map_err(|error| error.details.unwrap_or_default() + &error.message)
    }

    #[test]
    fn a_cache_is_of_the_workspace() {
        assert_eq!(check(r#"{"paths":["target/","./web/node_modules"],"files":["Cargo.lock"]}"#), Ok(()));
        for (wrong, expected) in [
            (r#"{"paths":[]}"#, "paths"),
            (r#"{"paths":["~/.cargo"]}"#, "home folder"),
            (r#"{"paths":["/var/cargo"]}"#, "no path in the workspace"),
            (r#"{"paths":["a/../b"]}"#, "no path in the workspace"),
            (r#"{"paths":["."]}"#, "workspace"),
            (r#"{"paths":[".git/hooks"]}"#, "never kept"),
            (r#"{"paths":["a","a/b"]}"#, r#""field":"/cache/0/paths/1""#),
            (r#"{"paths":["a","a"]}"#, "another path"),
            (r#"{"paths":["a/*"]}"#, "pattern"),
            (r#"{"paths":["a"],"key":""}"#, "key"),
            (r#"{"paths":["a"],"key":"a\nb"}"#, "key"),
            (r#"{"paths":["a"],"files":["../x"]}"#, r#""field":"/cache/0/files/0""#),
            (r#"{"paths":["a"],"restoreKeys":[""]}"#, "restoreKeys"),
            (r#"{"path":["a"]}"#, "unknown field"),
        ] {
            let problem = check(wrong).expect_err(wrong);
            assert!(problem.contains(expected), "{wrong}: {problem}");
        }
    }

    #[test]
    fn a_key_is_its_files_whatever_their_order() {
        let (a, b) = (file("Cargo.lock", "sha256:1"), file("rust-toolchain", "sha256:2"));
        assert_eq!(key("rust", Vec::new()), "rust");
        assert_eq!(key("rust", vec![a.clone(), b.clone()]), key("rust", vec![b.clone(), a.clone(), b.clone()]));
        assert_eq!(key("rust", vec![a.clone(), b.clone()]).len(), "rust-".len() + 16);
        assert_ne!(key("rust", vec![a.clone()]), key("rust", vec![a, b]));
    }

    #[test]
    fn a_key_follows_the_files() {
        let folder = Folder::new();
        folder.write("Cargo.lock", "1");
        folder.write("web/package-lock.json", "2");
        let cache: Cache =
            serde_json::from_str(r#"{"paths":["target"],"key":"all","files":["Cargo.lock","**/*-lock.json"]}"#)
                .expect("valid");
        let now = || cache.current_key(&folder).expect("read");
        let first = now().expect("a key");
        assert!(first.starts_with("all-"), "{first}");
        folder.write("README", "other files do not count");
        assert_eq!(now().as_ref(), Ok(&first));
        folder.write("web/package-lock.json", "3");
        assert_ne!(now().as_ref(), Ok(&first));
        std::fs::remove_file(folder.0.join("Cargo.lock")).expect("removed");
        assert_eq!(now(), Err("no file matches `Cargo.lock`".to_owned()));
    }

    #[test]
    fn every_answer_is_said() {
        let hit = |exact| {
            Ok(Some(cache::Hit {
                key: "rust-2".to_owned(),
                exact,
                branch: "main".to_owned(),
                at: "2026-11-23T12:57:02.000Z".to_owned(),
                size: 12_345_678,
            }))
        };
        let of = "of branch main at 2026-11-23T12:57:02.000Z";
        assert_eq!(restored("rust-2", &hit(true)), (Line::Info(format!("cache: hit rust-2, 12 MB, {of}")), false));
        assert_eq!(
            restored("rust-1", &hit(false)),
            (Line::Info(format!("cache: miss rust-1, restored the nearest: rust-2, 12 MB, {of}")), true)
        );
        assert_eq!(restored("rust-1", &Ok(None)), (Line::Info("cache: miss rust-1".to_owned()), true));
        let fails = |code: &str| restored("k", &Err(Error::new(code, "why")));
        assert_eq!(fails("conflict"), (Line::Info("cache: not restored: why".to_owned()), true));
        assert_eq!(fails("denied"), (Line::Info("cache: off: why".to_owned()), false));
        assert_eq!(fails("too-large"), (Line::Warn("cache: k is not restored: why".to_owned()), true));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 999, 1_200, 12_000, 9_990_000, 2_000_000_000].map(bytes),
            ["0 bytes", "999 bytes", "1.2 kB", "12 kB", "9.9 MB", "2.0 GB"]
        );
    }

    proptest! {
        /// Any change of a path or a content changes the key.
        #[test]
        fn a_change_is_another_key(
            files in proptest::collection::btree_map("[a-c/]{1,4}", "[0-9a-f]{1,3}", 1..5),
            other in proptest::collection::btree_map("[a-c/]{1,4}", "[0-9a-f]{1,3}", 1..5),
        ) {
            let same = files == other;
            let keys = [files, other].map(|files| key("k", files.into_iter().collect()));
            prop_assert_eq!(keys[0] == keys[1], same);
        }
    }
}
