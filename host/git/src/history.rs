//! Commits and how they descend from each other. Never contacts the remote.

use crate::error::Error;
use crate::mirror::Mirror;
use crate::name;
use git2::{ErrorCode, Sort};
use model::{Commit, CommitId};

/// Paths that one commit is asked about; one that changed more may have changed any.
const PATHS: usize = 65_536;

impl Mirror {
    /// A commit, as expressions see it.
    pub fn commit(&self, id: &CommitId) -> Result<Commit, Error> {
        let repository = self.repository()?;
        let commit = self.find(&repository, id)?;
        let person = |who: &git2::Signature<'_>| {
            let (name, mail) = (String::from_utf8_lossy(who.name_bytes()), String::from_utf8_lossy(who.email_bytes()));
            format!("{name} <{mail}>")
        };
        Ok(Commit {
            id: id.clone(),
            short: id.short().to_owned(),
            subject: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned(),
            author: person(&commit.author()),
            committer: person(&commit.committer()),
        })
    }

    /// The commit whose id begins so, of seven digits at least; `None` where there is none, or more than one.
    pub fn abbreviated(&self, beginning: &str) -> Result<Option<CommitId>, Error> {
        if beginning.len() < 7 || !beginning.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let repository = self.repository()?;
        match repository.find_commit_by_prefix(beginning) {
            Ok(commit) => Ok(Some(name::id(commit.id()))),
            Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::Ambiguous) => Ok(None),
            Err(e) => Err(self.git("look for a commit", e)),
        }
    }

    /// The best common ancestor; `None` for histories that have none.
    pub fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, Error> {
        let repository = self.repository()?;
        let (a, b) = (self.find(&repository, a)?.id(), self.find(&repository, b)?.id());
        match repository.merge_base(a, b) {
            Ok(base) => Ok(Some(name::id(base))),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(self.git("compare the histories", e)),
        }
    }

    /// Whether one commit is the other or in its history.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, Error> {
        let repository = self.repository()?;
        let (a, d) = (self.find(&repository, ancestor)?.id(), self.find(&repository, descendant)?.id());
        Ok(a == d || repository.graph_descendant_of(d, a).map_err(|e| self.git("compare the histories", e))?)
    }

    /// A commit's first parent; `None` for the first commit of a history.
    pub fn parent(&self, id: &CommitId) -> Result<Option<CommitId>, Error> {
        let repository = self.repository()?;
        let parent = self.find(&repository, id)?.parent_ids().next();
        Ok(parent.map(name::id))
    }

    /// The newest of the first `limit` commits of a history whose message's last paragraph has a line `Key: value` for
    /// each of these trailers. Keys match in any case, as for `git interpret-trailers`; values must be equal.
    pub fn find_trailers(
        &self,
        head: &CommitId,
        trailers: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<CommitId>, Error> {
        let repository = self.repository()?;
        let reading = |e| self.git("walk the history", e);
        let mut walk = repository.revwalk().map_err(reading)?;
        walk.set_sorting(Sort::TIME).map_err(reading)?;
        walk.push(self.find(&repository, head)?.id()).map_err(reading)?;
        for oid in walk.take(limit) {
            let oid = oid.map_err(reading)?;
            let commit = repository.find_commit(oid).map_err(reading)?;
            let message = String::from_utf8_lossy(commit.message_bytes());
            if trailers.iter().all(|(key, value)| has_trailer(&message, key, value)) {
                return Ok(Some(name::id(oid)));
            }
        }
        Ok(None)
    }

    /// The commits from `head` back to `base`, without it, newest first, along first parents alone: what each brought to the branch.
    /// `None` where `base` is not among the first `most`.
    pub fn line(&self, base: &CommitId, head: &CommitId, most: usize) -> Result<Option<Vec<CommitId>>, Error> {
        let mut line = Vec::new();
        let mut at = Some(head.clone());
        while let Some(commit) = at {
            if commit == *base {
                return Ok(Some(line));
            }
            if line.len() == most {
                return Ok(None);
            }
            at = self.parent(&commit)?;
            line.push(commit);
        }
        Ok(None)
    }

    /// The value of a trailer `Key: value` in the last paragraph of a commit's message; the first one of that key.
    pub fn trailer(&self, id: &CommitId, key: &str) -> Result<Option<String>, Error> {
        let repository = self.repository()?;
        let commit = self.find(&repository, id)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        let Some((_, last)) = message.trim_end().rsplit_once("\n\n") else { return Ok(None) };
        let found = last.lines().filter_map(|line| line.split_once(':'));
        let found = found.into_iter().find(|(name, _)| name.trim_end().eq_ignore_ascii_case(key));
        Ok(found.map(|(_, value)| value.trim().to_owned()))
    }

    /// Who wrote and who made the commits of `base..head` (only `head` without a base): pairs of mail addresses of
    /// author and committer, each once, newest first.
    pub fn committers(&self, base: Option<&CommitId>, head: &CommitId) -> Result<Vec<(String, String)>, Error> {
        let repository = self.repository()?;
        let reading = |e| self.git("walk the history", e);
        let head = self.find(&repository, head)?.id();
        let mut walk = repository.revwalk().map_err(reading)?;
        walk.push(head).map_err(reading)?;
        if let Some(base) = base {
            walk.hide(self.find(&repository, base)?.id()).map_err(reading)?;
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for oid in walk.take(if base.is_some() { usize::MAX } else { 1 }) {
            note(&repository.find_commit(oid.map_err(reading)?).map_err(reading)?, &mut pairs);
        }
        Ok(pairs)
    }

    /// The same of all commits in the history of `head` that changed a path which `concerns`; the newest `most` commits are looked at. A
    /// merge changed what is another than in each of its parents.
    pub fn writers(
        &self,
        head: &CommitId,
        most: usize,
        concerns: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, String)>, Error> {
        let repository = self.repository()?;
        let reading = |e| self.git("walk the history", e);
        let mut walk = repository.revwalk().map_err(reading)?;
        walk.set_sorting(Sort::TIME).map_err(reading)?;
        walk.push(self.find(&repository, head)?.id()).map_err(reading)?;
        let mut pairs = Vec::new();
        for oid in walk.take(most) {
            let commit = repository.find_commit(oid.map_err(reading)?).map_err(reading)?;
            if self.concerned(&repository, &commit, concerns)? {
                note(&commit, &mut pairs);
            }
        }
        Ok(pairs)
    }

    fn concerned(
        &self,
        repository: &git2::Repository,
        commit: &git2::Commit<'_>,
        concerns: &dyn Fn(&str) -> bool,
    ) -> Result<bool, Error> {
        let parents = commit.parents().map(|parent| Some(parent.tree_id()));
        let parents = if commit.parent_count() == 0 { vec![None] } else { parents.collect() };
        let mut changed: Option<Vec<String>> = None;
        for parent in parents {
            let paths = match self.between(repository, parent, commit.tree_id(), PATHS) {
                Ok(paths) => paths,
                // So much may be anything.
                Err(Error::TooLarge { .. }) => return Ok(true),
                Err(error) => return Err(error),
            };
            let also = |path: &String| changed.as_ref().is_none_or(|of_all| of_all.contains(path));
            let of_all: Vec<String> = paths.into_iter().filter(|path| concerns(path) && also(path)).collect();
            if of_all.is_empty() {
                return Ok(false);
            }
            changed = Some(of_all);
        }
        Ok(true)
    }
}

/// Notes who wrote and who made a commit.
fn note(commit: &git2::Commit<'_>, pairs: &mut Vec<(String, String)>) {
    let mail = |who: git2::Signature<'_>| String::from_utf8_lossy(who.email_bytes()).into_owned();
    let pair = (mail(commit.author()), mail(commit.committer()));
    if !pairs.contains(&pair) {
        pairs.push(pair);
    }
}

fn has_trailer(message: &str, key: &str, value: &str) -> bool {
    // Only the last paragraph, where the host writes: a body that quotes a trailer does not count. The subject is
    // never a trailer.
    let Some((_, last)) = message.trim_end().rsplit_once("\n\n") else { return false };
    last.lines().any(|line| {
        line.split_once(':').is_some_and(|(k, v)| k.trim_end().eq_ignore_ascii_case(key) && v.trim() == value)
    })
}

#[cfg(test)]
mod tests {
    use super::has_trailer;

    #[test]
    fn trailers_are_in_the_last_paragraph() {
        for (message, found) in [
            ("s\n\nTidegate-Run: 1\n", true),
            ("s\n\nbody\n\nOther: x\ntidegate-run:  1 \n\n", true),
            ("s\n\nTidegate-Run: 1\n\nbody\n", false),
            ("Tidegate-Run: 1", false),
            ("s\n\nTidegate-Run: 12\n", false),
        ] {
            assert_eq!(has_trailer(message, "Tidegate-Run", "1"), found, "{message:?}");
        }
    }
}
