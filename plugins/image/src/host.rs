//! The host of a component, as the ports see it. Decides nothing.

use crate::ports::{Body, Files, Machine, Program, Programs, Request, Response, Transport};
use tidegate::archive::{self, Packed, Packing};
use tidegate::process::Command;
use tidegate::workspace::{self, Summary};
use tidegate::{Error, http, secret};

/// Seconds for a request whose body is a file; the most that the host allows.
const LONG: u32 = 600;
/// Seconds for any other request: registries check a manifest's blobs before they answer.
const SHORT: u32 = 120;

/// The host.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Transport for Host {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        let long = request.save.is_some() || matches!(request.body, Body::File(_));
        let mut sent = http::Request::new(request.method, &request.url)
            .redirects(request.redirects)
            .timeout(if long { LONG } else { SHORT })
            .body(match &request.body {
                Body::Nothing => http::Body::Nothing,
                Body::Bytes(bytes) => http::Body::Bytes(bytes.clone()),
                Body::File(path) => http::Body::File(path.clone()),
            });
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        if let Some(path) = &request.save {
            sent = sent.save(path);
        }
        sent.send()
    }

    fn login(&self, host: &str) -> Result<Option<String>, Error> {
        secret::registry_login(host)
    }
}

impl Files for Host {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        workspace::read(path)
    }

    fn is_folder(&self, path: &str) -> Result<bool, Error> {
        match workspace::entries(path) {
            Ok(entries) => Ok(entries.is_some()),
            Err(error) if error.is("invalid") => Ok(false),
            Err(error) if error.is("too-large") => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        workspace::summarise(path)
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        workspace::write(path, content)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        workspace::remove(path)
    }

    fn pack(&self, packing: &Packing, to: &str) -> Result<Packed, Error> {
        archive::pack(packing, to)
    }

    fn unpack(&self, source: &str, to: &str) -> Result<(), Error> {
        archive::unpack(source, to).map(drop)
    }
}

impl Programs for Host {
    fn run(&self, program: &Program) -> Result<(), Error> {
        let mut command = Command::new(program.name).arguments(program.arguments.iter().map(String::as_str));
        for (name, value) in &program.environment {
            command = command.variable(name, value);
        }
        command.start(&program.key)?.wait()?.into_result(program.name)
    }
}

impl Machine for Host {
    fn say(&self, line: &str) {
        tidegate::info!("{line}");
    }
}
