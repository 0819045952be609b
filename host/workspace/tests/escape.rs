//! Ways out of a workspace, by links that lie there or appear while the host looks. What lies outside is never read,
//! and never changed.

use model::Failure;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;
use workspace::{EntryKind, Workspace};

const SECRET: &[u8] = b"outside";
const LARGEST: usize = 1 << 20;

/// A workspace, and beside it a folder with a file that is none of its business.
struct World {
    root: TempDir,
    files: Workspace,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("inside/folder")).expect("a folder");
        fs::create_dir(root.path().join("outside")).expect("a folder");
        fs::write(root.path().join("outside/file"), SECRET).expect("a file");
        let files = Workspace::open(&root.path().join("inside")).expect("it is there");
        Self { root, files }
    }

    fn inside(&self, path: &str) -> PathBuf {
        self.root.path().join("inside").join(path)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.root.path().join("outside").join(path)
    }

    fn link(&self, to: impl AsRef<Path>, name: &str) {
        symlink(to, self.inside(name)).expect("a link");
    }

    /// The folder outside is as it was: one file, with its content.
    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(fs::read(self.outside("file")).expect("it is still there"), SECRET);
        let names: Vec<_> = fs::read_dir(self.outside("")).expect("it is still there").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

/// That it was refused as a way out, and not for any other reason.
#[track_caller]
fn leads_out<T: std::fmt::Debug>(answer: Result<T, Failure>, path: &str) {
    let failure = answer.expect_err("it leads out");
    let why = format!("`{path}` leads out of the workspace, by a link");
    assert_eq!((failure.code.as_str(), failure.message), ("invalid", why));
}

#[test]
fn a_link_to_a_file_outside() {
    for relative in [true, false] {
        let world = World::new();
        let to = if relative { PathBuf::from("../outside/file") } else { world.outside("file") };
        world.link(&to, "link");
        leads_out(world.files.read("link", LARGEST), "link");
        leads_out(world.files.open_file("link").map(|_| ()), "link");
        let refused = world.files.entries("link", 10).expect_err("it leads out");
        assert_eq!(refused.code, "invalid");
        let listed = world.files.entries("", 10).expect("the root").expect("the root");
        assert!(listed.contains(&("link".to_owned(), EntryKind::Link)), "{listed:?}");
        // The name is replaced, whatever it led to.
        world.files.write("link", b"mine").expect("a file");
        assert_eq!(fs::read(world.inside("link")).expect("a file"), b"mine");
        assert!(fs::symlink_metadata(world.inside("link")).expect("a file").is_file());
        world.is_untouched();
    }
}

#[test]
fn a_link_to_a_file_outside_is_replaced_or_removed_itself() {
    let world = World::new();
    world.link(world.outside("file"), "one");
    let mut fill = |file: &mut fs::File| std::io::Write::write_all(file, b"mine");
    world.files.create_file("one", &mut fill).expect("a file");
    assert_eq!(fs::read(world.inside("one")).expect("a file"), b"mine");
    world.link(world.outside("file"), "two");
    world.files.remove("two").expect("removed");
    assert!(fs::symlink_metadata(world.inside("two")).is_err());
    world.is_untouched();
}

/// Everything beneath a link to a folder outside, and the link itself.
#[test]
fn a_link_to_a_folder_outside() {
    for relative in [true, false] {
        let world = World::new();
        let to = if relative { PathBuf::from("../outside") } else { world.outside("") };
        world.link(&to, "link");
        leads_out(world.files.read("link/file", LARGEST), "link/file");
        leads_out(world.files.entries("link", 10), "link");
        leads_out(world.files.write("link/file", b"mine"), "link");
        leads_out(world.files.write("link/new", b"mine"), "link");
        leads_out(world.files.write("link/a/b", b"mine"), "link");
        leads_out(world.files.create_file("link/new", &mut |_| panic!("nothing is open")), "link");
        leads_out(world.files.remove("link/file"), "link/file");
        world.is_untouched();
        world.files.remove("link").expect("the link alone");
        assert!(fs::symlink_metadata(world.inside("link")).is_err());
        world.is_untouched();
    }
}

