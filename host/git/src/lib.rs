//! Tidegate's only door to Git: one bare mirror a repository, read at any commit, and whole commits pushed back
//! with a compare-and-swap. Blocking throughout.
//!
//! It never starts a process, runs a hook or a filter, reads the user's Git configuration, or shows a credential.

mod certificates;
mod changes;
mod checkout;
mod compact;
mod credential;
mod edit;
mod error;
mod fetch;
mod history;
mod kind;
mod library;
mod litter;
mod local;
mod lock;
mod message;
mod mirror;
mod name;
mod note;
mod object;
mod packed;
mod push;
mod read;
mod redact;
mod remote;
mod snapshot;
mod ticket;
mod transaction;
mod wire;
mod worktree;

pub use certificates::look_up_certificates_lazily;
pub use credential::{Credential, Secret};
pub use error::Error;
pub use kind::Kind;
pub use message::NewCommit;
pub use mirror::Mirror;
pub use object::ObjectId;
pub use remote::Remote;
pub use snapshot::{Folders, Snapshot};
pub use transaction::Transaction;
pub use worktree::WorkTree;
