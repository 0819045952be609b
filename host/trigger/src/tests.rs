//! What pushes change and start, against real repositories.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{Changed, Found, changed, planned};
use git::{Mirror, Remote};
use git2::{Oid, Repository, RepositoryInitOptions, Signature};
use model::{CommitId, Timestamp};
use std::path::Path;
use store::Push;

struct Place {
    folder: tempfile::TempDir,
    remote: Repository,
}

impl Place {
    fn new(head: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head(head).external_template(false);
        let remote = Repository::init_opts(folder.path().join("remote.git"), &options).unwrap();
        Self { folder, remote }
    }

    /// A commit with these files as its tree.
    fn commit(&self, parents: &[&str], files: &[(&str, &str)]) -> String {
        let mut tree = git2::build::TreeUpdateBuilder::new();
        for (path, content) in files {
            tree.upsert(*path, self.remote.blob(content.as_bytes()).unwrap(), git2::FileMode::Blob);
        }
        let empty = self.remote.treebuilder(None).unwrap().write().unwrap();
        let tree = tree.create_updated(&self.remote, &self.remote.find_tree(empty).unwrap()).unwrap();
        self.of_tree(parents, tree)
    }

    fn of_tree(&self, parents: &[&str], tree: Oid) -> String {
        let who = Signature::new("Dana", "dana@example.com", &git2::Time::new(0, 0)).unwrap();
        let find = |id: &&str| self.remote.find_commit(Oid::from_str(id).unwrap()).unwrap();
        let parents: Vec<_> = parents.iter().map(find).collect();
        let tree = self.remote.find_tree(tree).unwrap();
        let id = self.remote.commit(None, &who, &who, "m", &tree, &parents.iter().collect::<Vec<_>>()).unwrap();
        id.to_string()
    }

    fn branch(&self, name: &str, commit: &str) {
        let commit = Oid::from_str(commit).unwrap();
        self.remote.reference(&format!("refs/heads/{name}"), commit, true, "").unwrap();
    }

    fn mirror(&self) -> Mirror {
        let remote = Remote::parse(self.folder.path().join("remote.git").to_str().unwrap(), Path::new("/")).unwrap();
        let mirror = Mirror::open(&self.folder.path().join("mirror.git"), remote).unwrap();
        mirror.fetch().unwrap();
        mirror
    }
}

fn push(branch: &str, before: Option<&str>, commit: &str) -> Push {
    let (repository, before) = ("app".to_owned(), before.map(str::to_owned));
    Push { number: 1, repository, branch: branch.to_owned(), before, commit: commit.to_owned(), at: Timestamp(1) }
}

fn paths(changed: &Changed) -> Option<Vec<&str>> {
    changed.paths.as_ref().map(|paths| paths.iter().map(String::as_str).collect())
}

#[test]
fn a_push_is_compared_with_what_was_there() {
    let place = Place::new("main");
    let one = place.commit(&[], &[("a", "1"), ("b", "1")]);
    let two = place.commit(&[&one], &[("a", "2"), ("b", "1")]);
    let three = place.commit(&[&two], &[("a", "2"), ("b", "2")]);
    place.branch("main", &three);
    place.branch("production", &three);
    let mirror = place.mirror();
    let tip = CommitId(three.clone());
    let changed = |push: &Push| changed(&mirror, push, ("main", &tip)).unwrap();
    let main = changed(&push("main", Some(&one), &three));
    assert_eq!((paths(&main), main.since.as_str()), (Some(vec!["a", "b"]), &*format!("since {}", &one[..8])));
    // Nobody knows where it was: not even its parent is something to compare with.
    for before in [None, Some("1".repeat(40))] {
        let new = changed(&push("main", before.as_deref(), &three));
        assert_eq!((paths(&new), new.since.as_str()), (None, "with nothing to compare it with"));
    }
    // A promotion by fast-forward has nothing that the default branch has not, and is none the less a change there.
    let promoted = changed(&push("production", Some(&two), &three));
    assert_eq!((paths(&promoted), promoted.since.as_str()), (Some(vec!["b"]), &*format!("since {}", &two[..8])));
    // A new branch is never all changed.
    let new = changed(&push("production", None, &three));
    assert_eq!((paths(&new), new.since.as_str()), (Some(vec![]), &*format!("since it left `main` at {}", &three[..8])));
}

#[test]
fn what_cannot_be_compared_starts() {
    let place = Place::new("main");
    let one = place.commit(&[], &[("a", "1")]);
    let mut tree = place.remote.find_commit(Oid::from_str(&one).unwrap()).unwrap().tree_id();
    // Deeper than any comparison goes.
    for _ in 0..300 {
        let mut folder = place.remote.treebuilder(None).unwrap();
        folder.insert("d", tree, 0o040_000).unwrap();
        tree = folder.write().unwrap();
    }
    let deep = place.of_tree(&[&one], tree);
    place.branch("main", &deep);
    let mirror = place.mirror();
    let found = changed(&mirror, &push("main", Some(&one), &deep), ("main", &CommitId(deep.clone()))).unwrap();
    assert_eq!(found, Changed { paths: None, since: "with more paths than can be compared".to_owned() });
}

#[test]
fn a_commit_brings_no_pipelines_of_its_own() {
    // Its HEAD names a branch that nobody ever pushed.
    let place = Place::new("main");
    let pipeline = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: mine }\nspec: { triggers: { push: {} }, steps: {} }\n";
    let one = place.commit(&[], &[(".tidegate/mine.yaml", pipeline)]);
    place.branch("evil", &one);
    let all = planned(&place.mirror(), &push("evil", None, &one), &Nothing).unwrap();
    let [only] = all.as_slice() else { panic!("{all:?}") };
    assert!(
        matches!(&only.found, Found::Skip(why) if why == "the repository names no default branch that exists"),
        "{only:?}"
    );
    assert_eq!(only.pipeline, ".tidegate");
}

/// No plugin is asked for.
#[derive(Debug)]
struct Nothing;

impl manifest::Catalog for Nothing {
    fn offer(&self, _: &str) -> Option<manifest::StepOffer> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
