//! How the credentials of a configuration stand: where each is, to whom it goes, and whether it can be read. It never
//! answers one.

use crate::core::aside;
use crate::engine::Engine;
use crate::vault;
use manifest::{CredentialSteps, SecretRef};
use model::{Blame, Failure};
use serde::Serialize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// One credential.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialReport {
    /// Its name; of an encryption key `encryption key ID`.
    pub name: String,
    /// Where its secret is: `env:NAME`, `file:PATH`.
    pub secret: String,
    /// The user's name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// To whom it goes, one line each.
    pub goes_to: Vec<String>,
    /// Why it cannot be used; absent where it can, or where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is doubtful about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What was tried with it, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
}

/// Shortest secret for a key, in bytes.
const SHORTEST_KEY: usize = 32;

impl Engine {
    /// All credentials, without looking at one.
    pub fn credentials(&self) -> Vec<CredentialReport> {
        let settings = &self.core.settings;
        let named = settings.credentials.iter().map(|(name, credential)| {
            let repositories = credential.for_repositories.iter().map(|name| format!("repository {name}"));
            let registries = credential.registries.iter().map(|host| format!("registry {host}"));
            let steps = credential.steps.iter().map(in_words);
            CredentialReport {
                name: name.clone(),
                secret: place(&credential.secret),
                username: credential.username.clone(),
                goes_to: repositories.chain(registries).chain(steps).collect(),
                problem: None,
                warnings: vec![],
                tried: vec![],
            }
        });
        let keys = settings.encryption.iter().map(|key| CredentialReport {
            name: format!("encryption key {}", key.id),
            secret: place(&key.secret),
            username: None,
            goes_to: vec!["artifacts at rest".to_owned()],
            problem: None,
            warnings: vec![],
            tried: vec![],
        });
        named.chain(keys).collect()
    }

    /// Reads each, and logs in to the repositories that it is for. With `only`, that one alone. Errors: `not-found`.
    pub async fn check_credentials(&self, only: Option<&str>) -> Result<Vec<CredentialReport>, Failure> {
        let mut reports = self.credentials();
        if let Some(only) = only {
            reports.retain(|report| report.name == only);
            if reports.is_empty() {
                let known = self.core.settings.credentials.keys().map(String::as_str);
                let hint = manifest::nearest(only, known).map(|nearest| format!("did you mean `{nearest}`?"));
                let failure =
                    Failure::new(Blame::User, "not-found", format!("the configuration has no credential `{only}`"));
                return Err(Failure { hint, ..failure });
            }
        }
        let engine = self.clone();
        aside(move || {
            for report in &mut reports {
                engine.check(report);
            }
            Ok(reports)
        })
        .await
    }

    fn check(&self, report: &mut CredentialReport) {
        let settings = &self.core.settings;
        let named = settings.credentials.get(&report.name);
        let id = report.name.strip_prefix("encryption key ");
        let key = id.and_then(|id| settings.encryption.iter().find(|key| key.id == id));
        let Some(secret) = named.map(|c| &c.secret).or(key.map(|key| &key.secret)) else { return };
        let value = match vault::read(secret, &settings.base) {
            Ok(value) => value,
            Err(why) => {
                report.problem = Some(why);
                return;
            }
        };
        if let SecretRef::File(path) = secret {
            report.warnings.extend(readable_by_others(&settings.base.join(path)));
        }
        if key.is_some() && value.len() < SHORTEST_KEY {
            report.problem = Some(format!("it has {} bytes; a key has at least {SHORTEST_KEY}", value.len()));
        }
        if value.len() < access::forms::SHORTEST {
            let least = access::forms::SHORTEST;
            report.warnings.push(format!("it has fewer than {least} bytes, so it cannot be masked in logs"));
        }
        for repository in named.map(|c| c.for_repositories.as_slice()).unwrap_or_default() {
            let fetched = self.core.mirror(repository).and_then(|m| m.fetch().map_err(|e| e.failure()));
            match fetched {
                Ok(_) => report.tried.push(format!("repository {repository}: let in")),
                Err(failure) => {
                    report.problem.get_or_insert(format!("repository {repository}: {}", failure.message));
                }
            }
        }
    }
}

fn place(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("env:{name}"),
        SecretRef::File(path) => format!("file:{path}"),
    }
}

fn in_words(steps: &CredentialSteps) -> String {
    let mut text = format!("steps {}", steps.uses.join(", "));
    if !steps.repositories.is_empty() {
        text += &format!(" of {}", steps.repositories.join(", "));
    }
    if !steps.environments.is_empty() {
        text += &format!(" that change {}", steps.environments.join(", "));
    }
    text
}

/// A secret that others on the machine can read is none.
fn readable_by_others(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| format!("others may read its file (mode {:03o}): chmod 600", mode & 0o777))
}
