//! Globs of branches and paths: `*` stays within one segment, `**` does not. One reading for all of Tidegate's files.

use globset::{GlobBuilder, GlobMatcher};

/// A glob's longest text: matching is linear, compiling is not quite.
const LONGEST: usize = 1024;

/// Reads a glob; the error says why it cannot be read.
pub(crate) fn compile(text: &str) -> Result<GlobMatcher, String> {
    if text.len() > LONGEST {
        return Err(format!("the glob is longer than {LONGEST} bytes"));
    }
    GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}
