//! Finds the kustomization file of a path, and shows what would change in it.

use tidegate::Error;

/// The names that kustomize looks for.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization in a repository.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path from the repository's root.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Finds the kustomization in a folder, or takes the file itself. Either way it must be the only one there, as it must
/// for kustomize, which is given the folder.
///
/// # Errors
/// `not-found`, `invalid` where there are several or it is not UTF-8, and those of `read`.
pub fn find(path: &str, read: impl Fn(&str) -> Result<Option<Vec<u8>>, Error>) -> Result<File, Error> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let path = if path == "." { "" } else { path };
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let named = NAMES.contains(&name);
    let folder = if named { above } else { path };
    let mut found: Option<(String, Vec<u8>)> = None;
    for name in NAMES {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let content = match read(&path) {
            Ok(Some(content)) => content,
            Ok(None) => continue,
            Err(error) if is_folder(&error) => continue,
            Err(error) => return Err(error),
        };
        if let Some((other, _)) = &found {
            let message = format!("there are both {other} and {path}, which kustomize refuses");
            return Err(Error::invalid(message).with_field("/path"));
        }
        found = Some((path, content));
    }
    let Some((path, content)) = found.filter(|(found, _)| !named || found == path) else {
        let place = if path.is_empty() { "the root of the repository" } else { path };
        let what = if named { "file" } else { "kustomization in" };
        let message = format!("there is no {what} {place}");
        return Err(Error::new("not-found", message)
            .with_field("/path")
            .with_hint("`path` is a folder with a kustomization.yaml, or that file, from the repository's root"));
    };
    let text = String::from_utf8(content)
        .map_err(|_| Error::invalid(format!("{path} is not UTF-8 text")).with_detail("path", path.as_str()))?;
    Ok(File { path, text })
}

/// Whether the host says that something is no file, but a folder, which kustomize passes over. The interface has no
/// code of its own for that.
fn is_folder(error: &Error) -> bool {
    error.is("invalid") && error.message.contains("not a file")
}

/// Whether a text may be the target of a symbolic link, which Git stores as its content: a path alone, with no line
/// break at its end.
pub fn may_be_link(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\n', ':', ' ', '{', '[', '#'])
}

/// A fence for Markdown that nothing within the text ends.
pub fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}{fence}\n")
}

/// A unified diff of two texts that differ in one stretch of lines, with three lines around it.
pub fn diff(path: &str, old: &str, new: &str) -> String {
    const AROUND: usize = 3;
    let (before, after): (Vec<&str>, Vec<&str>) = (lines(old), lines(new));
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let start = head.saturating_sub(AROUND);
    let end = (before.len() - tail + AROUND).min(before.len());
    let new_end = end + after.len() - before.len();
    let mut text = format!(
        "--- a/{path}\n+++ b/{path}\n@@ -{} +{} @@\n",
        range(start, end - start),
        range(start, new_end - start)
    );
    let stretches = [
        (' ', &before[start..head]),
        ('-', &before[head..before.len() - tail]),
        ('+', &after[head..after.len() - tail]),
        (' ', &before[before.len() - tail..end]),
    ];
    for (mark, stretch) in stretches {
        for line in stretch {
            text.push(mark);
            text += line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
            text.push('\n');
            if !line.ends_with('\n') {
                text += "\\ No newline at end of file\n";
            }
        }
    }
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Lines as `diff` counts them: from 1, and no length where it is 1.
fn range(start: usize, length: usize) -> String {
    match length {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{diff, fenced, find, may_be_link};
    use tidegate::Error;

    #[test]
    fn a_folder_or_the_file_itself() {
        let read = |path: &str| Ok((path == "a/kustomization.yml").then(|| b"x".to_vec()));
        assert_eq!(find("./a/", read).expect("a folder").path, "a/kustomization.yml");
        assert_eq!(find("a/kustomization.yml", read).expect("a file").path, "a/kustomization.yml");
        assert_eq!(find("b", read).expect_err("nothing there").code, "not-found");
        assert_eq!(find("a", |_| Ok(Some(Vec::new()))).expect_err("three").code, "invalid");
        assert_eq!(find(".", |path| Ok((path == "Kustomization").then(Vec::new))).expect("root").path, "Kustomization");
    }

    #[test]
    fn a_file_that_is_named_must_be_the_only_one() {
        let two = |path: &str| Ok(["d/kustomization.yaml", "d/Kustomization"].contains(&path).then(Vec::new));
        for path in ["d", "d/kustomization.yaml", "d/Kustomization"] {
            let error = find(path, two).expect_err(path);
            assert_eq!(error.code, "invalid");
            assert_eq!(
                error.message,
                "there are both d/kustomization.yaml and d/Kustomization, which kustomize refuses"
            );
        }
        let one = |path: &str| Ok((path == "d/kustomization.yml").then(Vec::new));
        let error = find("d/kustomization.yaml", one).expect_err("another file");
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("not-found", "there is no file d/kustomization.yaml")
        );
    }

    #[test]
    fn a_folder_is_no_kustomization() {
        let read = |path: &str| match path {
            "d/kustomization.yml" => Ok(Some(Vec::new())),
            "d/Kustomization" => Err(Error::invalid("`d/Kustomization`: it is a folder, not a file")),
            _ => Ok(None),
        };
        assert_eq!(find("d", read).expect("the file").path, "d/kustomization.yml");
        let broken = |_: &str| Err(Error::invalid("no such path"));
        assert_eq!(find("d", broken).expect_err("another error").message, "no such path");
    }

    #[test]
    fn targets_of_links() {
        assert!(may_be_link("../base/kustomization.yaml") && may_be_link("k"));
        for text in ["", "a: b", "../base\n", "[a]", "{}"] {
            assert!(!may_be_link(text), "{text}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("diff", "a\n"), "```diff\na\n```\n");
        assert_eq!(fenced("diff", " # ````x``\n"), "`````diff\n # ````x``\n`````\n");
    }

    #[test]
    fn a_diff_has_three_lines_around() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        assert_eq!(
            diff("k", old, &old.replace('5', "x")),
            "--- a/k\n+++ b/k\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"
        );
        assert_eq!(
            diff("k", "a\nb", "a\nb\nc"),
            "--- a/k\n+++ b/k\n@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n\\ No newline at end of file\n"
        );
    }
}
