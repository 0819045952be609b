//! Why something does not happen, or what is worth knowing where it does: a stable code and a sentence, as `tidegate why`
//! reads them. It never decides.

use crate::object::ObjectKey;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A reason, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// What kind of reason; stable.
    pub code: Code,
    /// One sentence, with the way out where there is one.
    pub text: String,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// When it may no longer hold: worth looking again then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The environment whose applications it hangs on: worth looking again when one of them stands otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

impl Reason {
    /// A reason that is about the whole application.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), object: None, until: None, environment: None }
    }

    /// The same, about one object.
    #[must_use]
    pub fn about(self, key: &ObjectKey) -> Self {
        Self { object: Some(key.clone()), ..self }
    }

    /// The same, until a moment.
    #[must_use]
    pub fn until(self, at: Timestamp) -> Self {
        Self { until: Some(at), ..self }
    }

    /// The same, for as long as the applications of an environment stand so.
    #[must_use]
    pub fn hanging_on(self, environment: &str) -> Self {
        Self { environment: Some(environment.to_owned()), ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(key) = &self.object {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.text)?;
        if let Some(at) = self.until {
            write!(f, " (until {at})")?;
        }
        Ok(())
    }
}

/// So many of something, in words.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of reasons. Their texts are part of the interface: scripts compare them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$meta])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// All is as it should be.
    InSync = "in-sync",
    /// Nobody asked, and the application does not sync by itself.
    AutomationOff = "automation-off",
    /// The application is suspended.
    Suspended = "suspended",
    /// The cluster is frozen.
    Frozen = "frozen",
    /// Outside of its windows.
    WindowClosed = "window-closed",
    /// The cluster is only observed.
    ObserveOnly = "observe-only",
    /// An environment's requirement is not met.
    Requirement = "requirement",
    /// The application is being deleted.
    Deleting = "deleting",
    /// The application's file is gone, but it has no finalizer that asks for its objects to go too.
    Orphaned = "orphaned",
    /// A sync of this very state is at work.
    Running = "running",
    /// A newer revision takes the place of the running sync.
    Superseded = "superseded",
    /// This very state failed its retries.
    FailedAlready = "failed-already",
    /// It drifted, and healing is off.
    SelfHealOff = "self-heal-off",
    /// It keeps drifting: the next healing waits.
    SelfHealBackoff = "self-heal-backoff",
    /// Objects should go, and pruning is off.
    PruneOff = "prune-off",
    /// An object that should go is kept by its own word.
    PruneKept = "prune-kept",
    /// Every object would be pruned.
    WouldPruneAll = "would-prune-all",
    /// More objects would be pruned than the guard allows.
    TooManyPrunes = "too-many-prunes",
    /// Rendering failed.
    RenderFailed = "render-failed",
    /// Part of the cluster cannot be read.
    LiveUnreadable = "live-unreadable",
    /// The cluster has no such kind.
    UnknownKind = "unknown-kind",
    /// An application that this one depends on is not ready.
    Dependency = "dependency",
    /// Applications depend on each other in a circle.
    DependencyCycle = "dependency-cycle",
    /// Another application owns the object.
    SharedObject = "shared-object",
    /// The rules of its repository or of its project do not allow it.
    NotPermitted = "not-permitted",
    /// An option that is not understood, and might guard something.
    BadOption = "bad-option",
    /// A manifest that cannot be applied.
    BadObject = "bad-object",
    /// A rule of ignored differences that is not understood.
    BadRule = "bad-rule",
    /// A kind that this build refuses.
    Refused = "refused",
    /// What an earlier run of a hook left stands in its way.
    HookLeftOver = "hook-left-over",
    /// A hook would replace an object that is not the application's.
    HookNotOwned = "hook-not-owned",
    /// The selection names what the application does not have.
    NoSuchObject = "no-such-object",
    /// An object is there more than once; the last one counts.
    RepeatedObject = "repeated-object",
    /// An option that changes nothing here.
    OptionWithoutEffect = "option-without-effect",
    /// A manifest that a sync leaves alone.
    LeftOut = "left-out",
    /// An object that nobody owned becomes the application's.
    Adopts = "adopts",
    /// An object that the application owned belongs to another one now, or was made anew by somebody else.
    NoLongerOwned = "no-longer-owned",
    /// A dry run would tell better whether the object drifted.
    DryRunWanted = "dry-run-wanted",
}

impl Code {
    /// Whether it passes without anybody changing the application: a brake is released, a cluster answers again.
    pub fn is_passing(self) -> bool {
        use Code::{
            Dependency, Frozen, LiveUnreadable, ObserveOnly, RenderFailed, Requirement, Suspended, WindowClosed,
        };
        matches!(
            self,
            Suspended | Frozen | WindowClosed | ObserveOnly | Requirement | RenderFailed | LiveUnreadable | Dependency
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
