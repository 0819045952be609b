//! A folder of compiled components that somebody tampered with.

use crate::guest::{Attempt, bytes};
use crate::module::Module;
use plugin::{Plugin, PluginHost};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn host(cache: &Path) -> PluginHost {
    let (host, warning) = PluginHost::new(Some(cache)).expect("the engine starts");
    assert_eq!(warning, None);
    host
}

/// A small plugin of its own kind: loading it is quick, and how it ends tells which one it is.
fn small(run: &'static str) -> Vec<u8> {
    Module { run, ..Module::default() }.encode()
}

const UNREACHABLE: &str = "unreachable";
const DIVIDES: &str = "(i32.div_u (i32.const 1) (i32.const 0))";

async fn ends(plugin: Plugin) -> String {
    let ended = Attempt::of(plugin, "any").run().await;
    let (_, why) = ended.failure().message.split_once("`: ").expect("the place comes first");
    why.to_owned()
}

/// The compiled components, without the key.
fn entries(cache: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(cache).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut entries: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "cwasm")).collect();
    entries.sort();
    entries
}

fn only_entry(cache: &Path) -> PathBuf {
    let [entry] = &entries(cache)[..] else { panic!("one entry") };
    entry.clone()
}

/// Loads after the tampering: compiled again, right, and sound in the folder from then on.
async fn compiled_again(cache: &Path, run: &'static str, means: &str) {
    let wasm = small(run);
    let plugin = host(cache).load(&wasm).expect("a plugin");
    assert!(plugin.compiled, "a tampered entry was used");
    assert_eq!(ends(plugin).await, means);
    assert!(!host(cache).load(&wasm).expect("a plugin").compiled, "the sound entry was not kept");
}

const GAVE_UP: &str = "it gave up (a panic, or `unreachable`)";
const DIVIDED: &str = "it trapped: integer divide by zero";

#[tokio::test]
async fn a_sound_entry_is_used() {
    let cache = folder();
    assert!(host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin").compiled);
    let again = host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    assert!(!again.compiled);
    assert_eq!(ends(again).await, GAVE_UP);
}

#[tokio::test]
async fn an_entry_with_a_flipped_byte() {
    let cache = folder();
    host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    let entry = only_entry(cache.path());
    let sound = fs::read(&entry).expect("the entry");
    // In the seal, at the code's beginning, within, and at its end.
    for place in [0, 32, sound.len() / 2, sound.len() - 1] {
        let mut tampered = sound.clone();
        tampered[place] ^= 1;
        fs::write(&entry, tampered).expect("written");
        compiled_again(cache.path(), UNREACHABLE, GAVE_UP).await;
    }
}

#[tokio::test]
async fn an_entry_that_is_cut() {
    let cache = folder();
    host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    let entry = only_entry(cache.path());
    let sound = fs::read(&entry).expect("the entry");
    for length in [0, 31, 32, sound.len() - 1] {
        fs::write(&entry, &sound[..length]).expect("written");
        compiled_again(cache.path(), UNREACHABLE, GAVE_UP).await;
    }
}

/// Both are sound, each under the other's name.
#[tokio::test]
async fn two_entries_that_changed_places() {
    let cache = folder();
    host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    host(cache.path()).load(&small(DIVIDES)).expect("a plugin");
    let [one, two] = &entries(cache.path())[..] else { panic!("two entries") };
    let (first, second) = (fs::read(one).expect("an entry"), fs::read(two).expect("an entry"));
    fs::write(one, second).expect("written");
    fs::write(two, first).expect("written");
    compiled_again(cache.path(), UNREACHABLE, GAVE_UP).await;
    compiled_again(cache.path(), DIVIDES, DIVIDED).await;
}

/// A folder of somebody else's making: the entry is right to the byte, and its seal is of a key that is not ours.
#[tokio::test]
async fn a_right_entry_under_another_key() {
    let (cache, theirs) = (folder(), folder());
    host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    host(theirs.path()).load(&small(UNREACHABLE)).expect("a plugin");
    let (entry, other) = (only_entry(cache.path()), only_entry(theirs.path()));
    assert_eq!(entry.file_name(), other.file_name());
    let (ours, others) = (fs::read(&entry).expect("an entry"), fs::read(&other).expect("an entry"));
    assert_eq!(ours[32..], others[32..]);
    fs::write(&entry, others).expect("written");
    compiled_again(cache.path(), UNREACHABLE, GAVE_UP).await;
}

/// Whoever could read the key may have sealed the entries: neither is trusted.
#[tokio::test]
async fn a_key_that_others_can_read() {
    let cache = folder();
    host(cache.path()).load(&small(UNREACHABLE)).expect("a plugin");
    let key = cache.path().join("key");
    let old = fs::read(&key).expect("the key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is ours");
    compiled_again(cache.path(), UNREACHABLE, GAVE_UP).await;
    assert_ne!(fs::read(&key).expect("the key"), old);
}

#[test]
fn a_folder_that_others_can_write_is_not_used() {
    for mode in [0o770, 0o702, 0o777] {
        let cache = folder();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(mode)).expect("it is ours");
        let (host, warning) = PluginHost::new(Some(cache.path())).expect("the engine starts");
        let why = format!(
            "compiled plugins are not kept: {} is not a folder that only its owner can write",
            cache.path().display()
        );
        assert_eq!(warning, Some(why));
        assert!(host.load(&small(UNREACHABLE)).expect("a plugin").compiled);
        assert!(host.load(&small(UNREACHABLE)).expect("a plugin").compiled);
        assert_eq!(fs::read_dir(cache.path()).expect("the folder").count(), 0, "nothing was written");
    }
}

