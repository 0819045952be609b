//! What is kept on disk: enough for the next process, nothing in clear, and nothing that is believed when damaged.

use crate::world::{Repository, renders};
use artifact::Keyring;
use reconcile::Kept;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn open(folder: &Path) -> Kept {
    let keys = std::sync::Arc::new(Keyring::own(&folder.join("own")).unwrap().0);
    Kept::open(&folder.join("renders"), keys).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn the_next_process_renders_nothing_that_is_known() {
    let (repository, state) = (Repository::new(), tempfile::TempDir::new().unwrap());
    repository.write(&[("a", Some("pa55word"))]);
    let job = repository.job(&repository.commit(), "a");
    let first = renders(open(state.path()));
    let rendered = first.render(&job).await.unwrap();
    assert!(rendered.manifests.contains("pa55word"));
    let second = renders(open(state.path()));
    let again = second.render(&job).await.unwrap();
    assert_eq!((again.manifests, again.result, again.reads), (rendered.manifests, rendered.result, rendered.reads));
    assert_eq!((first.count(), second.count()), (1, 0));
    let all = files(&state.path().join("renders"));
    assert_eq!(all.len(), 2, "{all:?}");
    for file in all {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"pa55word"), "{}", file.display());
    }
}

#[tokio::test]
async fn what_is_damaged_or_lost_is_rendered_again() {
    let (repository, state) = (Repository::new(), tempfile::TempDir::new().unwrap());
    repository.write(&[("a", Some("1"))]);
    let job = repository.job(&repository.commit(), "a");
    renders(open(state.path())).render(&job).await.unwrap();
    for index in 0..2 {
        let place = &files(&state.path().join("renders"))[index];
        let whole = std::fs::read(place).unwrap();
        for bytes in [whole[..whole.len() / 2].to_vec(), vec![b'x'; whole.len()], Vec::new()] {
            std::fs::write(place, bytes).unwrap();
            let renders = renders(open(state.path()));
            assert_eq!(
                renders.render(&job).await.unwrap().manifests,
                "Kind::File; 1; invalid: `a` is a file, not a folder"
            );
            assert_eq!(renders.count(), 1, "{}", place.display());
        }
        std::fs::remove_file(place).unwrap();
        let renders = renders(open(state.path()));
        renders.render(&job).await.unwrap();
        assert_eq!(renders.count(), 1, "{}", place.display());
    }
}

#[tokio::test]
async fn results_that_are_forgotten_are_still_known() {
    let repository = Repository::new();
    repository.write(&[("a", Some("1")), ("b", Some("2"))]);
    let commit = repository.commit();
    let (a, b) = (repository.job(&commit, "a"), repository.job(&commit, "b"));
    // Room for one of them.
    let renders = renders(Kept::in_memory_up_to(150));
    let first = renders.render(&a).await.unwrap();
    renders.render(&b).await.unwrap();
    assert_eq!(renders.known(&a).unwrap(), Some(first.result.clone()));
    assert_eq!(renders.count(), 2);
    assert_eq!(renders.render(&a).await.unwrap().result, first.result);
    assert_eq!(renders.count(), 3);
    assert_eq!(renders.render(&a).await.unwrap().manifests, first.manifests);
    assert_eq!(renders.count(), 3);
}

#[tokio::test]
async fn results_that_no_key_names_go_once_they_are_old() {
    let (repository, state) = (Repository::new(), tempfile::TempDir::new().unwrap());
    let renders = renders(open(state.path()));
    let mut newest = None;
    for content in ["1", "2", "3", "4", "5", "6"] {
        repository.write(&[("a", Some(content))]);
        let job = repository.job(&repository.commit(), "a");
        renders.render(&job).await.unwrap();
        newest = Some(job);
    }
    let results = || files(&state.path().join("renders/results")).len();
    assert_eq!(results(), 6);
    // What was put a moment ago may be named in the next one.
    let now = SystemTime::now();
    assert_eq!((renders.sweep(now).unwrap(), results()), (0, 6));
    let later = now + Duration::from_secs(25 * 3600);
    assert_eq!((renders.sweep(later).unwrap(), results()), (2, 4));
    let next = crate::world::renders(open(state.path()));
    next.render(&newest.unwrap()).await.unwrap();
    assert_eq!(next.count(), 0);
}
