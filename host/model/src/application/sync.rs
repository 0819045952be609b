//! When an application is synced, and how.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// When an application is synced, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicy {
    /// Whether and how it syncs by itself; nothing means that a person starts each sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<Automated>,
    /// How objects are applied and pruned.
    pub options: SyncOptions,
    /// What the namespace that is made for it gets.
    pub namespace_metadata: NamespaceMetadata,
    /// What follows a failed sync.
    pub retry: Retry,
}

/// How an application syncs by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Automated {
    /// Whether objects that left the source are deleted.
    pub prune: bool,
    /// Whether live objects that were changed are changed back.
    pub self_heal: bool,
    /// Whether all objects may be pruned at once.
    pub allow_empty: bool,
}

/// Labels and annotations of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceMetadata {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What follows a failed sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often it is tried again.
    pub limit: RetryLimit,
    /// Whether a further attempt takes the newest revision.
    pub refresh: bool,
    /// How long it is waited before.
    pub backoff: Backoff,
}

/// How often a failed sync is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryLimit {
    /// So many times.
    Times(u32),
    /// Again and again; a file says it with a negative number.
    Unlimited,
}

/// Pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backoff {
    /// The first, in milliseconds.
    pub duration_millis: u64,
    /// Each is so many times the one before.
    pub factor: u32,
    /// The longest, in milliseconds; 0 means that there is none.
    pub max_millis: u64,
}

impl Default for Backoff {
    /// 5 s, doubled each time, 3 min at most (Argo CD's `DefaultSyncRetry…`).
    fn default() -> Self {
        Self { duration_millis: 5000, factor: 2, max_millis: 180_000 }
    }
}

impl Backoff {
    /// The pause after so many retries: `min(longest, first · factor^retries)`, in milliseconds.
    pub fn pause_millis(&self, retries: u32) -> u64 {
        let power = u64::from(self.factor).saturating_pow(retries);
        let pause = self.duration_millis.saturating_mul(power);
        if self.max_millis == 0 { pause } else { pause.min(self.max_millis) }
    }
}

impl Retry {
    /// None: what a policy that is not automated means by saying nothing.
    pub const NEVER: Self = Self {
        limit: RetryLimit::Times(0),
        refresh: false,
        backoff: Backoff { duration_millis: 5000, factor: 2, max_millis: 180_000 },
    };
    /// Five: what an automated policy means by saying nothing.
    pub const AUTOMATED: Self = Self { limit: RetryLimit::Times(5), ..Self::NEVER };
}

impl Default for Retry {
    fn default() -> Self {
        Self::NEVER
    }
}

/// How objects are applied and pruned, for the whole application. An object's own annotation wins over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOptions {
    /// What becomes of objects that left the source.
    pub prune: Removal,
    /// What becomes of objects when the application is deleted.
    pub delete: Removal,
    /// How what they own goes with them.
    pub propagation: Propagation,
    /// What else is asked for.
    pub flags: BTreeSet<SyncFlag>,
}

impl Default for SyncOptions {
    /// Nothing is asked for but that objects are held to their schemas.
    fn default() -> Self {
        Self {
            prune: Removal::default(),
            delete: Removal::default(),
            propagation: Propagation::default(),
            flags: BTreeSet::from([SyncFlag::Validate]),
        }
    }
}

/// Whether something may be deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Removal {
    /// Where the rest says so.
    #[default]
    Allowed,
    /// Once a person has confirmed it.
    Confirmed,
    /// Never.
    Never,
}

/// How what an object owns goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Propagation {
    /// Before it.
    #[default]
    Foreground,
    /// After it.
    Background,
    /// Not at all.
    Orphan,
}

