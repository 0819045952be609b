//! What a component says of itself, against what it is.

use crate::guest::{HOST, bytes};
use crate::module::Module;
use model::Failure;
use plugin::wit::description::{Capability, Description, Interruption, Offer};
use plugin::wit::types::Annotation;
use plugin::{FREE, Lock, Locked, Plugin};

const ESCAPES: &str = "a\u{1b}[2Jb\r\nc\u{202e}d";
const CLEAN: &str = "abcd";

fn capability(name: &str) -> Capability {
    Capability { name: name.to_owned(), reason: ESCAPES.to_owned(), scope: "{}".to_owned() }
}

fn annotation(name: &str, value: impl Into<String>) -> Annotation {
    Annotation { name: name.to_owned(), value: value.into() }
}

fn description(capabilities: Vec<Capability>) -> Description {
    let offer = Offer {
        role: "step".to_owned(),
        name: "plan".to_owned(),
        summary: ESCAPES.to_owned(),
        inputs: "{}".to_owned(),
        outputs: None,
        capabilities,
        interruption: Interruption::Probe,
        annotations: vec![annotation(ESCAPES, ESCAPES)],
    };
    Description {
        name: "guest".to_owned(),
        version: "0.1.0".to_owned(),
        summary: ESCAPES.to_owned(),
        offers: vec![offer],
        annotations: Vec::new(),
    }
}

/// A component without imports.
fn plain() -> Plugin {
    Module::default().load().expect("a plugin")
}

#[track_caller]
fn refused(plugin: &Plugin, description: Description) -> Vec<String> {
    let wrong = Locked::new("./guest.wasm", plugin, description).expect_err("it must be refused");
    assert!(wrong.iter().all(|failure| !failure.message.chars().any(char::is_control)), "{wrong:?}");
    wrong.into_iter().map(|Failure { message, .. }| message).collect()
}

#[test]
fn one_want_too_many() {
    let wrong = refused(&plain(), description(vec![capability("process")]));
    assert_eq!(wrong, ["an offer asks for `process`, which it does not import"]);
    // Its name is the component's own, and is quoted all the same.
    let wrong = refused(&plain(), description(vec![capability("pro\u{1b}[2Jcess")]));
    assert_eq!(wrong, ["an offer asks for `process`, which it does not import"]);
}

#[test]
fn one_want_too_few() {
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let imports = plugin.imports().iter().filter(|import| !FREE.contains(&import.as_str()));
    let all: Vec<_> = imports.map(|import| capability(import)).collect();
    assert!(Locked::new("./guest.wasm", &plugin, description(all.clone())).is_ok());
    let rest: Vec<_> = all.into_iter().filter(|capability| capability.name != "secret").collect();
    assert_eq!(refused(&plugin, description(rest)), ["it imports `secret`, which no offer asks for"]);
}

#[test]
fn what_people_read_before_they_grant_is_clean() {
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let imports = plugin.imports().iter().filter(|import| !FREE.contains(&import.as_str()));
    let wants = imports.map(|import| capability(import)).collect();
    let (_, locked) = Locked::new("./guest.wasm", &plugin, description(wants)).expect("only texts are odd");
    let [offer] = &locked.offers[..] else { panic!("one offer") };
    assert_eq!((locked.summary.as_str(), offer.summary.as_str()), (CLEAN, CLEAN));
    assert!(offer.capabilities.iter().all(|capability| capability.reason == CLEAN), "{offer:?}");
    assert_eq!(offer.annotations.get(CLEAN).map(String::as_str), Some(CLEAN));
    let long = Description { summary: "x".repeat(513), ..description(Vec::new()) };
    assert_eq!(Locked::new("./guest.wasm", &plain(), long).expect("a lock").1.summary.len(), 512);
}

#[test]
fn names_that_are_none() {
    for odd in ["pl\u{1b}[2Jan", "plan ", "pl\nan", ""] {
        for part in ["role", "name"] {
            let mut description = description(Vec::new());
            let offer = &mut description.offers[0];
            *(if part == "role" { &mut offer.role } else { &mut offer.name }) = odd.to_owned();
            let wrong = refused(&plain(), description);
            assert!(wrong.len() == 1 && wrong[0].contains(&format!("the {part} ")), "{odd:?}: {wrong:?}");
        }
        let wrong = refused(&plain(), Description { name: odd.to_owned(), ..description(Vec::new()) });
        assert!(wrong.len() == 1 && wrong[0].starts_with("its name "), "{odd:?}: {wrong:?}");
    }
    for odd in ["1.2.3-\u{1b}[2J", "1.2.3+ä", "1.2"] {
        let wrong = refused(&plain(), Description { version: odd.to_owned(), ..description(Vec::new()) });
        assert!(wrong.len() == 1 && wrong[0].starts_with("its version "), "{odd:?}: {wrong:?}");
    }
}

