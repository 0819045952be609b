//! Which paths, branches and commit ids are taken. Decides on text alone, never on what is there.

use crate::error::Error;
use git2::{Oid, Reference};
use model::CommitId;

/// Checks a path of a tree for reading: relative, `/` between names, no empty, `.` or `..` name, no NUL.
pub(crate) fn check_path(path: &str) -> Result<(), Error> {
    let why = if path.is_empty() {
        "it is empty"
    } else if path.starts_with('/') {
        "it must be relative to the repository's root"
    } else if path.contains('\0') {
        "it holds a NUL"
    } else if path.split('/').any(str::is_empty) {
        "it has an empty name between slashes"
    } else if path.split('/').any(|name| matches!(name, "." | "..")) {
        "`.` and `..` are not taken"
    } else {
        return Ok(());
    };
    Err(Error::path(path, why))
}

/// Checks a path for writing: besides, no name that some Git would take for its own folder.
pub(crate) fn check_writable_path(path: &str) -> Result<(), Error> {
    check_path(path)?;
    match path.split('/').find_map(|name| check_entry(name.as_bytes()).err()) {
        Some(why) => Err(Error::path(path, why)),
        None if path.chars().any(char::is_control) => Err(Error::path(path, "it holds a control character")),
        None => Ok(()),
    }
}

/// Checks one name of a tree before it becomes a name on disk. Stricter than Linux needs, so that what one machine
/// checks out another one can as well: a `\` separates on Windows, NTFS drops trailing dots and spaces and knows
/// `git~1`, HFS+ ignores some code points. A `\` alone is fine: systemd writes `dev-disk\x2duuid.mount`.
pub(crate) fn check_entry(name: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() || name.contains(&0) || name.contains(&b'/') {
        return Err("a name is empty or holds a slash or a NUL");
    }
    for part in name.split(|b| *b == b'\\') {
        if part.is_empty() && name.starts_with(b"\\") {
            return Err("a name begins with a backslash");
        }
        if part == b"." || part == b".." {
            return Err("`.` and `..` are not taken");
        }
        if is_git_folder(part) {
            return Err("it would be Git's own folder");
        }
    }
    Ok(())
}

fn is_git_folder(name: &[u8]) -> bool {
    let visible: String = String::from_utf8_lossy(name)
        .chars()
        .filter(|c| {
            // What HFS+ ignores: Git's own list (utf8.c, next_hfs_char).
            !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
        })
        .collect();
    // `.git::$INDEX_ALLOCATION` is the same folder by its NTFS stream name.
    let plain = visible.split(':').next().unwrap_or("").trim_end_matches(['.', ' ']);
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}

/// The full name of a branch.
pub(crate) fn branch(name: &str) -> Result<String, Error> {
    let full = format!("refs/heads/{name}");
    check_reference("branch name", name, &full)?;
    Ok(full)
}

/// Checks a reference's name: `shown` is what the caller wrote, `full` what it stands for.
pub(crate) fn check_reference(what: &'static str, shown: &str, full: &str) -> Result<(), Error> {
    let why = if shown.is_empty() {
        "it is empty"
    } else if shown.starts_with('-') {
        "it begins with `-`, which tools take for an option"
    } else if !Reference::is_valid_name(full) {
        "Git does not take such a name"
    } else {
        return Ok(());
    };
    Err(Error::Name { what, name: shown.escape_debug().to_string(), why })
}

/// A commit id as libgit2 has it. Abbreviations are not taken.
pub(crate) fn oid(id: &CommitId) -> Result<Oid, Error> {
    let bad = || Error::Name {
        what: "commit id",
        name: id.0.escape_debug().to_string(),
        why: "it must be 40 lower-case hexadecimal digits",
    };
    if !id.is_valid() {
        return Err(bad());
    }
    Oid::from_str(&id.0).map_err(|_| bad())
}

/// A commit id as Tidegate has it.
pub(crate) fn id(oid: Oid) -> CommitId {
    CommitId(oid.to_string())
}

#[cfg(test)]
mod tests {
    use super::{branch, check_path, check_writable_path};

    #[test]
    fn paths() {
        for good in ["a", "a/b.yaml", "a b/ü", "dev-disk\\x2duuid.mount", ".gitignore", "..a", "a:b", ".github/x"] {
            assert!(check_writable_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "./a", "a/..", "..", "a\0b"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        for bad in
            [".git/config", "a/.GIT", ".git ", ".git.", "git~1", ".g\u{200c}it", "a\\..\\b", "\\a", ".git::$x", "a\nb"]
        {
            assert!(check_writable_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn branches() {
        for good in ["main", "promote/production-3f9a", "ü"] {
            assert!(branch(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a~", "/a", "a.lock", "a\nb", "@{x", "a/.b", "*"] {
            assert!(branch(bad).is_err(), "{bad:?}");
        }
    }
}