macro_rules! flags {
    ($($(#[$meta:meta])* $name:ident = $key:literal),* $(,)?) => {
        /// Something that is asked for, or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum SyncFlag {
            $($(#[$meta])* $name),*
        }

        const FLAGS: &[(&str, SyncFlag)] = &[$(($key, SyncFlag::$name)),*];
        impl SyncFlag {
            /// The key of its sync option.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key),*
                }
            }
        }

        /// The keys of all sync options.
        pub const SYNC_OPTIONS: &[&str] = &["Prune", "Delete", "PrunePropagationPolicy", $($key),*];
    };
}

flags! {
    /// The destination's namespace is made where it is not there.
    CreateNamespace = "CreateNamespace",
    /// Pruning comes after the last wave.
    PruneLast = "PruneLast",
    /// Only objects that differ are applied.
    ApplyOutOfSyncOnly = "ApplyOutOfSyncOnly",
    /// Objects are replaced instead of applied.
    Replace = "Replace",
    /// Objects are deleted and made anew where they cannot be changed.
    Force = "Force",
    /// Objects are applied by the server.
    ServerSideApply = "ServerSideApply",
    /// Fields of a client-side apply are taken over.
    ClientSideApplyMigration = "ClientSideApplyMigration",
    /// An object of another application fails the sync.
    FailOnSharedResource = "FailOnSharedResource",
    /// Ignored differences are left alone by the sync as well.
    RespectIgnoreDifferences = "RespectIgnoreDifferences",
    /// Objects whose kind the cluster lacks are not tried first.
    SkipDryRunOnMissingResource = "SkipDryRunOnMissingResource",
    /// Objects are held to their schemas.
    Validate = "Validate",
}

/// One sync option: `KEY=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncOption {
    /// `Prune`.
    Prune(Removal),
    /// `Delete`.
    Delete(Removal),
    /// `PrunePropagationPolicy`.
    Propagation(Propagation),
    /// Something is asked for: `=true`.
    On(SyncFlag),
    /// Something is not asked for: `=false`.
    Off(SyncFlag),
}

/// A text that is no sync option. An option that cannot be read may have guarded against harm: never pass it over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSyncOption {
    /// There is no value.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// The key is not known.
    #[error("there is no sync option `{0}`")]
    UnknownKey(String),
    /// The value is not one of the key's.
    #[error("`{key}` cannot be `{value}`")]
    UnknownValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Those that it may have.
        known: &'static [&'static str],
    },
}

/// As a file has it.
impl fmt::Display for SyncOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removal = |removal: &Removal| match removal {
            Removal::Allowed => "true",
            Removal::Confirmed => "confirm",
            Removal::Never => "false",
        };
        match self {
            Self::Prune(prune) => write!(f, "Prune={}", removal(prune)),
            Self::Delete(delete) => write!(f, "Delete={}", removal(delete)),
            Self::Propagation(Propagation::Foreground) => f.write_str("PrunePropagationPolicy=foreground"),
            Self::Propagation(Propagation::Background) => f.write_str("PrunePropagationPolicy=background"),
            Self::Propagation(Propagation::Orphan) => f.write_str("PrunePropagationPolicy=orphan"),
            Self::On(flag) => write!(f, "{}=true", flag.key()),
            Self::Off(flag) => write!(f, "{}=false", flag.key()),
        }
    }
}

impl FromStr for SyncOption {
    type Err = BadSyncOption;

    fn from_str(text: &str) -> Result<Self, BadSyncOption> {
        let (key, value) = text.split_once('=').ok_or_else(|| BadSyncOption::NoValue(text.to_owned()))?;
        let bad = |known| BadSyncOption::UnknownValue { key: key.to_owned(), value: value.to_owned(), known };
        let removal = || match value {
            "true" => Ok(Removal::Allowed),
            "confirm" => Ok(Removal::Confirmed),
            "false" => Ok(Removal::Never),
            _ => Err(bad(&["true", "false", "confirm"])),
        };
        match key {
            "Prune" => removal().map(Self::Prune),
            "Delete" => removal().map(Self::Delete),
            "PrunePropagationPolicy" => match value {
                "foreground" => Ok(Self::Propagation(Propagation::Foreground)),
                "background" => Ok(Self::Propagation(Propagation::Background)),
                "orphan" => Ok(Self::Propagation(Propagation::Orphan)),
                _ => Err(bad(&["foreground", "background", "orphan"])),
            },
            _ => {
                let flag = FLAGS.iter().find(|(name, _)| *name == key).map(|(_, flag)| *flag);
                let flag = flag.ok_or_else(|| BadSyncOption::UnknownKey(key.to_owned()))?;
                match value {
                    "true" => Ok(Self::On(flag)),
                    "false" => Ok(Self::Off(flag)),
                    _ => Err(bad(&["true", "false"])),
                }
            }
        }
    }
}