#[test]
fn annotations_are_few_and_short() {
    let with = |annotations: Vec<Annotation>| {
        let mut description = description(Vec::new());
        description.annotations = annotations.clone();
        description.offers[0].annotations = annotations;
        description
    };
    let many = |count| (0..count).map(|n| annotation(&n.to_string(), "x")).collect();
    assert!(Locked::new("./guest.wasm", &plain(), with(many(64))).is_ok());
    let wrong = refused(&plain(), with(many(65)));
    let why = "65 annotations, where at most 64 are possible";
    assert_eq!(wrong, [format!("it has {why}"), format!("its offer step `plan` has {why}")]);
    let of = |bytes| with(vec![annotation("a", "x".repeat(bytes))]);
    assert!(Locked::new("./guest.wasm", &plain(), of(4096)).is_ok());
    let wrong = refused(&plain(), of(4097));
    let why = "an annotation `a` of more than 4096 bytes";
    assert_eq!(wrong, [format!("it has {why}"), format!("its offer step `plan` has {why}")]);
}

/// The lock of a component that had fewer imports, under the digest of one that has more: whoever edits the file by hand
/// gains nothing.
#[test]
fn a_lock_that_knows_fewer_imports_does_not_load_the_component() {
    let (name, mut locked) =
        Locked::new("./guest.wasm", &plain(), description(Vec::new())).expect("it imports nothing");
    let hostile = HOST.load(&bytes()).expect("a plugin");
    locked.digest = hostile.digest().clone();
    let mut lock = Lock::default();
    lock.plugins.insert(name, locked);
    let lock = Lock::parse(&lock.to_text()).expect("its own text");
    let (name, locked, offer) = lock.step("guest/plan").expect("the offer");
    assert_eq!((name, offer.name.as_str()), ("guest", "plan"));
    let failure = locked.check(name, &hostile).expect_err("it imports what the lock does not know");
    assert!(failure.is_denied(), "{failure:?}");
    let (prefix, suffix) = ("plugin `guest` imports application, approval, ", ", which tidegate.lock does not know");
    assert!(failure.message.starts_with(prefix) && failure.message.ends_with(suffix), "{}", failure.message);
    assert!(failure.message.contains("process, "), "{}", failure.message);
}

#[test]
fn a_lock_of_another_format_is_not_read() {
    let failure = Lock::parse(r#"{"version": 2, "plugins": {}}"#).expect_err("it is of another format");
    assert_eq!(failure.message, "tidegate.lock cannot be read: its version is 2, this Tidegate knows 1");
    assert!(Lock::parse(r#"{"version": 1, "plugins": {}}"#).is_ok());
}

#[test]
fn offers_that_are_none() {
    let mut nothing = description(Vec::new());
    nothing.offers.clear();
    assert_eq!(refused(&plain(), nothing), ["it offers nothing"]);
    let mut twice = description(Vec::new());
    twice.offers.push(twice.offers[0].clone());
    assert_eq!(refused(&plain(), twice), ["its offer step `plan` is there twice"]);
    for (schema, why) in [("[]", "is no JSON object"), ("{", "is no JSON: ")] {
        let mut odd = description(Vec::new());
        odd.offers[0].inputs = schema.to_owned();
        odd.offers[0].outputs = Some(schema.to_owned());
        let wrong = refused(&plain(), odd);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        for (wrong, of) in wrong.iter().zip(["inputs", "outputs"]) {
            let place = format!("its offer step `plan`: the schema of its {of} {why}");
            assert!(wrong.starts_with(&place), "{wrong}");
        }
    }
}

#[test]
fn a_scope_that_is_no_grant() {
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let imports = plugin.imports().iter().filter(|import| !FREE.contains(&import.as_str()));
    let wants: Vec<_> = imports.map(|import| capability(import)).collect();
    for scope in ["[]", "{", r#"{"programms": ["sh"]}"#, r#"{"programs": "sh"}"#] {
        let mut wants = wants.clone();
        let process = wants.iter_mut().find(|want| want.name == "process").expect("it is imported");
        process.scope = scope.to_owned();
        let wrong = refused(&plugin, description(wants));
        let place = "its offer step `plan`: the scope of `process` is no grant: it ";
        assert!(wrong.len() == 1 && wrong[0].starts_with(place), "{scope}: {wrong:?}");
    }
}
