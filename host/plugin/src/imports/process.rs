//! Native programs in the jail.

use super::fits;
use crate::bindings::tidegate::plugin::process;
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::{ChildFiles, HostCall};
use crate::services::Child;
use crate::state::{ChildEntry, State};
use model::Failure;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Result;
use wasmtime::component::Resource;

/// The longest key of a child, in bytes.
const KEY: usize = 128;
/// The longest that one `next` waits.
const WAIT: u32 = 300_000;

impl process::Host for State {
    async fn start(&mut self, key: String, command: process::Command) -> Result<Result<Resource<ChildEntry>, Error>> {
        let variables = command.environment.iter().map(|variable| variable.name.clone()).collect();
        let call = HostCall::Start { program: command.program.clone(), variables, files: files(&command) };
        let services = self.services.clone();
        let work = async move {
            check(&key, &command)?;
            services.start(key, command).await
        };
        let started = self.perform(call, work).await?;
        Ok(match started {
            Ok(child) => match self.table.push(ChildEntry(child.clone())) {
                Ok(handle) => {
                    self.children += 1;
                    Ok(handle)
                }
                // It runs, and nobody has a handle that could end it.
                Err(full) => {
                    self.abandon(child).await;
                    return Err(full.into());
                }
            },
            Err(error) => Err(error),
        })
    }
}

fn files(command: &process::Command) -> ChildFiles {
    let outputs = [&command.standard_output, &command.standard_error];
    ChildFiles {
        reads: matches!(command.input, process::Input::File(_)),
        writes: outputs.iter().any(|output| matches!(output, process::Output::File(_))),
    }
}

fn check(key: &str, command: &process::Command) -> Result<(), Failure> {
    if key.is_empty() || key.len() > KEY || key.chars().any(char::is_control) {
        return Err(Failure::invalid(format!("a child's key has 1 to {KEY} bytes and no control character")));
    }
    if command.program.contains('/') {
        return Err(Failure::invalid("a program is a name, never a path"));
    }
    if let process::Input::Bytes(bytes) = &command.input {
        fits("the input", bytes.len())?;
    }
    for path in [&command.standard_output, &command.standard_error] {
        if let process::Output::File(path) = path {
            crate::call::check_path(path)?;
        }
    }
    if let process::Input::File(path) = &command.input {
        crate::call::check_path(path)?;
    }
    crate::call::check_path(&command.directory)
}

impl State {
    fn child(&self, handle: &Resource<ChildEntry>) -> Result<Arc<dyn Child>> {
        Ok(self.table.get(handle)?.0.clone())
    }
}

impl process::HostChild for State {
    async fn next(
        &mut self,
        handle: Resource<ChildEntry>,
        milliseconds: u32,
    ) -> Result<Result<Option<process::Event>, Error>> {
        let (child, milliseconds) = (self.child(&handle)?, milliseconds.min(WAIT));
        let limit = self.limits.host_call + Duration::from_millis(milliseconds.into());
        self.perform_within(HostCall::ChildNext, limit, async move { child.next(milliseconds).await }).await
    }

    async fn interrupt(&mut self, handle: Resource<ChildEntry>) -> Result<Result<(), Error>> {
        let child = self.child(&handle)?;
        self.perform(HostCall::ChildInterrupt, async move { child.interrupt().await }).await
    }

    async fn kill(&mut self, handle: Resource<ChildEntry>) -> Result<Result<(), Error>> {
        let child = self.child(&handle)?;
        self.perform(HostCall::ChildKill, async move { child.kill().await }).await
    }

    async fn drop(&mut self, handle: Resource<ChildEntry>) -> Result<()> {
        let entry = self.table.delete(handle)?;
        self.children = self.children.saturating_sub(1);
        self.abandon(entry.0).await;
        Ok(())
    }
}
