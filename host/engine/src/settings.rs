//! What a host knows from its configuration, with paths found. A secret is read when its repository is first used, so
//! that a command that needs none asks for none.

use access::{Environment, People, Requirement};
use git::{Credential, Remote, Secret};
use manifest::{HostConfig, SecretRef};
use model::{Blame, Failure, Grant};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The lock's name beside the configuration, where that says no other.
const LOCK: &str = "tidegate.lock";

/// The configuration of a host as the engine uses it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Repositories by name.
    pub repositories: BTreeMap<String, Configured>,
    /// Environments.
    pub environments: Vec<Environment>,
    /// Groups and identities.
    pub people: People,
    /// Grants by plugin; what is written here replaces a first-party default, capability by capability.
    pub grants: BTreeMap<String, Grant>,
    /// Plugins from elsewhere: name to place.
    pub sources: BTreeMap<String, String>,
    /// The lock of those; the file need not exist. Absent where there are none.
    pub lock: Option<PathBuf>,
    /// Whether a child may only run with every guard of the jail.
    pub jail_required: bool,
    /// Where paths of the configuration begin.
    pub base: PathBuf,
    /// Credentials by name.
    pub credentials: BTreeMap<String, manifest::Credential>,
    /// Keys for what is kept encrypted, the newest last.
    pub encryption: Vec<manifest::EncryptionKey>,
    /// The kubeconfigs of clusters, which no child sees.
    pub kubeconfigs: Vec<PathBuf>,
    /// How long and how much of artifacts is kept.
    pub artifacts: manifest::Artifacts,
    /// Private networks to which names of granted hosts may lead.
    pub private: Vec<model::place::Network>,
}

/// A repository as configured. Its secret is read once, at the first use.
#[derive(Clone, Debug)]
pub struct Configured {
    url: String,
    credential: Option<Needed>,
    remote: OnceLock<Result<Remote, Failure>>,
}

/// A credential that a repository needs.
#[derive(Clone, Debug)]
struct Needed {
    label: String,
    secret: SecretRef,
    username: String,
}

impl Settings {
    /// Resolves a configuration that was read from a file in `base`. Reads no secret and no other file.
    pub fn new(config: &HostConfig, base: &Path) -> Self {
        let mut settings = Self { base: base.to_owned(), jail_required: config.jail.required, ..Self::default() };
        for (name, repository) in &config.repositories {
            // Whatever the file's reader let pass: a secret goes only where its `for` says.
            let mut allowed = config.credentials.iter().filter(|(_, c)| c.for_repositories.contains(name));
            let found = match &repository.credential {
                Some(named) => allowed.find(|(label, _)| *label == named),
                None => allowed.next(),
            };
            let credential = found.map(|(label, credential)| Needed {
                label: label.clone(),
                secret: credential.secret.clone(),
                username: credential.username.clone().unwrap_or_else(|| "git".to_owned()),
            });
            let configured = Configured { url: repository.url.clone(), credential, remote: OnceLock::new() };
            settings.repositories.insert(name.clone(), configured);
        }
        for (name, environment) in &config.environments {
            let requires = environment.requires.iter().map(requirement).collect();
            let paths = environment.owns.paths.iter().map(|o| format!("{}:{}", o.repository, o.glob)).collect();
            let pipelines_from = environment.pipelines_from.clone();
            settings.environments.push(Environment { name: name.clone(), paths, pipelines_from, requires });
        }
        settings.credentials = config.credentials.clone();
        settings.encryption = config.encryption.clone();
        settings.kubeconfigs = config
            .clusters
            .values()
            .filter_map(|cluster| match &cluster.reach {
                manifest::Reach::Kubeconfig { path, .. } => Some(base.join(path)),
                manifest::Reach::Directory(_) | manifest::Reach::Branch { .. } => None,
            })
            .collect();
        settings.artifacts = config.artifacts;
        settings.private = config.private.clone();
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
        // Without plugins from elsewhere, a file of that name is nobody's.
        let default = (!settings.sources.is_empty()).then_some(LOCK);
        settings.lock = config.plugins.lock.as_deref().or(default).map(|path| base.join(path));
        settings
    }

    /// A repository of the configuration. Blocking at the first use, for then its secret is read. Errors: `not-found`,
    /// `invalid` where its address is wrong or its secret is missing.
    pub fn repository(&self, name: &str) -> Result<&Remote, Failure> {
        let configured = self.repositories.get(name).ok_or_else(|| {
            let known: Vec<_> = self.repositories.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::new(
                Blame::User,
                "not-found",
                format!("the configuration has no repository `{name}`; it has {known}"),
            )
        })?;
        configured.remote.get_or_init(|| configured.resolve(name, &self.base)).as_ref().map_err(Clone::clone)
    }

    /// The environments that own any of these paths.
    pub fn owners(&self, repository: &str, paths: &[String]) -> Vec<&Environment> {
        self.environments.iter().filter(|e| paths.iter().any(|path| e.owns(repository, path))).collect()
    }
}

