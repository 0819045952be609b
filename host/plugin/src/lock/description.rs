//! What a component says of itself, checked and cleaned: a person reads it before anything is granted, so it may neither
//! rewrite the screen nor claim what the component is not.

use super::want::{capabilities, grant_of};
use super::{Capability, Locked, Offer};
use crate::bindings::tidegate::plugin::types::Annotation;
use crate::component::{INTERFACE, Plugin};
use crate::imports::clean_line;
use crate::wit::description::{Description, Interruption};
use model::{Blame, Failure};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest summary, reason, or name of an annotation, in bytes.
const LINE: usize = 512;
/// The longest value of an annotation, in bytes (`types.annotation`).
const VALUE: usize = 4096;
/// Most annotations on one item (`types.annotation`).
const ANNOTATIONS: usize = 64;
/// The longest refusal, in bytes.
const REFUSAL: usize = 4096;

/// A description whose texts for people are single lines without escapes. Names are as they were: a wrong one is refused
/// rather than mended.
pub(crate) fn clean(mut description: Description) -> Description {
    let annotations = |list: &mut Vec<Annotation>| {
        for annotation in list {
            annotation.name = clean_line(&annotation.name, LINE);
            // One byte more than may be, so that a value that is too long is still seen to be.
            annotation.value = clean_line(&annotation.value, VALUE + 1);
        }
    };
    description.summary = clean_line(&description.summary, LINE);
    annotations(&mut description.annotations);
    for offer in &mut description.offers {
        offer.summary = clean_line(&offer.summary, LINE);
        annotations(&mut offer.annotations);
        for capability in &mut offer.capabilities {
            capability.reason = clean_line(&capability.reason, LINE);
        }
    }
    description
}

impl Locked {
    /// Locks a component by what it says of itself. All that is wrong is answered at once.
    pub fn new(source: &str, plugin: &Plugin, description: Description) -> Result<(String, Self), Vec<Failure>> {
        let description = clean(description);
        let mut wrong = Vec::new();
        // What is refused is quoted, and may be anything.
        let mut refuse =
            |message: String| wrong.push(Failure::new(Blame::Plugin, "invalid", clean_line(&message, REFUSAL)));
        let name = description.name;
        if !is_name(&name) {
            refuse(format!("its name {name:?} is not 1 to 63 lower-case letters, digits and `-`"));
        }
        if !is_version(&description.version) {
            refuse(format!("its version {:?} is no semantic version", description.version));
        }
        if let Some(why) = too_much(&description.annotations) {
            refuse(format!("it has {why}"));
        }
        if description.offers.is_empty() {
            refuse("it offers nothing".to_owned());
        }
        let (mut offers, mut seen, mut wanted) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for offer in description.offers {
            let what = format!("its offer {} `{}`", offer.role, offer.name);
            for (part, text) in [("role", &offer.role), ("name", &offer.name)] {
                if !is_offer_name(text) {
                    refuse(format!(
                        "{what}: the {part} {text:?} is not 1 to 128 letters, digits, `.`, `_`, `-` and `/`"
                    ));
                }
            }
            if let Some(why) = too_much(&offer.annotations) {
                refuse(format!("{what} has {why}"));
            }
            if is_offer_name(&offer.role) && !plugin.serves(&offer.role) {
                refuse(format!("{what}: it exports nothing that serves this role"));
            }
            if !seen.insert((offer.role.clone(), offer.name.clone())) {
                refuse(format!("{what} is there twice"));
            }
            let mut schema = |text: &str, of: &str| {
                schema_of(text).unwrap_or_else(|why| {
                    refuse(format!("{what}: the schema of its {of} {why}"));
                    json!({})
                })
            };
            let inputs = schema(&offer.inputs, "inputs");
            let outputs = offer.outputs.as_deref().map(|text| schema(text, "outputs"));
            let mut capabilities = Vec::new();
            for capability in offer.capabilities {
                let scope =
                    schema_of(&capability.scope).and_then(|scope| grant_of(&capability.name, &scope).map(|_| scope));
                let scope = scope.unwrap_or_else(|why| {
                    refuse(format!("{what}: the scope of `{}` is no grant: it {why}", capability.name));
                    json!({})
                });
                wanted.insert(capability.name.clone());
                capabilities.push(Capability { name: capability.name, reason: capability.reason, scope });
            }
            offers.push(Offer {
                role: offer.role,
                name: offer.name,
                summary: offer.summary,
                inputs,
                outputs,
                idempotent: offer.interruption == Interruption::Idempotent,
                capabilities,
                annotations: offer.annotations.into_iter().map(|a| (a.name, a.value)).collect(),
            });
        }
        let imported = capabilities(plugin.imports());
        for import in imported.difference(&wanted) {
            refuse(format!("it imports `{import}`, which no offer asks for"));
        }
        // Secrets are in a step's inputs as texts that stand for them; handing one on takes no call.
        let hands_on = imported.contains("process") || imported.contains("http");
        for want in wanted.difference(&imported).filter(|want| !(hands_on && *want == "secret")) {
            refuse(format!("an offer asks for `{want}`, which it does not import"));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let locked = Self {
            source: source.to_owned(),
            version: description.version,
            digest: plugin.digest().clone(),
            interface: INTERFACE.to_owned(),
            summary: description.summary,
            imports: plugin.imports().to_vec(),
            offers,
        };
        Ok((name, locked))
    }
}

fn too_much(annotations: &[Annotation]) -> Option<String> {
    if annotations.len() > ANNOTATIONS {
        return Some(format!("{} annotations, where at most {ANNOTATIONS} are possible", annotations.len()));
    }
    let long = annotations.iter().find(|annotation| annotation.value.len() > VALUE)?;
    Some(format!("an annotation `{}` of more than {VALUE} bytes", long.name))
}

fn schema_of(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err("is no JSON object".to_owned()),
        Err(e) => Err(format!("is no JSON: {e}")),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

/// `step`, `plan`, `argoproj.io/Rollout`.
fn is_offer_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(fits)
}

/// `MAJOR.MINOR.PATCH` with an optional pre-release and build.
fn is_version(text: &str) -> bool {
    let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let parts: Vec<_> = core.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let sane = |b: u8| b.is_ascii_alphanumeric() || b".+-".contains(&b);
    parts.len() == 3 && parts.iter().all(digits) && rest.bytes().all(sane) && rest.len() != 1 && text.len() <= 100
}

#[cfg(test)]
mod tests {
    use super::{is_name, is_offer_name, is_version};

    #[test]
    fn versions() {
        for good in ["0.1.0", "1.2.3-rc.1", "1.2.3+build-5", "1.2.3-a.b+c"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "1.2", "1.2.x", "1.2.3-", "1.2.3-\u{1b}[2J", "1.2.3+a b", "1.2.3-é", "1.2.3\n", "v1.2.3"] {
            assert!(!is_version(bad), "{bad:?}");
        }
        assert!(!is_version(&format!("1.2.3-{}", "a".repeat(100))));
    }

    #[test]
    fn names() {
        for bad in ["", "a b", "a\u{1b}[2J", "a\nb", "ä", &"a".repeat(129)] {
            assert!(!is_offer_name(bad) && !is_name(bad), "{bad:?}");
        }
        for good in ["plan", "argoproj.io/Rollout", "set-image", "a_b"] {
            assert!(is_offer_name(good), "{good}");
        }
    }
}
