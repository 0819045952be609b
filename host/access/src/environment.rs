//! Environments: what they own and what they require of whoever writes there.

use globset::{GlobBuilder, GlobMatcher};
use model::Window;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An environment of the host's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Its name: `prod`.
    pub name: String,
    /// What it owns, `repository:glob` each.
    pub paths: Vec<String>,
    /// Repositories whose pipelines may write here; empty for every one.
    pub pipelines_from: Vec<String>,
    /// All of them must be met.
    pub requires: Vec<Requirement>,
}

/// One condition that an environment sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Requirement {
    /// So many people of a group.
    #[serde(rename_all = "camelCase")]
    Approval {
        /// Absent: anybody but author, committers and starter.
        group: Option<String>,
        /// How many different people.
        count: u32,
        /// How long a vote lasts, in milliseconds.
        expires_millis: Option<u64>,
        /// Whether only votes of a proven identity count.
        verified: bool,
    },
    /// That it is changed within these hours alone.
    Window(Window),
    /// That another environment is healthy with the images that are new.
    Healthy {
        /// Which one.
        environment: String,
    },
    /// A kind that this build cannot check: it denies, by name.
    Other {
        /// `checks`…
        kind: String,
        /// As written.
        settings: Value,
    },
}

/// A path glob: `*` stays within one name, `**` crosses them.
pub fn glob(pattern: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(pattern).literal_separator(true).build().ok().map(|g| g.compile_matcher())
}

impl Environment {
    /// Whether it owns this path of this repository. A pattern that is no glob owns the whole repository: nothing fails
    /// open.
    pub fn owns(&self, repository: &str, path: &str) -> bool {
        self.paths.iter().any(|owned| match owned.split_once(':') {
            Some((name, pattern)) => name == repository && glob(pattern).is_none_or(|g| g.is_match(path)),
            None => owned == repository,
        })
    }

    /// Its windows, all of which must be open.
    pub fn windows(&self) -> Vec<&Window> {
        let windows = self.requires.iter().filter_map(|requirement| match requirement {
            Requirement::Window(window) => Some(window),
            _ => None,
        });
        windows.collect()
    }

    /// The environments that must be healthy with what is new here.
    pub fn follows(&self) -> impl Iterator<Item = &str> {
        self.requires.iter().filter_map(|requirement| match requirement {
            Requirement::Healthy { environment } => Some(environment.as_str()),
            _ => None,
        })
    }

    /// Whether a pipeline of this repository may write here.
    pub fn admits(&self, repository: &str) -> bool {
        self.pipelines_from.is_empty() || self.pipelines_from.iter().any(|r| r == repository)
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn ownership_follows_globs() {
        let paths = vec!["config:apps/*/overlays/prod/**".to_owned(), "infra:[".to_owned()];
        let prod = Environment { name: "prod".into(), paths, pipelines_from: vec![], requires: vec![] };
        assert!(prod.owns("config", "apps/a/overlays/prod/kustomization.yaml"));
        assert!(!prod.owns("config", "apps/a/b/overlays/prod/kustomization.yaml"));
        assert!(!prod.owns("config", "apps/a/overlays/dev/kustomization.yaml"));
        assert!(!prod.owns("app", "apps/a/overlays/prod/kustomization.yaml"));
        assert!(prod.owns("infra", "anything"), "a broken glob closes, it does not open");
    }
}
