//! Confidential content: it comes back whole, never lies on the disk in clear, and no change of a file goes unnoticed.

use artifact::{Blobs, Keyring};
use model::{Digest, Failure};
use proptest::prelude::*;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;

struct World {
    folder: TempDir,
    blobs: Blobs,
    keys: Keyring,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("a folder");
        Self { folder, blobs, keys: ring(&["first"]) }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let (head, tail) = digest.hex().split_at(2);
        self.folder.path().join("sealed").join(head).join(tail)
    }

    fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Failure> {
        self.blobs.get_sealed(digest, u64::MAX, &self.keys)
    }
}

/// Keys of these ids, each with a secret of its own.
fn ring(ids: &[&str]) -> Keyring {
    let key = |id: &&str| ((*id).to_owned(), format!("{id} {}", "s".repeat(32)).into_bytes());
    Keyring::configured(ids.iter().map(key).collect()).expect("good keys")
}

/// Bytes that do not repeat, so that a chunk in another's place shows.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[at % 5]).collect()
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        fs::read(&path).expect("a file").windows(needle.len()).any(|part| part == needle)
    })
}

#[test]
fn content_comes_back_at_every_edge_of_a_chunk() {
    let world = World::new();
    for size in [0, 1, CHUNK - TAG, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + TAG, 2 * CHUNK, 2 * CHUNK + 1, 5 * CHUNK - 1] {
        let content = content(size);
        let digest = world.blobs.put_sealed(&content, &world.keys).expect("kept");
        assert_eq!(digest, Digest::of(&content));
        assert_eq!(world.blobs.size_sealed(&digest).expect("a blob"), Some(size as u64));
        assert_eq!(world.get(&digest).expect("authentic"), Some(content.clone()), "{size}");
        let mut copy = Vec::new();
        let copied = world.blobs.copy_sealed_to(&digest, &mut copy, &world.keys).expect("authentic");
        assert_eq!((copied, copy), (size as u64, content));
    }
}

#[test]
fn the_disk_never_has_it_in_clear() {
    let world = World::new();
    let secret = b"correct horse battery staple".repeat(100);
    // While it comes in, too: the reader looks at the drafts each time.
    struct Looking<'a>(&'a [u8], &'a Path);
    impl Read for Looking<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(!holds(self.1, b"battery staple"));
            let most = buffer.len().min(777);
            self.0.read(&mut buffer[..most])
        }
    }
    let from = Looking(&secret, world.folder.path());
    let (digest, size) = world.blobs.put_reader_sealed(from, 1 << 20, &world.keys).expect("kept");
    assert_eq!(size, secret.len() as u64);
    assert!(!holds(world.folder.path(), b"battery staple"));
    // The same content in clear is another blob, and this check sees it.
    assert!(world.blobs.size(&digest).expect("a folder").is_none());
    world.blobs.put(&secret).expect("kept");
    assert!(holds(world.folder.path(), b"battery staple"));
    fs::remove_file(world.path(&digest)).expect("a file");
    assert!(world.get(&digest).expect("nothing broken").is_none());
    assert_eq!(world.blobs.get(&digest, u64::MAX).expect("there").as_deref(), Some(&secret[..]));
}

#[test]
fn equal_content_is_sealed_differently_each_time() {
    let (one, other) = (World::new(), World::new());
    let digest = one.blobs.put_sealed(b"equal", &one.keys).expect("kept");
    other.blobs.put_sealed(b"equal", &other.keys).expect("kept");
    let files = [&one, &other].map(|world| fs::read(world.path(&digest)).expect("a file"));
    assert_eq!(files[0].len(), files[1].len());
    let same = files[0].iter().zip(&files[1]).filter(|(a, b)| a == b).count();
    assert!(same < files[0].len() / 2, "{same} of {}", files[0].len());
}

#[test]
fn every_changed_byte_is_found() {
    let world = World::new();
    let digest = world.blobs.put_sealed(b"a small plan", &world.keys).expect("kept");
    let path = world.path(&digest);
    let good = fs::read(&path).expect("a file");
    for at in 0..good.len() {
        for flip in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut bad = good.clone();
            bad[at] ^= flip;
            fs::write(&path, bad).expect("a file");
            let failure = world.get(&digest).expect_err("damaged");
            assert_eq!(failure.code, "invalid", "byte {at}: {failure:?}");
            assert!(failure.message.contains(digest.as_str()), "{failure:?}");
            let failure = world.blobs.read_sealed(&digest, 0, 100, &world.keys).expect_err("damaged");
            assert_eq!(failure.code, "invalid", "byte {at}: {failure:?}");
        }
    }
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).expect("a file");
        assert_eq!(world.get(&digest).expect_err("cut off").code, "invalid", "{length} bytes");
    }
    fs::write(&path, [&good[..], b"x"].concat()).expect("a file");
    assert_eq!(world.get(&digest).expect_err("longer").code, "invalid");
    fs::write(&path, &good).expect("a file");
    assert_eq!(world.get(&digest).expect("healed").as_deref(), Some(&b"a small plan"[..]));
}

