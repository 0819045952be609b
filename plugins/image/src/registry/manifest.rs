//! Manifests at a registry: asked for by tag or digest, and believed only by digest.

use super::{Access, Client, REDIRECTS};
use crate::digest::Digest;
use crate::manifest::Document;
use crate::media;
use crate::ports::{Body, Request};
use crate::reference::Repository;
use tidegate::Error;

/// The header that names a manifest's digest.
const DIGEST: &str = "docker-content-digest";

impl Client<'_> {
    fn manifest_request(&self, method: &'static str, repository: &Repository, target: &str, extra: &str) -> Request {
        let url = self.url(repository, &format!("manifests/{target}"));
        let mut accepted: Vec<&str> = media::MANIFESTS.to_vec();
        if !extra.is_empty() && !accepted.contains(&extra) {
            accepted.push(extra);
        }
        let headers = vec![("accept", accepted.join(", "))];
        Request { method, url, headers, redirects: REDIRECTS, ..Request::default() }
    }

    /// The manifest of a tag or digest, checked against its digest. `media_type` is what it is known to be, or empty.
    ///
    /// # Errors
    /// `not-found`, `image-digest` (the bytes are others), and whatever the registry refuses.
    pub fn manifest(
        &self,
        repository: &Repository,
        access: Access<'_>,
        target: &str,
        media_type: &str,
    ) -> Result<Document, Error> {
        let request = self.manifest_request("GET", repository, target, media_type);
        let response = self.send(repository, &access, request)?;
        if !response.success() {
            return Err(self.refused(repository, &format!("read the manifest {repository} {target}"), &response, None));
        }
        let got = Digest::of(&response.body);
        let named = response.header(DIGEST).filter(|named| named.starts_with("sha256:"));
        let expected = if target.starts_with("sha256:") { Some(target) } else { named };
        if let Some(expected) = expected
            && expected != got.as_str()
        {
            let message =
                format!("{repository} {target} has the digest {got} and not {expected}: it was damaged or replaced");
            return Err(Error::new("image-digest", message));
        }
        let declared = match media_type {
            "" => response.header("content-type").unwrap_or_default().to_owned(),
            known => known.to_owned(),
        };
        Document::new(&declared, response.body)
    }

    /// The digest that a tag or digest has at the registry; absent where there is none.
    ///
    /// # Errors
    /// Whatever the registry refuses.
    pub fn find_manifest(
        &self,
        repository: &Repository,
        access: Access<'_>,
        target: &str,
    ) -> Result<Option<Digest>, Error> {
        let request = self.manifest_request("HEAD", repository, target, "");
        let response = self.send(repository, &access, request)?;
        match response.status {
            404 => Ok(None),
            200..300 => match response.header(DIGEST).and_then(|digest| Digest::parse(digest).ok()) {
                Some(digest) => Ok(Some(digest)),
                // A registry need not say it.
                None => self.manifest(repository, access, target, "").map(|document| Some(document.digest)),
            },
            _ => Err(self.refused(repository, &format!("look for {repository} {target}"), &response, None)),
        }
    }

    /// Puts a manifest under a tag or its own digest.
    ///
    /// # Errors
    /// `image-digest` (the registry stored something else), and whatever the registry refuses.
    pub fn put_manifest(&self, repository: &Repository, target: &str, document: &Document) -> Result<(), Error> {
        let request = Request {
            method: "PUT",
            url: self.url(repository, &format!("manifests/{target}")),
            headers: vec![("content-type", document.media_type.clone())],
            body: Body::Bytes(document.bytes.clone()),
            ..Request::default()
        };
        let response = self.send(repository, &Access::Push, request)?;
        if !response.success() {
            return Err(self.refused(repository, &format!("push the manifest {repository} {target}"), &response, None));
        }
        match response.header(DIGEST) {
            Some(stored) if stored.starts_with("sha256:") && stored != document.digest.as_str() => {
                let message = format!("{repository} stored {stored} for the manifest {}", document.digest);
                Err(Error::new("image-digest", message))
            }
            _ => Ok(()),
        }
    }
}
