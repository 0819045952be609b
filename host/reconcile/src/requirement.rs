//! What the environments that own an application ask before it is synced: that people agreed to what it would be, by their own
//! word on that very content, or step by step as it was promoted; that another environment is healthy with its images; that it is
//! time for it.

mod unmet;

use crate::books::{Books, Content};
use crate::configured::Configured;
use crate::lineage::{Deed, Step, stranger};
use crate::look::Origin;
use access::{Environment, People, Requirement, Rule, Standing, Vote};
use git::Mirror;
use model::{CommitId, Digest, Failure, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Commits that are looked at between what was accepted and what would be.
const COMMITS: usize = 1_000;
/// Commits that are looked at for whoever wrote what nobody has accepted before.
const HISTORY: usize = 10_000;
/// Paths of one comparison.
const PATHS: usize = 65_536;

/// What an application would be.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// The digest of its content and policy: what people agree to.
    pub subject: Digest,
    /// The digest of its file alone.
    pub policy: Digest,
    /// Where its content came from.
    pub origins: Vec<Origin>,
    /// What its containers would run.
    pub images: Vec<String>,
}

/// Whether an application was healthy with a content that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proven {
    Healthy,
    No,
}

/// What is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// That it is synced.
    Sync,
    /// That its objects go. No earlier agreement covers that.
    Removal,
}

/// An environment that owns an application.
#[derive(Clone, Debug)]
pub struct Owning {
    /// The environment.
    pub environment: Environment,
    /// Whether it owns the cluster: then everything that reaches it is the environment's business. Else only its paths are.
    pub cluster: bool,
}

/// The requirements of one application.
#[derive(Clone)]
pub struct Requirements {
    application: String,
    /// Every environment that asks anything.
    asking: Vec<Owning>,
    /// Every environment that another one requires to be healthy.
    proving: Vec<Owning>,
    people: Arc<People>,
    books: Books,
    configured: Arc<Configured>,
}

/// How the word on a content stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Who must agree, in words.
    pub needs: String,
    /// Whose approval counts.
    pub have: Vec<String>,
    /// Whether that is enough.
    pub standing: Standing,
}

impl std::fmt::Debug for Requirements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requirements").field("application", &self.application).field("asking", &self.asking).finish()
    }
}

impl Requirements {
    /// Of an application among these environments; which of them own it hangs on what it is made of.
    pub fn new(
        application: &str,
        environments: impl IntoIterator<Item = Owning>,
        people: Arc<People>,
        books: Books,
        configured: Arc<Configured>,
    ) -> Self {
        let all: Vec<Owning> = environments.into_iter().collect();
        let named: BTreeSet<&str> = all.iter().flat_map(|owning| owning.environment.follows()).collect();
        let proving = all.iter().filter(|owning| named.contains(owning.environment.name.as_str())).cloned().collect();
        let asking = all.into_iter().filter(|owning| !owning.environment.requires.is_empty()).collect();
        Self { application: application.to_owned(), asking, proving, people, books, configured }
    }

    /// Whether no environment of the host asks anything.
    pub fn is_empty(&self) -> bool {
        self.asking.is_empty()
    }

    /// The environments that own it: its cluster, or a place that its files are in or that its render reads, or that have accepted
    /// it before, wherever its file points now. Errors: those of the journal.
    pub fn owning(&self, origins: &[Origin]) -> Result<Vec<Owning>, Failure> {
        let mut found = Vec::new();
        for owning in &self.asking {
            let owns = owning.cluster
                || origins.iter().any(|origin| is_within(&owning.environment, origin))
                || self.books.accepted(&owning.environment.name, &self.application)?.is_some();
            if owns {
                found.push(owning.clone());
            }
        }
        Ok(found)
    }

    /// The environments of which it is one, among those whose health another one requires: by its cluster, or by the folder that is
    /// rendered. What it reads elsewhere, or was once, says nothing about how those stand.
    pub(crate) fn belongs(&self, origins: &[Origin]) -> Vec<String> {
        let is_of = |owning: &&Owning| {
            owning.cluster || origins.iter().any(|origin| is_rendered_in(&owning.environment, origin))
        };
        self.proving.iter().filter(is_of).map(|owning| owning.environment.name.clone()).collect()
    }

