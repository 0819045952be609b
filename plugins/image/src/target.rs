//! Where an image goes, as all steps take it: `image`, `tag` or `tags`, `insecure`.

use crate::reference::{self, Reference, Repository};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate::{Effect, Error, Forecast};

/// Registries that are spoken to without TLS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`insecure` is true, false, or a list of registries' hosts")]
pub enum Insecure {
    /// The one that the image goes to.
    Target(bool),
    /// These hosts, with their ports.
    Hosts(Vec<String>),
}

impl Default for Insecure {
    fn default() -> Self {
        Self::Target(false)
    }
}

impl Insecure {
    /// The hosts.
    pub fn hosts(&self, target: Option<&Repository>) -> Vec<String> {
        match self {
            Self::Target(true) => target.map(|target| target.host.clone()).into_iter().collect(),
            Self::Target(false) => Vec::new(),
            Self::Hosts(hosts) => hosts.clone(),
        }
    }
}

/// Where an image goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The repository.
    pub repository: Repository,
    /// The tags, in the order that they were given, each once.
    pub tags: Vec<String>,
}

/// What later steps can refer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The image by digest, `registry/name@sha256:…`. Absent where only a layout without a name was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its digest: that of the index, where it has several platforms.
    pub digest: String,
    /// Its first tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// All its tags.
    pub tags: Vec<String>,
    /// The bytes of all its manifests, configurations and layers, each once.
    pub size: u64,
    /// The folder of the workspace with its layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
}

impl Target {
    /// Reads the inputs. A tag may also be in `image`.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn new(image: &str, tag: Option<&str>, tags: &[String]) -> Result<Self, Error> {
        let reference = Reference::parse(image).map_err(|error| error.with_field("/image"))?;
        if reference.digest.is_some() {
            return Err(Error::invalid("`image` says where the image goes, and has a digest").with_field("/image"));
        }
        let mut all: Vec<String> = Vec::new();
        for (field, tag) in reference
            .tag
            .as_deref()
            .map(|tag| ("/image", tag))
            .into_iter()
            .chain(tag.map(|tag| ("/tag", tag)))
            .chain(tags.iter().map(|tag| ("/tags", tag.as_str())))
        {
            if !reference::is_tag(tag) {
                let shown = crate::digest::shortened(tag);
                return Err(Error::invalid(format!("`{shown}` is no tag: {}", reference::TAG)).with_field(field));
            }
            if !all.iter().any(|known| known == tag) {
                all.push(tag.to_owned());
            }
        }
        Ok(Self { repository: reference.repository, tags: all })
    }

    /// That there is a tag: a registry throws away what has none.
    ///
    /// # Errors
    /// `invalid`, where there is none.
    pub fn with_tag(self) -> Result<Self, Error> {
        if self.tags.is_empty() {
            return Err(Error::invalid("the image has no tag")
                .with_field("/tag")
                .with_hint("give it one of its own for each commit: `tag: ${{ event.commit.short }}`"));
        }
        Ok(self)
    }

    /// What pushing to it would do.
    pub fn forecast(&self, summary: &str) -> Forecast {
        let effects = self.tags.iter().map(|tag| Effect {
            kind: "push-image".to_owned(),
            subject: format!("{}:{tag}", self.repository),
            summary: summary.to_owned(),
        });
        Forecast { effects: effects.collect(), body: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Insecure, Target};

    #[test]
    fn tags_add_up() {
        let target = |image: &str, tag: Option<&str>, tags: &[&str]| {
            let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
            Target::new(image, tag, &tags).map(|target| target.tags.join(" ")).map_err(|error| error.message)
        };
        assert_eq!(target("r.io/app:v1", Some("v1"), &["v2", "v1"]).as_deref(), Ok("v1 v2"));
        assert_eq!(target("r.io/app", None, &[]).as_deref(), Ok(""));
        assert!(target("r.io/app", Some("a b"), &[]).is_err());
        assert!(target("app", Some("v1"), &[]).is_err());
        assert!(target(&format!("r.io/app@sha256:{}", "0".repeat(64)), Some("v1"), &[]).is_err());
        assert!(Target::new("r.io/app", None, &[]).expect("valid").with_tag().is_err());
    }

    #[test]
    fn insecure_is_a_word_or_hosts() {
        let target = Target::new("r.io:5000/app", None, &[]).expect("valid").repository;
        let hosts = |text: &str| serde_json::from_str::<Insecure>(text).map(|it| it.hosts(Some(&target)).join(" "));
        assert_eq!(hosts("true").ok().as_deref(), Some("r.io:5000"));
        assert_eq!(hosts("false").ok().as_deref(), Some(""));
        assert_eq!(hosts(r#"["a","b"]"#).ok().as_deref(), Some("a b"));
        assert!(hosts("1").expect_err("a number").to_string().contains("a list of registries' hosts"));
    }
}