impl SyncOptions {
    /// Whether something is asked for.
    pub fn asks(&self, flag: SyncFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Every option that is asked for, and that objects are not held to their schemas where they are not. Whatever else is
    /// not in here means what its absence means.
    pub fn options(&self) -> impl Iterator<Item = SyncOption> {
        let Self { prune, delete, propagation, flags } = self;
        let removals = [SyncOption::Prune(*prune), SyncOption::Delete(*delete), SyncOption::Propagation(*propagation)];
        let unheld = (!self.asks(SyncFlag::Validate)).then_some(SyncOption::Off(SyncFlag::Validate));
        removals.into_iter().chain(flags.iter().map(|flag| SyncOption::On(*flag))).chain(unheld)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, BadSyncOption, Removal, SYNC_OPTIONS, SyncFlag, SyncOption, SyncOptions};

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses = |backoff: Backoff| (0..7).map(|n| backoff.pause_millis(n) / 1000).collect::<Vec<_>>();
        assert_eq!(pauses(Backoff::default()), [5, 10, 20, 40, 80, 160, 180]);
        let endless = Backoff { max_millis: 0, factor: 10, ..Backoff::default() };
        assert_eq!(pauses(endless), [5, 50, 500, 5000, 50_000, 500_000, 5_000_000]);
        assert_eq!(endless.pause_millis(u32::MAX), u64::MAX);
    }

    #[test]
    fn options_are_exactly_what_they_say() {
        assert_eq!("Prune=confirm".parse(), Ok(SyncOption::Prune(Removal::Confirmed)));
        assert_eq!("Validate=false".parse(), Ok(SyncOption::Off(SyncFlag::Validate)));
        for wrong in ["Prune", "prune=false", "Prune=False", "Prune= false", "Replace=yes", "Replace=", "=true", ""] {
            assert!(wrong.parse::<SyncOption>().is_err(), "{wrong}");
        }
        assert_eq!(
            "Prune=sometimes".parse::<SyncOption>().map_err(|e| e.to_string()),
            Err("`Prune` cannot be `sometimes`".to_owned())
        );
        assert!(matches!("Purge=true".parse::<SyncOption>(), Err(BadSyncOption::UnknownKey(key)) if key == "Purge"));
        for key in SYNC_OPTIONS.iter().filter(|key| **key != "PrunePropagationPolicy") {
            assert!(format!("{key}=false").parse::<SyncOption>().is_ok(), "{key}");
        }
    }

    #[test]
    fn options_are_written_as_they_are_read() {
        let texts = SYNC_OPTIONS.iter().flat_map(|key| match *key {
            "Prune" | "Delete" => vec![format!("{key}=true"), format!("{key}=false"), format!("{key}=confirm")],
            "PrunePropagationPolicy" => ["foreground", "background", "orphan"].map(|v| format!("{key}={v}")).to_vec(),
            _ => vec![format!("{key}=true"), format!("{key}=false")],
        });
        for text in texts {
            assert_eq!(text.parse::<SyncOption>().map(|option| option.to_string()), Ok(text));
        }
        let shown = |options: SyncOptions| options.options().map(|o| o.to_string()).collect::<Vec<_>>().join(" ");
        let removals = "Prune=true Delete=true PrunePropagationPolicy=foreground";
        assert_eq!(shown(SyncOptions::default()), format!("{removals} Validate=true"));
        let bare = SyncOptions { flags: [SyncFlag::Replace].into(), ..SyncOptions::default() };
        assert_eq!(shown(bare), format!("{removals} Replace=true Validate=false"));
    }
}
