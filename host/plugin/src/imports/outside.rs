//! What leads out of the host: secrets, by texts that stand for them, and HTTP.

use super::fits;
use crate::bindings::tidegate::plugin::types::Error;
use crate::bindings::tidegate::plugin::{http, secret};
use crate::call::{ChildFiles, HostCall, check_path};
use crate::state::State;
use model::Failure;
use std::time::Duration;
use wasmtime::Result;

/// The longest name of a secret or of a part of one, in bytes.
const NAME: usize = 256;
/// The longest that a request may take, and what it takes unless told otherwise, in seconds.
const LONGEST: u32 = 600;
const USUAL: u32 = 30;
/// Most headers of a request, and bytes of one.
const HEADERS: usize = 128;
const HEADER: usize = 16 << 10;

impl secret::Host for State {
    async fn placeholder(&mut self, name: String, part: String) -> Result<Result<String, Error>> {
        let (services, call) = (self.services.clone(), HostCall::Placeholder { name: name.clone() });
        let work = async move {
            check_name(&name, &part)?;
            services.placeholder(name, part).await
        };
        self.perform(call, work).await
    }

    async fn reveal(&mut self, name: String, part: String) -> Result<Result<Vec<u8>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::Reveal { name: name.clone() });
        let work = async move {
            check_name(&name, &part)?;
            services.reveal(name, part).await
        };
        self.perform(call, work).await
    }
}

fn check_name(name: &str, part: &str) -> std::result::Result<(), Failure> {
    let wrong = |text: &str| text.len() > NAME || text.chars().any(|c| c.is_control() || "{}#".contains(c));
    if wrong(name) || wrong(part) {
        return Err(Failure::invalid("a secret's name has at most 256 bytes, and none of `{`, `}` and `#`"));
    }
    Ok(())
}

impl http::Host for State {
    async fn send(&mut self, mut request: http::Request) -> Result<Result<http::Response, Error>> {
        let seconds = if request.timeout_seconds == 0 { USUAL } else { request.timeout_seconds.min(LONGEST) };
        request.timeout_seconds = seconds;
        let files = ChildFiles { reads: matches!(request.body, http::Body::File(_)), writes: request.save.is_some() };
        let call = HostCall::Send { method: request.method.clone(), files };
        let services = self.services.clone();
        let work = async move {
            check(&request)?;
            services.send(request).await
        };
        // The host ends it in time by itself, and says more than this would.
        let limit = Duration::from_secs(u64::from(seconds) + 30);
        self.perform_within(call, limit, work).await
    }
}

fn check(request: &http::Request) -> std::result::Result<(), Failure> {
    if let http::Body::Bytes(bytes) = &request.body {
        fits("the body", bytes.len())?;
    }
    if let http::Body::File(path) = &request.body {
        check_path(path)?;
    }
    if let Some(path) = &request.save {
        check_path(path)?;
    }
    let long = request.headers.iter().any(|header| header.name.len() + header.value.len() > HEADER);
    if request.headers.len() > HEADERS || long {
        return Err(Failure::invalid(format!("a request has at most {HEADERS} headers of {HEADER} bytes")));
    }
    Ok(())
}