    /// How people's word on a content stands, by environment. Blocking.
    pub fn words(&self, subject: &Digest, origins: &[Origin], now: Timestamp) -> Result<Vec<(String, Word)>, Failure> {
        let mut words = Vec::new();
        for owning in self.owning(origins)? {
            let (rules, _) = sorted(&owning.environment.requires);
            if rules.is_empty() {
                continue;
            }
            let accepted = self.books.accepted(&owning.environment.name, &self.application)?;
            let word = self.word(&rules, subject, origins, accepted.as_ref(), now)?;
            words.push((owning.environment.name.clone(), word));
        }
        Ok(words)
    }

    /// Why somebody's word would not count under any rule; `None` where it would. Blocking.
    pub fn objection(&self, voter: &str, origins: &[Origin]) -> Result<Option<String>, Failure> {
        let mut why = Some("no environment asks anybody about it".to_owned());
        for owning in self.owning(origins)? {
            let (rules, _) = sorted(&owning.environment.requires);
            let accepted = self.books.accepted(&owning.environment.name, &self.application)?;
            let excluded = self.excluded(accepted.as_ref(), origins)?;
            for rule in &rules {
                why = if rule.verified {
                    Some(format!("the identity of `{voter}` is only asserted, and the rule says `verified: true`"))
                } else {
                    self.people.objection(voter, rule, &excluded)
                };
                if why.is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(why)
    }

    fn word(
        &self,
        rules: &[Rule],
        subject: &Digest,
        origins: &[Origin],
        accepted: Option<&Content>,
        now: Timestamp,
    ) -> Result<Word, Failure> {
        let votes: Vec<Vote> = self.books.consents(&self.application, subject)?;
        let excluded = if votes.is_empty() { BTreeSet::new() } else { self.excluded(accepted, origins)? };
        let tallies: Vec<_> =
            rules.iter().map(|rule| self.people.tally(rule, subject, &votes, &excluded, now)).collect();
        let standing = if tallies.iter().any(|tally| tally.standing == Standing::Rejected) {
            Standing::Rejected
        } else if tallies.iter().all(|tally| tally.standing == Standing::Approved) {
            Standing::Approved
        } else {
            Standing::Pending
        };
        let mut have: Vec<String> = tallies.into_iter().flat_map(|tally| tally.have).collect();
        have.sort();
        have.dedup();
        let needs = rules.iter().map(in_words).collect::<Vec<_>>().join(" and ");
        Ok(Word { needs, have, standing })
    }

    /// Whoever wrote or committed something that is new since what was accepted, or where nothing was, any of what it is made of: none
    /// of them may approve it.
    fn excluded(&self, accepted: Option<&Content>, origins: &[Origin]) -> Result<BTreeSet<String>, Failure> {
        let mut names = BTreeSet::new();
        for origin in origins {
            let mirror = self.configured.mirror(&origin.repository)?;
            let base = accepted.and_then(|it| it.commits.get(&origin.repository)).map(|id| CommitId(id.clone()));
            // A commit that a forced push took away is none to compare with.
            let base = base.filter(|base| mirror.commit(base).is_ok());
            let head = CommitId(origin.commit.clone());
            let writers = match &base {
                Some(base) => mirror.committers(Some(base), &head),
                None => mirror.writers(&head, HISTORY, &|path| rests_on(origin, path)),
            };
            for (author, committer) in writers.map_err(|e| e.failure())? {
                for mail in [author, committer] {
                    names.extend(self.people.names(&format!("<{mail}>")));
                }
            }
        }
        Ok(names)
    }

    /// The first commit since what was accepted to which nobody agreed.
    fn stranger(
        &self,
        owning: &Owning,
        accepted: &Content,
        Proposed { policy, origins, .. }: &Proposed,
    ) -> Result<Option<String>, Failure> {
        // Its file says where its content comes from and what becomes of it on the way, and is no part of that content.
        if accepted.policy != *policy {
            return Ok(Some("its Application file has changed".to_owned()));
        }
        for origin in origins {
            let twin = |other: &&Origin| other.repository == origin.repository && other.commit != origin.commit;
            if origins.iter().find(twin).is_some() {
                return Ok(Some(format!("it is made of two commits of `{}`", origin.repository)));
            }
            if owning.cluster && origin.elsewhere {
                return Ok(Some("it reads repositories that are not its sources".to_owned()));
            }
            let Some(base) = accepted.commits.get(&origin.repository).map(|id| CommitId(id.clone())) else {
                return Ok(Some(format!("nothing of `{}` was accepted for it yet", origin.repository)));
            };
            let head = CommitId(origin.commit.clone());
            let git = |e: git::Error| e.failure();
            let mirror = self.configured.mirror(&origin.repository)?;
            if !self.differs(owning, origin, &base)? {
                continue;
            }
            let Some(line) = mirror.line(&base, &head, COMMITS).map_err(git)? else {
                return Ok(Some(format!(
                    "{} does not come after {}, which it accepted last",
                    head.short(),
                    base.short()
                )));
            };
            let mut steps = Vec::with_capacity(line.len());
            for commit in &line {
                steps.push(self.step(&mirror, owning, origin, commit)?);
            }
            if let Some(told) = stranger(&steps) {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    /// Whether anything of the environment's business is another than at a commit.
    fn differs(&self, owning: &Owning, origin: &Origin, base: &CommitId) -> Result<bool, Failure> {
        let mirror = self.configured.mirror(&origin.repository)?;
        let paths = mirror.changed_paths(base, &CommitId(origin.commit.clone()), PATHS).map_err(|e| e.failure())?;
        Ok(paths.iter().any(|path| concerns(owning, origin, path)))
    }

    fn step(&self, mirror: &Mirror, owning: &Owning, origin: &Origin, id: &CommitId) -> Result<Step, Failure> {
        let git = |e: git::Error| e.failure();
        let commit = mirror.commit(id).map_err(git)?;
        let mut paths = match mirror.parent(id).map_err(git)? {
            Some(parent) => mirror.changed_paths(&parent, id, PATHS).map_err(git)?,
            None => Vec::new(),
        };
        paths.retain(|path| concerns(owning, origin, path));
        let mut deed = Deed::Other;
        if !paths.is_empty() {
            let trailer = |key: &str| mirror.trailer(id, key).map_err(git);
            // A trailer is anybody's to write: it only says which row of the journal to look at.
            if let (Some(run), Some(step)) = (trailer("Tidegate-Run")?, trailer("Tidegate-Step")?)
                && let Some(mut agreed) =
                    self.books.agreed(&run, &step, &origin.repository, id, &owning.environment.name)?
            {
                // People were shown what the environment owns; whatever else was pushed with it, nobody was.
                agreed.retain(|path| owning.environment.owns(&origin.repository, path));
                deed = Deed::Agreed(agreed);
            } else if self.books.is_rollback(&origin.repository, id, &self.application)? {
                deed = Deed::Rollback;
            }
        }
        let (title, by) = (commit.subject, commit.committer);
        Ok(Step { commit: id.short().to_owned(), title, by, paths, deed })
    }

    /// What was tried and taken back since what was accepted is over: where the content is the same again, and so is every file that is
    /// the environment's business, the newer commits stand for it. Files that differ and change nothing yet do not: they may later.
    /// Blocking; answers the environments for which that is so. Errors: those of the journal and the mirrors.
    pub(crate) fn advanced(&self, proposed: &Proposed) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for owning in self.owning(&proposed.origins)? {
            let name = &owning.environment.name;
            let Some(accepted) = self.books.accepted(name, &self.application)? else { continue };
            let now = commits(&proposed.origins);
            let moved = now.iter().any(|(of, commit)| accepted.commits.get(*of).map(String::as_str) != Some(*commit));
            if accepted.subject != proposed.subject || !moved {
                continue;
            }
            let mut same = true;
            for origin in &proposed.origins {
                same &= match accepted.commits.get(&origin.repository) {
                    Some(base) => !self.differs(&owning, origin, &CommitId(base.clone()))?,
                    None => false,
                };
            }
            if same {
                names.push(name.clone());
            }
        }
        Ok(names)
    }

    /// Stores for these environments, or for all that own it, that a content was applied which met what they ask.
    pub(crate) async fn accept(
        &self,
        proposed: &Proposed,
        names: Option<&[String]>,
        proven: Proven,
        at: Timestamp,
    ) -> Result<(), Failure> {
        for owning in self.owning(&proposed.origins)? {
            let name = &owning.environment.name;
            if names.is_none_or(|names| names.contains(name)) {
                let before = self.books.accepted(name, &self.application)?;
                let mut proofs = before.map(|content| content.proofs).unwrap_or_default();
                if proven == Proven::Healthy {
                    proofs.add(&proposed.subject, &proposed.images);
                }
                let content = Content {
                    subject: proposed.subject.clone(),
                    policy: proposed.policy.clone(),
                    commits: commits(&proposed.origins)
                        .into_iter()
                        .map(|(repository, commit)| (repository.to_owned(), commit.to_owned()))
                        .collect(),
                    images: proposed.images.clone(),
                    proofs,
                };
                self.books.accept(name, &self.application, content, at).await?;
            }
        }
        Ok(())
    }
}

/// Whether an environment owns a path that something is rendered from.
fn is_within(environment: &Environment, origin: &Origin) -> bool {
    let repository = &origin.repository;
    let read = match &origin.reads {
        Some((reads, root)) => reads.paths(root).into_iter().any(|path| environment.owns(repository, path)),
        // What cannot be told may be anything of that repository.
        None => environment.paths.iter().any(|owned| owned.split(':').next() == Some(repository)),
    };
    is_rendered_in(environment, origin) || read
}

/// Whether an environment owns the folder that is rendered.
fn is_rendered_in(environment: &Environment, origin: &Origin) -> bool {
    // Of other sources only what was read counts.
    !origin.folder.starts_with('/') && owns_folder(environment, &origin.repository, &origin.folder)
}

/// Whether an environment owns a folder. What a folder is owned by, a file in it is: there may be none of any name.
pub(crate) fn owns_folder(environment: &Environment, repository: &str, folder: &str) -> bool {
    let sample =
        if folder.is_empty() { "kustomization.yaml".to_owned() } else { format!("{folder}/kustomization.yaml") };
    environment.owns(repository, &sample)
}

/// The commit of each repository.
fn commits(origins: &[Origin]) -> BTreeMap<&str, &str> {
    origins.iter().map(|origin| (origin.repository.as_str(), origin.commit.as_str())).collect()
}

/// Whether an application rests on this path.
fn rests_on(origin: &Origin, path: &str) -> bool {
    let inside =
        origin.folder.is_empty() || path.strip_prefix(&origin.folder).is_some_and(|rest| rest.starts_with('/'));
    let read = match &origin.reads {
        Some((reads, root)) => reads.touches(root, path),
        // What cannot be told may have been read.
        None => true,
    };
    inside || read
}

/// Whether a change of this path is the environment's business, as far as this application goes.
fn concerns(owning: &Owning, origin: &Origin, path: &str) -> bool {
    rests_on(origin, path) && (owning.cluster || owning.environment.owns(&origin.repository, path))
}

/// The approvals, and what else is required by its kind.
fn sorted(requires: &[Requirement]) -> (Vec<Rule>, Vec<&str>) {
    let (mut rules, mut others) = (Vec::new(), Vec::new());
    for requirement in requires {
        match requirement {
            Requirement::Approval { group, count, expires_millis, verified } => rules.push(Rule {
                group: group.clone(),
                count: *count,
                expires_millis: *expires_millis,
                verified: *verified,
            }),
            Requirement::Window(_) | Requirement::Healthy { .. } => {}
            Requirement::Other { kind, .. } => others.push(kind.as_str()),
        }
    }
    (rules, others)
}

fn in_words(rule: &Rule) -> String {
    let plural = if rule.count == 1 { "approval" } else { "approvals" };
    let group = rule.group.as_ref().map(|group| format!(" of group {group}")).unwrap_or_default();
    format!("{} {plural}{group}", rule.count)
}
