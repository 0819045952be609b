//! How a child is confined: one word for a whole set of guards. It never says what a child reaches on the network.

use serde::{Deserialize, Serialize};

/// The set of guards around a child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// A private root, namespaces, landlock, a user without any privilege.
    #[default]
    Strict,
    /// For image builders (buildah, podman): a private root that is locked from outside, and root of a user namespace
    /// inside it, who may mount, chown and become others there, and is nobody outside. No landlock rules for files, under
    /// which every mount fails. Needs user, mount and pid namespaces, and is refused without them.
    Builder,
    /// For the clients of a daemon that is as powerful as root (docker's): outside the jail, by the operator's word. What is
    /// left is the shim: a clean environment, limits, kept output, deadlines, an end for every process. It sees the
    /// workspace at the host's own path, and runs as the host's user.
    Delegated,
}

impl Profile {
    /// Whether a serialized command leaves it out, as commands from before there were profiles do.
    pub(crate) fn is_strict(&self) -> bool {
        *self == Self::Strict
    }
}

/// What a delegated child's record says first.
pub(crate) const OUTSIDE: &str = "it runs outside the jail: the operator granted `profile: delegated`";