/// A link to a folder is not the folder: whoever made it decides where it leads.
#[test]
fn a_link_is_not_used() {
    let cache = folder();
    let link = cache.path().join("link");
    fs::create_dir(cache.path().join("target")).expect("a folder");
    std::os::unix::fs::symlink(cache.path().join("target"), &link).expect("a link");
    let (_, warning) = PluginHost::new(Some(&link)).expect("the engine starts");
    assert!(warning.expect("a warning").starts_with("compiled plugins are not kept: "));
}

#[tokio::test]
async fn many_write_at_once() {
    let cache = folder();
    let wasm = bytes();
    // The first ones even race for the key.
    let hosts = std::thread::scope(|scope| {
        let load = || {
            let host = host(cache.path());
            let plugins = [host.load(&wasm), host.load(&small(UNREACHABLE)), host.load(&small(DIVIDES))];
            plugins.map(|plugin| plugin.expect("a plugin"))
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    for [_, unreachable, divides] in hosts {
        assert_eq!(ends(unreachable).await, GAVE_UP);
        assert_eq!(ends(divides).await, DIVIDED);
    }
    // Whoever won, what is there is sound, and nothing half-written is left.
    let host = host(cache.path());
    for wasm in [&wasm, &small(UNREACHABLE), &small(DIVIDES)] {
        assert!(!host.load(wasm).expect("a plugin").compiled);
    }
    assert_eq!(fs::read_dir(cache.path()).expect("the folder").count(), 5, "three entries, the key and the locks");
}

#[test]
fn a_new_folder_is_its_owners_alone() {
    let cache = folder();
    let new = cache.path().join("a/b");
    host(&new);
    for made in [&cache.path().join("a"), &new] {
        assert_eq!(fs::metadata(made).expect("it was made").permissions().mode() & 0o777, 0o700);
    }
}

/// Whoever owns it may write it whenever they like.
#[test]
fn a_folder_of_somebody_else_is_not_used() {
    let cache = folder();
    // Only the superuser can give one away; to everybody else, the root of all files is one.
    let theirs = match std::os::unix::fs::chown(cache.path(), Some(1), None) {
        Ok(()) => cache.path(),
        Err(_) => Path::new("/"),
    };
    let (_, warning) = PluginHost::new(Some(theirs)).expect("the engine starts");
    let why =
        format!("compiled plugins are not kept: {} is not a folder that only its owner can write", theirs.display());
    assert_eq!(warning, Some(why));
}

/// Each has an engine of its own, as processes have.
#[test]
fn of_many_who_meet_a_component_one_compiles_it() {
    let cache = folder();
    let wasm = bytes();
    let start = std::sync::Barrier::new(4);
    let load = || {
        let host = host(cache.path());
        start.wait();
        host.load(&wasm).expect("a plugin").compiled
    };
    let compiled = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).filter(|compiled| *compiled).count()
    });
    assert_eq!(compiled, 1);
}
