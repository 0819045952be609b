//! Components that are not what they should be.

use crate::guest::{HOST, bytes};
use crate::module::Module;
use model::{Blame, Failure};
use plugin::{Locked, Plugin};

#[track_caller]
fn refused(wasm: &[u8]) -> Failure {
    let failure = HOST.load(wasm).expect_err("it must not be loaded");
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "invalid"), "{failure:?}");
    failure
}

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).expect("the component's text is sound")
}

fn locked(plugin: &Plugin) -> Locked {
    Locked {
        source: "./hostile.wasm".to_owned(),
        version: "0.1.0".to_owned(),
        digest: plugin.digest().clone(),
        interface: plugin::INTERFACE.to_owned(),
        summary: String::new(),
        imports: plugin.imports().to_vec(),
        offers: Vec::new(),
    }
}

#[test]
fn more_imports_than_the_lock_knows() {
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let mut lock = locked(&plugin);
    assert_eq!(lock.check("hostile", &plugin), Ok(()));
    lock.imports.retain(|import| !["process", "http"].contains(&import.as_str()));
    let failure = lock.check("hostile", &plugin).expect_err("two imports are missing");
    assert!(failure.is_denied(), "{failure:?}");
    assert_eq!(failure.message, "plugin `hostile` imports http, process, which tidegate.lock does not know");
}

#[test]
fn another_component_than_the_locked() {
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let other = Module::default().load().expect("a plugin");
    let failure = locked(&plugin).check("hostile", &other).expect_err("it is another");
    assert!(failure.is_denied(), "{failure:?}");
    let (found, wanted) = (other.digest().short(), plugin.digest().short());
    assert_eq!(failure.message, format!("plugin `hostile` is {found}, but tidegate.lock has {wanted}"));
}

#[test]
fn an_import_that_no_host_has() {
    for name in ["evil:thing/x", "evil:thing/x@0.1.0", "tidegate:plugin/root@0.1.0", "tidegate:plugin/log@0.2.0"] {
        let failure = refused(&text(&format!(r#"(component (import "{name}" (instance)))"#)));
        let known = if name.starts_with("tidegate:plugin/root") { "it is no plugin" } else { name };
        assert!(failure.message.contains(known), "{name}: {}", failure.message);
    }
    let failure = refused(&text(r#"(component (import "evil:thing/x" (instance)))"#));
    assert_eq!(failure.message, "it imports `evil:thing/x`, which this host does not serve");
}

#[test]
fn the_wrong_world() {
    let failure = refused(&text("(component)"));
    assert_eq!(failure.message, "it is no plugin: it exports nothing, not `tidegate:plugin/plugin@0.1.0`");
    // The names are there, what they name is not.
    let hollow = r#"(component
        (instance $nothing)
        (export "tidegate:plugin/plugin@0.1.0" (instance $nothing))
        (export "tidegate:plugin/step@0.1.0" (instance $nothing)))"#;
    let failure = refused(&text(hollow));
    assert!(failure.message.starts_with("it does not fit tidegate:plugin@0.1.0: "), "{}", failure.message);
    let other = r#"(component (instance $x) (export "wasi:cli/run@0.2.0" (instance $x)))"#;
    assert!(refused(&text(other)).message.contains("it exports wasi:cli/run@0.2.0, not"));
}

#[test]
fn a_core_module() {
    let failure = refused(&text("(module)"));
    let hint = "this is a core module: `tidegate plugin build` makes a component of it";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}

#[test]
fn what_is_no_component_at_all() {
    let whole = bytes();
    let mut flipped = whole.clone();
    // In the code section of the first module: sound to read, and no longer to validate.
    flipped[whole.len() / 3..whole.len() / 3 + 64].fill(0xff);
    for broken in [&[][..], b"\0asm", b"#!/bin/sh\n", &whole[..whole.len() / 2], &whole[..whole.len() - 1], &flipped] {
        let failure = refused(broken);
        let why = "the file is not a WebAssembly component that this host understands: ";
        assert!(failure.message.starts_with(why), "{}", failure.message);
        assert_eq!(failure.hint.as_deref(), Some("build it again, or fetch it again"));
    }
}

#[test]
fn a_component_that_is_too_large() {
    let failure = HOST.load(&vec![0; plugin::LARGEST + 1]).expect_err("too large");
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Plugin, "too-large"));
}

/// The library's files are named by their digests, and whoever can write them could put another one in the place.
#[test]
fn a_kept_component_that_was_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = plugin::Library::new(folder.path());
    let digest = library.keep(b"one").expect("kept");
    assert_eq!(library.read(&digest).expect("it is sound"), b"one");
    let file = folder.path().join(format!("{}.wasm", digest.hex()));
    std::fs::write(&file, b"two").expect("written");
    let failure = library.read(&digest).expect_err("it is another");
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::User, "invalid"));
    let why = format!("{} was changed: its content no longer has the digest in its name", file.display());
    assert_eq!(failure.message, why);
}
