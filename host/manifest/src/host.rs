//! The host's configuration, `tidegate.yaml`, which only operators write. Paths stay as written: they are relative to
//! the file, and only the caller knows where that is.

use crate::cluster::{self, Cluster};
use crate::code;
use crate::credential::{self, Credential};
use crate::diagnostic::{Diagnostic, Parsed, Sink};
use crate::environment::{self, Environment, Known, Names};
use crate::keeping::{self, Artifacts, EncryptionKey};
use crate::plugins::{self, Plugins};
use crate::reader::{self, check_name, document, fields};
use crate::repository::{self, Repository};
use crate::secret;
use crate::source::Source;
use crate::unserved;
use crate::yaml::{Node, parse};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The host's configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostConfig {
    /// Where the daemon listens.
    pub listen: Option<String>,
    /// The folder of the host's state.
    pub state: Option<String>,
    /// Repositories by name.
    pub repositories: BTreeMap<String, Repository>,
    /// Credentials by name.
    pub credentials: BTreeMap<String, Credential>,
    /// Clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// Environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// Members of groups, by the group's name.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Identities of people, by person and then by issuer: `oidc`, `gitlab`.
    pub people: BTreeMap<String, BTreeMap<String, String>>,
    /// Plugins and their grants.
    pub plugins: Plugins,
    /// How native programs are confined.
    pub jail: Jail,
    /// Keys for what is kept encrypted, the newest last.
    pub encryption: Vec<EncryptionKey>,
    /// How long and how much of artifacts is kept.
    pub artifacts: Artifacts,
    /// Private networks to which names of granted hosts may lead.
    pub private: Vec<model::place::Network>,
}

/// How native programs are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jail {
    /// Whether the host refuses to run where the machine cannot give the whole jail.
    pub required: bool,
}

const KEYS: [&str; 14] = [
    "listen",
    "state",
    "store",
    "repositories",
    "credentials",
    "clusters",
    "environments",
    "groups",
    "people",
    "plugins",
    "jail",
    "encryption",
    "artifacts",
    "egress",
];

/// Reads the host's configuration.
pub fn host(source: &Source) -> Parsed<HostConfig> {
    let mut sink = Sink::default();
    let value = parse(&source.text, &mut sink).and_then(|node| {
        let file = document(&node, "Host", &["apiVersion", "kind", "metadata", "spec"], &mut sink)?;
        let spec = file.require("spec", "the file", &mut sink)?;
        read(spec, &mut sink)
    });
    sink.finish(&source.path, &source.text, value)
}

