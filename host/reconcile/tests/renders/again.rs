//! Which commits lead to a render.

use crate::world::{Repository, renders, renders_granted};
use reconcile::Kept;

#[tokio::test]
async fn only_what_was_read_counts() {
    let repository = Repository::new();
    let renders = renders(Kept::in_memory());
    let mut expected = 0;
    // What a commit changes, what the job for `d/a` then gives, and whether that is a render.
    for (files, given, again) in [
        (&[("d/a", Some("1")), ("b", Some("1"))][..], "Kind::File; 1; invalid: `d/a` is a file, not a folder", true),
        (&[("b", Some("2")), ("d/c", Some("new"))], "Kind::File; 1; invalid: `d/a` is a file, not a folder", false),
        (&[("d/a", Some("2"))], "Kind::File; 2; invalid: `d/a` is a file, not a folder", true),
        // As it was before: that is known.
        (&[("d/a", Some("1"))], "Kind::File; 1; invalid: `d/a` is a file, not a folder", false),
        (&[("d/a", None)], "nothing; nothing; nothing", true),
        (&[("b", None)], "nothing; nothing; nothing", false),
        (&[("d/a/x", Some("1"))], "Kind::Directory; invalid: `d/a` is a folder, not a file; x Kind::File", true),
        // The content of a file in a listing is not the listing.
        (&[("d/a/x", Some("2"))], "Kind::Directory; invalid: `d/a` is a folder, not a file; x Kind::File", false),
        (
            &[("d/a/y", Some("2"))],
            "Kind::Directory; invalid: `d/a` is a folder, not a file; x Kind::File, y Kind::File",
            true,
        ),
    ] {
        repository.write(files);
        let job = repository.job(&repository.commit(), "d/a");
        let known = renders.known(&job).unwrap();
        assert_eq!(known.is_some(), !again, "{files:?}");
        let rendered = renders.render(&job).await.unwrap();
        assert_eq!(rendered.manifests, given, "{files:?}");
        expected += u64::from(again);
        assert_eq!(renders.count(), expected, "{files:?}");
        assert_eq!(renders.known(&job).unwrap(), Some(rendered.result));
        assert_eq!(rendered.reads.unwrap().paths("main"), ["d/a"]);
    }
}

#[tokio::test]
async fn executable_files_and_links_are_other_files() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let repository = Repository::new();
    let renders = renders(Kept::in_memory());
    repository.write(&[("a", Some("b"))]);
    let place = repository.folder.path().join("a");
    let nothing = || {};
    let execute = || std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    let link = || {
        std::fs::remove_file(&place).unwrap();
        symlink("b", &place).unwrap();
    };
    let mut given = Vec::new();
    let changes: [&dyn Fn(); 3] = [&nothing, &execute, &link];
    for change in changes {
        change();
        given.push(renders.render(&repository.job(&repository.commit(), "a")).await.unwrap().manifests);
    }
    assert_eq!(
        given,
        [
            "Kind::File; b; invalid: `a` is a file, not a folder",
            "Kind::Executable; b; invalid: `a` is an executable file, not a folder",
            "Kind::Link; b; invalid: `a` is a symbolic link, not a folder",
        ]
    );
    assert_eq!(renders.count(), 3);
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_kept_and_a_crash_is_not() {
    let repository = Repository::new();
    repository.write(&[("a", Some("1"))]);
    let commit = repository.commit();
    let renders = renders(Kept::in_memory());
    let mut job = repository.job(&commit, "a");
    for (renderer, inputs, code, renders_twice) in [
        // The guest's own words for a mistake of its user, and a trap.
        ("fail", serde_json::json!("invalid"), "invalid", false),
        ("recurse", serde_json::json!(null), "trapped", true),
    ] {
        let before = renders.count();
        job.renderer = Some(renderer.to_owned());
        job.parameters = inputs;
        let first = renders.render(&job).await.unwrap_err();
        let second = renders.render(&job).await.unwrap_err();
        assert_eq!(first, second);
        assert_eq!(first.code, code);
        assert_eq!(renders.count() - before, 1 + u64::from(renders_twice), "{renderer}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_with_its_commit() {
    let repository = Repository::new();
    repository.write(&[("a", Some("1"))]);
    let commit = repository.commit();
    let renders = renders(Kept::in_memory());
    for (path, code, message) in [
        ("gone/x", "not-found", format!("there is no folder `gone/x` in the commit {} of `config`", &commit.0[..7])),
        ("a", "invalid", "`a` is a file, not a folder".to_owned()),
    ] {
        let mut job = repository.job(&commit, "a");
        job.path = path.to_owned();
        let failure = renders.render(&job).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.message), (code, message));
    }
    assert_eq!(renders.count(), 0);
}

