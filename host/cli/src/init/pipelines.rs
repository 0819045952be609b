//! Pipelines for what was found: each a text that `tidegate validate` takes as it is. They build and plan; nothing is applied
//! before a person asks for it.

use super::address::image_word;
use super::globs::escaped;
use manifest::scalar;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The most steps of one pipeline here. More is more than a person would read.
pub const MOST: usize = 20;

/// Whether a path can stand in an expression and in a text for people without a second look.
pub fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '+' | ' ');
    !path.is_empty() && path.len() <= 200 && path.chars().all(plain)
}

/// What begins each pipeline.
fn head(name: &str, branch: &str, folders: &BTreeSet<&str>) -> String {
    let mut text = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: {name} }}\nspec:\n  triggers:\n    push:\n      branches: [{}]\n",
        scalar(&escaped(branch))
    );
    // Of the top every path is a part.
    if !folders.contains(".") {
        text.push_str("      paths:\n");
        for folder in folders {
            let _ = writeln!(text, "        - {}", scalar(&format!("{folder}/**")));
        }
    }
    text
}

/// A pipeline that checks and plans root folders of Terraform, each by itself. `modules` are folders that they use.
pub fn infrastructure(branch: &str, roots: &[&str], modules: &[&str]) -> String {
    let folders: BTreeSet<&str> = roots.iter().chain(modules).copied().collect();
    let mut text = "# Checks and plans Terraform: `tidegate run infrastructure` does it here and now.\n".to_owned();
    text.push_str(&head("infrastructure", branch, &folders));
    text.push_str("  steps:\n");
    let (indent, directory) = match roots {
        [only] => ("    ", folder(only)),
        _ => {
            let items: Vec<String> = roots.iter().map(|root| format!("'{root}'")).collect();
            let _ = writeln!(
                text,
                "    each:\n      # A plan for each root folder. With a commit's changes alone: changedDirectories('FOLDERS/*').\n      forEach: ${{{{ [{}] }}}}\n      steps:",
                items.join(", ")
            );
            ("        ", "${{ item }}".to_owned())
        }
    };
    let step = |lines: &[String]| lines.iter().map(|line| format!("{indent}{line}\n")).collect::<String>();
    text.push_str(&step(&[
        "check:".to_owned(),
        "  uses: terraform/validate".to_owned(),
        "  with:".to_owned(),
        format!("    directory: {directory}"),
        "plan:".to_owned(),
        "  uses: terraform/plan".to_owned(),
        "  needs: [check]".to_owned(),
        "  with:".to_owned(),
        format!("    directory: {directory}"),
        "# What is applied is the plan that was shown. Let an environment of tidegate.yaml own the folders first,"
            .to_owned(),
        "# else nobody is asked.".to_owned(),
        "# apply:".to_owned(),
        "#   uses: terraform/apply".to_owned(),
        "#   with: { plan: \"${{ steps.plan.outputs.plan }}\" }".to_owned(),
    ]));
    text
}

/// A pipeline that builds an image of each Dockerfile, in the folder that it is in, and pushes it below `image`.
pub fn image(branch: &str, dockerfiles: &[&str], image: &str) -> String {
    let contexts: BTreeSet<&str> = dockerfiles.iter().map(|path| split(path).0).collect();
    let mut text = "# Builds images and pushes them: `tidegate run image` does it here and now.\n".to_owned();
    text.push_str(&head("image", branch, &contexts));
    text.push_str("  steps:\n");
    let mut names = BTreeSet::new();
    for path in dockerfiles {
        let (context, file) = split(path);
        let words = words(context, file);
        let name = unique(&words, &mut names);
        let target = if dockerfiles.len() == 1 { image.to_owned() } else { format!("{image}/{}", image_word(&words)) };
        let _ =
            writeln!(text, "    {name}:\n      uses: image/build\n      with:\n        context: {}", folder(context));
        if !matches!(file, "Dockerfile" | "Containerfile") {
            let _ = writeln!(text, "        dockerfile: {}", scalar(path));
        }
        let _ = writeln!(
            text,
            "        image: {}   # where it is pushed\n        tag: ${{{{ event.commit.short }}}}",
            scalar(&target)
        );
    }
    text
}

/// A folder as a scalar.
fn folder(path: &str) -> String {
    // Some readers of YAML 1.1 take a dot for a number; the reader of pipelines does not, and people write it so.
    if path == "." { path.to_owned() } else { scalar(path) }
}

/// Folder and name; the top is `.`.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((".", path))
}

/// What a person would call the image: by its folder, and by what the file's name adds.
fn words(context: &str, file: &str) -> String {
    let folder = if context == "." { "" } else { context };
    let more = ["Dockerfile", "Containerfile"].iter().fold(file.to_owned(), |name, word| name.replace(word, ""));
    let all = format!("{} {}", folder.replace('/', " "), more.replace('.', " "));
    if all.trim().is_empty() { "image".to_owned() } else { all.trim().to_owned() }
}

/// A name for a step that no other one has.
fn unique(words: &str, names: &mut BTreeSet<String>) -> String {
    let mut base = image_word(words).replace('-', "_");
    if !base.starts_with(|c: char| c.is_ascii_lowercase()) {
        base.insert_str(0, "image_");
    }
    base.truncate(50);
    let mut name = base.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}
