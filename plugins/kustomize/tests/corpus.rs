//! Real kustomizations: each tag is edited with one changed line, and the real kustomize then pulls it.

mod support;

use kustomize::edit::edit;
use kustomize::image::Change;
use kustomize::problem::Blame;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TAG: &str = "v9.9.9-tidegate";

/// The corpus, unpacked; absent where it is not beside the repository.
fn corpus(test: &str) -> Option<(PathBuf, BTreeSet<PathBuf>)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let archive = source.join("kustomize.tar.xz");
    if !archive.exists() {
        eprintln!("{test}: skipped, because there is no {}", archive.display());
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an old corpus can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder for the corpus");
    let unpacked = Command::new("tar").arg("xJf").arg(&archive).arg("-C").arg(&folder).status();
    assert!(unpacked.expect("tar starts").success(), "the corpus can be unpacked");
    let overlays = fs::read_to_string(source.join("overlays.tsv")).expect("a list of overlays");
    let overlays = overlays.lines().filter_map(|line| line.split('\t').next()).map(|path| folder.join(path)).collect();
    Some((folder, overlays))
}

fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let name = entry.file_name();
        if kind.is_dir() {
            kustomizations(&path, found);
        } else if kind.is_file()
            && ["kustomization.yaml", "kustomization.yml", "Kustomization"].iter().any(|it| name == *it)
        {
            found.push(path);
        }
    }
}

/// The `name` of each item of `images`, by lines alone, so that the editor's own reading is not trusted; with whether
/// the item has a tag and no digest.
fn images(text: &str) -> Vec<(String, bool)> {
    let list = text.lines().skip_while(|line| !line.starts_with("images:")).skip(1);
    let mut items: Vec<(Option<String>, bool, bool)> = Vec::new();
    for line in list.take_while(|line| line.starts_with([' ', '-', '#']) || line.trim().is_empty()) {
        let mut field = line.trim_start();
        if let Some(rest) = field.strip_prefix("- ") {
            items.push((None, false, false));
            field = rest.trim_start();
        }
        let (Some((key, value)), Some(item)) = (field.split_once(':'), items.last_mut()) else { continue };
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        match key {
            "name" => item.0 = Some(value.to_owned()),
            "newTag" => item.1 = true,
            "digest" => item.2 = true,
            _ => {}
        }
    }
    items.into_iter().filter_map(|(name, tag, digest)| Some((name?, tag && !digest))).collect()
}

fn changed_lines(old: &str, new: &str) -> usize {
    let (old, new): (Vec<_>, Vec<_>) = (old.split('\n').collect(), new.split('\n').collect());
    assert_eq!(old.len(), new.len(), "a line came or went");
    old.iter().zip(&new).filter(|(a, b)| a != b).count()
}

fn to_tag(image: &str) -> Change {
    Change { image: image.to_owned(), tag: Some(TAG.to_owned()), ..Change::default() }
}

#[test]
fn each_tag_is_one_changed_line() {
    let Some((folder, _)) = corpus("each_tag_is_one_changed_line") else { return };
    let mut files = Vec::new();
    kustomizations(&folder, &mut files);
    let (mut edited_tags, mut added_tags, mut added_items, mut refused) = (0, 0, 0, Vec::new());
    for path in &files {
        let text = fs::read_to_string(path).expect("a kustomization in UTF-8");
        let mut names = images(&text);
        names.push(("tidegate.example/none".to_owned(), false));
        for (name, has_tag) in &names {
            match edit(&text, &to_tag(name)) {
                Ok(edited) if *has_tag => {
                    assert_eq!(changed_lines(&text, &edited.text), 1, "{} {name}", path.display());
                    edited_tags += 1;
                }
                Ok(edited) => {
                    assert!(edited.text.contains(TAG), "{} {name}", path.display());
                    if name == "tidegate.example/none" { added_items += 1 } else { added_tags += 1 }
                }
                Err(problem) => {
                    assert_eq!(problem.blame, Blame::File, "{} {name}: {problem}", path.display());
                    refused.push(format!("{} {name}: {problem}", path.display()));
                }
            }
        }
    }
    eprintln!(
        "{} files: {edited_tags} tags edited, {added_tags} other items edited, {added_items} items added, {} refused",
        files.len(),
        refused.len()
    );
    for line in &refused {
        eprintln!("  {line}");
    }
    assert!(edited_tags > 0, "the corpus holds tags");
}

#[test]
fn kustomize_pulls_each_tag() {
    if !support::available("kustomize_pulls_each_tag") {
        return;
    }
    let Some((_, overlays)) = corpus("kustomize_pulls_each_tag") else { return };
    let (mut rendered, mut unused) = (0, 0);
    for folder in &overlays {
        let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
        let Some(path) = names.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else { continue };
        let text = fs::read_to_string(&path).expect("a kustomization in UTF-8");
        for (name, _) in images(&text) {
            let Ok(edited) = edit(&text, &to_tag(&name)) else { continue };
            let before = support::render(folder).expect("the corpus says that it builds");
            fs::write(&path, &edited.text).expect("the edited file");
            let after = support::render(folder);
            fs::write(&path, &text).expect("the file as it was");
            let after = after.unwrap_or_else(|error| panic!("{} {name}: {error}", path.display()));
            let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
            assert_eq!(old.len(), new.len(), "{} {name}", path.display());
            let differing: Vec<_> = old.iter().zip(&new).filter(|(a, b)| a != b).collect();
            for (_, line) in &differing {
                assert!(line.ends_with(&format!(":{TAG}")), "{} {name}: {line}", path.display());
            }
            if differing.is_empty() { unused += 1 } else { rendered += 1 }
        }
    }
    eprintln!(
        "{rendered} images are pulled as edited; {unused} items are for images that none of their manifests pulls"
    );
    assert!(rendered > 0, "the corpus holds images");
}
