//! OCI image layouts in the workspace: `oci-layout`, `index.json`, `blobs/sha256/…` (image-layout.md of the OCI image
//! specification). Tools write one for us to push, and `image/assemble` writes one for tools.

use crate::canonical;
use crate::digest::Digest;
use crate::image::{Image, Source};
use crate::manifest::{Descriptor, Document, Index};
use crate::media;
use crate::ports::{Files, Machine};
use crate::registry::Client;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::archive::{Compression, Item, Packing};

/// The annotation that names a tag in a layout.
const NAME: &str = "org.opencontainers.image.ref.name";
/// The content of `oci-layout`.
const VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

#[derive(Deserialize)]
struct Entries {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

/// The path of a blob in a layout.
pub fn blob(folder: &str, digest: &Digest) -> String {
    format!("{folder}/blobs/sha256/{}", digest.digits())
}

/// Reads the one image of a layout that a tool wrote.
///
/// # Errors
/// `image-no-digest` (there is none, or several), `image-digest` (a manifest is not what it is called).
pub fn read(files: &dyn Files, folder: &str) -> Result<Image, Error> {
    let empty = |why: &str| Error::new("image-no-digest", format!("the build gave no image: {why}"));
    let Some(index) = files.read(&format!("{folder}/index.json"))? else {
        return Err(empty("its layout has no index.json"));
    };
    let entries: Entries = serde_json::from_slice(&index)
        .map_err(|error| empty(&format!("the index.json of its layout cannot be read: {error}")))?;
    let mut manifests = entries.manifests;
    // One image under several names is one image.
    manifests.dedup_by(|one, other| one.digest == other.digest);
    let [root] = manifests.as_slice() else {
        return Err(empty(&format!("its layout has {} images, not one", manifests.len())));
    };
    let mut fetch = |descriptor: &Descriptor| {
        let digest = &descriptor.digest;
        let Some(bytes) = files.read(&blob(folder, digest))? else {
            let what = descriptor.platform.as_ref().map(|platform| format!(" for {platform}")).unwrap_or_default();
            return Err(empty(&format!("its layout lacks the manifest {digest}{what}")));
        };
        let document = Document::new(&descriptor.media_type, bytes)?;
        if document.digest != *digest {
            return Err(Error::new(
                "image-digest",
                format!("the manifest {digest} of the layout is {}", document.digest),
            ));
        }
        Ok(document)
    };
    let root = fetch(root)?;
    Image::collect(root, &mut fetch, &|descriptor| Source::File(blob(folder, &descriptor.digest)))
}

/// Writes an image as a layout, over what is there. `scratch` is a folder for what passes through.
///
/// # Errors
/// The host's, and the registry's where a blob comes from one.
pub fn write(
    machine: &dyn Machine,
    client: &Client<'_>,
    image: &Image,
    folder: &str,
    tags: &[String],
    scratch: &str,
) -> Result<(), Error> {
    machine.write(&format!("{folder}/oci-layout"), VERSION)?;
    let mut items = Vec::new();
    for blob in image.blobs() {
        let digest = &blob.descriptor.digest;
        let path = self::blob(folder, digest);
        match &blob.source {
            Source::Bytes(bytes) => machine.write(&path, bytes)?,
            Source::File(source) if *source == path => {}
            Source::File(source) => items.push(Item::new(source, &format!("blobs/sha256/{}", digest.digits()))),
            Source::Registry(from) => client.download(from, &blob.descriptor, &path)?,
        }
    }
    place(machine, items, folder, scratch)?;
    for document in &image.manifests {
        machine.write(&blob(folder, &document.digest), &document.bytes)?;
    }
    machine.write(&format!("{folder}/index.json"), &index(image, tags)?)
}

/// Files get their names in the layout by way of an archive: the workspace has no rename, and a layer's name is only
/// known once it is packed. It costs a copy, much less than compressing the layer again.
fn place(files: &dyn Files, items: Vec<Item>, folder: &str, scratch: &str) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let archive = format!("{scratch}/layers.tar");
    let packing = Packing { items, exclude: Vec::new(), modified: 0, compression: Compression::None };
    files.pack(&packing, &archive)?;
    let unpacked = files.unpack(&archive, folder);
    files.remove(&archive)?;
    unpacked
}

/// The layout's `index.json`: the image once for each tag, or once without a name.
fn index(image: &Image, tags: &[String]) -> Result<Vec<u8>, Error> {
    let root = image.root()?.descriptor();
    let named = |tag: &String| {
        let annotations = BTreeMap::from([(NAME.to_owned(), tag.clone())]);
        Descriptor { annotations, ..root.clone() }
    };
    let manifests = if tags.is_empty() { vec![root.clone()] } else { tags.iter().map(named).collect() };
    canonical::bytes(&Index { schema_version: 2, media_type: media::INDEX, manifests, annotations: BTreeMap::new() })
}
