//! The words for how a step or a run stands.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// Every word.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word, as in YAML, JSON and SQL.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The status of that word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How a step stands.
    StepStatus {
        /// Not looked at, or held by what it needs.
        Pending => "pending",
        /// A plugin is working on it.
        Running => "running",
        /// It left memory until a signal or a deadline.
        Waiting => "waiting",
        /// Done.
        Succeeded => "succeeded",
        /// All was already so; satisfies `needs` with the same outputs as success.
        Unchanged => "unchanged",
        /// Rightly not done.
        Skipped => "skipped",
        /// It failed, and its retries are used up.
        Failed => "failed",
        /// Somebody stopped it.
        Cancelled => "cancelled",
        /// A newer run took its place.
        Superseded => "superseded",
        /// A person said no.
        Rejected => "rejected",
        /// No grant or requirement allowed it.
        Denied => "denied",
        /// A crash left it open whether it took place; a person decides.
        Unknown => "unknown",
    }
}

impl StepStatus {
    /// Whether nothing will change it any more (a person settles `unknown`).
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting | Self::Unknown)
    }

    /// Whether it satisfies `needs`.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::Unchanged)
    }

    /// Whether it makes its run fail, unless `continueOnError`.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected | Self::Denied)
    }
}

words! {
    /// How a run stands.
    RunStatus {
        /// Written down, not begun.
        Queued => "queued",
        /// At least one step can go on by itself.
        Running => "running",
        /// Every step that is left waits.
        Waiting => "waiting",
        /// All that had to be done is done.
        Succeeded => "succeeded",
        /// Every step was skipped.
        Skipped => "skipped",
        /// A step failed.
        Failed => "failed",
        /// Somebody stopped it.
        Cancelled => "cancelled",
        /// A newer run took its place.
        Superseded => "superseded",
        /// A person said no.
        Rejected => "rejected",
        /// A step was denied.
        Denied => "denied",
        /// A person must settle what a crash left open.
        Unknown => "unknown",
    }
}

impl RunStatus {
    /// Whether nothing will change it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Waiting | Self::Unknown)
    }

    /// The exit code of a command that followed the run to this status.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded | Self::Skipped | Self::Superseded => 0,
            Self::Waiting | Self::Unknown | Self::Queued | Self::Running => 3,
            Self::Denied => 4,
            Self::Failed | Self::Cancelled | Self::Rejected => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RunStatus, StepStatus};

    #[test]
    fn words_round_trip() {
        for status in StepStatus::ALL {
            assert_eq!(StepStatus::parse(status.as_str()), Some(*status));
        }
        for status in RunStatus::ALL {
            assert_eq!(RunStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(serde_json::to_string(&StepStatus::Unchanged).ok().as_deref(), Some("\"unchanged\""));
    }
}
