//! A folder answers as the commit of its files would.

use crate::world::{Repository, job, renders};
use git::Kind;
use reconcile::{Content, Files, Folder, Kept, Listing, Question};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;

const MOST: usize = 1 << 20;

/// Files, links and folders of all kinds.
fn odd() -> Repository {
    let repository = Repository::new();
    repository.write(&[
        ("d/e/f", Some("1")),
        ("d/x", Some("2")),
        ("a b/ü", Some("")),
        ("d.x/y", Some("3")),
        ("d-/z", Some("4")),
    ]);
    let at = |path: &str| repository.folder.path().join(path);
    std::fs::set_permissions(at("d/x"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("d/x", at("to-file")).unwrap();
    symlink("d", at("to-folder")).unwrap();
    symlink("/etc/passwd", at("out")).unwrap();
    symlink("gone", at("dangling")).unwrap();
    symlink("circle", at("circle")).unwrap();
    repository
}

#[test]
fn folder_and_commit_answer_alike() {
    let repository = odd();
    let commit = repository.snapshot(&repository.commit());
    let folder = Folder::open(repository.folder.path()).unwrap();
    let paths = [
        "",
        "d",
        "d/e",
        "d/e/f",
        "d/e/f/g",
        "d/x",
        "a b",
        "a b/ü",
        "d.x",
        "d-",
        "to-file",
        "to-file/x",
        "to-folder",
        "to-folder/x",
        "out",
        "dangling",
        "circle",
        "circle/x",
        "gone",
        ".git",
        ".git/HEAD",
        "d/.git",
    ];
    let mut told = std::collections::BTreeSet::new();
    for path in paths {
        for question in [Question::Look, Question::Read, Question::Entries] {
            let answer = commit.answer(question, path, MOST).unwrap();
            assert_eq!(folder.answer(question, path, MOST).unwrap(), answer, "{question:?} {path}");
            told.insert(answer.to_string());
        }
        assert_eq!(Files::look(&folder, path).unwrap(), Files::look(&commit, path).unwrap(), "{path}");
        assert_eq!(folder.read(path, MOST).unwrap(), commit.read(path, MOST).unwrap(), "{path}");
        assert_eq!(folder.list(path).unwrap(), commit.list(path).unwrap(), "{path}");
    }
    assert!(told.len() > 15, "{told:?}");
}

#[test]
fn nothing_outside_is_read_and_nothing_waits() {
    let repository = odd();
    let at = |path: &str| repository.folder.path().join(path);
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    git2::Repository::init(at("module")).unwrap();
    let folder = Folder::open(repository.folder.path()).unwrap();
    // The link itself, and not what it leads to.
    let Content::Bytes(target, _) = folder.read("out", MOST).unwrap() else { panic!("a link has a target") };
    assert_eq!(target, b"/etc/passwd");
    assert_eq!(folder.read("fifo", MOST).unwrap(), Content::None(None));
    assert_eq!(Files::look(&folder, "module").unwrap(), Some(Kind::Submodule));
    assert_eq!(folder.list("module").unwrap(), Listing::None(Some(Kind::Submodule)));
    std::fs::create_dir(at("module/sub")).unwrap();
    std::fs::write(at("module/sub/a"), "x").unwrap();
    for path in ["module/sub", "module/sub/a"] {
        assert_eq!(Files::look(&folder, path).unwrap(), None, "{path}");
        assert_eq!(folder.read(path, MOST).unwrap(), Content::None(None), "{path}");
    }
    let Listing::Entries(entries) = folder.list("").unwrap() else { panic!("the root is a folder") };
    let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"fifo") && !names.contains(&".git"), "{names:?}");
    assert!(matches!(folder.read("../x", MOST), Err(failure) if failure.code == "unavailable"));
}

#[test]
fn a_large_file_is_never_taken_for_the_same() {
    let repository = Repository::new();
    repository.write(&[("a", Some("12345"))]);
    let folder = Folder::open(repository.folder.path()).unwrap();
    assert!(matches!(folder.read("a", 5).unwrap(), Content::Bytes(..)));
    assert!(matches!(folder.read("a", 4).unwrap(), Content::TooLarge(_)));
}

#[tokio::test]
async fn a_folder_is_rendered_as_its_commit() {
    let repository = odd();
    let commit = repository.commit();
    let renders = renders(Kept::in_memory());
    let folder: Arc<dyn Files> = Arc::new(Folder::open(repository.folder.path()).unwrap());
    for path in ["d", "d/x", "out", "to-folder/x"] {
        let of_commit = renders.render(&repository.job(&commit, path)).await.unwrap();
        let before = renders.count();
        let of_folder = renders.render(&job(folder.clone(), "", "source", &format!("main:{path}"))).await.unwrap();
        assert_eq!(of_folder.result, of_commit.result, "{path}");
        assert_eq!(renders.count(), before, "what the commit gave is what the folder gives");
    }
}

#[test]
fn a_walk_goes_around_what_it_cannot_list() {
    use std::os::unix::ffi::OsStrExt as _;
    let repository = odd();
    let bad = repository.folder.path().join("bad");
    std::fs::create_dir_all(bad.join("below")).unwrap();
    std::fs::write(bad.join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    std::fs::write(bad.join("below/y"), "x").unwrap();
    let commit = repository.snapshot(&repository.commit());
    let folder = Folder::open(repository.folder.path()).unwrap();
    let walked = [&commit as &dyn Files, &folder].map(|files| {
        let walked = reconcile::walk_around(files, "");
        let unread: Vec<_> = walked.unread.into_iter().map(|(place, failure)| (place, failure.code)).collect();
        assert_eq!(unread.len(), 1);
        assert_eq!(unread[0].0, "bad");
        walked.files
    });
    assert_eq!(walked[0], walked[1]);
    assert_eq!(walked[0], ["a b/ü", "d/e/f", "d/x", "d-/z", "d.x/y"]);
    assert!(reconcile::walk(&commit, "").is_err());
    assert_eq!(reconcile::walk(&commit, "d").unwrap(), ["d/e/f", "d/x"]);
}
