//! What an application's words mean here: which repository, which cluster, which renderer, which files, and whether it is
//! allowed. Each is a pure function of what it is given; none of them looks anything up.

pub(crate) mod address;
pub(crate) mod cluster;
mod permit;
mod renderer;
mod selection;

pub use address::{RepositoryKey, repository_of, without_secret};
pub use cluster::cluster_of;
pub use permit::{KindScope, Permit, Target};
pub use renderer::{Detected, detect_renderer, is_kustomization};
pub use selection::{BadGlob, Selection};
