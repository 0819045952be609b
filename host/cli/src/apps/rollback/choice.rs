//! To which revisions a rollback goes by itself. Pure: how commits descend from each other it is told.

use model::CommitId;

/// A rollback that was made before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its commit.
    pub commit: CommitId,
    /// The commit to which it went back.
    pub target: CommitId,
}

/// Of revisions with which the application was healthy, newest first, those that nobody went back from: whatever lies between the
/// target of a rollback and its commit was bad, however well it looked to the cluster, until a rollback names it as its target. The
/// newest word counts; `rollbacks` are newest first. `holds` says whether the first commit is the second or comes after it.
pub fn candidates<E>(
    healthy: Vec<CommitId>,
    rollbacks: &[Before],
    mut holds: impl FnMut(&CommitId, &CommitId) -> Result<bool, E>,
) -> Result<Vec<CommitId>, E> {
    let mut found = Vec::new();
    for revision in healthy {
        if !found.contains(&revision) && !is_bad(&revision, rollbacks, &mut holds)? {
            found.push(revision);
        }
    }
    Ok(found)
}

fn is_bad<E>(
    revision: &CommitId,
    rollbacks: &[Before],
    holds: &mut impl FnMut(&CommitId, &CommitId) -> Result<bool, E>,
) -> Result<bool, E> {
    for Before { commit, target } in rollbacks {
        if revision == target || revision == commit {
            return Ok(false);
        }
        if holds(commit, revision)? && !holds(target, revision)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// A line of commits `1`, `2`, … and rollbacks on it, newest first: which of the healthy ones may be gone back to.
    fn check(healthy: &[u32], rollbacks: &[(u32, u32)]) -> Vec<u32> {
        let id = |number: &u32| CommitId(number.to_string());
        let number = |id: &CommitId| id.as_str().parse::<u32>().unwrap_or_default();
        let rollbacks: Vec<Before> =
            rollbacks.iter().map(|(commit, target)| Before { commit: id(commit), target: id(target) }).collect();
        let holds = |later: &CommitId, earlier: &CommitId| Ok::<_, Infallible>(number(later) >= number(earlier));
        let Ok(found) = candidates(healthy.iter().map(id).collect(), &rollbacks, holds);
        found.iter().map(number).collect()
    }

    #[test]
    fn nobody_goes_back_to_what_was_gone_back_from() {
        assert_eq!(check(&[2, 1], &[]), [2, 1]);
        // 2 looked healthy and was bad: before 3 was synced, and thereafter.
        assert_eq!(check(&[2, 1], &[(3, 1)]), [1]);
        assert_eq!(check(&[3, 2, 1], &[(3, 1)]), [3, 1]);
        // What came after the rollback is as good as anything.
        assert_eq!(check(&[6, 5, 3, 2, 1], &[(3, 1)]), [6, 5, 3, 1]);
        // The next one goes back to what the first one made, and what lay between that and it is bad as well.
        assert_eq!(check(&[7, 5, 3, 2, 1], &[(7, 3), (3, 1)]), [7, 3, 1]);
        // A person who names what was bad has looked at it again.
        assert_eq!(check(&[4, 3, 2, 1], &[(4, 2), (3, 1)]), [4, 2, 1]);
        // Each revision once, however often it was synced.
        assert_eq!(check(&[2, 2, 1, 2, 1], &[]), [2, 1]);
    }
}
