//! Interfaces of the package that this version of the host links and refuses, so that a guest that imports them runs,
//! and learns by an error value what it cannot have.

use crate::bindings::tidegate::plugin::types::Error;
use crate::bindings::tidegate::plugin::{change, change_read, change_write, state_read, state_write};
use crate::state::State;
use wasmtime::Result;

impl change::Host for State {}

impl change_read::Host for State {
    async fn read(&mut self, _: String, _: String) -> Result<Result<Option<change::ChangeRequest>, Error>> {
        self.unserved("change-read", "read").await
    }
}

impl change_write::Host for State {
    async fn comment(&mut self, _: String, _: String, _: String, _: String) -> Result<Result<String, Error>> {
        self.unserved("change-write", "comment").await
    }
    async fn set_status(&mut self, _: String, _: String, _: change::CommitStatus) -> Result<Result<(), Error>> {
        self.unserved("change-write", "set-status").await
    }
    async fn merge(&mut self, _: String, _: String, _: String) -> Result<Result<String, Error>> {
        self.unserved("change-write", "merge").await
    }
}

impl state_read::Host for State {
    async fn get(&mut self, _: String) -> Result<Result<Option<String>, Error>> {
        self.unserved("state-read", "get").await
    }
    async fn keys(&mut self) -> Result<Result<Vec<String>, Error>> {
        self.unserved("state-read", "keys").await
    }
}

impl state_write::Host for State {
    async fn put(&mut self, _: String, _: String) -> Result<Result<(), Error>> {
        self.unserved("state-write", "put").await
    }
    async fn remove(&mut self, _: String) -> Result<Result<(), Error>> {
        self.unserved("state-write", "remove").await
    }
}
