//! What may be deployed where: by the repository in which an application is declared, and by its project. Pure.

use manifest::{KindScope, Permit, Target};
use model::application::{Application, Deploys};
use planner::Desired;
use planner::object::ObjectKey;
use planner::reason::{Code, Reason};

/// The rules of one application.
pub struct Rights {
    /// Whose rules they are, in words, each with the rules. All must allow.
    rules: Vec<(String, Permit)>,
    cluster: String,
    server: Option<String>,
}

impl Rights {
    /// Those of an application that goes to a cluster, by whatever rules hold for it.
    ///
    /// # Errors
    /// A rule that cannot be read: then nothing may be deployed.
    pub fn new<'a>(
        cluster: (&str, Option<&str>),
        rules: impl IntoIterator<Item = (String, &'a Deploys)>,
    ) -> Result<Self, Reason> {
        let compiled = rules.into_iter().map(|(whose, deploys)| match Permit::new(deploys) {
            Ok(permit) => Ok((whose, permit)),
            Err(why) => Err(Reason::new(Code::NotPermitted, format!("the rules of {whose} cannot be read: {why}"))),
        });
        let (name, server) = cluster;
        Ok(Self {
            rules: compiled.collect::<Result<_, _>>()?,
            cluster: name.to_owned(),
            server: server.map(str::to_owned),
        })
    }

    /// For an application about whose rights something is wrong, so that it is not synced anyway.
    pub fn none(cluster: &str) -> Self {
        Self { rules: Vec::new(), cluster: cluster.to_owned(), server: None }
    }

    /// What it may not do whatever it renders to: where its files come from, and where it goes.
    pub fn of_application(&self, application: &Application) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let namespace = application.destination.namespace.as_ref().map_or("", |namespace| namespace.as_str());
        let target = Target { name: &self.cluster, server: self.server.as_deref(), namespace };
        for (whose, permit) in &self.rules {
            if !permit.allows_destination(&target) {
                let text = format!("{whose} may not deploy into the namespace `{namespace}` of `{}`", self.cluster);
                reasons.push(Reason::new(Code::NotPermitted, text));
            }
            for source in &application.sources {
                if !permit.allows_source(&source.repository) {
                    let text = format!("{whose} may not deploy files of {}", source.repository);
                    reasons.push(Reason::new(Code::NotPermitted, text));
                }
            }
        }
        reasons
    }

    /// Objects that it may not have there; at most so many reasons as people read.
    pub fn of_objects(&self, desired: &Desired) -> Vec<Reason> {
        const MOST: usize = 20;
        // A child is judged by itself, with whatever it deploys, under these very rules.
        let items = desired.items().iter().map(|item| &item.key).filter(|key| !key.is_application());
        items.filter_map(|key| self.of_object(key)).take(MOST).collect()
    }

    /// Why it may not have an object there, where it may not.
    pub(crate) fn of_object(&self, key: &ObjectKey) -> Option<Reason> {
        let target = Target { name: &self.cluster, server: self.server.as_deref(), namespace: key.namespace() };
        let scope = if key.namespace().is_empty() { KindScope::ClusterWide } else { KindScope::Namespaced };
        let kind = key.kind();
        self.rules.iter().find_map(|(whose, permit)| {
            // What lives in no namespace is judged by its kind alone, as in Argo CD.
            let there = scope == KindScope::ClusterWide || permit.allows_destination(&target);
            let text = if !there {
                format!("{whose} may not deploy into the namespace `{}` of `{}`", key.namespace(), self.cluster)
            } else if !permit.allows_kind(scope, &kind.group, &kind.kind, key.name()) {
                format!("{whose} may not deploy objects of the kind {kind}")
            } else {
                return None;
            };
            Some(Reason::new(Code::NotPermitted, text).about(key))
        })
    }
}
