//! Manifests and indexes as registries and layouts hold them. Reads what it must know and keeps the bytes: a manifest is
//! never written again in another form, since its digest is over its bytes.

use crate::digest::Digest;
use crate::media;
use crate::platform::Platform;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidegate::Error;

/// The most that one manifest may list. Real ones have some dozens.
const MOST: usize = 4_096;

/// What refers to content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where else to get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// What else is known about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// For which platform it is, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// The content of a manifest with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// As it is.
    pub bytes: Vec<u8>,
}

/// What a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An index.
    Index(Vec<Descriptor>),
    /// One image, or another artifact of that form.
    Image {
        /// Its configuration.
        config: Descriptor,
        /// Its layers, lowest first.
        layers: Vec<Descriptor>,
    },
}

/// An OCI manifest as we write it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u8,
    /// [`media::MANIFEST`].
    pub media_type: &'static str,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What else is known about it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An OCI index as we write it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u8,
    /// [`media::INDEX`].
    pub media_type: &'static str,
    /// The images.
    pub manifests: Vec<Descriptor>,
    /// What else is known about it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    #[serde(default)]
    schema_version: u64,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    blobs: Option<serde::de::IgnoredAny>,
}

impl Descriptor {
    /// A descriptor of these bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        let size = bytes.len() as u64;
        let (annotations, urls) = (BTreeMap::new(), Vec::new());
        Self { media_type: media_type.to_owned(), digest: Digest::of(bytes), size, urls, annotations, platform: None }
    }

    /// Whether its content is at the registry.
    pub fn is_stored(&self) -> bool {
        !media::is_foreign(&self.media_type) || self.urls.is_empty()
    }
}

impl Document {
    /// These bytes as a manifest. `declared` is what a server or a descriptor calls them; empty where it does not.
    ///
    /// # Errors
    /// `invalid` or `unsupported`, with what is wrong.
    pub fn new(declared: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let mut document = Self { media_type: media::essence(declared), digest: Digest::of(&bytes), bytes };
        document.media_type = document.read()?.0;
        Ok(document)
    }

    /// What it refers to.
    ///
    /// # Errors
    /// Those of [`Document::new`].
    pub fn content(&self) -> Result<Content, Error> {
        self.read().map(|(_, content)| content)
    }

    /// What refers to it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }

    fn read(&self) -> Result<(String, Content), Error> {
        let digest = &self.digest;
        let wrong = |why: String| Error::new("image-manifest", format!("the manifest {digest} is wrong: {why}"));
        let read: Read = serde_json::from_slice(&self.bytes).map_err(|error| wrong(error.to_string()))?;
        if read.schema_version != 2 {
            let version = read.schema_version;
            let message = format!("the manifest {digest} is of the version {version}, and only version 2 is supported");
            return Err(Error::new("unsupported", message).with_hint("push the image again with a newer tool"));
        }
        let declared = Some(&self.media_type).filter(|declared| media::MANIFESTS.contains(&declared.as_str()));
        let own = read.media_type.as_deref().map(media::essence);
        // Two readers that believe different names would see different images.
        if let (Some(own), Some(declared)) = (&own, declared)
            && own != declared
        {
            return Err(wrong(format!("it is declared as `{declared}` and calls itself `{own}`")));
        }
        let index = |media_type: &str| [media::INDEX, media::DOCKER_LIST].contains(&media_type);
        let named = own.as_ref().or(declared);
        match (read.manifests, read.config, read.layers) {
            (Some(manifests), None, None) => {
                let media_type = named.cloned().unwrap_or_else(|| media::INDEX.to_owned());
                if !index(&media_type) || manifests.len() > MOST {
                    return Err(wrong(format!("a list of {} manifests is called `{media_type}`", manifests.len())));
                }
                Ok((media_type, Content::Index(manifests)))
            }
            (None, Some(config), Some(layers)) => {
                let media_type = named.cloned().unwrap_or_else(|| media::MANIFEST.to_owned());
                let manifest = [media::MANIFEST, media::DOCKER_MANIFEST].contains(&media_type.as_str());
                if !manifest || layers.len() > MOST {
                    return Err(wrong(format!("an image of {} layers is called `{media_type}`", layers.len())));
                }
                Ok((media_type, Content::Image { config, layers }))
            }
            _ if read.blobs.is_some() => Err(Error::new(
                "unsupported",
                format!("the manifest {digest} is an artifact manifest, a form that the specification gave up"),
            )),
            _ => Err(wrong("it is neither an image (`config` and `layers`) nor an index (`manifests`)".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Document};
    use crate::digest::Digest;
    use crate::media;
    use serde_json::json;

    #[test]
    fn a_manifest_is_what_it_says() {
        let blob = json!({"mediaType": "x", "digest": Digest::of(b""), "size": 0});
        let image = |media: serde_json::Value| {
            let mut image = json!({"schemaVersion": 2, "config": blob, "layers": [blob]});
            if media.is_string() {
                image["mediaType"] = media;
            }
            image.to_string().into_bytes()
        };
        let named = |declared: &str, bytes| Document::new(declared, bytes).map(|it| it.media_type);
        assert_eq!(named("", image(json!(null))).as_deref().ok(), Some(media::MANIFEST));
        let declared = format!("{}; charset=utf-8", media::DOCKER_MANIFEST.to_uppercase());
        assert_eq!(named(&declared, image(json!(null))).as_deref().ok(), Some(media::DOCKER_MANIFEST));
        assert_eq!(named("text/plain", image(json!(media::MANIFEST))).as_deref().ok(), Some(media::MANIFEST));
        assert!(named(media::DOCKER_MANIFEST, image(json!(media::MANIFEST))).is_err());
        assert!(named(media::INDEX, image(json!(null))).is_err());
        let both = json!({"schemaVersion": 2, "config": blob, "layers": [], "manifests": []}).to_string();
        assert!(named("", both.into_bytes()).is_err());
        for (text, code) in [
            (r#"{"schemaVersion":1,"name":"x"}"#, "unsupported"),
            (r#"{"schemaVersion":2,"blobs":[]}"#, "unsupported"),
            (r#"{"schemaVersion":2}"#, "image-manifest"),
            ("[", "image-manifest"),
        ] {
            assert_eq!(named("", text.into()).expect_err(text).code, code);
        }
        let index = Document::new("", br#"{"schemaVersion":2,"manifests":[]}"#.to_vec()).expect("an index");
        assert_eq!(index.content().ok(), Some(Content::Index(Vec::new())));
    }
}
