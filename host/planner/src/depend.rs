//! `dependsOn` between applications, aware of the revision: one commit may change both, and then the other one must be
//! healthy with that very change. It never looks at the other application's objects.

use crate::health::{Health, Status};
use crate::owner::ApplicationName;
use crate::reason::{Code, Reason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An application that another one depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Its name.
    pub application: ApplicationName,
    /// How it stands.
    pub stand: Stand,
}

/// How far an application has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stand {
    /// Nobody knows it.
    Unknown,
    /// It is known.
    #[serde(rename_all = "camelCase")]
    At {
        /// The revision that belongs to the dependent's: the same commit where both come from one repository, else the
        /// newest of its own.
        wanted: String,
        /// The newest revision that it is synced to. Where the render of `wanted` is the same as that of an older one that
        /// it is synced to, this is `wanted`.
        reached: Option<String>,
        /// How it is doing.
        health: Health,
    },
}

impl Dependency {
    /// What is missing, where something is.
    pub fn unmet(&self) -> Option<Reason> {
        let name = &self.application;
        let text = match &self.stand {
            Stand::Unknown => format!("it depends on `{name}`, which nobody knows"),
            Stand::At { wanted, reached, .. } if reached.as_ref() != Some(wanted) => {
                let reached = reached.as_deref().unwrap_or("nothing yet");
                format!("it depends on `{name}` at {wanted}, which is synced to {reached}")
            }
            Stand::At { health, .. } if health.status != Status::Healthy => {
                format!("it depends on `{name}`, which is {health}")
            }
            Stand::At { .. } => return None,
        };
        Some(Reason::new(Code::Dependency, text))
    }
}

/// A circle among dependencies through this application, as the names along it; each would wait for ever.
pub fn circle<'a>(
    from: &'a ApplicationName,
    edges: &'a BTreeMap<ApplicationName, Vec<ApplicationName>>,
) -> Option<Vec<&'a ApplicationName>> {
    // Breadth first with the way back, so that the circle that is told is a shortest one.
    let mut came: BTreeMap<&ApplicationName, &ApplicationName> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for next in edges.get(at).into_iter().flatten() {
            if next == from {
                let mut path = vec![from, at];
                let mut before = came.get(at);
                while let Some(name) = before {
                    path.push(name);
                    before = came.get(*name);
                }
                path.reverse();
                return Some(path);
            }
            if !came.contains_key(next) {
                came.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The same as a reason.
pub fn circle_reason(circle: &[&ApplicationName]) -> Reason {
    let names: Vec<&str> = circle.iter().map(|name| name.0.as_str()).collect();
    Reason::new(Code::DependencyCycle, format!("applications depend on each other in a circle: {}", names.join(" → ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_must_be_healthy_with_the_same_change() {
        let unmet = |stand: Stand| Dependency { application: "db".into(), stand }.unmet().map(|reason| reason.text);
        let at = |reached: Option<&str>, status: Status| Stand::At {
            wanted: "c2".to_owned(),
            reached: reached.map(str::to_owned),
            health: Health::new(status, ""),
        };
        assert_eq!(unmet(at(Some("c2"), Status::Healthy)), None);
        assert_eq!(
            unmet(at(Some("c1"), Status::Healthy)).as_deref(),
            Some("it depends on `db` at c2, which is synced to c1")
        );
        assert_eq!(
            unmet(at(None, Status::Healthy)).as_deref(),
            Some("it depends on `db` at c2, which is synced to nothing yet")
        );
        assert_eq!(
            unmet(at(Some("c2"), Status::Progressing)).as_deref(),
            Some("it depends on `db`, which is Progressing")
        );
        assert!(unmet(Stand::Unknown).is_some());
    }

    #[test]
    fn circles_are_told_in_their_order() {
        let edges = |pairs: &[(&str, &[&str])]| -> BTreeMap<ApplicationName, Vec<ApplicationName>> {
            pairs.iter().map(|(from, to)| ((*from).into(), to.iter().map(|to| (*to).into()).collect())).collect()
        };
        let told = |pairs: &[(&str, &[&str])]| {
            let edges = edges(pairs);
            circle(&"a".into(), &edges).map(|circle| circle_reason(&circle).text)
        };
        let prefix = "applications depend on each other in a circle: ";
        assert_eq!(told(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"])]), Some(format!("{prefix}a → b → c → a")));
        assert_eq!(told(&[("a", &["a"])]), Some(format!("{prefix}a → a")));
        assert_eq!(told(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]), None);
        // A circle that others are in is theirs.
        assert_eq!(told(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]), None);
    }
}
