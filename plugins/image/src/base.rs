//! The image that another is built upon. Reads its manifest and configuration, never its layers.

use crate::manifest::{Content, Descriptor, Document};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry::{Access, Client};
use serde_json::Value;
use tidegate::Error;

/// The base of an image for one platform.
#[derive(Clone, Debug)]
pub struct Base {
    /// For which platform it is.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: String,
    /// Its configuration.
    pub config: Value,
    /// Its layers, lowest first.
    pub layers: Vec<Descriptor>,
}

/// Reads `base`; absent for `scratch`.
///
/// # Errors
/// `invalid`, where it is no reference, or has no digest and may not have none.
pub fn reference(text: &str, allow_tag: bool) -> Result<Option<Reference>, Error> {
    if text == "scratch" {
        return Ok(None);
    }
    let reference = Reference::parse(text).map_err(|error| error.with_field("/base"))?;
    if reference.digest.is_none() && !allow_tag {
        return Err(Error::invalid(format!(
            "the base `{reference}` has no digest, and a tag can be another image tomorrow"
        ))
        .with_field("/base")
        .with_hint("write `registry/name:tag@sha256:…`, or `allowTag: true` if the result need not be reproducible"));
    }
    if reference.target().is_none() {
        return Err(
            Error::invalid(format!("the base `{reference}` has neither a tag nor a digest")).with_field("/base")
        );
    }
    Ok(Some(reference))
}

/// Finds the base for each platform; for its own one, or the only one of an index, where none is asked for.
///
/// # Errors
/// `invalid`, where it is not for a platform, and whatever the registry refuses.
pub fn resolve(client: &Client<'_>, reference: &Reference, platforms: &[Platform]) -> Result<Vec<Base>, Error> {
    let repository = &reference.repository;
    let Some(target) = reference.target() else {
        return Err(Error::internal("the base has neither a tag nor a digest"));
    };
    let root = client.manifest(repository, Access::Pull, target, "")?;
    let children = match root.content()? {
        Content::Image { .. } => {
            let base = read(client, reference, &root)?;
            return match platforms {
                [] => Ok(vec![base]),
                [wanted] if wanted.accepts(&base.platform) => Ok(vec![base]),
                _ => Err(lacking(reference, platforms, std::slice::from_ref(&base.platform))),
            };
        }
        Content::Index(children) => children,
    };
    // An attestation is of no platform, and calls its one `unknown`.
    let known: Vec<(&Platform, &Descriptor)> = children
        .iter()
        .filter_map(|child| child.platform.as_ref().map(|platform| (platform, child)))
        .filter(|(platform, _)| platform.os != "unknown")
        .collect();
    let offered: Vec<Platform> = known.iter().map(|(platform, _)| (*platform).clone()).collect();
    let wanted: Vec<&Platform> = match (platforms, offered.as_slice()) {
        ([], [only]) => vec![only],
        ([], _) => return Err(lacking(reference, platforms, &offered)),
        (some, _) => some.iter().collect(),
    };
    let mut bases = Vec::new();
    for wanted in wanted {
        let Some((_, child)) = known.iter().find(|(platform, _)| wanted.accepts(platform)) else {
            return Err(lacking(reference, std::slice::from_ref(wanted), &offered));
        };
        let document = client.manifest(repository, Access::Pull, child.digest.as_str(), &child.media_type)?;
        bases.push(read(client, reference, &document)?);
    }
    Ok(bases)
}

fn read(client: &Client<'_>, reference: &Reference, document: &Document) -> Result<Base, Error> {
    let wrong = |why: &str| Error::new("image-manifest", format!("the base {reference} cannot be built upon: {why}"));
    let Content::Image { config, layers } = document.content()? else {
        return Err(wrong("it is an index of indexes"));
    };
    let bytes = client.read_blob(&reference.repository, &config)?;
    let config: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(&format!("its configuration: {error}")))?;
    let platform: Platform = serde_json::from_slice(&bytes).map_err(|_| wrong("it is no image of a container"))?;
    let ids = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
    if ids != layers.len() {
        return Err(wrong(&format!("it has {} layers and {ids} diff ids", layers.len())));
    }
    Ok(Base { platform, digest: document.digest.to_string(), config, layers })
}

fn lacking(reference: &Reference, wanted: &[Platform], offered: &[Platform]) -> Error {
    let list = |platforms: &[Platform]| platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ");
    let offered = if offered.is_empty() { "no platform at all".to_owned() } else { list(offered) };
    let message = if wanted.is_empty() {
        format!("the base {reference} is for {offered}: say which")
    } else {
        format!("the base {reference} is for {offered}, not for {}", list(wanted))
    };
    Error::invalid(message).with_field("/platforms")
}
