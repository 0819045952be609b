//! What a host knows from its configuration, with paths and secrets found.

use access::{Environment, People, Requirement};
use git::{Credential, Remote, Secret};
use manifest::{HostConfig, SecretRef};
use model::{Blame, Failure, Grant};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The configuration of a host as the engine uses it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Repositories by name.
    pub repositories: BTreeMap<String, Remote>,
    /// Environments.
    pub environments: Vec<Environment>,
    /// Groups and identities.
    pub people: People,
    /// Grants by plugin; what is written here replaces a first-party default, capability by capability.
    pub grants: BTreeMap<String, Grant>,
    /// Plugins from elsewhere: name to place.
    pub sources: BTreeMap<String, String>,
    /// The lock of those, where there is one.
    pub lock: Option<PathBuf>,
    /// Whether a child may only run with every guard of the jail.
    pub jail_required: bool,
    /// Where paths of the configuration begin.
    pub base: PathBuf,
}

impl Settings {
    /// Resolves a configuration that was read from a file in `base`. Secrets are read here, and each that is missing is
    /// an error only of the repository that needs it, when it is used.
    pub fn new(config: &HostConfig, base: &Path) -> Result<Self, Failure> {
        let mut settings = Self { base: base.to_owned(), jail_required: config.jail.required, ..Self::default() };
        for (name, repository) in &config.repositories {
            let named = repository.credential.as_deref();
            let implied = config.credentials.iter().find(|(_, c)| c.for_repositories.contains(name));
            let credential =
                match named.map(|n| (n, config.credentials.get(n))).or(implied.map(|(n, c)| (n.as_str(), Some(c)))) {
                    Some((label, Some(found))) => {
                        let secret = secret(&found.secret, base).map_err(|why| {
                            let message =
                                format!("the credential `{label}` of the repository `{name}` is missing: {why}");
                            Failure::new(Blame::User, "invalid", message)
                        })?;
                        let username = found.username.clone().unwrap_or_else(|| "git".to_owned());
                        Some(Credential::Password { username, secret: Secret::new(secret) })
                    }
                    _ => None,
                };
            let remote = Remote::parse(&repository.url, base).map_err(|e| e.failure())?;
            settings.repositories.insert(name.clone(), remote.with_credential(credential));
        }
        for (name, environment) in &config.environments {
            let requires = environment.requires.iter().map(requirement).collect();
            let paths = environment.owns.paths.iter().map(|o| format!("{}:{}", o.repository, o.glob)).collect();
            let pipelines_from = environment.pipelines_from.clone();
            settings.environments.push(Environment { name: name.clone(), paths, pipelines_from, requires });
        }
        settings.people.groups = config.groups.clone();
        for (person, identities) in &config.people {
            for identity in identities.values() {
                settings.people.identities.insert(identity.clone(), person.clone());
            }
        }
        settings.grants = config.plugins.grants.clone();
        for (name, source) in &config.plugins.sources {
            settings.sources.insert(name.clone(), source.from.clone());
            settings.grants.insert(name.clone(), source.grants.clone());
        }
        settings.lock = config.plugins.lock.as_ref().map(|path| base.join(path));
        Ok(settings)
    }

    /// A repository of the configuration.
    pub fn repository(&self, name: &str) -> Result<&Remote, Failure> {
        self.repositories.get(name).ok_or_else(|| {
            let known: Vec<_> = self.repositories.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::new(
                Blame::User,
                "not-found",
                format!("the configuration has no repository `{name}`; it has {known}"),
            )
        })
    }

    /// The environments that own any of these paths.
    pub fn owners(&self, repository: &str, paths: &[String]) -> Vec<&Environment> {
        self.environments.iter().filter(|e| paths.iter().any(|path| e.owns(repository, path))).collect()
    }
}

fn requirement(requirement: &manifest::Requirement) -> Requirement {
    match requirement.clone() {
        manifest::Requirement::Approval { group, count, expires_millis, verified } => {
            Requirement::Approval { group, count, expires_millis, verified }
        }
        manifest::Requirement::Other { kind, settings } => Requirement::Other { kind, settings },
    }
}

fn secret(reference: &SecretRef, base: &Path) -> Result<String, String> {
    match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| format!("the variable `{name}` is not set")),
        SecretRef::File(path) => {
            let path = base.join(path);
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
    }
}
