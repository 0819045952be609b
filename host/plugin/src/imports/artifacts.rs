//! Artifacts of the run, and how votes stand.

use super::{CONTENT, fits};
use crate::bindings::tidegate::plugin::types::Error;
use crate::bindings::tidegate::plugin::{approval, artifact_read, artifact_write};
use crate::call::HostCall;
use crate::state::State;
use model::Failure;
use wasmtime::Result;

/// The longest name or media type of an artifact, in bytes.
const LABEL: usize = 256;

impl artifact_read::Host for State {
    async fn find(&mut self, digest: String) -> Result<Result<Option<artifact_read::Artifact>, Error>> {
        let services = self.services.clone();
        self.perform(HostCall::ArtifactFind, async move { services.artifact_find(digest).await }).await
    }

    async fn read(&mut self, digest: String, offset: u64, length: u32) -> Result<Result<Vec<u8>, Error>> {
        let (services, length) = (self.services.clone(), length.min(CONTENT as u32));
        self.perform(HostCall::ArtifactRead, async move { services.artifact_read(digest, offset, length).await }).await
    }

    async fn extract(&mut self, digest: String, path: String) -> Result<Result<(), Error>> {
        let (services, call) = (self.services.clone(), HostCall::ArtifactExtract { path: path.clone() });
        self.perform(call, async move { services.artifact_extract(digest, path).await }).await
    }
}

impl artifact_write::Host for State {
    async fn store(&mut self, label: artifact_write::Label, content: Vec<u8>) -> Result<Result<String, Error>> {
        let (services, call) = (self.services.clone(), HostCall::ArtifactStore { name: label.name.clone() });
        let work = async move {
            check(&label)?;
            fits("the content", content.len())?;
            services.artifact_store(label, content).await
        };
        self.perform(call, work).await
    }

    async fn store_file(&mut self, label: artifact_write::Label, path: String) -> Result<Result<String, Error>> {
        let services = self.services.clone();
        let call = HostCall::ArtifactStoreFile { name: label.name.clone(), path: path.clone() };
        let work = async move {
            check(&label)?;
            services.artifact_store_file(label, path).await
        };
        self.perform(call, work).await
    }
}

/// A label is shown in lists, and goes into headers.
fn check(label: &artifact_write::Label) -> Result<(), Failure> {
    for (what, text) in [("name", &label.name), ("media type", &label.media_type)] {
        if text.len() > LABEL || text.chars().any(char::is_control) {
            return Err(Failure::invalid(format!(
                "an artifact's {what} has at most {LABEL} bytes and no control character"
            )));
        }
    }
    Ok(())
}

impl approval::Host for State {
    async fn read(&mut self, requirement: approval::Requirement) -> Result<Result<approval::Tally, Error>> {
        let services = self.services.clone();
        self.perform(HostCall::ApprovalRead, async move { services.votes(requirement).await }).await
    }
}
