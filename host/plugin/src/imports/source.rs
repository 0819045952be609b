//! The interface `source`: the files that a renderer may read.

use super::too_large;
use crate::bindings::tidegate::plugin::source::{self, Entry, Kind};
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::HostCall;
use crate::source::{Root, Source};
use crate::state::State;
use model::{Blame, Failure};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Result;

/// The most bytes of one file (`source.read`).
const FILE: usize = 8 << 20;
/// The most entries of one folder: about 8 MiB of names.
const ENTRIES: usize = 100_000;

impl source::Host for State {
    async fn look(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Kind>, Error>> {
        let (call, source) = self.source_call("look", root, &path);
        self.perform_within(call, OPENING, async move { source.await?.look(&path) }).await
    }

    async fn read(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Vec<u8>>, Error>> {
        let (call, source) = self.source_call("read", root, &path);
        self.perform_within(call, OPENING, async move { source.await?.read(&path, FILE) }).await
    }

    async fn entries(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Vec<Entry>>, Error>> {
        let (call, source) = self.source_call("entries", root, &path);
        self.perform_within(call, OPENING, async move {
            let entries = source.await?.entries(&path)?;
            match &entries {
                Some(entries) if entries.len() > ENTRIES => {
                    Err(too_large("the number of entries of a folder", entries.len(), ENTRIES))
                }
                _ => Ok(entries),
            }
        })
        .await
    }
}

/// The longest name of a root, in bytes: it may be a URL.
const NAME: usize = 4096;
/// How long a call may take that opens a root: the first one may clone a repository.
const OPENING: Duration = Duration::from_secs(15 * 60);

impl State {
    /// The call as data, and what carries it out. Nothing is opened before the call is admitted.
    fn source_call(
        &self,
        function: &'static str,
        root: String,
        path: &str,
    ) -> (HostCall, impl Future<Output = std::result::Result<Arc<dyn Source>, Failure>> + Send + use<>) {
        let roots = self.roots.clone().filter(|_| root.len() <= NAME);
        let repository = roots.as_ref().and_then(|roots| roots.repository(&root));
        let (wall, is_known) = (self.wall.clone(), repository.is_some());
        let source = async move {
            let missing = || {
                let message = format!("there is no root `{}` in this request", root.escape_debug());
                Failure::new(Blame::Plugin, "not-found", message)
            };
            let Some(roots) = roots else { return Err(missing()) };
            let found = match roots.opened(&root) {
                Some(found) => found,
                None => {
                    let name = root.clone();
                    let opened = wall.stand(tokio::task::spawn_blocking(move || roots.open(&name))).await;
                    opened.map_err(|e| Failure::internal(format!("opening a root panicked: {e}")))??
                }
            };
            // Only what was admitted by its repository's name is read. That there is none is for the read set all the same.
            found.filter(|_| is_known).map(|Root { source, .. }| source).ok_or_else(missing)
        };
        (HostCall::Source { function, repository, path: path.to_owned() }, source)
    }
}
