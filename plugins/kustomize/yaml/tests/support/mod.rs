//! The real kustomize beside this crate: many random cases in one run of `kubectl kustomize`, told apart by name.

pub mod dice;
pub mod objects;
pub mod pointers;
pub mod scalars;
pub mod schema_file;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An object, and what is done to it.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub object: String,
    /// A strategic merge patch or a JSON patch.
    pub patch: Option<String>,
}

/// How many refusals of ours are shown to kubectl, each of which takes a run of its own.
const REFUSALS: usize = 12;

/// Whether kubectl is here; says so where it is not.
pub fn available(test: &str) -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|it| it.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{test} needs kubectl (https://kubernetes.io/docs/tasks/tools/)");
        eprintln!("{test}: skipped, because there is no kubectl here (https://kubernetes.io/docs/tasks/tools/)");
    }
    found
}

/// Runs every case through `ours` and through kubectl. `ours` returns the object printed, or nothing for a deleted one.
///
/// # Panics
/// On the first case that comes out differently, or that only one of the two refuses.
pub fn compare(test: &str, cases: &[Case], ours: impl Fn(&Case) -> Result<Option<String>, String>) {
    // Of its own, so that two runs at a time do not mix.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let mut taken = Vec::new();
    let mut refused = Vec::new();
    for case in cases {
        match ours(case) {
            Ok(printed) => taken.push((case, printed)),
            Err(why) => refused.push((case, why)),
        }
    }
    assert!(taken.len() * 4 > cases.len(), "{} of {} cases say something", taken.len(), cases.len());
    for (case, why) in refused.iter().take(REFUSALS) {
        let theirs = kustomize(&folder, &[case]);
        assert!(theirs.is_err(), "refused: {why}\n{case:#?}\nkubectl prints:\n{theirs:#?}");
    }
    check(&folder, &taken);
    fs::remove_dir_all(&folder).expect("the folder of the test goes");
}

fn check(folder: &Path, taken: &[(&Case, Option<String>)]) {
    let cases: Vec<&Case> = taken.iter().map(|(case, _)| *case).collect();
    match kustomize(folder, &cases) {
        Ok(theirs) => {
            for (case, ours) in taken {
                let theirs = theirs.get(&case.name);
                assert!(
                    theirs == ours.as_ref(),
                    "{}\n--- patch\n{}\n--- kubectl\n{}\n--- ours\n{}",
                    case.object,
                    case.patch.as_deref().unwrap_or("none"),
                    theirs.map_or("gone", String::as_str),
                    ours.as_deref().unwrap_or("gone"),
                );
            }
        }
        // Later steps of kustomize want well-formed lists; what a merge made of odd ones is then not to be seen.
        Err(why) if taken.len() <= 1 => {
            assert!(why.contains("updating name reference"), "only kubectl refuses: {why}\n{:#?}", cases.first());
        }
        Err(_) => {
            let (left, right) = taken.split_at(taken.len() / 2);
            check(folder, left);
            check(folder, right);
        }
    }
}

/// What kubectl prints, by the names of the objects.
fn kustomize(folder: &Path, cases: &[&Case]) -> Result<BTreeMap<String, String>, String> {
    write(folder, cases);
    let text = render(folder)?;
    let mut found = BTreeMap::new();
    for document in text.split("---\n").filter(|document| !document.is_empty()) {
        let name = document.lines().find_map(|line| line.strip_prefix("  name: o"));
        found.insert(format!("o{}", name.expect("a name")), document.to_owned());
    }
    Ok(found)
}

/// What `kubectl kustomize` prints for a folder, or why it prints nothing.
pub fn render(folder: &Path) -> Result<String, String> {
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output().expect("kubectl runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).expect("kubectl prints UTF-8"))
}

fn write(folder: &Path, cases: &[&Case]) {
    fs::create_dir_all(folder).expect("a folder for the test");
    let objects: Vec<&str> = cases.iter().map(|case| case.object.as_str()).collect();
    put(folder.join("objects.yaml"), &objects.join("---\n"));
    let mut kustomization = String::from("resources: [objects.yaml]\npatches:\n");
    for (at, case) in cases.iter().enumerate() {
        if let Some(patch) = &case.patch {
            put(folder.join(format!("{at}.yaml")), patch);
            kustomization.push_str(&format!("- path: {at}.yaml\n  target: {{name: {}}}\n", case.name));
        }
    }
    if cases.iter().all(|case| case.patch.is_none()) {
        kustomization = String::from("resources: [objects.yaml]\n");
    }
    put(folder.join("kustomization.yaml"), &kustomization);
}

fn put(path: PathBuf, text: &str) {
    fs::write(path, text).expect("a file of the test");
}
