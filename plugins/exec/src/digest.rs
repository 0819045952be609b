//! Digests over texts, for names that nobody reads.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The first 16 of the hexadecimal digits of SHA-256 over parts, each with its length in front, so that no two lists of
/// parts have one text.
pub fn short<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What stands for a file at a path with that content.
pub fn fingerprint(path: &str, digest: &str) -> String {
    short([path, digest])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(short(["ab", "c"]), short(["a", "bc"]));
        assert_ne!(short(["a"]), short(["a", ""]));
        // Of eight zero bytes, from `printf '\0\0\0\0\0\0\0\0' | sha256sum`.
        assert_eq!(short([""]), "af5570f5a1810b7a");
    }
}
