//! Paths as plugins give them.

use model::Failure;

/// Longest path, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// Refuses what is no relative path of plain names; the root is the empty text.
pub(crate) fn check(path: &str) -> Result<(), Failure> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let fits = path.is_empty() || (path.len() <= LONGEST && !path.contains('\0') && path.split('/').all(plain));
    if fits {
        return Ok(());
    }
    let shown: String = path.chars().take(200).collect();
    Err(Failure::invalid(format!(
        "{shown:?} is no path below the workspace: it is absolute, too long, or has an empty, `.` or `..` part"
    )))
}

/// The folder part and the last name.
pub(crate) fn split(path: &str) -> Result<(&str, &str), Failure> {
    check(path)?;
    match path.rsplit_once('/') {
        Some((parent, name)) => Ok((parent, name)),
        None if path.is_empty() => Err(Failure::invalid("the workspace's root is no file")),
        None => Ok(("", path)),
    }
}
