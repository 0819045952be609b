//! An application as the planner sees it: where it goes and what its policies are, already read and with defaults filled in.
//! It never reads YAML and knows nothing of sources.

use crate::diff::Comparison;
use crate::ignore::Rules;
use crate::object::ObjectKey;
use crate::option::{Misfit, Options, Place};
use crate::owner::ApplicationName;
use crate::reason::{Code, Reason};
use crate::retry::Retry;
use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Moves the guard against too many prunes: a number, or a percentage of the objects.
pub const MAX_PRUNE: &str = "tidegate.dev/max-prune";
/// On an application: the moment at which a person confirmed its pending deletions (Argo CD's annotation).
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";

/// Whether an automated policy does something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Permit {
    /// It does not.
    #[default]
    Refused,
    /// It does.
    Granted,
}

/// `syncPolicy.automated`, where it is enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Automated {
    /// `prune`.
    pub prune: Permit,
    /// `selfHeal`.
    pub self_heal: Permit,
}

/// How many objects a sync may prune before it stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaxPrune {
    /// A third of the objects, at least five.
    #[default]
    Third,
    /// So many.
    Objects(usize),
    /// So many of a hundred.
    Percent(u8),
}

impl MaxPrune {
    /// Reads the annotation: `20` or `50%`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Objects),
        }
    }

    /// How many of so many objects that are.
    pub fn of(self, objects: usize) -> usize {
        match self {
            Self::Third => (objects / 3).max(5),
            Self::Objects(limit) => limit,
            Self::Percent(percent) => objects.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

/// How much of a live object the application answers for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// The fields that it says: what servers default and others manage is theirs. Kubernetes.
    #[default]
    Said,
    /// All of it. Files of a directory.
    Whole,
}

/// `syncPolicy.managedNamespaceMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceMetadata {
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What becomes of the objects when the application's file goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Finalizer {
    /// They stay. No finalizer.
    #[default]
    None,
    /// They go (`resources-finalizer.argocd.argoproj.io`, also with `/foreground`).
    Foreground,
    /// They go, and what they own goes afterwards (`…/background`).
    Background,
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name on this host.
    pub name: ApplicationName,
    /// The namespace of objects that name none; may be empty.
    pub namespace: String,
    /// Present where it syncs by itself.
    pub automated: Option<Automated>,
    /// `syncPolicy.automated.allowEmpty`: all objects may be pruned.
    pub allow_empty: Permit,
    /// Its sync options.
    pub options: Options,
    /// The labels and annotations of the namespace that `CreateNamespace` makes.
    pub namespace_metadata: Option<NamespaceMetadata>,
    /// `ignoreDifferences`.
    pub rules: Rules,
    /// How failed syncs are tried again.
    pub retry: Retry,
    /// The guard against too many prunes.
    pub max_prune: MaxPrune,
    /// How much of a live object it answers for.
    pub extent: Extent,
    /// When a person confirmed what asks for it.
    pub confirmed: Option<Timestamp>,
    /// What becomes of its objects when it goes.
    pub finalizer: Finalizer,
    /// The digest of whatever the application's file says: the same content under another policy is another attempt.
    pub digest: Digest,
    /// What its file says that this build does not honour and that might guard something: each stops every sync.
    pub problems: Vec<Reason>,
    /// What its file says that changes nothing.
    pub notices: Vec<Reason>,
}

impl Application {
    /// An application without any policy; `digest` is of its file's content.
    pub fn new(name: impl Into<ApplicationName>, namespace: &str, digest: Digest) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.to_owned(),
            automated: None,
            allow_empty: Permit::Refused,
            options: Options::default(),
            namespace_metadata: None,
            rules: Rules::default(),
            retry: Retry::default(),
            max_prune: MaxPrune::default(),
            extent: Extent::default(),
            confirmed: None,
            finalizer: Finalizer::default(),
            digest,
            problems: vec![],
            notices: vec![],
        }
    }

    /// How an object of it is compared.
    pub fn comparison<'c>(&'c self, key: &'c ObjectKey) -> Comparison<'c> {
        Comparison { key, rules: &self.rules, extent: self.extent }
    }

    /// Takes `syncOptions`; what is not understood becomes a problem, what changes nothing a notice.
    pub fn set_options<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        let (options, misfits) = Options::parse(Place::Application, texts);
        self.options = options;
        for misfit in misfits {
            match judge(misfit) {
                Ok(notice) => self.notices.push(notice),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    /// Takes the annotation [`MAX_PRUNE`].
    pub fn set_max_prune(&mut self, text: &str) {
        match MaxPrune::parse(text) {
            Some(max) => self.max_prune = max,
            None => {
                let text = format!("`{MAX_PRUNE}: {text}` is neither a number nor a percentage");
                self.problems.push(Reason::new(Code::BadOption, text));
            }
        }
    }
}

/// An option's misfit as a notice, or else as what stops the sync.
pub(crate) fn judge(misfit: Misfit) -> Result<Reason, Reason> {
    match misfit {
        Misfit::Idle { .. } => Ok(Reason::new(Code::OptionWithoutEffect, misfit.to_string())),
        Misfit::Unknown { .. } | Misfit::Value { .. } => Err(Reason::new(Code::BadOption, misfit.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_against_prunes_moves() {
        let of = |text: &str, objects| MaxPrune::parse(text).map(|max| max.of(objects));
        assert_eq!((MaxPrune::default().of(6), MaxPrune::default().of(90)), (5, 30));
        assert_eq!((of("20", 90), of(" 50% ", 90), of("0", 90)), (Some(20), Some(45), Some(0)));
        assert_eq!((of("all", 1), of("101%", 1), of("-1", 1)), (None, None, None));
    }

    #[test]
    fn options_that_are_not_understood_stop_and_idle_ones_do_not() {
        let mut application = Application::new("a", "", Digest::of(""));
        application.set_options(["Purne=false", "ServerSideApply=false"]);
        application.set_max_prune("many");
        let codes = |reasons: &[Reason]| reasons.iter().map(|r| r.code.as_str()).collect::<Vec<_>>();
        assert_eq!(codes(&application.problems), ["bad-option", "bad-option"]);
        assert_eq!(codes(&application.notices), ["option-without-effect"]);
    }
}
