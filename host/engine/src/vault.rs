//! Secrets of the configuration: read when they are needed, given to whom the configuration says, and known to the masker
//! from then on. It never keeps one on the disk, and never tells one in an error.

use crate::attempt::Attempt;
use access::mask::Masker;
use access::narrow::matches;
use access::{handle, permit};
use manifest::{Credential, SecretRef};
use model::{Blame, Failure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// The credentials of a host.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    credentials: BTreeMap<String, Credential>,
    base: PathBuf,
    masker: RwLock<Arc<Masker>>,
}

/// What a registry's credential is called by plugins: `registry:HOST`.
const REGISTRY: &str = "registry:";
/// Parts of a credential that a plugin may ask for.
const PARTS: [&str; 3] = ["", "username", "basic"];
/// Largest file that holds a secret, in bytes.
const LARGEST: u64 = 64 << 10;

/// The file that a secret is in, if it is in one.
pub(crate) fn file(secret: &SecretRef, base: &Path) -> Option<PathBuf> {
    match secret {
        SecretRef::File(path) => Some(base.join(path)),
        SecretRef::Env(_) => None,
    }
}

impl Vault {
    pub(crate) fn new(credentials: BTreeMap<String, Credential>, base: &Path) -> Self {
        Self { credentials, base: base.to_owned(), masker: RwLock::default() }
    }