impl Configured {
    fn resolve(&self, name: &str, base: &Path) -> Result<Remote, Failure> {
        let remote = Remote::parse(&self.url, base).map_err(|e| e.failure())?;
        let Some(needed) = &self.credential else {
            // Over SSH the keys of whoever started this are meant, as for `git` itself.
            let agent = remote.is_ssh() && std::env::var_os("SSH_AUTH_SOCK").is_some();
            return Ok(match agent {
                true => remote.with_credential(Some(Credential::SshAgent { username: "git".to_owned() })),
                false => remote,
            });
        };
        let secret = crate::vault::read(&needed.secret, base).map_err(|why| {
            let message = format!("the credential `{}` of the repository `{name}` is missing: {why}", needed.label);
            Failure::new(Blame::User, "invalid", message)
        })?;
        let username = needed.username.clone();
        // libgit2 reads a key from its file; anything else over SSH is a password.
        if let (true, SecretRef::File(path)) = (remote.is_ssh() && secret.contains("PRIVATE KEY-----"), &needed.secret)
        {
            let private_key = base.join(path);
            return Ok(remote.with_credential(Some(Credential::SshKey { username, private_key })));
        }
        Ok(remote.with_credential(Some(Credential::Password { username, secret: Secret::new(secret) })))
    }
}

fn requirement(requirement: &manifest::Requirement) -> Requirement {
    match requirement.clone() {
        manifest::Requirement::Approval { group, count, expires_millis, verified } => {
            Requirement::Approval { group, count, expires_millis, verified }
        }
        manifest::Requirement::Window(window) => Requirement::Window(window),
        manifest::Requirement::Healthy { environment } => Requirement::Healthy { environment },
        manifest::Requirement::Other { kind, settings } => Requirement::Other { kind, settings },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::Settings;
    use manifest::{Credential, HostConfig, PluginSource, Repository, SecretRef};
    use std::path::Path;

    fn config() -> HostConfig {
        let mut config = HostConfig::default();
        let url = "https://git.example.com/x.git".to_owned();
        for (name, credential) in [("mine", Some("bot")), ("theirs", Some("bot")), ("open", None)] {
            let credential = credential.map(str::to_owned);
            config
                .repositories
                .insert(name.to_owned(), Repository { url: url.clone(), credential, ..Default::default() });
        }
        let secret = SecretRef::Env("TIDEGATE_TEST_NOBODY_SETS_THIS".to_owned());
        let bot = Credential {
            secret,
            for_repositories: vec!["mine".to_owned()],
            registries: vec![],
            steps: vec![],
            username: None,
        };
        config.credentials.insert("bot".to_owned(), bot);
        config
    }

    #[test]
    fn a_missing_secret_stops_only_its_repository() {
        let settings = Settings::new(&config(), Path::new("/base"));
        let failure = settings.repository("mine").unwrap_err();
        assert!(failure.message.contains("`bot` of the repository `mine` is missing"), "{failure}");
        assert!(settings.repository("open").is_ok());
        assert_eq!(settings.repository("none").unwrap_err().code, "not-found");
    }

    #[test]
    fn a_secret_goes_only_where_it_is_for() {
        // The reader of the file refuses this; here it must at least send nothing.
        assert_eq!(Settings::new(&config(), Path::new("/base")).repository("theirs").unwrap().credential, None);
    }

    #[test]
    fn a_key_file_opens_ssh_and_a_password_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
        std::fs::write(folder.path().join("key"), key).unwrap();
        std::fs::write(folder.path().join("word"), "hunter2\n").unwrap();
        let credential = |url: &str, file: &str| {
            let mut config = config();
            config.repositories.get_mut("mine").unwrap().url = url.to_owned();
            config.credentials.get_mut("bot").unwrap().secret = SecretRef::File(file.to_owned());
            Settings::new(&config, folder.path()).repository("mine").unwrap().credential.clone().unwrap()
        };
        let private_key = folder.path().join("key");
        let opened = git::Credential::SshKey { username: "git".to_owned(), private_key };
        assert_eq!(credential("ssh://alice@git.example.com/x.git", "key"), opened);
        assert_eq!(credential("git@git.example.com:x.git", "key"), opened);
        for (url, file) in [("ssh://git.example.com/x.git", "word"), ("https://git.example.com/x.git", "key")] {
            assert!(matches!(credential(url, file), git::Credential::Password { .. }), "{url}");
        }
    }

    #[test]
    fn the_lock_has_a_default() {
        let mut config = config();
        let lock = |config: &HostConfig| Settings::new(config, Path::new("/base")).lock;
        assert_eq!(lock(&config), None);
        let source = PluginSource { from: "./lint.wasm".to_owned(), grants: Default::default() };
        config.plugins.sources.insert("lint".to_owned(), source);
        assert_eq!(lock(&config).as_deref(), Some(Path::new("/base/tidegate.lock")));
        config.plugins.lock = Some("locks/own.lock".to_owned());
        assert_eq!(lock(&config).as_deref(), Some(Path::new("/base/locks/own.lock")));
    }
}
