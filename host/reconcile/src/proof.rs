//! Whether an environment proves images: that its applications run them and are well. Pure; by how they stood when they were last
//! looked at, which whoever keeps them stores.

use planner::health::Status;
use planner::survey::SyncStatus;
use std::collections::BTreeSet;
use std::fmt;

/// The most that is said to be missing at once.
const MOST: usize = 4;

/// An application of the environment that must be healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name.
    pub name: String,
    /// What its containers should run.
    pub images: Vec<String>,
    /// Whether they do.
    pub sync: SyncStatus,
    /// How it is doing.
    pub health: Status,
}

/// Images that are to come into an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coming {
    /// Those that are new there: each must be proven.
    pub new: Vec<String>,
    /// All that would run there: none of them may be unwell.
    pub all: Vec<String>,
}

/// Why an environment does not prove what is coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The environment that is to prove it.
    pub environment: String,
    /// What is missing, each in words.
    pub missing: Vec<String>,
}

/// What an image is known by: its digest, where it has one, and else all of what is written.
pub(crate) fn identity(image: &str) -> &str {
    match image.split_once('@') {
        Some((_, digest)) if digest.contains(':') => digest,
        _ => image,
    }
}

/// Images of one list that are not in the others, by what they are known by.
pub(crate) fn beyond<'a>(images: &[String], known: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let known: BTreeSet<&str> = known.into_iter().map(|image| identity(image)).collect();
    images.iter().filter(|image| !known.contains(identity(image))).cloned().collect()
}

impl Witness {
    fn runs(&self, image: &str) -> bool {
        self.images.iter().any(|own| identity(own) == identity(image))
    }

    fn is_well(&self) -> bool {
        self.sync == SyncStatus::Synced && self.health == Status::Healthy
    }

    /// Whether it speaks against what it runs. One that somebody suspended says nothing.
    fn is_unwell(&self) -> bool {
        !matches!(self.health, Status::Healthy | Status::Suspended)
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}, {}", self.name, self.sync, self.health)
    }
}

/// Why an environment with these applications does not prove what is coming; `None` where it does.
///
/// Every new image must be run by one that is synced and healthy, and nobody that runs any of the images may be unwell. An environment
/// without an application proves nothing.
pub fn unproven(environment: &str, coming: &Coming, witnesses: &[Witness]) -> Option<Unproven> {
    let told = |missing| Some(Unproven { environment: environment.to_owned(), missing });
    if witnesses.is_empty() {
        return told(vec![format!("`{environment}` has no application here")]);
    }
    let mut missing = Vec::new();
    let mut said = BTreeSet::new();
    for image in &coming.new {
        let runners: Vec<&Witness> = witnesses.iter().filter(|witness| witness.runs(image)).collect();
        if runners.is_empty() {
            missing.push(format!("no application of `{environment}` runs `{image}`"));
        } else if !runners.iter().any(|witness| witness.is_well()) {
            said.extend(runners.iter().map(|witness| witness.name.as_str()));
            let how = runners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            missing.push(format!("`{image}` is run, but {how}"));
        }
    }
    for witness in witnesses.iter().filter(|witness| witness.is_unwell() && !said.contains(witness.name.as_str())) {
        if let Some(image) = coming.all.iter().find(|image| witness.runs(image)) {
            missing.push(format!("{witness}, and runs `{image}`"));
        }
    }
    if missing.is_empty() { None } else { told(missing) }
}

impl Unproven {
    /// What is missing, in words.
    pub fn in_words(&self) -> String {
        let mut said = self.missing.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
        if self.missing.len() > MOST {
            said.push_str(&format!("; and {} more", self.missing.len() - MOST));
        }
        said
    }

