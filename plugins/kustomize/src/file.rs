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

/// Finds the kustomization in a folder, or takes the file itself.
///
/// # Errors
/// `not-found`, `invalid` where there are several or it is not UTF-8, and those of `read`.
pub fn find(path: &str, read: impl Fn(&str) -> Result<Option<Vec<u8>>, Error>) -> Result<File, Error> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let path = if path == "." { "" } else { path };
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut found: Option<File> = None;
    let candidates = if NAMES.contains(&name) {
        vec![path.to_owned()]
    } else {
        NAMES.iter().map(|name| if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") }).collect()
    };
    for path in candidates {
        let Some(content) = read(&path)? else { continue };
        if let Some(other) = &found {
            return Err(Error::invalid(format!("there are both {} and {path}, which kustomize refuses", other.path))
                .with_field("/path"));
        }
        let text = String::from_utf8(content)
            .map_err(|_| Error::invalid(format!("{path} is not UTF-8 text")).with_detail("path", path.as_str()))?;
        found = Some(File { path, text });
    }
    found.ok_or_else(|| {
        let place = if path.is_empty() { "the root of the repository" } else { path };
        Error::new("not-found", format!("there is no kustomization in {place}"))
            .with_field("/path")
            .with_hint("`path` is a folder with a kustomization.yaml, or that file, from the repository's root")
    })
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
    use super::{diff, find};

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