fn read(node: &Node, sink: &mut Sink) -> Option<HostConfig> {
    let spec = fields(node, "`spec`", &KEYS, sink)?;
    let mut made = HostConfig::default();
    let optional = |key: &str, sink: &mut Sink| {
        spec.get(key).and_then(|n| reader::text(n, &format!("`{key}`"), sink)).map(str::to_owned)
    };
    made.listen = optional("listen", sink);
    if let (Some(listen), Some(node)) = (&made.listen, spec.get("listen"))
        && listen.parse::<std::net::SocketAddr>().is_err()
    {
        let message = format!("`{listen}` is not an address with a port");
        let hint = "write it like `127.0.0.1:7420`";
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint(hint));
    }
    made.state = optional("state", sink);
    if let Some(store) = spec.get("store") {
        // What is wrong in it is told as well: the field will be served one day, a written secret is out today.
        fields(store, "`store`", &["secret"], sink)
            .and_then(|store| store.require("secret", "`store`", sink))
            .and_then(|n| secret::read(n, "the store's `secret`", sink));
        unserved::store(node, sink);
    }
    unserved::warn(node, sink);
    let keys = |key: &str| {
        let entries = spec.get(key).map(Node::entries).unwrap_or_default();
        Names::new(entries.iter().map(|(k, _)| k.text.as_str()))
    };
    let (repositories, credentials, clusters) = (keys("repositories"), keys("credentials"), keys("clusters"));
    let all_environments = keys("environments");

    each(spec.get("repositories"), "repositories", "a repository", sink, |name, node, sink| {
        let known = (&credentials, &clusters);
        made.repositories.insert(name.to_owned(), repository::read(node, name, known, sink)?);
        Some(())
    });
    each(spec.get("credentials"), "credentials", "a credential", sink, |name, node, sink| {
        let credential = credential::read(node, name, &repositories, &all_environments, sink)?;
        made.credentials.insert(name.to_owned(), credential);
        Some(())
    });
    each(spec.get("clusters"), "clusters", "a cluster", sink, |name, node, sink| {
        made.clusters.insert(name.to_owned(), cluster::read(node, name, &repositories, sink)?);
        Some(())
    });
    repository::check_addresses(spec.get("repositories"), sink);
    cluster::check_servers(spec.get("clusters"), sink);
    each(spec.get("groups"), "groups", "a group", sink, |name, node, sink| {
        made.groups.insert(name.to_owned(), reader::texts(node, &format!("the group `{name}`"), sink));
        Some(())
    });
    each(spec.get("people"), "people", "a person", sink, |name, node, sink| {
        let mut identities = BTreeMap::new();
        for (issuer, value) in reader::mapping(node, &format!("the person `{name}`"), sink)? {
            let identity = reader::text(value, &format!("the identity of `{name}`"), sink)?;
            identities.insert(issuer.text.clone(), identity.to_owned());
        }
        made.people.insert(name.to_owned(), identities);
        Some(())
    });
    credential::check_repositories(spec.get("repositories"), &made.credentials, sink);
    check_people(spec.get("people"), &made.groups, sink);
    let known = Known {
        repositories: &repositories,
        clusters: &clusters,
        groups: &made.groups,
        environments: &all_environments,
    };
    let mut environments = BTreeMap::new();
    each(spec.get("environments"), "environments", "an environment", sink, |name, node, sink| {
        environments.insert(name.to_owned(), environment::read(node, name, &known, sink)?);
        Some(())
    });
    made.environments = environments;
    if let Some(node) = spec.get("plugins") {
        made.plugins = plugins::read(node, sink).unwrap_or_default();
    }
    made.encryption = spec.get("encryption").map(|n| keeping::encryption(n, sink)).unwrap_or_default();
    made.artifacts = spec.get("artifacts").map(|n| keeping::artifacts(n, sink)).unwrap_or_default();
    made.private = spec.get("egress").map(|n| keeping::private(n, sink)).unwrap_or_default();
    if let Some(jail) = spec.get("jail")
        && let Some(jail) = fields(jail, "`jail`", &["required"], sink)
        && let Some(required) = jail.get("required")
    {
        made.jail.required = reader::boolean(required, "`required`", sink).unwrap_or(false);
    }
    Some(made)
}

/// Reads each entry of a mapping of names.
fn each(
    node: Option<&Node>,
    field: &str,
    what: &str,
    sink: &mut Sink,
    mut read: impl FnMut(&str, &Node, &mut Sink) -> Option<()>,
) {
    let Some(node) = node else { return };
    for (key, value) in reader::mapping(node, &format!("`{field}`"), sink).unwrap_or_default() {
        if check_name(key, what, sink) {
            read(&key.text, value, sink);
        }
    }
}

/// One identity of two people would give the votes of both to one of them. A person's own name is an identity too.
fn check_people(people: Option<&Node>, groups: &BTreeMap<String, Vec<String>>, sink: &mut Sink) {
    let people = people.map(Node::entries).unwrap_or_default();
    let names: HashSet<&str> =
        people.iter().map(|(k, _)| k.text.as_str()).chain(groups.values().flatten().map(String::as_str)).collect();
    let mut seen: HashMap<&str, (&str, &Node)> = HashMap::new();
    for (person, identities) in people {
        let person = person.text.as_str();
        for (_, node) in identities.entries() {
            let Some(identity) = node.as_str() else { continue };
            let same = |other: &str| {
                let message = format!("`{identity}` would be an identity of both `{other}` and `{person}`");
                Diagnostic::error(code::SAME_IDENTITY, node.span.clone(), message)
            };
            match seen.get(identity) {
                Some((other, _)) if *other == person => {}
                Some((other, first)) => sink.push(
                    same(other)
                        .label("again here")
                        .related(first.span.clone(), "first here")
                        .hint("an identity is of one person; write it only there"),
                ),
                None if identity != person && names.contains(identity) => {
                    sink.push(same(identity).hint("it is the name of another person; give one of the two another"));
                }
                None => {
                    seen.insert(identity, (person, node));
                }
            }
        }
    }
}
