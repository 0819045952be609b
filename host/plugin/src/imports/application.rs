//! How applications stand. Both functions only read.

use crate::bindings::tidegate::plugin::application;
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::HostCall;
use crate::state::State;
use model::{CommitId, Failure};
use wasmtime::Result;

impl application::Host for State {
    async fn read(&mut self, name: String) -> Result<Result<Option<application::Status>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::Application { function: "read", name: name.clone() });
        self.perform(call, async move { services.application(name).await }).await
    }

    async fn contains(&mut self, name: String, commit: String) -> Result<Result<bool, Error>> {
        let call = HostCall::Application { function: "contains", name: name.clone() };
        let services = self.services.clone();
        let work = async move {
            let commit = CommitId(commit);
            if !commit.is_valid() {
                return Err(Failure::invalid(format!("{:?} is no commit id", commit.as_str())));
            }
            services.application_contains(name, commit).await
        };
        self.perform(call, work).await
    }
}
