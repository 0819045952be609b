//! HTTP for a step: what its grant allows, with files of its workspace as bodies.

use crate::attempt::Attempt;
use crate::core::aside;
use egress::{Body, Request, Rules};
use model::{Blame, Failure};
use plugin::wit::http;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Sends a request. What is to be saved appears in the workspace whole, or not at all.
pub(crate) async fn send(attempt: &Arc<Attempt>, request: http::Request) -> Result<http::Response, Failure> {
    let rules = rules(attempt)?;
    let body = match request.body {
        http::Body::Nothing => Body::Nothing,
        http::Body::Bytes(bytes) => Body::Bytes(bytes),
        http::Body::File(path) => Body::File(
            attempt
                .files(move |files| {
                    let missing = || Failure::new(Blame::Plugin, "not-found", format!("there is no file `{path}`"));
                    files.open_file(&path)?.ok_or_else(missing)
                })
                .await?,
        ),
    };
    let draft = match request.save.is_some() {
        true => Some(Draft::new(attempt).await?),
        false => None,
    };
    let headers: Vec<(String, String)> = request.headers.into_iter().map(|h| (h.name, h.value)).collect();
    let sent = Request {
        method: request.method,
        url: request.url,
        headers,
        body,
        redirects: request.redirects,
        save: draft.as_ref().map(|draft| draft.file.try_clone()).transpose().map_err(|e| unwritable(&e))?,
        timeout: Duration::from_secs(request.timeout_seconds.into()),
    };
    let inner = attempt.clone();
    // Short: a secret is a variable or a small file. The client asks for each hop anew.
    let swap = move |host: &str, _: bool, _: &str, value: &str| inner.core.vault.header(&inner, host, value);
    let mut stopping = attempt.stopping.clone();
    let response = tokio::select! {
        response = attempt.core.client.send(&rules, sent, &swap) => response?,
        () = stopping.asked() => {
            return Err(Failure::new(Blame::User, "cancelled", "the request was given up: the step is being stopped"));
        }
    };
    if let (Some(draft), Some(path)) = (draft, request.save) {
        let copy = move |files: &workspace::Workspace| {
            let mut from = File::open(&draft.path).map_err(|e| unwritable(&e))?;
            files.create_file(&path, &mut |file| std::io::copy(&mut from, file).map(|_| ()))
        };
        attempt.files(copy).await?;
    }
    let header = |(name, value)| http::Header { name, value };
    Ok(http::Response {
        status: response.status,
        headers: response.headers.into_iter().map(header).collect(),
        body: response.body,
    })
}

fn rules(attempt: &Attempt) -> Result<Rules, Failure> {
    let grant = attempt.grant.http.clone().unwrap_or_default();
    let hosts = grant.hosts.iter().map(|host| host.parse());
    let hosts = hosts.collect::<Result<_, String>>();
    let hosts = hosts.map_err(|why| Failure::denied(format!("the grant `http` cannot be read: {why}")))?;
    Ok(Rules { hosts, methods: grant.methods, private: attempt.core.settings.private.clone() })
}

/// A file outside of the workspace, gone with this: what comes is nobody's until it is complete.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    async fn new(attempt: &Arc<Attempt>) -> Result<Self, Failure> {
        let folder = attempt.folder();
        aside(move || {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|e| Failure::internal(format!("no randomness: {e}")))?;
            let path = folder.join(format!("http-{}", hex::encode(random)));
            let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| unwritable(&e))?;
            Ok(Self { path, file })
        })
        .await
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What stays is removed with the attempt's folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn unwritable(e: &std::io::Error) -> Failure {
    Failure::new(Blame::Host, "unavailable", format!("what is received cannot be kept: {e}"))
}