#[test]
fn chunks_that_move_are_found() {
    let world = World::new();
    let (first, second) = (content(3 * CHUNK + 5), vec![7; 3 * CHUNK + 5]);
    let one = world.blobs.put_sealed(&first, &world.keys).expect("kept");
    let other = world.blobs.put_sealed(&second, &world.keys).expect("kept");
    let (good, foreign) = (fs::read(world.path(&one)).expect("a file"), fs::read(world.path(&other)).expect("a file"));
    let head = good.len() - TAG - (5 + TAG) - 3 * (CHUNK + TAG);
    let chunk = |index: usize| head + index * (CHUNK + TAG)..head + (index + 1) * (CHUNK + TAG);
    let refused = |bad: &[u8], what: &str| {
        fs::write(world.path(&one), bad).expect("a file");
        let mut seen = Vec::new();
        let failure = world.blobs.copy_sealed_to(&one, &mut seen, &world.keys).expect_err(what);
        assert_eq!(failure.code, "invalid", "{what}");
        assert!(first.starts_with(&seen), "{what}: what was handed on is not the content");
    };
    refused(&foreign, "another blob under this name");
    let mut bad = good.clone();
    bad[chunk(0)].copy_from_slice(&good[chunk(1)]);
    bad[chunk(1)].copy_from_slice(&good[chunk(0)]);
    refused(&bad, "two chunks exchanged");
    let mut bad = good.clone();
    bad[chunk(1)].copy_from_slice(&good[chunk(0)]);
    refused(&bad, "one chunk twice");
    let mut bad = good.clone();
    bad[chunk(1)].copy_from_slice(&foreign[chunk(1)]);
    refused(&bad, "a chunk of another blob");
    refused(&[&good[..chunk(1).start], &good[chunk(1).end..]].concat(), "one chunk less");
    refused(&[&good[..chunk(2).end], &good[good.len() - TAG..]].concat(), "the end cut off, but for the last block");
    refused(&good[..chunk(2).end], "the end cut off");
    let mut bad = foreign.clone();
    bad[..head].copy_from_slice(&good[..head]);
    refused(&bad, "the header of one, the content of the other");
    fs::write(world.path(&one), &good).expect("a file");
    assert_eq!(world.get(&one).expect("healed"), Some(first));
}

#[test]
fn a_part_needs_only_its_chunks() {
    let world = World::new();
    let whole = content(4 * CHUNK + 100);
    let digest = world.blobs.put_sealed(&whole, &world.keys).expect("kept");
    let read = |offset: usize, length: u32| world.blobs.read_sealed(&digest, offset as u64, length, &world.keys);
    let mut bad = fs::read(world.path(&digest)).expect("a file");
    let head = bad.len() - TAG - (100 + TAG) - 4 * (CHUNK + TAG);
    bad[head + CHUNK + TAG + 3] ^= 1;
    fs::write(world.path(&digest), bad).expect("a file");
    assert_eq!(read(0, 64 << 10).expect("before the damage"), &whole[..CHUNK]);
    assert_eq!(read(2 * CHUNK, 1 << 20).expect("after it"), &whole[2 * CHUNK..]);
    assert_eq!(read(CHUNK - 1, 2).expect_err("in it").code, "invalid");
}

#[test]
fn a_missing_key_is_named() {
    let world = World::new();
    let digest = world.blobs.put_sealed(b"plan", &world.keys).expect("kept");
    let other = ring(&["second"]);
    let failure = world.blobs.get_sealed(&digest, 100, &other).expect_err("no key");
    assert_eq!(failure.code, "unavailable");
    assert!(failure.message.contains("`first`"), "{failure:?}");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("spec.encryption.keys")), "{failure:?}");
    assert_eq!(world.blobs.size_sealed(&digest).expect("needs no key"), Some(4));
    // The id is there, with another secret.
    let changed = Keyring::configured(vec![("first".to_owned(), vec![1; 32])]).expect("a good key");
    let failure = world.blobs.get_sealed(&digest, 100, &changed).expect_err("another secret");
    assert_eq!(failure.code, "invalid");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("put the old one back")), "{failure:?}");
}

