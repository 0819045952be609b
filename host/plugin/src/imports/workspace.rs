//! The step's files.

use super::fits;
use crate::bindings::tidegate::plugin::types::Error;
use crate::bindings::tidegate::plugin::{workspace_read, workspace_write};
use crate::call::HostCall;
use crate::state::State;
use wasmtime::Result;

impl workspace_read::Host for State {
    async fn read(&mut self, path: String) -> Result<Result<Option<Vec<u8>>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::WorkspaceRead { path: path.clone() });
        self.perform(call, async move { services.workspace_read(path).await }).await
    }

    async fn entries(&mut self, path: String) -> Result<Result<Option<Vec<workspace_read::Entry>>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::WorkspaceEntries { path: path.clone() });
        self.perform(call, async move { services.workspace_entries(path).await }).await
    }

    async fn summarise(&mut self, path: String) -> Result<Result<Option<workspace_read::Summary>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::WorkspaceSummarise { path: path.clone() });
        self.perform(call, async move { services.workspace_summarise(path).await }).await
    }
}

impl workspace_write::Host for State {
    async fn write(&mut self, path: String, content: Vec<u8>) -> Result<Result<(), Error>> {
        let (services, call) = (self.services.clone(), HostCall::WorkspaceWrite { path: path.clone() });
        let work = async move {
            fits("the content", content.len())?;
            services.workspace_write(path, content).await
        };
        self.perform(call, work).await
    }

    async fn remove(&mut self, path: String) -> Result<Result<(), Error>> {
        let (services, call) = (self.services.clone(), HostCall::WorkspaceRemove { path: path.clone() });
        self.perform(call, async move { services.workspace_remove(path).await }).await
    }
}