    /// The files that secrets are read from.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.credentials.values().filter_map(|credential| file(&credential.secret, &self.base))
    }

    /// Finds every secret that was read so far.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        self.masker.read().map(|masker| masker.clone()).unwrap_or_default()
    }

    /// Reads these secrets for the masker alone; one that is missing is found out by whoever needs it.
    pub(crate) fn expect<'a>(&self, names: impl IntoIterator<Item = &'a String>) {
        for name in names {
            if let Some(credential) = self.credentials.get(name) {
                let _ = self.value(name, credential);
            }
        }
    }

    /// Whether a step may name a secret at all, as far as that is known before it runs. Errors: `not-found`, `denied`.
    pub(crate) fn admit(&self, name: &str, uses: &str, origin: Option<&str>) -> Result<(), Failure> {
        admits(name, self.named(name)?, uses, origin, None)
    }

    fn named(&self, name: &str) -> Result<&Credential, Failure> {
        self.credentials.get(name).ok_or_else(|| {
            let nearest = manifest::nearest(name, self.credentials.keys().map(String::as_str));
            let hint = nearest.map_or_else(
                || "an operator adds it in tidegate.yaml, under `spec.credentials`".to_owned(),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            Failure::new(Blame::User, "not-found", format!("the configuration has no credential `{name}`")).hint(hint)
        })
    }

    /// The credential for a registry; two for one are refused by name.
    fn registry(&self, host: &str) -> Result<(&str, &Credential), Failure> {
        let host = plain(host);
        let mut found = self.credentials.iter().filter(|(_, c)| c.registries.iter().any(|own| plain(own) == host));
        let first = found.next().ok_or_else(|| {
            Failure::new(
                Blame::User,
                "not-found",
                format!("the configuration has no credential for the registry `{host}`"),
            )
            .hint(format!("an operator adds one: `spec.credentials.NAME: {{ secret: env:…, registries: [{host}] }}`"))
        })?;
        match found.next() {
            None => Ok((first.0, first.1)),
            Some((other, _)) => {
                let message = format!("the registry `{host}` has two credentials, `{}` and `{other}`", first.0);
                Err(Failure::new(Blame::User, "conflict", message).hint("leave it in the `registries` of one"))
            }
        }
    }

    /// The handle that stands for a secret of this attempt. Errors: `denied`, `not-found`, `invalid`.
    pub(crate) fn placeholder(&self, attempt: &Attempt, name: &str, part: &str) -> Result<String, Failure> {
        self.find(attempt, name, part)?;
        Ok(handle::handle(name, part))
    }

    /// The credential that an attempt means by a name, if it may have it.
    fn find(&self, attempt: &Attempt, name: &str, part: &str) -> Result<(&str, &Credential), Failure> {
        if !PARTS.contains(&part) {
            return Err(Failure::invalid(format!("a secret has no part `{part}`; it has `username` and `basic`")));
        }
        let (uses, origin) = (attempt.step.uses.as_str(), attempt.pinned.origin());
        let cleared = attempt.cleared.lock().map(|cleared| cleared.environments.clone()).unwrap_or_default();
        if let Some(host) = name.strip_prefix(REGISTRY) {
            let (name, credential) = self.registry(host)?;
            if !credential.steps.is_empty() {
                admits(name, credential, uses, origin, Some(&cleared))?;
            }
            return Ok((name, credential));
        }
        let credential = self.named(name)?;
        if !attempt.step.secrets.iter().any(|named| named == name) {
            let message = format!("the inputs of this step do not name the secret `{name}`");
            return Err(Failure::denied(message).hint(format!("write `${{{{ secrets.{name} }}}}` where it is to go")));
        }
        admits(name, credential, uses, origin, Some(&cleared))?;
        Ok((self.label(name), credential))
    }

    /// A credential's own name.
    fn label(&self, name: &str) -> &str {
        self.credentials.get_key_value(name).map_or("", |(own, _)| own.as_str())
    }

    /// The value of a handle. Blocking.
    fn part(&self, attempt: &Attempt, name: &str, part: &str) -> Result<String, Failure> {
        let (label, credential) = self.find(attempt, name, part)?;
        let username = || {
            let missing = || {
                let message = format!("the credential `{label}` has no `username`");
                Failure::new(Blame::User, "invalid", message)
            };
            credential.username.clone().ok_or_else(missing)
        };
        match part {
            "username" => username(),
            "basic" => {
                let pair = format!("{}:{}", username()?, self.value(label, credential)?);
                let header = access::forms::base64(pair.as_bytes());
                self.mask(&[pair.as_bytes(), header.as_bytes()]);
                Ok(format!("Basic {header}"))
            }
            _ => self.value(label, credential),
        }
    }

    /// A secret itself, for a plugin whose grant says `reveal`. Blocking.
    pub(crate) fn reveal(&self, attempt: &Attempt, name: &str, part: &str) -> Result<Vec<u8>, Failure> {
        self.part(attempt, name, part).map(String::into_bytes)
    }

    /// A child's variable with its secrets swapped in. Blocking.
    pub(crate) fn variable(&self, attempt: &Attempt, variable: &str, text: &str) -> Result<String, Failure> {
        handle::exchange(text, |name, part| {
            if name.starts_with(REGISTRY) {
                let message = format!("the login of `{name}` goes to its registry alone, and into no variable");
                return Err(Failure::denied(message));
            }
            permit::secret_variable(&attempt.grant, name, variable)?;
            self.part(attempt, name, part)
        })
    }

    /// A header with its secrets swapped in, for this host (`host:port`). Blocking.
    pub(crate) fn header(&self, attempt: &Attempt, host: &str, value: &str) -> Result<String, Failure> {
        handle::exchange(value, |name, part| {
            permit::secret_host(&attempt.grant, name, host)?;
            if name.starts_with(REGISTRY) {
                let (label, credential) = self.find(attempt, name, part)?;
                if !credential.registries.iter().any(|own| plain(own) == plain(host)) {
                    let host = plain(host);
                    let message = format!("the credential `{label}` is not for `{host}`, which asks for the login");
                    let hint = format!("where that is the registry's own, add `{host}` to its `registries`");
                    return Err(Failure::denied(message).hint(hint));
                }
            }
            self.part(attempt, name, part)
        })
    }

    /// Reads a secret, and lets the masker know it.
    fn value(&self, name: &str, credential: &Credential) -> Result<String, Failure> {
        let value = read(&credential.secret, &self.base).map_err(|why| {
            Failure::new(Blame::User, "unavailable", format!("the credential `{name}` cannot be read: {why}"))
        })?;
        self.mask(&[value.as_bytes()]);
        Ok(value)
    }

    fn mask(&self, secrets: &[&[u8]]) {
        let Ok(mut masker) = self.masker.write() else { return };
        let mut more = (**masker).clone();
        if more.add(secrets.iter().copied()) {
            *masker = Arc::new(more);
        }
    }

    /// A failure without secrets.
    pub(crate) fn masked(&self, failure: Failure) -> Failure {
        let masker = self.masker();
        Failure {
            message: masker.text(&failure.message),
            hint: failure.hint.map(|hint| masker.text(&hint)),
            details: failure.details.map(|details| masker.json(&details)),
            ..failure
        }
    }

    /// A value without secrets.
    pub(crate) fn masked_json(&self, value: &Value) -> Value {
        self.masker().json(value)
    }
}

/// A registry's host without the port that TLS has anyway.
fn plain(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(":443").map(str::to_owned).unwrap_or(host)
}

