//! The files of a renderer's roots, `main` and the `ref`s of an application. Wants `source`.

use crate::Error;

pub use crate::bindings::tidegate::plugin::source::{Entry, Kind, entries, look, read};

/// How many links one path may lead through.
const LINKS: usize = 64;

/// What a path leads to when links are followed: its place without links, and its kind. Nothing where it leads nowhere, out
/// of the root, or in a circle.
///
/// # Errors
/// Those of [`look`] and [`read`].
pub fn follow(root: &str, path: &str) -> Result<Option<(String, Kind)>, Error> {
    walk(path, |path| look(root, path), |path| read(root, path))
}

fn walk(
    path: &str,
    look: impl Fn(&str) -> Result<Option<Kind>, Error>,
    read: impl Fn(&str) -> Result<Option<Vec<u8>>, Error>,
) -> Result<Option<(String, Kind)>, Error> {
    let mut ahead: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
    let (mut place, mut kind, mut links) = (Vec::<String>::new(), Kind::Directory, 0);
    while let Some(name) = ahead.pop() {
        match name.as_str() {
            "" | "." => continue,
            _ if kind != Kind::Directory => return Ok(None),
            ".." => match place.pop() {
                Some(_) => continue,
                None => return Ok(None),
            },
            _ => place.push(name),
        }
        match look(&place.join("/"))? {
            Some(Kind::Link) => {
                links += 1;
                let target = read(&place.join("/"))?.and_then(|bytes| String::from_utf8(bytes).ok());
                match target.filter(|target| !target.starts_with('/') && links <= LINKS) {
                    Some(target) => ahead.extend(target.rsplit('/').map(str::to_owned)),
                    None => return Ok(None),
                }
                place.pop();
            }
            Some(found) => kind = found,
            None => return Ok(None),
        }
        // Back in a folder, whatever was before.
        if matches!(ahead.last().map(String::as_str), Some("..")) && kind != Kind::Directory {
            return Ok(None);
        }
    }
    Ok(Some((place.join("/"), kind)))
}

#[cfg(test)]
mod tests {
    use super::{Kind, walk};

    #[test]
    fn links_are_followed_and_lead_nowhere_else() {
        let files = [
            ("a", Kind::Directory, ""),
            ("a/f", Kind::File, ""),
            ("a/up", Kind::Link, "../b/l"),
            ("b", Kind::Directory, ""),
            ("b/l", Kind::Link, "./../a//f"),
            ("to-a", Kind::Link, "a/"),
            ("circle", Kind::Link, "circle"),
            ("out", Kind::Link, "../x"),
            ("absolute", Kind::Link, "/a/f"),
            ("dangling", Kind::Link, "gone"),
            ("over-file", Kind::Link, "a/f/../f"),
        ];
        let find = |path: &str| files.iter().find(|(known, ..)| *known == path);
        let follow = |path: &str| {
            let look = |path: &str| Ok(find(path).map(|(_, kind, _)| *kind));
            let read = |path: &str| Ok(find(path).map(|(.., target)| target.as_bytes().to_vec()));
            walk(path, look, read).expect("nothing fails").map(|(place, _)| place)
        };
        for (path, place) in [
            ("a/f", Some("a/f")),
            ("to-a/f", Some("a/f")),
            ("to-a/up", Some("a/f")),
            ("b/l", Some("a/f")),
            ("to-a", Some("a")),
            ("", Some("")),
            ("circle", None),
            ("out", None),
            ("absolute", None),
            ("dangling", None),
            ("over-file", None),
            ("a/f/x", None),
            ("gone", None),
        ] {
            assert_eq!(follow(path).as_deref(), place, "{path}");
        }
    }
}
