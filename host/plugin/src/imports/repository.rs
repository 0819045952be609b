//! Repositories: reading at a commit, and transactions.

use super::fits;
use crate::bindings::tidegate::plugin::types::Error;
use crate::bindings::tidegate::plugin::{repository_read, repository_write};
use crate::call::{HostCall, authorise};
use crate::services::Transaction;
use crate::state::{State, TransactionEntry};
use model::Failure;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;

impl repository_read::Host for State {
    async fn resolve(&mut self, repository: String, reference: String) -> Result<Result<Option<String>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::Resolve { repository: repository.clone() });
        self.perform(call, async move { services.resolve(repository, reference).await }).await
    }

    async fn read(
        &mut self,
        repository: String,
        commit: String,
        path: String,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        let call = HostCall::RepositoryRead { repository: repository.clone(), path: path.clone() };
        let services = self.services.clone();
        self.perform(call, async move { services.repository_read(repository, commit, path).await }).await
    }

    async fn changed_paths(
        &mut self,
        repository: String,
        base: String,
        head: String,
    ) -> Result<Result<Vec<String>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::ChangedPaths { repository: repository.clone() });
        self.perform(call, async move { services.changed_paths(repository, base, head).await }).await
    }
}

impl State {
    fn transaction(&self, handle: &Resource<TransactionEntry>) -> Result<(String, Arc<dyn Transaction>)> {
        let entry = self.table.get(handle)?;
        Ok((entry.repository.clone(), entry.inner.clone()))
    }
}

impl repository_write::Host for State {
    async fn begin(&mut self, repository: String, branch: String) -> Result<Result<Resource<TransactionEntry>, Error>> {
        // An empty name is the default branch, which only the repository knows. Where asking is refused, so is `begin`
        // below, in words about what the plugin called.
        let ask = HostCall::DefaultBranch { repository: repository.clone() };
        let branch = if branch.is_empty() && authorise(&ask, self.mode, &self.grant).is_ok() {
            let (services, name) = (self.services.clone(), repository.clone());
            match self.perform(ask, async move { services.branch(&name, "").await }).await? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            }
        } else {
            branch
        };
        let call = HostCall::Begin { repository: repository.clone(), branch: branch.clone() };
        let (services, name) = (self.services.clone(), repository.clone());
        let begun = self.perform(call, async move { services.begin(name, branch).await }).await?;
        Ok(match begun {
            Ok(inner) => Ok(self.table.push(TransactionEntry { repository, inner })?),
            Err(error) => Err(error),
        })
    }
}

impl repository_write::HostTransaction for State {
    async fn head(&mut self, handle: Resource<TransactionEntry>) -> Result<Result<String, Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        self.perform(HostCall::TransactionHead { repository }, async move { inner.head().await }).await
    }

    async fn read(
        &mut self,
        handle: Resource<TransactionEntry>,
        path: String,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        let call = HostCall::TransactionRead { repository, path: path.clone() };
        self.perform(call, async move { inner.read(path).await }).await
    }

    async fn put(
        &mut self,
        handle: Resource<TransactionEntry>,
        path: String,
        content: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        let call = HostCall::TransactionPut { repository, path: path.clone() };
        let work = async move {
            fits("the content", content.len())?;
            inner.put(path, content).await
        };
        self.perform(call, work).await
    }

    async fn remove(&mut self, handle: Resource<TransactionEntry>, path: String) -> Result<Result<(), Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        let call = HostCall::TransactionRemove { repository, path: path.clone() };
        self.perform(call, async move { inner.remove(path).await }).await
    }

    async fn push(
        &mut self,
        handle: Resource<TransactionEntry>,
        message: repository_write::Message,
    ) -> Result<Result<String, Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        let work = async move {
            check(&message)?;
            inner.push(message).await
        };
        self.perform(HostCall::Push { repository }, work).await
    }

    async fn propose(
        &mut self,
        handle: Resource<TransactionEntry>,
        message: repository_write::Message,
        proposal: repository_write::Proposal,
    ) -> Result<Result<repository_write::Proposed, Error>> {
        let (repository, inner) = self.transaction(&handle)?;
        let call = HostCall::Propose { repository, branch: proposal.branch.clone() };
        let work = async move {
            check(&message)?;
            inner.propose(message, proposal).await
        };
        self.perform(call, work).await
    }

    async fn drop(&mut self, handle: Resource<TransactionEntry>) -> Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// A guest may not write the host's own trailers, which tell whose commit it is.
fn check(message: &repository_write::Message) -> Result<(), Failure> {
    let forged = |line: &str| {
        let key = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        key.starts_with("tidegate-") || key == "traceparent"
    };
    match message.trailers.iter().find(|line| forged(line) || line.contains(['\n', '\r'])) {
        Some(line) => Err(Failure::invalid(format!("the trailer {line:?} is the host's, or is not one line"))),
        None => Ok(()),
    }
}
