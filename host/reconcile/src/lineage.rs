//! Whether what an application would be has come from what an environment accepted by steps that it agreed to alone. Pure.

/// A commit between what was accepted and what would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its short id.
    pub(crate) commit: String,
    /// The first line of its message.
    pub(crate) title: String,
    /// Who made it.
    pub(crate) by: String,
    /// Paths that it changed and on which the application rests.
    pub(crate) paths: Vec<String>,
    /// Whose doing it was.
    pub(crate) deed: Deed,
}

/// Whose doing a commit was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A step of a run pushed it, having met the environment's requirements for these paths.
    Agreed(Vec<String>),
    /// A rollback of this application, to what had been accepted.
    Rollback,
    /// Anybody's.
    Other,
}

/// The first of these steps that nobody agreed to, as a sentence; `None` where there is none. Newest first.
pub(crate) fn stranger(steps: &[Step]) -> Option<String> {
    let unmet = |step: &&Step| {
        !step.paths.is_empty()
            && match &step.deed {
                Deed::Agreed(paths) => !step.paths.iter().all(|path| paths.contains(path)),
                Deed::Rollback => false,
                Deed::Other => true,
            }
    };
    let step = steps.iter().find(unmet)?;
    let path = step.paths.first().map(String::as_str).unwrap_or_default();
    let more = if step.paths.len() > 1 { format!(" and {} more", step.paths.len() - 1) } else { String::new() };
    Some(format!("{} of {} (\"{}\") changed `{path}`{more}, and nobody was asked", step.commit, step.by, step.title))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(paths: &[&str], deed: Deed) -> Step {
        let own = |of: &[&str]| of.iter().map(|path| (*path).to_owned()).collect();
        Step { commit: "1a2b3c4".into(), title: "Tidy up".into(), by: "Eve".into(), paths: own(paths), deed }
    }

    #[test]
    fn every_step_must_have_been_agreed_to() {
        let agreed = |paths: &[&str]| Deed::Agreed(paths.iter().map(|path| (*path).to_owned()).collect());
        assert_eq!(stranger(&[]), None);
        assert_eq!(
            stranger(&[step(&["a"], agreed(&["a", "b"])), step(&[], Deed::Other), step(&["b"], Deed::Rollback)]),
            None
        );
        let told = stranger(&[step(&["a"], agreed(&["a"])), step(&["b", "c"], Deed::Other)]);
        let text = "1a2b3c4 of Eve (\"Tidy up\") changed `b` and 1 more, and nobody was asked";
        assert_eq!(told.as_deref(), Some(text));
        // A push that changed more than it was allowed to is nobody's.
        assert!(stranger(&[step(&["a", "b"], agreed(&["a"]))]).is_some());
    }
}
