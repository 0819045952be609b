//! Sync options: what Argo CD calls so, read from the application and from each object, where the object's own win.
//! It never guesses: an option that nobody knows might guard something, so it stops the sync.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The annotation of an object that lists its options.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Helm's annotation; with the value `keep` an object is neither pruned nor deleted.
pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// An option that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Switch {
    /// The destination's namespace is made where it lacks.
    CreateNamespace,
    /// Prunes come after the last wave.
    PruneLast,
    /// An object that is in sync is left alone also where replacing it would do something.
    ApplyOutOfSyncOnly,
    /// Replaced or created instead of applied.
    Replace,
    /// Deleted and made anew where the change cannot be made. An object's own word alone.
    Force,
    /// Always so here.
    ServerSideApply,
    /// Always so here.
    FailOnSharedResource,
    /// Fields whose differences are ignored are not written either.
    RespectIgnoreDifferences,
    /// Kinds that the cluster does not have yet are not dry-run.
    SkipDryRunOnMissingResource,
    /// Off: fields that the schema does not know are accepted.
    Validate,
    /// Adoption does this once, for all objects.
    ClientSideApplyMigration,
}

const SWITCHES: [(&str, Switch); 11] = [
    ("CreateNamespace", Switch::CreateNamespace),
    ("PruneLast", Switch::PruneLast),
    ("ApplyOutOfSyncOnly", Switch::ApplyOutOfSyncOnly),
    ("Replace", Switch::Replace),
    ("Force", Switch::Force),
    ("ServerSideApply", Switch::ServerSideApply),
    ("FailOnSharedResource", Switch::FailOnSharedResource),
    ("RespectIgnoreDifferences", Switch::RespectIgnoreDifferences),
    ("SkipDryRunOnMissingResource", Switch::SkipDryRunOnMissingResource),
    ("Validate", Switch::Validate),
    ("ClientSideApplyMigration", Switch::ClientSideApplyMigration),
];

/// Whether an object may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Removal {
    /// It may.
    Allowed,
    /// It stays.
    Never,
    /// After a person has confirmed it.
    Confirmed,
}

/// What becomes of the objects that an object owns when it is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Propagation {
    /// They go first. Argo CD's default.
    #[default]
    Foreground,
    /// They go afterwards.
    Background,
    /// They stay.
    Orphan,
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
            Self::Orphan => "orphan",
        })
    }
}

/// The options of an application or of one object; what was not said is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    switches: BTreeMap<Switch, bool>,
    /// `Prune`.
    pub prune: Option<Removal>,
    /// `Delete`.
    pub delete: Option<Removal>,
    /// `PrunePropagationPolicy`.
    pub propagation: Option<Propagation>,
}

/// What an option's text lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It might guard something: the sync stops.
    #[error("`{option}` is not an option that is known{}", nearest(.near))]
    Unknown {
        /// As it was written.
        option: String,
        /// The known name that is nearest.
        near: Option<&'static str>,
    },
    /// Its value is none of those that it has: the sync stops.
    #[error("`{option}`: its values are {values}")]
    Value {
        /// As it was written.
        option: String,
        /// Those that it has.
        values: &'static str,
    },
    /// It changes nothing here: worth a notice.
    #[error("`{option}` changes nothing: {why}")]
    Idle {
        /// As it was written.
        option: String,
        /// Why.
        why: &'static str,
    },
}

fn nearest(near: &Option<&'static str>) -> String {
    near.map(|name| format!("; the nearest is `{name}`")).unwrap_or_default()
}

/// Whose options are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An application's.
    Application,
    /// An object's.
    Object,
}

impl Options {
    /// Reads `Name=value` texts; the last of several wins.
    pub fn parse<'a>(place: Place, texts: impl IntoIterator<Item = &'a str>) -> (Self, Vec<Misfit>) {
        let mut options = Self::default();
        let misfits = texts.into_iter().filter_map(|text| options.take(place, text.trim()).err()).collect();
        (options, misfits)
    }

    fn take(&mut self, place: Place, option: &str) -> Result<(), Misfit> {
        let misfit = |values| Misfit::Value { option: option.to_owned(), values };
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "Prune" => self.prune = Some(removal(value).ok_or_else(|| misfit("true, false and confirm"))?),
            "Delete" => self.delete = Some(removal(value).ok_or_else(|| misfit("true, false and confirm"))?),
            "PrunePropagationPolicy" => {
                self.propagation = Some(match value {
                    "foreground" => Propagation::Foreground,
                    "background" => Propagation::Background,
                    "orphan" => Propagation::Orphan,
                    _ => return Err(misfit("foreground, background and orphan")),
                });
            }
            _ => {
                let Some((_, switch)) = SWITCHES.iter().find(|(known, _)| *known == name) else {
                    return Err(Misfit::Unknown { option: option.to_owned(), near: near(name) });
                };
                let on = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(misfit("true and false")),
                };
                self.switches.insert(*switch, on);
                if let Some(why) = idle(place, *switch, on) {
                    return Err(Misfit::Idle { option: option.to_owned(), why });
                }
            }
        }
        Ok(())
    }
}

fn removal(value: &str) -> Option<Removal> {
    match value {
        "true" => Some(Removal::Allowed),
        "false" => Some(Removal::Never),
        "confirm" => Some(Removal::Confirmed),
        _ => None,
    }
}

fn near(name: &str) -> Option<&'static str> {
    let names = SWITCHES.iter().map(|(known, _)| *known).chain(["Prune", "Delete", "PrunePropagationPolicy"]);
    names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(far, _)| *far <= 3)
        .min()
        .map(|(_, n)| n)
}

