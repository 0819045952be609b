//! The clients of a connection, made anew by whoever asks next where a file that they were made of is another: tokens and certificates
//! are renewed while the host runs. What speaks through the old ones goes on with them. It never goes to another server, nor by another
//! context, than at first.

use super::connection::{Clients, Connection, Opened};
use crate::destination::Failure;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A way to one API server.
pub(super) struct Way {
    /// With the context that was the current one at first, where it named none.
    connection: Connection,
    current: Mutex<Current>,
    /// One at a time makes new clients.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Current {
    clients: Arc<Clients>,
    files: Vec<Seen>,
    server: String,
}

/// A file as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    path: PathBuf,
    mark: Option<Mark>,
}

/// What tells that a file is another: device and inode, time of its last change in seconds and nanoseconds, and size in bytes.
type Mark = ((u64, u64), (i64, i64), u64);

impl Seen {
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), mark: mark(path) }
    }

    fn is_same(&self) -> bool {
        mark(&self.path) == self.mark
    }
}

/// Through links: what is mounted into a pod is replaced by another link.
fn mark(path: &Path) -> Option<Mark> {
    let found = fs::metadata(path).ok()?;
    Some(((found.dev(), found.ino()), (found.mtime(), found.mtime_nsec()), found.size()))
}

impl Way {
    /// Errors: where the connection is none.
    pub async fn new(connection: &Connection) -> Result<Self, Failure> {
        let Opened { connection, clients, files, server } = connection.open().await?;
        let current = Current { clients: Arc::new(clients), files, server };
        Ok(Self { connection, current: Mutex::new(current), renewing: tokio::sync::Mutex::default() })
    }

    /// What it was made of, with the context that it goes by.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The clients to ask with now. It costs a look at each file.
    pub async fn clients(&self) -> Arc<Clients> {
        if let Some(clients) = self.fresh() {
            return clients;
        }
        let _one = self.renewing.lock().await;
        if let Some(clients) = self.fresh() {
            return clients;
        }
        let opened = self.connection.open().await;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Half written, or gone for a moment: the old ones may still do, and the next one looks again.
        if let Ok(Opened { clients, files, server, .. }) = opened {
            if server == current.server {
                current.clients = Arc::new(clients);
            }
            current.files = files;
        }
        current.clients.clone()
    }

    /// Those that there are, where they are made of what is there now.
    fn fresh(&self) -> Option<Arc<Clients>> {
        let Current { clients, files, .. } = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        files.iter().all(Seen::is_same).then_some(clients)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::connection::{Access, Timeouts};
    use super::*;
    use serde_json::json;

    /// A kubeconfig with two contexts, in which `one` is shown the token of a file.
    fn kubeconfig(server: &str, token: &str, current: &str) -> String {
        let cluster = |name: &str, server: &str| json!({"name": name, "cluster": {"server": server}});
        let context = |name: &str| json!({"name": name, "context": {"cluster": name, "user": name}});
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": current,
            "clusters": [cluster("one", server), cluster("two", "https://127.0.0.1:2")],
            "users": [{"name": "one", "user": {"tokenFile": "token"}}, {"name": "two", "user": {"token": token}}],
            "contexts": [context("one"), context("two")],
        });
        config.to_string()
    }

    #[tokio::test]
    async fn what_was_renewed_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (path, token) = (folder.path().join("kubeconfig"), folder.path().join("token"));
        let write = |path: &Path, text: &str| {
            // Another file in its place, as whoever renews one does it.
            let draft = folder.path().join("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(draft, path).unwrap();
        };
        let one = "https://127.0.0.1:1";
        write(&token, "first");
        write(&path, &kubeconfig(one, "a", "one"));
        let access = Access::Kubeconfig { path: path.clone(), context: None };
        let way = Way::new(&Connection { access, impersonate: None, timeouts: Timeouts::default() }).await.unwrap();
        let first = way.clients().await;
        assert!(Arc::ptr_eq(&first, &way.clients().await), "nothing has changed");
        write(&path, &kubeconfig(one, "b", "one"));
        let second = way.clients().await;
        assert!(!Arc::ptr_eq(&first, &second), "the kubeconfig has");
        write(&token, "second");
        let third = way.clients().await;
        assert!(!Arc::ptr_eq(&second, &third), "a file that it names has");
        // What cannot be read takes nothing away.
        write(&path, "clusters: [");
        assert!(Arc::ptr_eq(&third, &way.clients().await));
        fs::remove_file(&path).unwrap();
        assert!(Arc::ptr_eq(&third, &way.clients().await));
        // Whoever switches contexts on the command line moves no host to another cluster, and neither does another address.
        write(&path, &kubeconfig(one, "c", "two"));
        let fourth = way.clients().await;
        assert!(!Arc::ptr_eq(&third, &fourth));
        assert!(matches!(&way.connection().access, Access::Kubeconfig { context: Some(name), .. } if name == "one"));
        write(&path, &kubeconfig("https://127.0.0.1:3", "c", "one"));
        assert!(Arc::ptr_eq(&fourth, &way.clients().await));
        write(&path, &kubeconfig(one, "d", "one"));
        assert!(!Arc::ptr_eq(&fourth, &way.clients().await));
    }
}