/// Whether the configuration gives a credential to a step. `cleared` is what the step changes and was allowed to;
/// `None` where that is not known yet.
fn admits(
    name: &str,
    credential: &Credential,
    uses: &str,
    origin: Option<&str>,
    cleared: Option<&[String]>,
) -> Result<(), Failure> {
    let fits = |steps: &&manifest::CredentialSteps| {
        let from = steps.repositories.is_empty() || origin.is_some_and(|o| steps.repositories.iter().any(|r| r == o));
        from && steps.uses.iter().any(|pattern| matches(pattern, uses))
    };
    let mut fitting = credential.steps.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        let of = origin.map_or_else(|| "a work tree".to_owned(), |origin| format!("the repository `{origin}`"));
        let repositories = origin.map(|origin| format!(", repositories: [{origin}]")).unwrap_or_default();
        let message = format!("the credential `{name}` is not given to `{uses}` in a pipeline of {of}");
        return Err(Failure::denied(message).hint(format!(
            "an operator can admit it: `spec.credentials.{name}.steps: [{{ uses: [{uses}]{repositories} }}]`"
        )));
    }
    let Some(cleared) = cleared else { return Ok(()) };
    let allowed = |steps: &manifest::CredentialSteps| {
        let all = || cleared.iter().all(|name| steps.environments.contains(name));
        steps.environments.is_empty() || (!cleared.is_empty() && all())
    };
    let wanted: Vec<String> = fitting.clone().flat_map(|steps| steps.environments.clone()).collect();
    if fitting.any(allowed) {
        return Ok(());
    }
    let changes = if cleared.is_empty() { "none".to_owned() } else { cleared.join(", ") };
    let message = format!(
        "the credential `{name}` is given to steps that change {} only, and this one changes {changes}",
        wanted.join(", ")
    );
    Err(Failure::denied(message)
        .hint("an environment is changed by what its `owns` names, once its requirements are met"))
}

/// Reads a secret from where it is. Errors in words, without it.
pub(crate) fn read(reference: &SecretRef, base: &Path) -> Result<String, String> {
    match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(value) if value.is_empty() => Err(format!("the variable `{name}` is empty")),
            Ok(value) => Ok(value),
            Err(std::env::VarError::NotPresent) => Err(format!("the variable `{name}` is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the variable `{name}` is not UTF-8 text")),
        },
        SecretRef::File(path) => {
            let path = base.join(path);
            let failed = |why: String| format!("{}: {why}", path.display());
            let size = std::fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
            if size > LARGEST {
                return Err(failed(format!("it has {size} bytes; a secret has at most {LARGEST}")));
            }
            let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            if text.is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(text) }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Vault, admits, read};
    use manifest::{Credential, CredentialSteps, SecretRef};
    use std::path::Path;

    fn credential(uses: &[&str], repositories: &[&str], environments: &[&str]) -> Credential {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let steps =
            CredentialSteps { uses: texts(uses), repositories: texts(repositories), environments: texts(environments) };
        Credential {
            secret: SecretRef::Env("TIDEGATE_TEST_NOBODY_SETS_THIS".to_owned()),
            for_repositories: vec![],
            registries: vec![],
            steps: vec![steps],
            username: None,
        }
    }

    #[test]
    fn a_credential_goes_to_the_steps_that_it_is_for() {
        let apply = credential(&["terraform/apply"], &["infra"], &["prod"]);
        let prod = ["prod".to_owned()];
        let asked = |uses: &str, origin: Option<&str>, cleared: Option<&[String]>| {
            admits("aws", &apply, uses, origin, cleared).map_err(|failure| failure.message)
        };
        assert_eq!(asked("terraform/apply", Some("infra"), None), Ok(()), "its environment is not known yet");
        assert_eq!(asked("terraform/apply", Some("infra"), Some(&prod)), Ok(()));
        for (uses, origin, cleared) in [
            ("exec", Some("infra"), Some(&prod[..])),
            ("terraform/apply", Some("app"), Some(&prod)),
            ("terraform/apply", None, Some(&prod)),
            ("terraform/apply", Some("infra"), Some(&[])),
            ("terraform/apply", Some("infra"), Some(&["prod".to_owned(), "dev".to_owned()])),
        ] {
            assert!(asked(uses, origin, cleared).is_err(), "{uses} {origin:?} {cleared:?}");
        }
        let any = credential(&["*"], &[], &[]);
        assert_eq!(admits("x", &any, "exec", None, Some(&[])), Ok(()));
    }

    #[test]
    fn a_misspelt_credential_gets_a_suggestion() {
        let vault = Vault::new([("aws_plan".to_owned(), credential(&["*"], &[], &[]))].into(), Path::new("/"));
        let failure = vault.admit("aws_plam", "exec", None).unwrap_err();
        assert_eq!(failure.code, "not-found");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `aws_plan`?"));
    }

    #[test]
    fn a_missing_secret_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("word"), "hunter2\r\n").unwrap();
        std::fs::write(folder.path().join("blank"), "\n").unwrap();
        assert_eq!(read(&SecretRef::File("word".to_owned()), folder.path()).as_deref(), Ok("hunter2"));
        assert!(read(&SecretRef::File("blank".to_owned()), folder.path()).unwrap_err().ends_with("it is empty"));
        assert!(read(&SecretRef::File("none".to_owned()), folder.path()).unwrap_err().contains("none: "));
    }
}
