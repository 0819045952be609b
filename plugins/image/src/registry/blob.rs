//! Blobs at a registry: looked for, mounted, uploaded from files and downloaded to files.

use super::{Access, Client, REDIRECTS};
use crate::digest::Digest;
use crate::location;
use crate::manifest::Descriptor;
use crate::ports::{Body, Request, Response};
use crate::reference::Repository;
use tidegate::Error;

/// What became of a request to mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// The blob is there.
    Mounted,
    /// It is not; an upload may go to this URL.
    Upload(String),
    /// The registry does not mount, or not for this login.
    Refused,
}

impl Client<'_> {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// Whatever the registry refuses.
    pub fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, Error> {
        let url = self.url(repository, &format!("blobs/{digest}"));
        let request = Request { method: "HEAD", url, redirects: REDIRECTS, ..Request::default() };
        let response = self.send(repository, &Access::Push, request)?;
        match response.status {
            200..300 => Ok(true),
            404 => Ok(false),
            _ => Err(self.refused(repository, &format!("look for the blob {digest} in {repository}"), &response, None)),
        }
    }

    /// Makes a blob of another repository of the same registry one of this, without moving its bytes.
    ///
    /// # Errors
    /// Whatever the registry refuses.
    pub fn mount(&self, repository: &Repository, from: &Repository, digest: &Digest) -> Result<Mount, Error> {
        let url = location::with_parameter(&self.url(repository, "blobs/uploads/"), "mount", digest.as_str());
        let url = location::with_parameter(&url, "from", &from.name);
        let what = format!("mount the blob {digest} of {from} in {repository}");
        let request = Request { method: "POST", url: url.clone(), ..Request::default() };
        let response = match self.send(repository, &Access::Mount(from), request) {
            // A token server need not give one for two repositories at once.
            Err(error) if error.is("image-unauthorized") || error.is("image-forbidden") => return Ok(Mount::Refused),
            other => other?,
        };
        match response.status {
            201 => Ok(Mount::Mounted),
            202 => self.upload_url(repository, &url, &response).map(Mount::Upload),
            400..=405 => Ok(Mount::Refused),
            _ => Err(self.refused(repository, &what, &response, None)),
        }
    }

    /// Uploads a blob in one piece. `to` is what a request to mount left, or absent to begin an upload.
    ///
    /// # Errors
    /// Whatever the registry refuses; it compares the bytes with the digest.
    pub fn upload(
        &self,
        repository: &Repository,
        digest: &Digest,
        body: Body,
        to: Option<String>,
    ) -> Result<(), Error> {
        let what = format!("upload the blob {digest} to {repository}");
        let to = match to {
            Some(to) => to,
            None => {
                let url = self.url(repository, "blobs/uploads/");
                let request = Request { method: "POST", url: url.clone(), ..Request::default() };
                let response = self.send(repository, &Access::Push, request)?;
                if response.status != 202 {
                    return Err(self.refused(repository, &what, &response, None));
                }
                self.upload_url(repository, &url, &response)?
            }
        };
        let request = Request {
            method: "PUT",
            url: location::with_parameter(&to, "digest", digest.as_str()),
            headers: vec![("content-type", "application/octet-stream".to_owned())],
            body,
            ..Request::default()
        };
        let response = self.send(repository, &Access::Push, request)?;
        if response.success() { Ok(()) } else { Err(self.refused(repository, &what, &response, None)) }
    }

    fn upload_url(&self, repository: &Repository, base: &str, response: &Response) -> Result<String, Error> {
        let host = &repository.host;
        let location = response.header("location").unwrap_or_default();
        let Some(url) = location::resolve(base, location) else {
            let message = format!("{host} does not say where an upload to {repository} goes");
            return Err(Error::new("image-rejected", message));
        };
        if url.to_ascii_lowercase().starts_with("http://") && !self.insecure.contains(host) {
            let message =
                format!("{host} sends uploads to {}, without TLS", location::origin(&url).unwrap_or_default());
            return Err(Error::new("image-rejected", message).with_hint(
                "tell the registry its own https:// URL, or let its proxy send `X-Forwarded-Proto: https`",
            ));
        }
        Ok(url)
    }

    /// Downloads a blob to a file of the workspace, which holds what the digest says or is not there.
    ///
    /// # Errors
    /// `image-digest` (the bytes are others), and whatever the registry refuses.
    pub fn download(&self, repository: &Repository, blob: &Descriptor, path: &str) -> Result<(), Error> {
        let digest = &blob.digest;
        let request = Request {
            method: "GET",
            url: self.url(repository, &format!("blobs/{digest}")),
            redirects: REDIRECTS,
            save: Some(path.to_owned()),
            ..Request::default()
        };
        let response = self.send(repository, &Access::Pull, request)?;
        if !response.success() {
            let what = format!("download the blob {digest} of {repository}");
            let error = self.refused(repository, &what, &response, Some(path));
            self.machine.remove(path)?;
            return Err(error);
        }
        let got = self.machine.summarise(path)?;
        if let Some(got) = &got
            && got.digest == digest.as_str()
            && got.size == blob.size
        {
            return Ok(());
        }
        self.machine.remove(path)?;
        let got = got.map_or_else(|| "nothing".to_owned(), |got| format!("{} ({} bytes)", got.digest, got.size));
        let message = format!(
            "the blob {digest} ({} bytes) of {repository} came as {got}: it was damaged or replaced",
            blob.size
        );
        Err(Error::new("image-digest", message).retry())
    }

    /// The bytes of a small blob, such as a configuration.
    ///
    /// # Errors
    /// Those of [`Client::download`].
    pub fn read_blob(&self, repository: &Repository, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        let digest = &blob.digest;
        let url = self.url(repository, &format!("blobs/{digest}"));
        let request = Request { method: "GET", url, redirects: REDIRECTS, ..Request::default() };
        let response = self.send(repository, &Access::Pull, request)?;
        if !response.success() {
            return Err(self.refused(repository, &format!("read the blob {digest} of {repository}"), &response, None));
        }
        if Digest::of(&response.body) != *digest {
            let message = format!("the blob {digest} of {repository} came as {}", Digest::of(&response.body));
            return Err(Error::new("image-digest", message).retry());
        }
        Ok(response.body)
    }
}