    /// The same as a sentence, of the environment that asks.
    pub fn sentence(&self, asking: &str) -> String {
        let (environment, missing) = (&self.environment, self.in_words());
        format!("the environment `{asking}` takes images that are healthy in `{environment}` alone: {missing}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(name: &str, images: &[&str], sync: SyncStatus, health: Status) -> Witness {
        Witness { name: name.to_owned(), images: images.iter().map(|it| (*it).to_owned()).collect(), sync, health }
    }

    fn list(images: &[&str]) -> Vec<String> {
        images.iter().map(|image| (*image).to_owned()).collect()
    }

    /// What is missing of these new images, where these all would run.
    fn check(new: &[&str], all: &[&str], witnesses: &[Witness]) -> String {
        let coming = Coming { new: list(new), all: list(all) };
        unproven("staging", &coming, witnesses).map(|told| told.missing.join("; ")).unwrap_or_default()
    }

    use Status::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
    use SyncStatus::{OutOfSync, Synced};

    #[test]
    fn an_image_is_proven_by_one_that_is_synced_and_healthy() {
        let well = witness("shop", &["shop:2", "side:1"], Synced, Healthy);
        assert_eq!(check(&["shop:2"], &["shop:2"], std::slice::from_ref(&well)), "");
        assert_eq!(
            check(&["shop:3"], &["shop:3"], std::slice::from_ref(&well)),
            "no application of `staging` runs `shop:3`"
        );
        assert_eq!(check(&["shop:2"], &["shop:2"], &[]), "`staging` has no application here");
        assert_eq!(check(&[], &[], &[]), "`staging` has no application here");
        let waits = witness("shop", &["shop:2"], OutOfSync, Healthy);
        assert_eq!(check(&["shop:2"], &["shop:2"], &[waits]), "`shop:2` is run, but `shop` is OutOfSync, Healthy");
        let other = witness("other", &["shop:2"], Synced, Degraded);
        assert_eq!(
            check(&["shop:2"], &["shop:2"], &[well, other]),
            "`other` is Synced, Degraded, and runs `shop:2`",
            "one that is well does not make up for one that is not"
        );
    }

    #[test]
    fn nobody_that_runs_any_of_them_may_be_unwell() {
        for (health, expected) in [
            (Healthy, ""),
            (Suspended, ""),
            (Progressing, "`shop` is Synced, Progressing, and runs `shop:2`"),
            (Degraded, "`shop` is Synced, Degraded, and runs `shop:2`"),
            (Missing, "`shop` is Synced, Missing, and runs `shop:2`"),
            (Unknown, "`shop` is Synced, Unknown, and runs `shop:2`"),
        ] {
            assert_eq!(check(&[], &["shop:2"], &[witness("shop", &["shop:2"], Synced, health)]), expected);
            assert_eq!(check(&[], &["shop:2"], &[witness("shop", &["else:1"], Synced, health)]), "");
        }
    }

    #[test]
    fn a_digest_decides_where_there_is_one() {
        let runs = |image: &str| witness("shop", &[image], Synced, Healthy);
        for (wanted, is, same) in [
            ("shop:2", "shop:2", true),
            ("shop:2", "mirror/shop:2", false),
            ("mirror/shop:2@sha256:a", "shop@sha256:a", true),
            ("shop:2@sha256:a", "shop:2@sha256:b", false),
            ("shop:2", "shop:2@sha256:a", false),
            ("shop:2@sha256:a", "shop:2", false),
        ] {
            assert_eq!(check(&[wanted], &[wanted], &[runs(is)]).is_empty(), same, "{wanted} where {is} runs");
        }
        let new = beyond(&list(&["a@sha256:1", "b:1", "c:1"]), &list(&["other@sha256:1", "c:1"]));
        assert_eq!(new, ["b:1"]);
    }

    #[test]
    fn much_that_is_missing_is_not_all_said() {
        let images: Vec<String> = (0..6).map(|n| format!("i:{n}")).collect();
        let coming = Coming { new: images.clone(), all: images };
        let told =
            unproven("staging", &coming, &[witness("x", &[], Synced, Healthy)]).map(|told| told.sentence("prod"));
        assert_eq!(
            told.as_deref(),
            Some(
                "the environment `prod` takes images that are healthy in `staging` alone: no application of `staging` runs `i:0`; \
                 no application of `staging` runs `i:1`; no application of `staging` runs `i:2`; no application of `staging` runs \
                 `i:3`; and 2 more"
            )
        );
    }
}
