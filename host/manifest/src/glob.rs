//! Globs of branches, paths and names: `?`, `[…]`, `{a,b}`, `*` and `**`. One reading for all of Tidegate's files.

use globset::{Glob, GlobBuilder, GlobMatcher};

/// A glob's longest text: matching is linear, compiling is not quite.
const LONGEST: usize = 1024;

/// Whether `*` stops at a slash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separators {
    /// It stays within one segment; `**` does not.
    Heeded,
    /// It matches slashes as well.
    Ignored,
}

/// Reads a glob whose `*` stays within one segment; the error says why it cannot be read.
pub(crate) fn compile(text: &str) -> Result<GlobMatcher, String> {
    compile_with(text, Separators::Heeded)
}

/// Reads a glob; the error says why it cannot be read.
pub(crate) fn compile_with(text: &str, separators: Separators) -> Result<GlobMatcher, String> {
    read(text, separators).map(|glob| glob.compile_matcher())
}

/// Why a text is no glob. It costs a fraction of compiling it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    read(text, Separators::Heeded).map(|_| ())
}

fn read(text: &str, separators: Separators) -> Result<Glob, String> {
    if text.len() > LONGEST {
        return Err(format!("the glob is longer than {LONGEST} bytes"));
    }
    GlobBuilder::new(text)
        .literal_separator(separators == Separators::Heeded)
        .backslash_escape(true)
        .build()
        .map_err(|error| error.kind().to_string())
}