fn idle(place: Place, switch: Switch, on: bool) -> Option<&'static str> {
    match (switch, on) {
        (Switch::ServerSideApply, false) => Some("everything is applied on the server's side"),
        (Switch::FailOnSharedResource, false) => Some("an object of another application is always a conflict"),
        (Switch::ClientSideApplyMigration, _) => Some("adopting an application moves its fields once and for all"),
        (Switch::Force, true) if place == Place::Application => {
            Some("it is heeded on an object's own annotation only, as in Argo CD")
        }
        (Switch::CreateNamespace | Switch::FailOnSharedResource, _) if place == Place::Object => {
            Some("it is an application's option, not an object's")
        }
        _ => None,
    }
}

/// The options that count for one object.
#[derive(Clone, Copy, Debug)]
pub struct Effective<'a> {
    /// The application's.
    pub application: &'a Options,
    /// The object's own, which win.
    pub object: &'a Options,
}

impl Effective<'_> {
    /// Whether an option is on. `Force` deletes, and counts on the object alone: heeded for a whole application, a file
    /// that did nothing under Argo CD would begin to delete objects. Source: Argo CD 3.6, `controller/sync.go`.
    pub fn has(&self, switch: Switch) -> bool {
        let inherited = self.application.switches.get(&switch).filter(|_| switch != Switch::Force);
        let said = self.object.switches.get(&switch).or(inherited);
        said.copied().unwrap_or(switch == Switch::Validate)
    }

    /// Whether it may be pruned.
    pub fn prune(&self) -> Removal {
        self.object.prune.or(self.application.prune).unwrap_or(Removal::Allowed)
    }

    /// Whether it may be deleted with its application.
    pub fn delete(&self) -> Removal {
        self.object.delete.or(self.application.delete).unwrap_or(Removal::Allowed)
    }

    /// What becomes of what it owns.
    pub fn propagation(&self) -> Propagation {
        self.object.propagation.or(self.application.propagation).unwrap_or_default()
    }
}

impl Options {
    /// Whether the application itself says so.
    pub fn has(&self, switch: Switch) -> bool {
        Effective { application: self, object: &Self::default() }.has(switch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfits(place: Place, texts: &[&str]) -> Vec<String> {
        Options::parse(place, texts.iter().copied()).1.iter().map(Misfit::to_string).collect()
    }

    #[test]
    fn every_option_is_read() {
        let texts = "CreateNamespace=true Prune=false Delete=confirm PruneLast=true PrunePropagationPolicy=background
            ApplyOutOfSyncOnly=true Replace=true ServerSideApply=true FailOnSharedResource=true
            RespectIgnoreDifferences=true SkipDryRunOnMissingResource=true Validate=false";
        let (options, misfits) = Options::parse(Place::Application, texts.split_whitespace());
        assert_eq!(misfits, []);
        for (name, switch) in SWITCHES {
            let on = !matches!(switch, Switch::Validate | Switch::ClientSideApplyMigration | Switch::Force);
            assert_eq!(options.has(switch), on, "{name}");
        }
        assert_eq!((options.prune, options.delete), (Some(Removal::Never), Some(Removal::Confirmed)));
        assert_eq!(options.propagation, Some(Propagation::Background));
        assert!(Options::default().has(Switch::Validate) && !Options::default().has(Switch::Replace));
    }

    #[test]
    fn an_objects_own_options_win() {
        let parse = |texts: &[&str]| Options::parse(Place::Object, texts.iter().copied()).0;
        let (application, object) =
            (parse(&["Prune=false", "Replace=true"]), parse(&["Prune=confirm", "Replace=false"]));
        let effective = Effective { application: &application, object: &object };
        assert_eq!((effective.prune(), effective.has(Switch::Replace)), (Removal::Confirmed, false));
        let silent = Options::default();
        let effective = Effective { application: &application, object: &silent };
        assert_eq!((effective.prune(), effective.has(Switch::Replace)), (Removal::Never, true));
        assert_eq!((effective.delete(), effective.propagation()), (Removal::Allowed, Propagation::Foreground));
    }

    #[test]
    fn force_counts_on_an_object_alone() {
        let (application, told) = Options::parse(Place::Application, ["Force=true"]);
        let told: Vec<String> = told.iter().map(Misfit::to_string).collect();
        let idle = "`Force=true` changes nothing: it is heeded on an object's own annotation only, as in Argo CD";
        assert_eq!((application.has(Switch::Force), told.as_slice()), (false, [idle.to_owned()].as_slice()));
        let (object, told) = Options::parse(Place::Object, ["Force=true"]);
        assert_eq!(told, []);
        let silent = Options::default();
        assert!(Effective { application: &silent, object: &object }.has(Switch::Force));
        assert!(!Effective { application: &application, object: &silent }.has(Switch::Force));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let told = misfits(
            Place::Application,
            &["Purne=false", "Prune=no", "PruneLast", "Whatever=1", "ServerSideApply=false"],
        );
        assert_eq!(
            told,
            [
                "`Purne=false` is not an option that is known; the nearest is `Prune`",
                "`Prune=no`: its values are true, false and confirm",
                "`PruneLast`: its values are true and false",
                "`Whatever=1` is not an option that is known",
                "`ServerSideApply=false` changes nothing: everything is applied on the server's side",
            ]
        );
        assert_eq!(
            misfits(Place::Object, &["CreateNamespace=true"]),
            ["`CreateNamespace=true` changes nothing: it is an application's option, not an object's"]
        );
    }
}
