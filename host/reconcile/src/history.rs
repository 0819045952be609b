//! Which syncs the history of an application keeps. Pure.

use std::collections::BTreeSet;

/// A sync that ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Its id.
    pub(crate) id: String,
    /// The revision with which the application was healthy thereafter, where it was.
    pub(crate) healthy: Option<String>,
}

/// The ids of those that go. The newest `most` are kept, and beside them the newest of each of the last `most` revisions with which the
/// application was healthy, so that no number of self-heals takes away what a rollback goes back to.
pub(crate) fn surplus(newest_first: &[Ended], most: usize) -> Vec<String> {
    let mut healthy = BTreeSet::new();
    let mut gone = Vec::new();
    for (at, ended) in newest_first.iter().enumerate() {
        let revision = ended.healthy.as_ref().filter(|revision| healthy.len() < most && !healthy.contains(revision));
        healthy.extend(revision);
        if at >= most && revision.is_none() {
            gone.push(ended.id.clone());
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syncs as `ID:REVISION`, newest first, one without a revision being one that failed; answers what is kept of them.
    fn check(syncs: &str, most: usize) -> String {
        let ended = syncs.split_whitespace().map(|sync| {
            let (id, revision) = sync.split_once(':').unwrap_or((sync, ""));
            Ended { id: id.to_owned(), healthy: Some(revision.to_owned()).filter(|it| !it.is_empty()) }
        });
        let ended: Vec<Ended> = ended.collect();
        let gone = surplus(&ended, most);
        ended.iter().map(|it| it.id.as_str()).filter(|id| !gone.iter().any(|it| it == id)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_rollback_goes_back_to_is_kept() {
        assert_eq!(check("3:b 2:b 1:a", 10), "3 2 1");
        // Ten times healed, and the last good revision is still there.
        assert_eq!(check("7:c 6:c 5:c 4:c 3:b 2:b 1:a", 3), "7 6 5 3 1");
        // What failed takes no place among them either.
        assert_eq!(check("6 5 4 3:b 2:b 1:a", 2), "6 5 3 1");
        // And it ends somewhere: twice as many at most.
        assert_eq!(check("8:d 7 6 5 4:c 3:b 2:a", 2), "8 7 4");
        assert_eq!(check("2:b 1:a", 0), "");
    }
}