#[test]
fn a_chain_of_links() {
    let world = World::new();
    world.link("folder/second", "first");
    world.link("../third", "folder/second");
    world.link("../outside", "third");
    leads_out(world.files.read("first/file", LARGEST), "first/file");
    leads_out(world.files.entries("first", 10), "first");
    leads_out(world.files.write("first/file", b"mine"), "first");
    leads_out(world.files.create_file("first/new", &mut |_| panic!("nothing is open")), "first");
    leads_out(world.files.remove("first/file"), "first/file");
    world.is_untouched();
    // A chain that stays inside is none of these, or nothing above says anything.
    fs::remove_file(world.inside("third")).expect("the link");
    fs::create_dir(world.inside("third")).expect("a folder");
    world.files.write("first/file", b"mine").expect("it stays inside");
    assert_eq!(world.files.read("third/file", LARGEST).expect("a file").as_deref(), Some(&b"mine"[..]));
    world.files.remove("first/file").expect("it stays inside");
    assert_eq!(world.files.entries("first", 10).expect("a folder"), Some(Vec::new()));
}

#[test]
fn a_folder_with_a_link_out_is_removed_without_following_it() {
    let world = World::new();
    world.link(world.outside(""), "folder/out");
    world.files.remove("folder").expect("removed");
    assert!(fs::symlink_metadata(world.inside("folder")).is_err());
    world.is_untouched();
}

/// Exchanges two names in one step, so that there is no moment without either.
fn exchange(a: &Path, b: &Path) {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).expect("both are there");
}

/// Ends the other thread also where an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A folder and a link to outside change places all the time, as a hostile child could make them.
#[test]
fn a_folder_that_becomes_a_link_while_it_is_used() {
    const ROUNDS: u64 = 4_000;
    let world = World::new();
    // Only the inside has this one, so that a listing tells which of the two it is of.
    fs::write(world.inside("folder/mark"), b"inside").expect("a file");
    fs::write(world.inside("folder/file"), b"inside").expect("a file");
    world.link(world.outside(""), "other");
    let (over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut met, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let _stop = Stop(&over);
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                exchange(&world.inside("folder"), &world.inside("other"));
                swaps.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut count = |answer: Result<(), Failure>| match answer {
            Ok(()) => met += 1,
            Err(failure) => {
                // `unavailable` where the kernel met a rename at each of its tries.
                assert!(matches!(failure.code.as_str(), "invalid" | "unavailable"), "{failure:?}");
                refused += 1;
            }
        };
        // So many rounds, and on until both sides were seen, which on one core may take longer; never without end.
        for round in 0..ROUNDS * 10 {
            if round >= ROUNDS && swaps.load(Ordering::SeqCst) >= 100 {
                break;
            }
            let read = world.files.read("folder/file", LARGEST);
            count(read.map(|content| assert_eq!(content.as_deref(), Some(&b"inside"[..]), "the outside was read")));
            count(world.files.write("folder/file", b"inside"));
            count(world.files.write(&format!("folder/deep/{}", round % 8), b"inside"));
            let listed = world.files.entries("folder", 100);
            count(listed.map(|names| {
                let names = names.expect("there is always one of them");
                assert!(names.contains(&("mark".to_owned(), EntryKind::File)), "the outside was listed: {names:?}");
            }));
            count(world.files.remove("folder/deep"));
            if round % 64 == 0 {
                world.is_untouched();
            }
        }
    });
    world.is_untouched();
    assert!(swaps.load(Ordering::SeqCst) >= 100, "{swaps:?}");
    assert!(met > 0 && refused > 0, "both sides are seen, else nothing is tested: {met} and {refused}");
}
