//! Pushes an image so that nobody ever sees half of one: blobs, manifests, the index, then the tags, and at last a look
//! at what each tag is at the registry now.

use crate::digest::Digest;
use crate::image::{Blob, Image, Source};
use crate::manifest::Document;
use crate::ports::{Body, Machine};
use crate::reference::Repository;
use crate::registry::{Access, Client, Mount};
use tidegate::Error;

/// One move of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move<'a> {
    /// Bring a blob there, unless it is.
    Blob(&'a Blob),
    /// Put a manifest or index under its digest.
    Manifest(&'a Document),
    /// Put the image under a tag.
    Tag(&'a str),
    /// Compare what a tag is at the registry.
    Verify(&'a str),
}

/// All moves in their order.
pub fn plan<'a>(image: &'a Image, tags: &'a [String]) -> Vec<Move<'a>> {
    let blobs = image.blobs().map(Move::Blob);
    let manifests = image.manifests.iter().map(Move::Manifest);
    let named = tags.iter().map(|tag| Move::Tag(tag));
    let verified = tags.iter().map(|tag| Move::Verify(tag));
    blobs.chain(manifests).chain(named).chain(verified).collect()
}

/// Where a push goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its tags, at least one.
    pub tags: &'a [String],
    /// A folder of the workspace for blobs that pass through it.
    pub folder: &'a str,
}

/// Whether all tags are this very image already.
///
/// # Errors
/// Whatever the registry refuses.
pub fn is_there(client: &Client<'_>, target: &Target<'_>, digest: &Digest) -> Result<bool, Error> {
    for tag in target.tags {
        if client.find_manifest(target.repository, Access::Push, tag)?.as_ref() != Some(digest) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Pushes an image and compares each tag afterwards.
///
/// # Errors
/// `image-tag-moved` (a tag is something else now), and whatever the registry refuses. A tag was moved only where all
/// else is there.
pub fn push(client: &Client<'_>, machine: &dyn Machine, image: &Image, target: &Target<'_>) -> Result<(), Error> {
    let Target { repository, tags, folder } = *target;
    let root = image.root()?;
    for step in plan(image, tags) {
        match step {
            Move::Blob(blob) => bring(client, machine, blob, repository, folder)?,
            Move::Manifest(document) => client.put_manifest(repository, document.digest.as_str(), document)?,
            Move::Tag(tag) => {
                client.put_manifest(repository, tag, root)?;
                machine.say(&format!("tagged {repository}:{tag}"));
            }
            Move::Verify(tag) => verify(client, repository, tag, &root.digest)?,
        }
    }
    machine.say(&format!("pushed {}", repository.at(&root.digest)));
    Ok(())
}

fn verify(client: &Client<'_>, repository: &Repository, tag: &str, pushed: &Digest) -> Result<(), Error> {
    let found = client.find_manifest(repository, Access::Push, tag)?;
    if found.as_ref() == Some(pushed) {
        return Ok(());
    }
    let found = found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
    let message =
        format!("{repository}:{tag} is {found} after the push of {pushed}: somebody else pushed the same tag");
    Err(Error::new("image-tag-moved", message)
        .with_hint("give each commit a tag of its own: `tag: ${{ event.commit.short }}`"))
}

fn bring(
    client: &Client<'_>,
    machine: &dyn Machine,
    blob: &Blob,
    repository: &Repository,
    folder: &str,
) -> Result<(), Error> {
    let (digest, size) = (&blob.descriptor.digest, blob.descriptor.size);
    let short = digest.short();
    if client.has_blob(repository, digest)? {
        machine.say(&format!("{short} is there already"));
        return Ok(());
    }
    let (body, to) = match &blob.source {
        Source::File(path) => (Body::File(path.clone()), None),
        Source::Bytes(bytes) => (Body::Bytes(bytes.clone()), None),
        Source::Registry(from) => {
            let mut upload = None;
            if from.host == repository.host && from != repository {
                match client.mount(repository, from, digest)? {
                    Mount::Mounted => {
                        machine.say(&format!("{short} mounted from {from}"));
                        return Ok(());
                    }
                    Mount::Upload(url) => upload = Some(url),
                    Mount::Refused => {}
                }
            }
            let path = format!("{folder}/{}", digest.digits());
            client.download(from, &blob.descriptor, &path)?;
            let uploaded = client.upload(repository, digest, Body::File(path.clone()), upload);
            machine.remove(&path)?;
            uploaded?;
            machine.say(&format!("{short} copied from {from} ({size} bytes)"));
            return Ok(());
        }
    };
    client.upload(repository, digest, body, to)?;
    machine.say(&format!("{short} uploaded ({size} bytes)"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Move, plan};
    use crate::image::{Blob, Image, Source};
    use crate::manifest::{Descriptor, Document};

    #[test]
    fn a_tag_comes_last_and_is_looked_at() {
        let blob =
            |content: &[u8]| Blob { descriptor: Descriptor::of("x", content), source: Source::Bytes(Vec::new()) };
        let document = |config: &str| {
            let config = Descriptor::of("x", config.as_bytes());
            let text = serde_json::json!({"schemaVersion": 2, "config": config, "layers": []}).to_string();
            Document::new("", text.into_bytes()).expect("a manifest")
        };
        let image = Image {
            manifests: vec![document("a"), document("b")],
            layers: vec![blob(b"l"), blob(b"both")],
            configs: vec![blob(b"both"), blob(b"c")],
        };
        let tags = ["v1".to_owned(), "latest".to_owned()];
        let order: Vec<_> = plan(&image, &tags)
            .iter()
            .map(|step| match step {
                Move::Blob(blob) => blob.descriptor.size.to_string(),
                Move::Manifest(document) => format!("m{}", u8::from(*document == &image.manifests[1])),
                Move::Tag(tag) => format!("tag {tag}"),
                Move::Verify(tag) => format!("verify {tag}"),
            })
            .collect();
        assert_eq!(order.join(", "), "1, 4, 1, m0, m1, tag v1, tag latest, verify v1, verify latest");
    }
}
