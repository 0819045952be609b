//! Whether something may be deployed: the rules of a repository or a project, compiled. What no rule allows is denied.

use super::address::RepositoryKey;
use super::selection::{BadGlob, compile};
use crate::glob::Separators;
use globset::GlobMatcher;
use model::application::{Deploys, DestinationRule, Effect, KindPattern, Kinds, Rule};

/// Rules that are ready to judge.
pub struct Permit {
    sources: Rules,
    destinations: Vec<Destinations>,
    cluster_wide: KindRules,
    namespaced: KindRules,
}

/// Where something would go.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The cluster's name in the host's configuration.
    pub name: &'a str,
    /// The address that applications know it by, where it has one.
    pub server: Option<&'a str>,
    /// The namespace.
    pub namespace: &'a str,
}

/// Whether a kind lives in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindScope {
    /// It is of the whole cluster.
    ClusterWide,
    /// It lives in a namespace.
    Namespaced,
}

impl Permit {
    /// Compiles the rules.
    ///
    /// # Errors
    /// A glob that cannot be read.
    pub fn new(deploys: &Deploys) -> Result<Self, BadGlob> {
        let destinations = deploys.destinations.iter().map(Destinations::new).collect::<Result<_, _>>()?;
        let sources = deploys.sources.iter().map(|rule| Rule {
            effect: rule.effect,
            pattern: if rule.pattern == "*" { "**".to_owned() } else { RepositoryKey::new(&rule.pattern).to_string() },
        });
        Ok(Self {
            sources: Rules::new(&sources.collect::<Vec<_>>(), Separators::Heeded)?,
            destinations,
            cluster_wide: KindRules::new(&deploys.cluster_wide, Unsaid::Denied)?,
            namespaced: KindRules::new(&deploys.namespaced, Unsaid::Allowed)?,
        })
    }

    /// Whether a repository may be a source.
    pub fn allows_source(&self, repository: &str) -> bool {
        self.sources.judge(&[RepositoryKey::new(repository).as_str()]) == Verdict::Allowed
    }

    /// Whether anything may go there. A denial counts wherever its other half does not rule it out, which is at least as
    /// strict as Argo CD (`isDestinationMatched`); unlike there, a rule that only denies allows nothing by that.
    pub fn allows_destination(&self, target: &Target<'_>) -> bool {
        let mut allowed = false;
        for rule in &self.destinations {
            match rule.judge(target) {
                Verdict::Denied => return false,
                Verdict::Allowed => allowed = true,
                Verdict::Silent | Verdict::Elsewhere => {}
            }
        }
        allowed
    }

    /// Whether an object of that kind and name may be deployed. `group` is empty for the core group.
    pub fn allows_kind(&self, scope: KindScope, group: &str, kind: &str, name: &str) -> bool {
        match scope {
            KindScope::ClusterWide => self.cluster_wide.allows(group, kind, name),
            KindScope::Namespaced => self.namespaced.allows(group, kind, name),
        }
    }
}

/// What rules say of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    /// They only deny, and not this.
    Silent,
    /// They allow other things.
    Elsewhere,
}

struct Rules {
    allow: Vec<GlobMatcher>,
    deny: Vec<GlobMatcher>,
}

impl Rules {
    fn new(rules: &[Rule], separators: Separators) -> Result<Self, BadGlob> {
        let of = |effect| {
            rules
                .iter()
                .filter(|rule| rule.effect == effect)
                .map(|rule| compile(&rule.pattern, separators))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { allow: of(Effect::Allow)?, deny: of(Effect::Deny)? })
    }

    fn judge(&self, names: &[&str]) -> Verdict {
        let met = |globs: &[GlobMatcher]| globs.iter().any(|glob| names.iter().any(|name| glob.is_match(name)));
        if met(&self.deny) {
            Verdict::Denied
        } else if met(&self.allow) {
            Verdict::Allowed
        } else if self.allow.is_empty() {
            Verdict::Silent
        } else {
            Verdict::Elsewhere
        }
    }
}

struct Destinations {
    names: Rules,
    servers: Rules,
    namespaces: Rules,
}

impl Destinations {
    fn new(rule: &DestinationRule) -> Result<Self, BadGlob> {
        Ok(Self {
            names: Rules::new(&rule.names, Separators::Ignored)?,
            servers: Rules::new(&rule.servers, Separators::Ignored)?,
            namespaces: Rules::new(&rule.namespaces, Separators::Ignored)?,
        })
    }

    fn judge(&self, target: &Target<'_>) -> Verdict {
        let server: Vec<&str> = target.server.into_iter().collect();
        let cluster = match (self.names.judge(&[target.name]), self.servers.judge(&server)) {
            (Verdict::Denied, _) | (_, Verdict::Denied) => Verdict::Denied,
            (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
            (Verdict::Silent, Verdict::Silent) => Verdict::Silent,
            _ => Verdict::Elsewhere,
        };
        match (cluster, self.namespaces.judge(&[target.namespace])) {
            (Verdict::Elsewhere, _) | (_, Verdict::Elsewhere) => Verdict::Elsewhere,
            (Verdict::Denied, _) | (_, Verdict::Denied) => Verdict::Denied,
            (Verdict::Allowed, Verdict::Allowed) => Verdict::Allowed,
            _ => Verdict::Silent,
        }
    }
}

/// What holds for kinds where nothing is said of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    Allowed,
    Denied,
}

struct KindRules {
    allow: Option<Vec<KindGlobs>>,
    deny: Vec<KindGlobs>,
    unsaid: Unsaid,
}

struct KindGlobs {
    group: GlobMatcher,
    kind: GlobMatcher,
    name: Option<GlobMatcher>,
}

impl KindRules {
    fn new(kinds: &Kinds, unsaid: Unsaid) -> Result<Self, BadGlob> {
        let compile = |patterns: &[KindPattern]| patterns.iter().map(KindGlobs::new).collect::<Result<Vec<_>, _>>();
        Ok(Self { allow: kinds.allow.as_deref().map(compile).transpose()?, deny: compile(&kinds.deny)?, unsaid })
    }

    fn allows(&self, group: &str, kind: &str, name: &str) -> bool {
        let met = |globs: &[KindGlobs]| globs.iter().any(|glob| glob.matches(group, kind, name));
        !met(&self.deny) && self.allow.as_deref().map_or(self.unsaid == Unsaid::Allowed, met)
    }
}

impl KindGlobs {
    fn new(pattern: &KindPattern) -> Result<Self, BadGlob> {
        let read = |text: &str| compile(text, Separators::Heeded);
        let name = pattern.name.as_deref().map(read).transpose()?;
        Ok(Self { group: read(&pattern.group)?, kind: read(&pattern.kind)?, name })
    }

    fn matches(&self, group: &str, kind: &str, name: &str) -> bool {
        self.group.is_match(group)
            && self.kind.is_match(kind)
            && self.name.as_ref().is_none_or(|glob| glob.is_match(name))
    }
}
