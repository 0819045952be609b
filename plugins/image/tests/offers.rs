//! What the plugin says of itself: capabilities for exactly what its code calls, schemas that know each input.

use image::{Assemble, Build, Copy};
use serde_json::Value;
use std::collections::BTreeSet;
use tidegate::{Interruption, Step};

fn wanted<S: Step>() -> BTreeSet<String> {
    S::capabilities().into_iter().map(|capability| capability.name).collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn each_step_wants_what_it_calls() {
    let common = ["http", "secret", "workspace-read", "workspace-write"];
    assert_eq!(wanted::<Copy>(), names(&common));
    assert_eq!(wanted::<Assemble>(), names(&[&common[..], &["archive"]].concat()));
    assert_eq!(wanted::<Build>(), names(&[&common[..], &["archive", "process"]].concat()));
    for capability in [Build::capabilities(), Assemble::capabilities(), Copy::capabilities()].concat() {
        assert!(capability.reason.ends_with('.'), "{}", capability.reason);
        assert!(serde_json::from_str::<Value>(&capability.scope).expect("JSON").is_object());
    }
    for interruption in [Build::interruption(), Assemble::interruption(), Copy::interruption()] {
        assert!(matches!(interruption, Interruption::Idempotent));
    }
}

#[test]
fn schemas_name_each_input_and_no_other() {
    let offers = [
        tidegate::dispatch::offer::<Build>(),
        tidegate::dispatch::offer::<Assemble>(),
        tidegate::dispatch::offer::<Copy>(),
    ];
    let required = [&["image"][..], &["base"], &["from", "to"]];
    for (offer, required) in offers.iter().zip(required) {
        let schema: Value = serde_json::from_str(&offer.inputs).expect("JSON");
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{}", offer.name);
        assert_eq!(schema["required"], serde_json::json!(required), "{}", offer.name);
        let properties = schema["properties"].as_object().expect("properties");
        assert!(properties.contains_key("insecure"));
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{}: {name}", offer.name);
        }
        let outputs: Value = serde_json::from_str(offer.outputs.as_ref().expect("outputs")).expect("JSON");
        for name in ["reference", "digest", "tag", "size"] {
            assert!(outputs["properties"][name].is_object(), "{}: {name}", offer.name);
        }
    }
}
