//! Whether an application stands as it is wanted, and what to wait for where it does not. It asks nobody.

use crate::image;
use serde_json::{Map, Value, json};
use tidegate::application::Status;

/// Every sync status, and every health.
const SYNC: [&str; 3] = ["Synced", "OutOfSync", "Unknown"];
const HEALTH: [&str; 6] = ["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"];
/// Most images that a message names.
const NAMED: usize = 4;

/// How an application shall stand, besides in sync and healthy.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub application: &'a str,
    pub image: Option<&'a str>,
    pub commit: Option<&'a str>,
}

/// Whether what was synced contains the wanted commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contained {
    Yes,
    No,
    /// Its repository does not have the commit, in the host's words.
    Unheard(String),
}

/// What was found out.
#[derive(Debug)]
pub enum Seen<'a> {
    /// How it stands.
    Status(&'a Status, Contained),
    /// It cannot be read for now, and why.
    Unreadable(&'a str),
}

/// Why it does not stand as it is wanted, for people, and the conditions of which each may change that.
#[derive(Debug, PartialEq)]
pub struct Lacking {
    pub message: String,
    pub conditions: Vec<Value>,
}

impl Wanted<'_> {
    /// What is wanted, for people: `shop to be Synced and Healthy with registry/shop:v2`.
    pub fn in_words(&self) -> String {
        let image = self.image.map(|image| format!(" with {image}")).unwrap_or_default();
        let commit = self.commit.map(|commit| format!(" at {} or later", short(commit))).unwrap_or_default();
        format!("{} to be Synced and Healthy{image}{commit}", self.application)
    }

    /// What is lacking; nothing where all is as wanted.
    pub fn lacking(&self, seen: &Seen<'_>) -> Option<Lacking> {
        let mut reasons = Vec::new();
        let mut conditions = vec![self.all()];
        match seen {
            Seen::Unreadable(why) => {
                reasons.push((*why).to_owned());
                // Whatever it turns out to be: then it can be read again.
                conditions.extend(others("sync", &SYNC, ""));
            }
            Seen::Status(status, contained) => {
                if let Some(why) = self.standing(status) {
                    reasons.push(why);
                }
                if let Some(why) = self.commit.and_then(|commit| behind(commit, status, contained)) {
                    reasons.push(why);
                    conditions.push(json!({ "revision": self.commit }));
                }
                if let Some(why) = self.image.and_then(|image| without(image, status)) {
                    reasons.push(why);
                    conditions.push(json!({ "image": self.image }));
                }
                if reasons.is_empty() {
                    return None;
                }
                // Woken by each change, it can always say how the application stands by now.
                conditions.extend(others("sync", &SYNC, &status.sync));
                conditions.extend(others("health", &HEALTH, &status.health));
            }
        }
        Some(Lacking { message: format!("{} ({})", self.in_words(), reasons.join("; ")), conditions })
    }

    /// The condition under which nothing is lacking.
    fn all(&self) -> Value {
        let mut all = Map::from_iter([("sync".to_owned(), json!("Synced")), ("health".to_owned(), json!("Healthy"))]);
        all.extend(self.image.map(|image| ("image".to_owned(), json!(image))));
        all.extend(self.commit.map(|commit| ("revision".to_owned(), json!(commit))));
        Value::Object(all)
    }

    fn standing(&self, status: &Status) -> Option<String> {
        if status.sync == "Synced" && status.health == "Healthy" {
            return None;
        }
        let why = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
        Some(format!("it is {} and {}{why}", status.sync, status.health))
    }
}

fn others<'a>(key: &'static str, words: &'a [&'a str], is: &str) -> impl Iterator<Item = Value> + use<'a> {
    let is = is.to_owned();
    words.iter().filter(move |word| **word != is).map(move |word| json!({ key: word }))
}

fn behind(commit: &str, status: &Status, contained: &Contained) -> Option<String> {
    match (contained, &status.synced) {
        (Contained::Yes, _) => None,
        (Contained::Unheard(why), _) => Some(why.clone()),
        (Contained::No, None) => Some("nothing is synced yet".to_owned()),
        (Contained::No, Some(synced)) => {
            Some(format!("what is synced, {}, does not contain {}", short(synced), short(commit)))
        }
    }
}

fn without(wanted: &str, status: &Status) -> Option<String> {
    if status.images.iter().any(|has| image::same(wanted, has)) {
        return None;
    }
    if status.images.is_empty() {
        return Some("it runs no image".to_owned());
    }
    // Another version of the same says most; which others it has says that the name may be wrong.
    let alike = |has: &&String| image::repository(has) == image::repository(wanted);
    let mut named: Vec<&str> = status.images.iter().filter(alike).map(String::as_str).collect();
    if named.is_empty() {
        named = status.images.iter().map(String::as_str).collect();
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("it runs {}{more}", named.join(", ")))
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
#[path = "judge/tests.rs"]
mod tests;