#[test]
fn what_is_put_again_gets_the_newest_key() {
    let world = World::new();
    let digest = world.blobs.put_sealed(b"plan", &world.keys).expect("kept");
    let before = fs::read(world.path(&digest)).expect("a file");
    world.blobs.put_sealed(b"plan", &world.keys).expect("kept");
    assert_eq!(fs::read(world.path(&digest)).expect("a file"), before, "the same key: left as it is");
    let both = ring(&["first", "second"]);
    assert_eq!(world.blobs.get_sealed(&digest, 100, &both).expect("an old key").as_deref(), Some(&b"plan"[..]));
    world.blobs.put_sealed(b"plan", &both).expect("kept");
    let only_new = ring(&["second"]);
    assert_eq!(world.blobs.get_sealed(&digest, 100, &only_new).expect("sealed again").as_deref(), Some(&b"plan"[..]));
    // A torn file is healed by putting the same once more, also through a stream.
    fs::write(world.path(&digest), b"torn").expect("a file");
    world.blobs.put_reader_sealed(&b"plan"[..], 100, &only_new).expect("kept");
    assert_eq!(world.blobs.get_sealed(&digest, 100, &only_new).expect("healed").as_deref(), Some(&b"plan"[..]));
}

#[test]
fn limits_and_what_is_no_file() {
    let world = World::new();
    let too_large = |answer: Result<(Digest, u64), Failure>| assert_eq!(answer.expect_err("a limit").code, "too-large");
    too_large(world.blobs.put_reader_sealed(&b"12345"[..], 4, &world.keys));
    let path = world.folder.path().join("file");
    fs::write(&path, b"12345").expect("a file");
    let open = |path: &Path| fs::File::open(path).expect("it is there");
    too_large(world.blobs.put_file_sealed(open(&path), 4, &world.keys));
    let refused = world.blobs.put_file_sealed(open(world.folder.path()), 4, &world.keys);
    assert_eq!(refused.expect_err("a folder").code, "invalid");
    let (digest, _) = world.blobs.put_file_sealed(open(&path), 5, &world.keys).expect("kept");
    assert_eq!(world.blobs.get_sealed(&digest, 4, &world.keys).expect_err("a limit").code, "too-large");
    assert_eq!(fs::read_dir(world.folder.path().join("draft")).expect("a folder").count(), 0, "no litter");
}

#[test]
fn a_failure_within_the_streams_error_is_handed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Failure::denied("no")))
        }
    }
    let world = World::new();
    let failure = world.blobs.put_reader_sealed(Broken, 100, &world.keys).expect_err("broken");
    assert_eq!(failure, Failure::denied("no"));
}

#[test]
fn retain_covers_both_kinds() {
    let world = World::new();
    let mut digests = Vec::new();
    for name in ["kept", "old", "young"] {
        digests.push(world.blobs.put(name.as_bytes()).expect("kept"));
        world.blobs.put_sealed(name.as_bytes(), &world.keys).expect("kept");
    }
    let plain = |digest: &Digest| world.folder.path().join("sha256").join(&digest.hex()[..2]).join(&digest.hex()[2..]);
    let long_ago = SystemTime::now() - Duration::from_secs(10_000);
    let litter = world.folder.path().join("draft/litter");
    fs::write(&litter, b"half").expect("a file");
    let aged = digests[..2].iter().flat_map(|digest| [plain(digest), world.path(digest)]).chain([litter.clone()]);
    for path in aged {
        fs::File::open(path).expect("a file").set_modified(long_ago).expect("its time");
    }
    let limit = SystemTime::now() - Duration::from_secs(5_000);
    assert_eq!(world.blobs.retain(|digest| *digest == digests[0], limit).expect("swept"), 2);
    let there = |digest: &Digest| (plain(digest).exists(), world.path(digest).exists());
    assert_eq!(digests.iter().map(there).collect::<Vec<_>>(), [(true, true), (false, false), (true, true)]);
    assert!(!litter.exists());
    // Putting the same again makes it young.
    fs::File::open(world.path(&digests[0])).expect("a file").set_modified(long_ago).expect("its time");
    world.blobs.put_sealed(b"kept", &world.keys).expect("kept");
    assert_eq!(world.blobs.retain(|_| false, limit).expect("swept"), 1, "the plain one alone");
    assert!(world.path(&digests[0]).exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn parts_are_those_of_the_content(
        chunks in 0_usize..4, beside in -40_i64..40, offset in 0_u64..(5 << 16), length in 0_u32..(3 << 16),
    ) {
        let size = usize::try_from((chunks * CHUNK) as i64 + beside).unwrap_or(0);
        let world = World::new();
        let whole = content(size);
        let digest = world.blobs.put_sealed(&whole, &world.keys).expect("kept");
        let part = world.blobs.read_sealed(&digest, offset, length, &world.keys).expect("authentic");
        let start = size.min(offset as usize);
        prop_assert_eq!(&part[..], &whole[start..size.min(start + length as usize)]);
        prop_assert_eq!(world.get(&digest).expect("authentic"), Some(whole));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(size in 0_usize..(2 << 16) + 100, place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let world = World::new();
        let digest = world.blobs.put_sealed(&content(size), &world.keys).expect("kept");
        let mut bad = fs::read(world.path(&digest)).expect("a file");
        let at = place.index(bad.len());
        bad[at] ^= flip;
        fs::write(world.path(&digest), bad).expect("a file");
        prop_assert_eq!(world.get(&digest).expect_err("damaged").code, "invalid");
    }
}
