//! Whether a push starts a pipeline. Pure; each "no" is a sentence that `tidegate why` shows.

use crate::changed::Changed;
use access::environment::glob;
use model::pipeline::Triggers;

/// Whether a pipeline is meant by a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and why.
    Start(String),
    /// It is not, and why.
    Skip(String),
}

/// How many patterns are named in a sentence.
const NAMED: usize = 5;

/// Asks a pipeline's triggers about a push to a branch with these changes.
pub fn decide(triggers: &Triggers, branch: &str, changed: &Changed) -> Verdict {
    let Some(filter) = &triggers.push else {
        return Verdict::Skip("it has no `push` among its triggers".to_owned());
    };
    if !filter.names.is_empty() && !filter.names.iter().any(|name| matches(name, branch)) {
        return Verdict::Skip(format!("the branch `{branch}` is none of {}", listed(&filter.names)));
    }
    if filter.paths.is_empty() {
        return Verdict::Start(format!("a push to `{branch}`"));
    }
    let Some(paths) = &changed.paths else {
        // A first commit, or a history without anything in common: nobody can say that a path is as it was.
        return Verdict::Start(format!("a push to `{branch}`, {}", changed.since));
    };
    let found = paths.iter().find(|path| filter.paths.iter().any(|pattern| matches(pattern, path)));
    match found {
        Some(path) => Verdict::Start(format!("a push to `{branch}`: `{path}` differs {}", changed.since)),
        None => {
            let count = paths.len();
            let differ = if count == 1 { "1 path differs".to_owned() } else { format!("{count} paths differ") };
            Verdict::Skip(format!("{differ} {}, and none matches {}", changed.since, listed(&filter.paths)))
        }
    }
}

/// A pattern that is no glob was refused when the pipeline was read; here it matches only itself.
fn matches(pattern: &str, text: &str) -> bool {
    glob(pattern).map_or(pattern == text, |glob| glob.is_match(text))
}

fn listed(patterns: &[String]) -> String {
    let shown = patterns.iter().take(NAMED).map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(", ");
    match patterns.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::pipeline::Filter;

    fn triggers(branches: &[&str], paths: &[&str]) -> Triggers {
        let own = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect();
        Triggers { push: Some(Filter { names: own(branches), paths: own(paths) }), ..Triggers::default() }
    }

    fn changed(paths: Option<&[&str]>) -> Changed {
        Changed {
            paths: paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect()),
            since: "since 1234567".to_owned(),
        }
    }

    fn starts(triggers: &Triggers, branch: &str, paths: Option<&[&str]>) -> bool {
        matches!(decide(triggers, branch, &changed(paths)), Verdict::Start(_))
    }

    #[test]
    fn branches_and_paths_are_both_asked() {
        let src = triggers(&["main", "release/*"], &["src/**", "Cargo.lock"]);
        assert!(starts(&src, "main", Some(&["docs/a.md", "src/a/b.rs"])));
        assert!(starts(&src, "release/1", Some(&["Cargo.lock"])));
        assert!(!starts(&src, "release/1/x", Some(&["Cargo.lock"])));
        assert!(!starts(&src, "feature", Some(&["src/a.rs"])));
        assert!(!starts(&src, "main", Some(&["docs/a.md", "xsrc/a.rs"])));
        assert!(!starts(&src, "main", Some(&[])));
        // Nothing to compare with.
        assert!(starts(&src, "main", None));
        assert!(starts(&triggers(&[], &[]), "any/thing", Some(&[])));
        assert!(!starts(&Triggers::default(), "main", None));
    }

    #[test]
    fn a_no_says_why() {
        let why =
            |triggers: &Triggers, branch: &str, paths: Option<&[&str]>| match decide(triggers, branch, &changed(paths))
            {
                Verdict::Start(why) | Verdict::Skip(why) => why,
            };
        let src = triggers(&["main"], &["src/**"]);
        assert_eq!(why(&src, "dev", None), "the branch `dev` is none of `main`");
        assert_eq!(why(&src, "main", Some(&["a"])), "1 path differs since 1234567, and none matches `src/**`");
        assert_eq!(why(&src, "main", Some(&["src/a"])), "a push to `main`: `src/a` differs since 1234567");
        assert_eq!(why(&Triggers::default(), "main", None), "it has no `push` among its triggers");
    }
}
