//! The interface `source`: the files that a renderer may read.

use super::too_large;
use crate::bindings::tidegate::plugin::source::{self, Entry, Kind};
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::HostCall;
use crate::source::{Root, Source};
use crate::state::State;
use model::{Blame, Failure};
use std::sync::Arc;
use wasmtime::Result;

/// The most bytes of one file (`source.read`).
const FILE: usize = 8 << 20;
/// The most entries of one folder: about 8 MiB of names.
const ENTRIES: usize = 100_000;

impl source::Host for State {
    async fn look(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Kind>, Error>> {
        let (call, source) = self.source_call("look", root, &path);
        self.perform(call, async move { source?.look(&path) }).await
    }

    async fn read(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Vec<u8>>, Error>> {
        let (call, source) = self.source_call("read", root, &path);
        self.perform(call, async move { source?.read(&path, FILE) }).await
    }

    async fn entries(&mut self, root: String, path: String) -> Result<std::result::Result<Option<Vec<Entry>>, Error>> {
        let (call, source) = self.source_call("entries", root, &path);
        self.perform(call, async move {
            let entries = source?.entries(&path)?;
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

impl State {
    /// The call as data, and what carries it out.
    fn source_call(
        &self,
        function: &'static str,
        root: String,
        path: &str,
    ) -> (HostCall, std::result::Result<Arc<dyn Source>, Failure>) {
        let found = match &self.roots {
            Some(roots) if root.len() <= NAME => roots.find(&root),
            _ => Ok(None),
        };
        let (repository, source) = match found {
            Ok(Some(Root { repository, source })) => (Some(repository), Ok(source)),
            Ok(None) => {
                let message = format!("there is no root `{}` in this request", root.escape_debug());
                (None, Err(Failure::new(Blame::Plugin, "not-found", message)))
            }
            Err(failure) => (None, Err(failure)),
        };
        (HostCall::Source { function, repository, path: path.to_owned() }, source)
    }
}
