//! Git repositories of a host: where each is, what else applications call it, and what it may deploy.

use crate::code;
use crate::deploys;
use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::{Names, unknown};
use crate::matching::address::RepositoryKey;
use crate::reader::{self, fields};
use crate::yaml::Node;
use model::application::Deploys;
use std::collections::HashMap;

/// A Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// A path, `https://` or `ssh://`, without credentials.
    pub url: String,
    /// Other addresses by which applications call it.
    pub aliases: Vec<String>,
    /// The forge that serves it: `gitlab`.
    pub forge: Option<String>,
    /// The name of the credential for it.
    pub credential: Option<String>,
    /// Globs of the paths at which Application files are found.
    pub applications: Vec<String>,
    /// What its applications may deploy where; nothing unless it says so.
    pub deploys: Deploys,
    /// How often a daemon looks at it, in milliseconds; by its kind where absent.
    pub poll_millis: Option<u64>,
}

pub(crate) fn read(
    node: &Node,
    name: &str,
    (credentials, clusters): (&Names<'_>, &Names<'_>),
    sink: &mut Sink,
) -> Option<Repository> {
    let what = format!("the repository `{name}`");
    let keys = ["url", "aliases", "forge", "credential", "applications", "deploys", "poll"];
    let parts = fields(node, &what, &keys, sink)?;
    let mut made = Repository::default();
    let url = parts.require("url", &what, sink);
    if let Some(node) = url
        && let Some(url) = reader::text(node, "`url`", sink)
    {
        check_url(url, node, sink);
        url.clone_into(&mut made.url);
    }
    made.forge = parts.get("forge").and_then(|n| reader::text(n, "`forge`", sink)).map(str::to_owned);
    if let Some(node) = parts.get("credential")
        && let Some(credential) = reader::text(node, "`credential`", sink)
    {
        if !credentials.contains(credential) {
            unknown("credential", credential, node, credentials, sink);
        }
        made.credential = Some(credential.to_owned());
    }
    if let Some(node) = parts.get("applications") {
        made.applications = reader::globs(node, "`applications`", sink);
    }
    for alias in parts.get("aliases").and_then(|n| reader::list(n, "`aliases`", sink)).unwrap_or_default() {
        if let Some(address) = reader::text(alias, "an item of `aliases`", sink) {
            check_url(address, alias, sink);
            made.aliases.push(address.to_owned());
        }
    }
    if let Some(node) = parts.get("deploys") {
        made.deploys = deploys::read(node, &what, clusters, sink).unwrap_or_default();
    }
    if let Some(node) = parts.get("poll")
        && let Some(millis) = reader::millis(node, "`poll`", sink)
    {
        if millis < 100 {
            let message = "a repository is looked at ten times a second at most".to_owned();
            sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint("write `1s` or more"));
        }
        made.poll_millis = Some(millis);
    }
    url.map(|_| made)
}

/// Refuses URLs that carry credentials and those through which Git would run a program.
fn check_url(url: &str, node: &Node, sink: &mut Sink) {
    let refuse = |code, message: &str, hint: &str| {
        Diagnostic::error(code, node.span.clone(), message.to_owned()).hint(hint.to_owned())
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        if url.is_empty() || url.starts_with('-') || url.contains("::") || url.contains(char::is_control) {
            sink.push(refuse(
                code::BAD_VALUE,
                "this is not a repository's address",
                "write a path, `https://…` or `ssh://…`",
            ));
        }
        return;
    };
    let user = rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit_once('@').map(|(user, _)| user);
    match (scheme, user) {
        // A user's name alone is how SSH is addressed; over HTTP it is where tokens are put.
        ("ssh", Some(user)) if !user.contains(':') => {}
        (_, Some(_)) => sink.push(refuse(
            code::URL_CREDENTIALS,
            "the URL contains credentials",
            "name a credential under `credentials` and refer to it with `credential`; replace this one, for Git keeps it",
        )),
        ("https" | "ssh" | "http", None) => {}
        ("file", None) => sink.push(refuse(code::BAD_VALUE, "a local repository is given by its path", "leave `file://` out")),
        _ => {
            let message = format!("repositories are not fetched by `{scheme}`");
            sink.push(refuse(code::BAD_VALUE, &message, "write a path, `https://…` or `ssh://…`"));
        }
    }
}

/// One address of two repositories would let the order of the file decide which of them is deployed.
pub(crate) fn check_addresses(repositories: Option<&Node>, sink: &mut Sink) {
    let mut seen: HashMap<RepositoryKey, (&str, &Node)> = HashMap::new();
    for (name, repository) in repositories.map(Node::entries).unwrap_or_default() {
        let aliases = repository.get("aliases").map(Node::items).unwrap_or_default();
        for node in repository.get("url").into_iter().chain(aliases) {
            let Some(address) = node.as_str() else { continue };
            match seen.get(&RepositoryKey::new(address)) {
                Some((other, first)) if *other != name.text => {
                    let message = format!("`{address}` would mean both `{other}` and `{}`", name.text);
                    sink.push(
                        Diagnostic::error(code::SAME_PLACE, node.span.clone(), message)
                            .label("again here")
                            .related(first.span.clone(), "first here")
                            .hint("addresses are compared without scheme, user and `.git`"),
                    );
                }
                Some(_) => {}
                None => {
                    seen.insert(RepositoryKey::new(address), (&name.text, node));
                }
            }
        }
    }
}