#[tokio::test]
async fn the_renderer_is_found_out_by_the_folders_files() {
    let repository = Repository::new();
    let renders = renders(Kept::in_memory());
    for (file, renderer) in [
        ("d/x.yaml", "directory"),
        ("d/Chart.yaml", "helm"),
        // A kustomization may have a chart beside it.
        ("d/kustomization.yml", "kustomize"),
    ] {
        repository.write(&[(file, Some(""))]);
        let mut job = repository.job(&repository.commit(), "");
        (job.path, job.renderer) = ("d".to_owned(), None);
        let failure = renders.render(&job).await.unwrap_err();
        assert!(failure.message.contains(&format!("no misdeed is called `{renderer}`")), "{failure}");
    }
}

/// Another repository, which is configured or not, or has not the revision.
#[derive(Default)]
struct Others(std::sync::Mutex<Option<Other>>);

enum Other {
    There(Repository, model::CommitId),
    NoRevision,
}

impl reconcile::Elsewhere for Others {
    fn name(&self, url: &str) -> Option<String> {
        self.0.lock().unwrap().as_ref().filter(|_| url == "https://x/y").map(|_| "other".to_owned())
    }

    fn find(&self, url: &str) -> Result<Option<reconcile::Source>, model::Failure> {
        match self.0.lock().unwrap().as_ref().filter(|_| url == "https://x/y") {
            None => Ok(None),
            Some(Other::NoRevision) => {
                Err(model::Failure::new(model::Blame::User, "no-such-revision", "there is no branch"))
            }
            Some(Other::There(repository, commit)) => Ok(Some(reconcile::Source {
                name: url.to_owned(),
                repository: "other".to_owned(),
                commit: commit.0.clone(),
                files: std::sync::Arc::new(repository.snapshot(commit)),
            })),
        }
    }
}

#[tokio::test]
async fn another_repository_counts_as_soon_as_there_is_one() {
    let (repository, other) = (Repository::new(), Repository::new());
    repository.write(&[("a", Some("1"))]);
    other.write(&[("b", Some("2"))]);
    let (commit, commit_of_other) = (repository.commit(), other.commit());
    let renders = renders(Kept::in_memory());
    let others = std::sync::Arc::new(Others::default());
    let mut job = repository.job(&commit, "a");
    job.elsewhere = Some(others.clone());
    (job.renderer, job.parameters) = (Some("source-or".to_owned()), serde_json::json!("https://x/y:b"));
    let without = renders.render(&job).await.unwrap();
    assert_eq!(without.manifests, "there is no root `https://x/y` in this request");
    assert_eq!(renders.known(&job).unwrap(), Some(without.result));
    // That there is no such branch yet is no fact of the files that were read.
    *others.0.lock().unwrap() = Some(Other::NoRevision);
    assert_eq!(renders.render(&job).await.unwrap().manifests, "there is no branch");
    assert_eq!(renders.known(&job).unwrap(), None);
    *others.0.lock().unwrap() = Some(Other::There(other, commit_of_other));
    assert_eq!(renders.known(&job).unwrap(), None);
    assert!(renders.render(&job).await.unwrap().manifests.starts_with("Kind::File; 2; "));
    *others.0.lock().unwrap() = None;
    assert_eq!(renders.render(&job).await.unwrap().manifests, without.manifests);
    assert_eq!(renders.count(), 3);
    // What one render has read may be gone: the other one's result stands for itself.
    *others.0.lock().unwrap() = Some(Other::NoRevision);
    assert_eq!(renders.render(&job).await.unwrap().manifests, "there is no branch");
    assert_eq!(renders.count(), 4);
}

#[tokio::test]
async fn a_grant_is_never_outlived() {
    let repository = Repository::new();
    repository.write(&[("a", Some("1"))]);
    let job = repository.job(&repository.commit(), "a");
    let may =
        std::sync::Arc::new(std::sync::Mutex::new(serde_json::json!({"source": {"repositories": ["elsewhere"]}})));
    let renders = renders_granted(Kept::in_memory(), may.clone());
    for asked in 1..=2 {
        assert!(renders.render(&job).await.unwrap_err().is_denied());
        assert_eq!(renders.count(), asked, "what was denied is not kept");
    }
    *may.lock().unwrap() = serde_json::json!({"source": {}});
    assert!(renders.render(&job).await.is_ok());
    *may.lock().unwrap() = serde_json::json!({"source": {"repositories": ["elsewhere"]}});
    assert!(renders.render(&job).await.unwrap_err().is_denied());
}
