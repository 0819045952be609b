//! Which configured cluster an application's destination means.

use crate::cluster::Cluster;
use crate::host::HostConfig;
use model::application::ClusterReference;

/// The cluster that Argo CD itself runs in: its name there, and its address. Here it is the cluster whose `server` says so.
const IN_CLUSTER: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");

/// The configured cluster that a destination means, with its name: by name, or by `server`.
pub fn cluster_of<'a>(reference: &ClusterReference, config: &'a HostConfig) -> Option<(&'a str, &'a Cluster)> {
    let by_server = |server: &str| {
        let wanted = server_key(server);
        config.clusters.iter().find(|(_, c)| c.server.as_deref().is_some_and(|known| server_key(known) == wanted))
    };
    let found = match reference {
        ClusterReference::Name(name) => config
            .clusters
            .get_key_value(name)
            .or_else(|| (name == IN_CLUSTER.0).then(|| by_server(IN_CLUSTER.1)).flatten()),
        ClusterReference::Server(server) => by_server(server),
    };
    found.map(|(name, cluster)| (name.as_str(), cluster))
}

/// An address of an API in the form in which it is compared: lower case, without its scheme's own port and final slashes.
pub(crate) fn server_key(server: &str) -> String {
    let text = server.trim().trim_end_matches('/').to_lowercase();
    match text.split_once("://") {
        Some(("https", rest)) => format!("https://{}", rest.strip_suffix(":443").unwrap_or(rest)),
        _ => text,
    }
}
