//! The system's answers in the host's common words. It never names content, only digests and folders.

use model::{Blame, Digest, Failure};
use std::io;
use std::path::Path;

/// What was to be done with the folder.
#[derive(Clone, Copy)]
pub(crate) enum Doing {
    /// Made or opened.
    Open,
    /// Written to.
    Write,
    /// Read from.
    Read,
    /// Rid of what nobody needs.
    Sweep,
}

/// Wraps the system's answer, to be used with `map_err`.
pub(crate) fn of(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let doing = match doing {
        Doing::Open => "opened",
        Doing::Write => "written",
        Doing::Read => "read",
        Doing::Sweep => "cleaned",
    };
    move |e| {
        let path = path.display();
        let message = format!("the artifacts in {path} cannot be {doing}: {e}");
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Failure::new(Blame::Host, "exhausted", message)
                    .hint(format!("free some space in {path}, then go on with `tidegate runs resume`"))
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Failure::new(Blame::Host, "unavailable", message)
                    .hint(format!("let the user that runs Tidegate write to {path}"))
            }
            _ => Failure::new(Blame::Host, "unavailable", message),
        }
    }
}

/// A stream that was to be kept broke. A failure within its error says more than the error.
pub(crate) fn source(e: &io::Error) -> Failure {
    inner(e).unwrap_or_else(|| {
        Failure::new(Blame::Host, "unavailable", format!("the content of the artifact cannot be read: {e}"))
    })
}

/// Whoever wanted a copy did not take it.
pub(crate) fn sink(e: &io::Error) -> Failure {
    inner(e).unwrap_or_else(|| {
        let code = match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "exhausted",
            _ => "unavailable",
        };
        Failure::new(Blame::Host, code, format!("the artifact cannot be copied: {e}"))
    })
}

fn inner(e: &io::Error) -> Option<Failure> {
    e.get_ref().and_then(|e| e.downcast_ref::<Failure>()).cloned()
}

/// More than the caller wants; `size` is at least that where counting stopped.
pub(crate) fn too_large(size: u64, limit: u64) -> Failure {
    Failure::new(Blame::User, "too-large", format!("the artifact has {size} bytes or more, where {limit} are allowed"))
}

/// There is no such blob.
pub(crate) fn missing(digest: &Digest) -> Failure {
    Failure::new(Blame::Host, "not-found", format!("the artifact {} is not kept", digest.short()))
}

/// The blob's content is not what it is called.
pub(crate) fn damaged(digest: &Digest, path: &Path) -> Failure {
    let message = format!("the artifact {digest} was damaged on disk: {} has other content", path.display());
    Failure::new(Blame::Host, "invalid", message).hint("remove the file, and run the step again that stored it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_within_an_error_survives() {
        let denied = Failure::denied("no");
        assert_eq!(source(&io::Error::other(denied.clone())), denied);
        assert_eq!(sink(&io::Error::other(denied.clone())), denied);
        assert_eq!(source(&io::Error::other("gone")).code, "unavailable");
    }

    #[test]
    fn a_quota_counts_as_a_full_disk() {
        let failure = of(Doing::Write, Path::new("/x"))(io::ErrorKind::QuotaExceeded.into());
        assert_eq!((failure.code.as_str(), failure.blame), ("exhausted", Blame::Host));
        assert!(failure.hint.is_some_and(|hint| hint.contains("/x")));
    }
}
