//! A host that carries nothing out: for describing a component, which may not do anything.

use crate::services::{Child, Entry, Services, Transaction};
use crate::wit::{approval, artifact_read, artifact_write, process, workspace_read};
use async_trait::async_trait;
use model::{Failure, Timestamp};
use std::sync::Arc;

/// Answers `internal` to every call that gets as far: none does, since `describe` is refused them all before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

fn none<T>() -> Result<T, Failure> {
    Err(Failure::internal("this host carries nothing out"))
}

#[async_trait]
impl Services for Silent {
    async fn log(&self, _: Entry) {}
    fn now(&self) -> Timestamp {
        // The answer of `describe` must be the same each time.
        Timestamp(0)
    }
    fn cancelled(&self) -> bool {
        false
    }
    async fn workspace_read(&self, _: String) -> Result<Option<Vec<u8>>, Failure> {
        none()
    }
    async fn workspace_entries(&self, _: String) -> Result<Option<Vec<workspace_read::Entry>>, Failure> {
        none()
    }
    async fn workspace_write(&self, _: String, _: Vec<u8>) -> Result<(), Failure> {
        none()
    }
    async fn workspace_remove(&self, _: String) -> Result<(), Failure> {
        none()
    }
    async fn artifact_find(&self, _: String) -> Result<Option<artifact_read::Artifact>, Failure> {
        none()
    }
    async fn artifact_read(&self, _: String, _: u64, _: u32) -> Result<Vec<u8>, Failure> {
        none()
    }
    async fn artifact_extract(&self, _: String, _: String) -> Result<(), Failure> {
        none()
    }
    async fn artifact_store(&self, _: artifact_write::Label, _: Vec<u8>) -> Result<String, Failure> {
        none()
    }
    async fn artifact_store_file(&self, _: artifact_write::Label, _: String) -> Result<String, Failure> {
        none()
    }
    async fn resolve(&self, _: String, _: String) -> Result<Option<String>, Failure> {
        none()
    }
    async fn repository_read(&self, _: String, _: String, _: String) -> Result<Option<Vec<u8>>, Failure> {
        none()
    }
    async fn changed_paths(&self, _: String, _: String, _: String) -> Result<Vec<String>, Failure> {
        none()
    }
    async fn branch(&self, _: &str, _: &str) -> Result<String, Failure> {
        none()
    }
    async fn begin(&self, _: String, _: String) -> Result<Arc<dyn Transaction>, Failure> {
        none()
    }
    async fn votes(&self, _: approval::Requirement) -> Result<approval::Tally, Failure> {
        none()
    }
    async fn start(&self, _: String, _: process::Command) -> Result<Arc<dyn Child>, Failure> {
        none()
    }
}
