//! The audit chain: each entry's hash covers the one before it, so that a removed or edited entry shows.

use model::Digest;

/// The hash of an entry: SHA-256 over (hash of the entry before, sequence number, content), each preceded by its length.
/// The first entry follows the empty text.
pub fn link(previous: &str, sequence: i64, content: &str) -> Digest {
    Digest::of_parts([previous.as_bytes(), &sequence.to_be_bytes(), content.as_bytes()])
}

/// The sequence number of the first entry that does not fit the chain. Entries are (sequence, content, hash).
pub fn broken_at<'a>(entries: impl IntoIterator<Item = (i64, &'a str, &'a str)>) -> Option<i64> {
    let mut previous = String::new();
    for (expected, (sequence, content, hash)) in (1..).zip(entries) {
        if sequence != expected || link(&previous, sequence, content).as_str() != hash {
            return Some(expected);
        }
        previous = hash.to_owned();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{broken_at, link};

    #[test]
    fn an_edited_or_removed_entry_shows() {
        let mut entries: Vec<(i64, String, String)> = vec![];
        for (i, content) in (1..).zip(["a", "b", "c"]) {
            let previous = entries.last().map_or("", |e| e.2.as_str());
            let hash = link(previous, i, content).to_string();
            entries.push((i, content.to_owned(), hash));
        }
        let broken = |e: &[(i64, String, String)]| broken_at(e.iter().map(|(s, c, h)| (*s, c.as_str(), h.as_str())));
        assert_eq!(broken(&entries), None);
        let mut edited = entries.clone();
        edited[1].1 = "x".into();
        assert_eq!(broken(&edited), Some(2));
        let mut removed = entries;
        removed.remove(0);
        assert_eq!(broken(&removed), Some(1));
    }
}
