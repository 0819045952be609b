//! What a path in a kustomization is when it is no path: the address of a file, or of a folder in a Git repository.
//! Nothing is fetched here.

/// A repository, and a folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What `git clone` would be given.
    pub clone: String,
    /// The branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// The folder in the repository; empty for its root.
    pub folder: String,
}

/// Whether kustomize would fetch the text of a file from here.
pub fn is_file(path: &str) -> bool {
    let Some((scheme, _)) = path.split_once(':') else { return false };
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// The repository that kustomize would clone for a path; `None` where it takes the path for a local one.
pub fn repository(path: &str) -> Option<Repository> {
    if path.starts_with('/') {
        return None;
    }
    let (address, query) = path.split_once('?').unwrap_or((path, ""));
    let (host, rest) = host(address)?;
    let (repository, folder) = if host == "file://" { whole(&rest)? } else { parts(&rest)? };
    let leaves = clean_first(folder) == Some("..");
    if repository.is_empty() || leaves {
        return None;
    }
    let folder = folder.strip_prefix('/').unwrap_or(folder).to_owned();
    Some(Repository { clone: format!("{host}{repository}"), reference: reference(query), folder })
}

/// Host with its separator, and what follows it.
fn host(address: &str) -> Option<(String, String)> {
    let address = strip_prefix(address, "git::").unwrap_or(address);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let found = schemes.iter().find_map(|scheme| Some((*scheme, strip_prefix(address, scheme)?)));
    let (scheme, rest) = found.unwrap_or(("", address));
    let (user, rest) = user(rest);
    let github = strip_prefix(rest, "github.com/").or_else(|| strip_prefix(rest, "github.com:")).is_some();
    let scp = scheme.is_empty() && (!user.is_empty() || github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == "file://" {
        return Some((scheme.to_owned(), format!("{user}{rest}")));
    }
    let slash = rest.find('/');
    let separator = match rest.find(':').filter(|_| scp) {
        Some(colon) if slash.is_none_or(|slash| colon > 0 && colon < slash) => Some(colon),
        _ => slash,
    };
    let (name, rest) = separator.map_or((rest, ""), |at| rest.split_at(at + 1));
    let host = match github {
        true if scheme == "ssh://" || !user.is_empty() => format!("{user}github.com:"),
        true => "https://github.com/".to_owned(),
        false if name.is_empty() => return None,
        false => format!("{scheme}{user}{name}"),
    };
    Some((host, rest.to_owned()))
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `git@` and what follows it.
fn user(address: &str) -> (&str, &str) {
    let Some(at) = address.find('@') else { return ("", address) };
    let (name, rest) = address.split_at(at + 1);
    let letters = name.trim_end_matches('@');
    let plain = letters.starts_with(|first: char| first.is_ascii_alphabetic())
        && letters.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if plain { (name, rest) } else { ("", address) }
}

/// Repository and folder behind a host: at an explicit mark, else after two parts.
fn parts(path: &str) -> Option<(&str, &str)> {
    if let Some(split) = marked(path) {
        return Some(split);
    }
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let (Some(_), second) = (slashes.next(), slashes.next()) else { return None };
    Some(second.map_or((path, ""), |at| (&path[..at], &path[at + 1..])))
}

/// A repository on disk is all of the path, unless a mark ends it.
fn whole(path: &str) -> Option<(&str, &str)> {
    Some(marked(path).unwrap_or((path, "")))
}

fn marked(path: &str) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let name = at + "_git/".len();
        let end = path[name..].find('/').map(|end| name + end);
        return Some(end.map_or((path, ""), |end| (&path[..end], &path[end + 1..])));
    }
    if let Some(split) = path.split_once("//") {
        return Some(split);
    }
    let end = path.find(".git")? + ".git".len();
    Some(path.split_at(end))
}

/// The first part of a folder after `.` and `..` are worked off.
fn clean_first(folder: &str) -> Option<&str> {
    let mut kept: Vec<&str> = Vec::new();
    for part in folder.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, kept.last()) {
            ("..", Some(last)) if *last != ".." => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    kept.first().copied()
}

fn reference(query: &str) -> String {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned()).next()
    };
    value("ref").or_else(|| value("version")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{is_file, repository};

    #[track_caller]
    fn check(path: &str, clone: &str, reference: &str, folder: &str) {
        let found = repository(path).unwrap_or_else(|| panic!("{path} is taken for a local path"));
        assert_eq!((found.clone.as_str(), found.reference.as_str(), found.folder.as_str()), (clone, reference, folder));
    }

    #[test]
    fn addresses_of_repositories() {
        check("github.com/org/repo//deploy/base?ref=v1", "https://github.com/org/repo", "v1", "deploy/base");
        check("https://github.com/org/repo/deploy?ref=main", "https://github.com/org/repo", "main", "deploy");
        check("git@github.com:org/repo.git//x", "git@github.com:org/repo.git", "", "x");
        check("https://git.example.org/a/b/c//d?version=7", "https://git.example.org/a/b/c", "7", "d");
        check("ssh://git@example.org/a/b.git/c", "ssh://git@example.org/a/b.git", "", "/c".trim_start_matches('/'));
        check(
            "https://dev.example.org/org/project/_git/repo/path/to",
            "https://dev.example.org/org/project/_git/repo",
            "",
            "path/to",
        );
    }

    #[test]
    fn local_paths() {
        for path in [
            "../base",
            "base",
            "/srv/base",
            "a/b.git",
            "example.org/org/repo",
            "https://github.com/org",
            "github.com/org/repo//../..",
        ] {
            assert_eq!(repository(path), None, "{path}");
        }
    }

    #[test]
    fn addresses_of_files() {
        assert!(is_file("https://example.org/crd.yaml"));
        assert!(!is_file("github.com/org/repo"));
        assert!(!is_file("base/https.yaml"));
    }
}
