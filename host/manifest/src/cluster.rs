//! Clusters of a host: how each is reached, what applications call it, and whether it is changed.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::{Names, unknown};
use crate::impersonate::{self, Account, Impersonate};
use crate::matching::cluster::server_key;
use crate::reader::{self, fields};
use crate::yaml::Node;
use std::collections::HashMap;

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How it is reached.
    pub reach: Reach,
    /// The address by which applications call it; it need not be one that the host could reach.
    pub server: Option<String>,
    /// Whether it is changed.
    pub mode: Mode,
    /// Whom everything is done as, where not as the host itself.
    pub impersonate: Option<Impersonate>,
}

impl Cluster {
    /// Whom everything is done as for applications of a project.
    pub fn account(&self, project: &str) -> Account<'_> {
        self.impersonate.as_ref().map_or(Account::Own, |impersonate| impersonate.account(project))
    }
}

/// How a cluster is reached. Paths are as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A folder that stands for a cluster.
    Directory(String),
    /// A branch of a configured repository, in which rendered manifests are.
    Branch {
        /// The repository's name.
        repository: String,
        /// The branch.
        branch: String,
    },
    /// A kubeconfig.
    Kubeconfig {
        /// Its path.
        path: String,
        /// The context within it; its current one without.
        context: Option<String>,
    },
}

/// Whether a cluster is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is changed.
    #[default]
    Apply,
    /// It is only looked at.
    Observe,
}

pub(crate) fn read(node: &Node, name: &str, repositories: &Names<'_>, sink: &mut Sink) -> Option<Cluster> {
    let what = format!("the cluster `{name}`");
    let known = ["directory", "repository", "branch", "kubeconfig", "context", "server", "mode", "impersonate"];
    let parts = fields(node, &what, &known, sink)?;
    let mut optional =
        |key: &str| parts.get(key).and_then(|n| reader::text(n, &format!("`{key}`"), sink)).map(str::to_owned);
    let (directory, kubeconfig, context) = (optional("directory"), optional("kubeconfig"), optional("context"));
    let (repository, branch) = (optional("repository"), optional("branch"));
    let server = optional("server");
    let mode = match parts.get("mode").and_then(|n| reader::word(n, "`mode`", &["apply", "observe"], sink)) {
        Some("observe") => Mode::Observe,
        _ => Mode::Apply,
    };
    if let (Some(node), Some(address)) = (parts.get("server"), &server) {
        check_server(address, node, sink);
    }
    if let (Some(node), None) = (parts.get("context"), &kubeconfig) {
        let message = "a `context` is one of a `kubeconfig`";
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
    }
    if let (Some(node), Some(name)) = (parts.get("repository"), &repository)
        && !repositories.contains(name)
    {
        unknown("repository", name, node, repositories, sink);
    }
    // One that is written and says nothing must not mean the host's own account.
    let said = parts.get_or_null("impersonate");
    let impersonate = said.and_then(|node| impersonate::read(node, name, sink));
    if let (Some(node), None) = (said, &kubeconfig) {
        let message = "`impersonate` is of a `kubeconfig`: a folder knows no accounts";
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
    }
    let reach = match (directory, kubeconfig, repository.zip(branch)) {
        (Some(directory), None, None) => Reach::Directory(directory),
        (None, Some(path), None) => Reach::Kubeconfig { path, context },
        (None, None, Some((repository, branch))) => Reach::Branch { repository, branch },
        _ => {
            let message =
                format!("{what} is either a `directory`, or has a `kubeconfig`, or is a `branch` of a `repository`");
            let at = node.entries().first().map_or(node.span.clone(), |(k, _)| k.span.clone());
            sink.push(Diagnostic::error(code::BAD_VALUE, at, message));
            return None;
        }
    };
    Some(Cluster { reach, server, mode, impersonate })
}

fn check_server(address: &str, node: &Node, sink: &mut Sink) {
    let host = address.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"));
    let wrong = match host.map(|(_, rest)| rest.split('/').next().unwrap_or_default()) {
        Some(host) if host.contains('@') => (code::URL_CREDENTIALS, "the address contains credentials"),
        Some(host) if !host.is_empty() && !address.contains(char::is_whitespace) => return,
        _ => (code::BAD_VALUE, "this is not the address of an API"),
    };
    let hint = "write it as applications do: `https://kubernetes.default.svc`";
    sink.push(Diagnostic::error(wrong.0, node.span.clone(), wrong.1).hint(hint));
}

/// One address of two clusters would let the order of the file decide where something is deployed.
pub(crate) fn check_servers(clusters: Option<&Node>, sink: &mut Sink) {
    let mut seen: HashMap<String, (&str, &Node)> = HashMap::new();
    for (name, cluster) in clusters.map(Node::entries).unwrap_or_default() {
        let Some((node, server)) = cluster.get("server").and_then(|node| Some((node, node.as_str()?))) else {
            continue;
        };
        if let Some((other, first)) = seen.insert(server_key(server), (&name.text, node)) {
            let message = format!("`{server}` would mean both `{other}` and `{}`", name.text);
            sink.push(
                Diagnostic::error(code::SAME_PLACE, node.span.clone(), message)
                    .label("again here")
                    .related(first.span.clone(), "first here"),
            );
        }
    }
}
