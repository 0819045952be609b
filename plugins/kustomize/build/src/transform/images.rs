//! Names, tags and digests of images: wherever field specs say, and in every list called `containers` or
//! `initContainers`, whatever the kind.

use kustomize_yaml::Node;

use super::named;
use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec};
use crate::kustomization::Image;
use crate::resources::Resources;
use crate::scalar;
use crate::selector::Pattern;

/// Deepest place in which containers are looked for.
const MAX_DEPTH: usize = 512;

/// One entry of `images:`.
#[derive(Debug)]
pub struct Images {
    image: Image,
    name: Name,
    specs: Vec<FieldSpec>,
}

/// How an image's name is recognized. kustomize takes it for an expression, so a `.` is any character.
#[derive(Debug)]
enum Name {
    Dotted(String),
    Expression(Pattern),
}

impl Name {
    fn new(name: &str) -> Result<Self> {
        if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | '@' | '.')) {
            return Ok(Self::Dotted(name.to_owned()));
        }
        let expression = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        Pattern::anywhere(&expression).map(Self::Expression).map_err(|error| Error::transform("images", error))
    }

    fn matches(&self, image: &str) -> bool {
        let name = match self {
            Self::Dotted(name) => name,
            Self::Expression(pattern) => return pattern.matches(image),
        };
        let mut rest = image.chars();
        let named = name.chars().all(|wanted| rest.next().is_some_and(|c| c == wanted || (wanted == '.' && c != '\n')));
        named && is_version(rest.as_str())
    }
}

/// Nothing, a tag, a digest, or both.
fn is_version(text: &str) -> bool {
    let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c));
    let (tag, digest) = text.split_once("@sha256:").map_or((text, ""), |(tag, digest)| (tag, digest));
    (tag.is_empty() || tag.strip_prefix(':').is_some_and(word)) && word(digest)
}

/// Name, tag and digest of a reference.
pub fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or(0);
    let find = |sign: char| image[start..].find(sign).map(|at| at + start);
    match (find(':'), find('@')) {
        (None, None) => (image, "", ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

impl Images {
    /// # Errors
    /// A name that is no expression.
    pub fn new(image: Image, specs: Vec<FieldSpec>) -> Result<Self> {
        Ok(Self { name: Name::new(&image.name)?, image, specs })
    }

    pub(super) fn apply(&self, resources: &mut Resources) -> Result<()> {
        for resource in resources.list_mut() {
            if resource.id().gvk.kind == "CustomResourceDefinition" {
                continue;
            }
            let gvk = resource.id().gvk.clone();
            self.walk(resource.node_mut(), 0).map_err(named("images"))?;
            for spec in &self.specs {
                // kustomize has `create` in its table and makes nothing.
                spec.apply(&gvk, resource.node_mut(), Create::Never, &mut |node, _| self.set(node))
                    .map_err(named("images"))?;
            }
        }
        Ok(())
    }

    fn walk(&self, node: &mut Node, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::invalid("", "an object is nested too deep"));
        }
        match node {
            Node::Scalar(_) => Ok(()),
            Node::Sequence(items) => items.iter_mut().try_for_each(|item| self.walk(item, depth + 1)),
            Node::Mapping(mapping) => mapping.iter_mut().try_for_each(|(key, value)| {
                self.walk(value, depth + 1)?;
                match value {
                    Node::Sequence(items) if matches!(key.text.as_str(), "containers" | "initContainers") => {
                        items.iter_mut().try_for_each(|item| self.set_in(item))
                    }
                    _ => Ok(()),
                }
            }),
        }
    }

    fn set_in(&self, container: &mut Node) -> Result<()> {
        match container {
            Node::Mapping(mapping) => mapping.get_mut("image").map_or(Ok(()), |image| self.set(image)),
            node if node.is_null() => Ok(()),
            node => {
                let what = format!("wrong node kind: expected mapping but got {}", node.shape());
                Err(Error::invalid("", what))
            }
        }
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        if node.as_scalar().is_none() {
            let what = format!("wrong node kind: expected scalar but got {}", node.shape());
            return Err(Error::invalid("", what));
        }
        let value = scalar::value(node);
        if !self.name.matches(value) {
            return Ok(());
        }
        let changed = self.change(value);
        scalar::overwrite(node, &changed)
    }

    fn change(&self, value: &str) -> String {
        let Image { new_name, tag_suffix, new_tag, digest: new_digest, .. } = &self.image;
        let (name, tag, digest) = split(value);
        let name = if new_name.is_empty() { name } else { new_name };
        let (tag, digest) = match (new_tag.as_str(), new_digest.as_str()) {
            ("", "") if tag_suffix.is_empty() => (tag.to_owned(), digest),
            ("", "") => (format!("{tag}{tag_suffix}"), ""),
            (new_tag, new_digest) => (new_tag.to_owned(), new_digest),
        };
        let mut changed = name.to_owned();
        for (sign, part) in [(':', tag.as_str()), ('@', digest)] {
            if !part.is_empty() {
                changed.push(sign);
                changed.push_str(part);
            }
        }
        changed
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Name, split};

    #[test]
    fn parts_of_references() {
        assert_eq!(split("nginx"), ("nginx", "", ""));
        assert_eq!(split("host:5000/nginx:1"), ("host:5000/nginx", "1", ""));
        assert_eq!(split("a/b@sha256:1"), ("a/b", "", "sha256:1"));
        assert_eq!(split("a/b:2@sha256:1"), ("a/b", "2", "sha256:1"));
        assert_eq!(split("host:5000/nginx"), ("host:5000/nginx", "", ""));
    }

    #[test]
    fn names() {
        let matches = |name: &str, image: &str| Name::new(name).unwrap().matches(image);
        assert!(matches("nginx", "nginx"));
        assert!(matches("nginx", "nginx:1.2"));
        assert!(matches("nginx", "nginx:1.2@sha256:00"));
        assert!(!matches("docker.io/nginx", "docker.io/nginx:$TAG"));
        assert!(matches("docker.io/nginx", "dockerXio/nginx"));
        assert!(!matches("nginx", "nginx-extra"));
        assert!(!matches("nginx", "library/nginx"));
        assert!(matches("(a|b)", "b:1"));
    }
}
