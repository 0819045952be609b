//! A whole image: its manifests, children before parents, and the blobs that they name. Knows where a blob comes from,
//! and moves none.

use crate::digest::Digest;
use crate::manifest::{Content, Descriptor, Document};
use crate::reference::Repository;
use std::collections::BTreeSet;
use tidegate::Error;

/// The deepest that indexes may nest; real ones have one level.
const DEEPEST: u32 = 4;
/// The most manifests of one image; real ones have some dozens.
const MOST: usize = 512;

/// An image, ready to be pushed or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Manifests and indexes, children before parents; the last one is the image itself.
    pub manifests: Vec<Document>,
    /// Layers, each once.
    pub layers: Vec<Blob>,
    /// Configurations, each once.
    pub configs: Vec<Blob>,
}

/// Content that is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is called.
    pub descriptor: Descriptor,
    /// Where it is.
    pub source: Source,
}

/// Where a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a file of the workspace.
    File(String),
    /// Here.
    Bytes(Vec<u8>),
    /// At a registry.
    Registry(Repository),
}

impl Image {
    /// Follows a manifest to all that it names. `fetch` reads another manifest, `source` says where a blob is.
    ///
    /// # Errors
    /// Those of `fetch`; a manifest that is none, or too many of them.
    pub fn collect(
        root: Document,
        fetch: &mut dyn FnMut(&Descriptor) -> Result<Document, Error>,
        source: &dyn Fn(&Descriptor) -> Source,
    ) -> Result<Self, Error> {
        let mut image = Self::default();
        image.visit(root, 0, fetch, source)?;
        Ok(image)
    }

    fn visit(
        &mut self,
        document: Document,
        depth: u32,
        fetch: &mut dyn FnMut(&Descriptor) -> Result<Document, Error>,
        source: &dyn Fn(&Descriptor) -> Source,
    ) -> Result<(), Error> {
        let digest = &document.digest;
        if depth > DEEPEST || self.manifests.len() >= MOST {
            let message = format!("the image has more than {MOST} manifests, or nests them more than {DEEPEST} deep");
            return Err(Error::new("too-large", message));
        }
        match document.content()? {
            Content::Index(children) => {
                for child in children {
                    if self.manifests.iter().any(|known| known.digest == child.digest) {
                        continue;
                    }
                    let found = fetch(&child)?;
                    if found.digest != child.digest || found.bytes.len() as u64 != child.size {
                        let message = format!(
                            "the index {digest} names {} with {} bytes, which is another",
                            child.digest, child.size
                        );
                        return Err(Error::new("image-digest", message));
                    }
                    self.visit(found, depth + 1, fetch, source)?;
                }
            }
            Content::Image { config, layers } => {
                for layer in layers.into_iter().filter(Descriptor::is_stored) {
                    let source = source(&layer);
                    self.add_layer(Blob { descriptor: layer, source });
                }
                let source = source(&config);
                self.add_config(Blob { descriptor: config, source });
            }
        }
        self.manifests.push(document);
        Ok(())
    }

    /// Adds a layer, unless it is there.
    pub fn add_layer(&mut self, blob: Blob) {
        if !self.layers.iter().any(|known| known.descriptor.digest == blob.descriptor.digest) {
            self.layers.push(blob);
        }
    }

    /// Adds a configuration, unless it is there.
    pub fn add_config(&mut self, blob: Blob) {
        if !self.configs.iter().any(|known| known.descriptor.digest == blob.descriptor.digest) {
            self.configs.push(blob);
        }
    }

    /// The image itself.
    ///
    /// # Errors
    /// `bug`, where it has no manifest.
    pub fn root(&self) -> Result<&Document, Error> {
        self.manifests.last().ok_or_else(|| Error::internal("the image has no manifest"))
    }

    /// Layers, then configurations, each digest once.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        let mut seen = BTreeSet::<&Digest>::new();
        self.layers.iter().chain(&self.configs).filter(move |blob| seen.insert(&blob.descriptor.digest))
    }

    /// The bytes of all manifests and blobs, each once.
    pub fn size(&self) -> u64 {
        let blobs: u64 = self.blobs().map(|blob| blob.descriptor.size).fold(0, u64::saturating_add);
        let manifests: u64 = self.manifests.iter().map(|document| document.bytes.len() as u64).sum();
        blobs.saturating_add(manifests)
    }
}

#[cfg(test)]
mod tests {
    use super::{Image, Source};
    use crate::canonical;
    use crate::manifest::{Descriptor, Document, Index, Manifest};
    use crate::media;
    use std::collections::BTreeMap;

    fn document(content: &impl serde::Serialize) -> Document {
        Document::new("", canonical::bytes(content).expect("JSON")).expect("a manifest")
    }

    fn index(manifests: Vec<Descriptor>) -> Document {
        document(&Index { schema_version: 2, media_type: media::INDEX, manifests, annotations: BTreeMap::new() })
    }

    fn manifest(config: &[u8], layers: &[&[u8]]) -> Document {
        document(&Manifest {
            schema_version: 2,
            media_type: media::MANIFEST,
            config: Descriptor::of(media::CONFIG, config),
            layers: layers.iter().map(|layer| Descriptor::of(media::LAYER, layer)).collect(),
            annotations: BTreeMap::new(),
        })
    }

    fn collect(root: Document, known: &[Document]) -> Result<Image, String> {
        let mut fetch = |child: &Descriptor| {
            let found = known.iter().find(|known| known.digest == child.digest);
            found.cloned().ok_or_else(|| tidegate::Error::new("not-found", "no such manifest"))
        };
        Image::collect(root, &mut fetch, &|_| Source::Bytes(Vec::new())).map_err(|error| error.message)
    }

    #[test]
    fn children_come_before_parents_and_everything_once() {
        let (one, two) = (manifest(b"c1", &[b"base", b"one", b"base"]), manifest(b"c2", &[b"base", b"two"]));
        let inner = index(vec![two.descriptor()]);
        let root = index(vec![one.descriptor(), inner.descriptor(), two.descriptor()]);
        let image = collect(root.clone(), &[one.clone(), two.clone(), inner.clone()]).expect("an image");
        let order: Vec<_> = image.manifests.iter().map(|document| document.digest.clone()).collect();
        assert_eq!(order, [&one, &two, &inner, &root].map(|document| document.digest.clone()));
        assert_eq!((image.layers.len(), image.configs.len(), image.blobs().count()), (3, 2, 5));
        let manifests: usize = image.manifests.iter().map(|document| document.bytes.len()).sum();
        assert_eq!(image.size(), 4 + 3 + 3 + 2 + 2 + manifests as u64);
    }

    #[test]
    fn a_nest_without_end_and_a_wrong_size_are_refused() {
        let mut known = vec![manifest(b"c", &[])];
        for _ in 0..6 {
            known.push(index(vec![known[known.len() - 1].descriptor()]));
        }
        let root = known[known.len() - 1].clone();
        assert!(collect(root, &known).expect_err("too deep").contains("deep"));
        let mut wrong = known[0].descriptor();
        wrong.size += 1;
        assert!(collect(index(vec![wrong]), &known).expect_err("wrong size").contains("another"));
    }
}
