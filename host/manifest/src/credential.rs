//! Credentials: where each secret is, and to whom alone it goes. Files name secrets, they never hold them.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::{Names, names};
use crate::reader::{self, fields};
use crate::secret::{self, SecretRef};
use crate::yaml::Node;
use model::place::Pattern;
use std::collections::BTreeMap;

/// A credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Where its secret is.
    pub secret: SecretRef,
    /// Repositories that it is for; Git sends it nowhere else.
    pub for_repositories: Vec<String>,
    /// Registries of images that it is for, as `host` or `host:port`.
    pub registries: Vec<String>,
    /// Steps that may be given it. Empty means none, and for a registry's credential every step whose plugin may log in.
    pub steps: Vec<CredentialSteps>,
    /// The user's name, where the server asks for one.
    pub username: Option<String>,
}

/// Steps that may be given a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSteps {
    /// What they use: `terraform/apply`; `*` within a name matches any text.
    pub uses: Vec<String>,
    /// Repositories whose pipelines they are in. Empty means any, a local work tree included.
    pub repositories: Vec<String>,
    /// Environments, of which each that the step changes must be one, and whose requirements are met. Empty means no
    /// condition.
    pub environments: Vec<String>,
}

pub(crate) fn read(
    node: &Node,
    name: &str,
    repositories: &Names<'_>,
    environments: &Names<'_>,
    sink: &mut Sink,
) -> Option<Credential> {
    let what = format!("the credential `{name}`");
    let parts = fields(node, &what, &["secret", "for", "registries", "steps", "username"], sink)?;
    let secret = parts.require("secret", &what, sink).and_then(|n| secret::read(n, "`secret`", sink));
    let for_repositories = parts.get("for").map(|n| names(n, "`for`", "repository", repositories, sink));
    let registries = parts.get("registries").map(|n| read_registries(n, sink));
    let steps = parts.get("steps").map(|n| read_steps(n, repositories, environments, sink));
    if for_repositories.is_none() && registries.is_none() && steps.is_none() {
        let message = format!("{what} does not say what it is for");
        let hint = "write `for: [REPOSITORY]`, `registries: [HOST]`, or `steps: [{ uses: [PLUGIN/STEP] }]`";
        sink.push(Diagnostic::error(code::MISSING_KEY, node.span.clone(), message).hint(hint));
        return None;
    }
    let username = parts.get("username").and_then(|n| reader::text(n, "`username`", sink)).map(str::to_owned);
    Some(Credential {
        secret: secret?,
        for_repositories: for_repositories.unwrap_or_default(),
        registries: registries.unwrap_or_default(),
        steps: steps.unwrap_or_default(),
        username,
    })
}

fn read_registries(node: &Node, sink: &mut Sink) -> Vec<String> {
    let mut found = Vec::new();
    for item in reader::list(node, "`registries`", sink).unwrap_or_default() {
        let Some(host) = reader::text(item, "an item of `registries`", sink) else { continue };
        if host.contains(['*', '/']) || host.parse::<Pattern>().is_err() {
            let message = format!("`{host}` is no registry");
            let hint = "write its host as images name it: `registry.example.com`, `127.0.0.1:5000`";
            sink.push(Diagnostic::error(code::BAD_VALUE, item.span.clone(), message).hint(hint));
        }
        found.push(host.to_ascii_lowercase());
    }
    found
}

fn read_steps(
    node: &Node,
    repositories: &Names<'_>,
    environments: &Names<'_>,
    sink: &mut Sink,
) -> Vec<CredentialSteps> {
    let mut found = Vec::new();
    for item in reader::list(node, "`steps`", sink).unwrap_or_default() {
        let what = "an item of `steps`";
        let Some(parts) = fields(item, what, &["uses", "repositories", "environments"], sink) else { continue };
        let uses = parts.require("uses", what, sink).map(|n| reader::texts(n, "`uses`", sink)).unwrap_or_default();
        let known = |key: &str, of: &str, all: &Names<'_>, sink: &mut Sink| {
            parts.get(key).map(|n| names(n, &format!("`{key}`"), of, all, sink)).unwrap_or_default()
        };
        let repositories = known("repositories", "repository", repositories, sink);
        let environments = known("environments", "environment", environments, sink);
        found.push(CredentialSteps { uses, repositories, environments });
    }
    found
}

/// Git sends a credential only to the repositories of its `for`, so one that names it beside that would get nothing.
pub(crate) fn check_repositories(
    repositories: Option<&Node>,
    credentials: &BTreeMap<String, Credential>,
    sink: &mut Sink,
) {
    for (name, repository) in repositories.map(Node::entries).unwrap_or_default() {
        let Some(node) = repository.get("credential") else { continue };
        let Some((label, credential)) = node.as_str().and_then(|label| credentials.get_key_value(label)) else {
            continue;
        };
        if !credential.for_repositories.contains(&name.text) {
            let message = format!("the credential `{label}` is not for the repository `{}`", name.text);
            let all: Vec<&str> =
                credential.for_repositories.iter().map(String::as_str).chain([name.text.as_str()]).collect();
            let hint = format!("where it may be sent there, write `for: [{}]` at the credential", all.join(", "));
            sink.push(Diagnostic::error(code::CREDENTIAL_FOR, node.span.clone(), message).hint(hint));
        }
    }
}
