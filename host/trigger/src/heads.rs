//! What moved between two looks at a repository's branches. Pure.

use std::collections::BTreeMap;

/// How branches moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Branch, the commit before where there was one, and the commit now; by name.
    pub moved: Vec<(String, Option<String>, String)>,
    /// Branches that are no more.
    pub gone: Vec<String>,
}

impl Moves {
    /// Whether all is as it was.
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.gone.is_empty()
    }
}

/// Compares branches (name, commit) as they were with how they are.
pub fn moves(before: &[(String, String)], now: &[(String, String)]) -> Moves {
    let before: BTreeMap<&str, &str> =
        before.iter().map(|(branch, commit)| (branch.as_str(), commit.as_str())).collect();
    let now: BTreeMap<&str, &str> = now.iter().map(|(branch, commit)| (branch.as_str(), commit.as_str())).collect();
    let moved = now.iter().filter(|(branch, commit)| before.get(*branch) != Some(*commit)).map(|(branch, commit)| {
        ((*branch).to_owned(), before.get(branch).map(|commit| (*commit).to_owned()), (*commit).to_owned())
    });
    let gone = before.keys().filter(|branch| !now.contains_key(**branch)).map(|branch| (*branch).to_owned());
    Moves { moved: moved.collect(), gone: gone.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(branch, commit)| ((*branch).to_owned(), (*commit).to_owned())).collect()
    }

    #[test]
    fn new_moved_and_gone_branches() {
        let found = moves(
            &pairs(&[("main", "1"), ("old", "1"), ("same", "7")]),
            &pairs(&[("main", "2"), ("new", "3"), ("same", "7")]),
        );
        assert_eq!(found.moved, [("main".into(), Some("1".into()), "2".into()), ("new".into(), None, "3".into())]);
        assert_eq!(found.gone, ["old"]);
    }

    proptest! {
        /// Whoever applies the moves to what was has what is, and from there on nothing moves.
        #[test]
        fn moves_lead_from_before_to_now(
            before in proptest::collection::btree_map("[a-c]", "[0-3]", 0..4),
            now in proptest::collection::btree_map("[a-c]", "[0-3]", 0..4),
        ) {
            let list = |map: &BTreeMap<String, String>| map.clone().into_iter().collect::<Vec<_>>();
            let found = moves(&list(&before), &list(&now));
            let mut made = before.clone();
            found.gone.iter().for_each(|branch| drop(made.remove(branch)));
            for (branch, was, is) in &found.moved {
                prop_assert_eq!(made.insert(branch.clone(), is.clone()), was.clone());
            }
            prop_assert_eq!(&made, &now);
            prop_assert!(moves(&list(&now), &list(&now)).is_empty());
        }
    }
}
