//! What holds for any input: the grammar of references, headers of any server, one digest for one image.

use image::canonical;
use image::challenge;
use image::digest::Digest;
use image::location;
use image::manifest::Document;
use image::reference::Reference;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// References by the grammar of the distribution specification, written as a generator instead of a parser.
fn references() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\\.[a-z]{2,4}",
        "[a-z0-9]{1,8}:[1-9][0-9]{0,3}",
        Just("localhost".to_owned()),
        Just("[::1]:5000".to_owned()),
    ];
    let part = "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}";
    let name = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let tag = prop::option::of("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}");
    let digest = prop::option::of("[a-f0-9]{64}");
    (host, name, tag, digest).prop_map(|(host, name, tag, digest)| {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = digest.map(|digits| format!("@sha256:{digits}")).unwrap_or_default();
        format!("{host}/{name}{tag}{digest}")
    })
}

/// JSON, a few levels deep.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The same value with the fields of each object in the opposite order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect();
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn what_the_grammar_gives_is_read_and_written_alike(text in references()) {
        let reference = Reference::parse(&text).map_err(|error| TestCaseError::fail(error.message))?;
        prop_assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn what_is_read_has_nothing_that_a_url_would_take_for_its_own(text in "[a-zA-Z0-9./:@_ %?#\\\\-]{0,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            let name = &reference.repository.name;
            prop_assert!(!name.split('/').any(|part| part.is_empty() || part.chars().all(|c| c == '.')));
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte)));
            let again = Reference::parse(&reference.to_string());
            prop_assert_eq!(again.ok(), Some(reference));
        }
    }

    #[test]
    fn one_broken_character_is_never_read_as_something_else(text in references(), at in any::<prop::sample::Index>(), other in any::<char>()) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        characters[at] = other;
        let changed: String = characters.into_iter().collect();
        if let Ok(reference) = Reference::parse(&changed) {
            let host = reference.repository.host.len();
            prop_assert_eq!(reference.to_string()[host..].to_owned(), changed[host..].to_owned());
            prop_assert!(changed.is_ascii());
        }
    }

    #[test]
    fn no_header_makes_a_reader_panic(text in "(Bearer |Basic |realm=|\"|\\\\|,|=| |[a-z]|.){0,24}", base in ".{0,12}") {
        let _ = challenge::best([text.as_str()]);
        let _ = location::resolve(&base, &text);
        if let Some(url) = location::resolve("https://r.io/v2/app/blobs/uploads/", &text) {
            prop_assert!(location::origin(&url).is_some(), "{}", url);
        }
    }

    #[test]
    fn no_document_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), value in values()) {
        let _ = Document::new("", bytes);
        let _ = Document::new("x", value.to_string().into_bytes());
    }

    #[test]
    fn one_value_has_one_digest(value in values()) {
        let bytes = canonical::bytes(&value).map_err(|error| TestCaseError::fail(error.message))?;
        let again = canonical::bytes(&reversed(&value)).map_err(|error| TestCaseError::fail(error.message))?;
        prop_assert_eq!(Digest::of(&bytes), Digest::of(&again));
        let read: Value = serde_json::from_slice(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read, value);
    }
}
