//! Votes counted: of the right group, for the right digest, not by who is excluded, not expired, one a person.

use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A vote as the journal has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// The person.
    pub voter: String,
    /// `approve` or `reject`.
    pub verdict: String,
    /// For exactly what.
    pub subject: Digest,
    /// When.
    pub at: Timestamp,
    /// What the voter wrote.
    #[serde(default)]
    pub comment: String,
    /// Whether the identity was proven; `--as` only asserts it.
    pub verified: bool,
}

/// Who has to agree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Absent: anybody who is not excluded.
    pub group: Option<String>,
    /// How many different people.
    pub count: u32,
    /// How long a vote lasts, in milliseconds.
    pub expires_millis: Option<u64>,
    /// Whether only proven identities count.
    pub verified: bool,
}

/// How the votes stand under one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// More are needed.
    Pending,
    /// Enough agree.
    Approved,
    /// Somebody entitled said no.
    Rejected,
}

/// The count under one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// The result.
    pub standing: Standing,
    /// Whose approvals count, in order of time.
    pub have: Vec<String>,
    /// Each vote, and why it does not count (absent: it does).
    pub votes: Vec<(Vote, Option<String>)>,
}

/// What the host knows about people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// Members by group.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Names that mean one person: login, OIDC subject, mail address → the person.
    pub identities: BTreeMap<String, String>,
}

impl People {
    /// The person behind a name: `Alice <alice@example.com>`, a mail address or a login.
    pub fn person(&self, name: &str) -> String {
        let mail = name.rsplit_once('<').and_then(|(_, m)| m.strip_suffix('>')).unwrap_or(name);
        let bare = name.split(" <").next().unwrap_or(name);
        let known = [mail, bare, name].iter().find_map(|n| self.identities.get(*n));
        known.cloned().unwrap_or_else(|| if name.contains('<') { mail.to_owned() } else { name.to_owned() })
    }

    /// All names under which somebody may be known who is only known by a signature like `Dana <dana@example.com>`: the
    /// person where the configuration maps it, and else, since a commit proves nothing, the name, the mail address and
    /// what is before its `@`. In lower case; more names than one exclude too many rather than too few.
    pub fn names(&self, signature: &str) -> BTreeSet<String> {
        let person = self.person(signature);
        let mut names = BTreeSet::from([person.to_lowercase()]);
        if let Some((bare, mail)) = signature.split_once('<').filter(|_| !self.knows(signature)) {
            let mail = mail.trim_end_matches('>').trim();
            let local = mail.split('@').next().unwrap_or_default();
            names.extend([bare.trim(), mail, local].map(str::to_lowercase));
        }
        names.remove("");
        names
    }

    /// Whether the configuration says who that is.
    fn knows(&self, signature: &str) -> bool {
        let mail = signature.rsplit_once('<').and_then(|(_, m)| m.strip_suffix('>')).unwrap_or(signature);
        let bare = signature.split(" <").next().unwrap_or(signature);
        [mail, bare, signature].iter().any(|name| self.identities.contains_key(*name))
    }

    /// Why this person may not vote under a rule. `excluded` holds [`names`](People::names).
    pub fn objection(&self, voter: &str, rule: &Rule, excluded: &BTreeSet<String>) -> Option<String> {
        let person = self.person(voter);
        if let Some(group) = &rule.group {
            let members = self.groups.get(group).map(Vec::as_slice).unwrap_or_default();
            if !members.iter().any(|m| self.person(m) == person) {
                return Some(format!("`{voter}` is not a member of the group `{group}`"));
            }
        }
        let own = [person.to_lowercase(), voter.to_lowercase()];
        own.iter()
            .any(|name| excluded.contains(name))
            .then(|| format!("`{voter}` is the author, a committer or the starter of this change"))
    }

    /// Counts votes. The newest vote of a person for a subject counts.
    pub fn tally(
        &self,
        rule: &Rule,
        subject: &Digest,
        votes: &[Vote],
        excluded: &BTreeSet<String>,
        now: Timestamp,
    ) -> Tally {
        let mut newest: BTreeMap<String, usize> = BTreeMap::new();
        for (i, vote) in votes.iter().enumerate().filter(|(_, v)| v.subject == *subject) {
            newest.insert(self.person(&vote.voter), i);
        }
        let judged: Vec<(Vote, Option<String>)> = votes
            .iter()
            .enumerate()
            .map(|(i, vote)| {
                let expired = rule.expires_millis.is_some_and(|e| vote.at.plus_millis(e) <= now);
                let why = if vote.subject != *subject {
                    Some("it is for another digest".to_owned())
                } else if newest.get(&self.person(&vote.voter)) != Some(&i) {
                    Some("a newer vote of the same person replaced it".to_owned())
                } else if expired {
                    Some("it has expired".to_owned())
                } else if rule.verified && !vote.verified {
                    Some("its identity is only asserted, and the rule says `verified: true`".to_owned())
                } else {
                    self.objection(&vote.voter, rule, excluded)
                };
                (vote.clone(), why)
            })
            .collect();
        let counting = |verdict: &str| {
            judged
                .iter()
                .filter(|(v, why)| why.is_none() && v.verdict == verdict)
                .map(|(v, _)| v.voter.clone())
                .collect::<Vec<_>>()
        };
        let have = counting("approve");
        let standing = if !counting("reject").is_empty() {
            Standing::Rejected
        } else if have.len() >= rule.count.max(1) as usize {
            Standing::Approved
        } else {
            Standing::Pending
        };
        Tally { standing, have, votes: judged }
    }
}

#[cfg(test)]
mod tests {
    use super::{People, Rule, Standing, Vote};
    use model::{Digest, Timestamp};

    fn vote(voter: &str, verdict: &str, subject: &str, at: i64) -> Vote {
        Vote {
            voter: voter.into(),
            verdict: verdict.into(),
            subject: Digest::of(subject),
            at: Timestamp(at),
            comment: String::new(),
            verified: false,
        }
    }

    #[test]
    fn who_wrote_it_is_known_by_any_of_their_names() {
        let mut people = People::default();
        people.identities.insert("alice@example.com".into(), "alice".into());
        let all = |signature: &str| people.names(signature).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(all("Alice A <alice@example.com>"), "alice");
        assert_eq!(all("Dana <D.Smith@example.com>"), "d.smith d.smith@example.com dana");
        assert_eq!(all("erin"), "erin");
        let rule = Rule { group: None, count: 1, expires_millis: None, verified: false };
        let excluded = people.names("Dana <dana@example.com>");
        assert!(people.objection("Dana", &rule, &excluded).is_some());
        assert!(people.objection("dana@example.com", &rule, &excluded).is_some());
        assert!(people.objection("bob", &rule, &excluded).is_none());
    }

    #[test]
    fn only_the_right_votes_count() {
        let mut people = People::default();
        people.groups.insert("platform".into(), vec!["alice".into(), "bob".into(), "carol".into()]);
        people.identities.insert("alice@example.com".into(), "alice".into());
        let rule = Rule { group: Some("platform".into()), count: 2, expires_millis: Some(1000), verified: false };
        let excluded = people.names("Alice A <alice@example.com>");
        let count = |votes: &[Vote], now| people.tally(&rule, &Digest::of("x"), votes, &excluded, Timestamp(now));
        let two = [vote("bob", "approve", "x", 0), vote("carol", "approve", "x", 0)];
        assert_eq!(count(&two, 10).standing, Standing::Approved);
        assert_eq!(count(&two, 1000).standing, Standing::Pending, "expired");
        for other in [
            vote("carol", "approve", "y", 0),
            vote("bob", "approve", "x", 1),
            vote("alice", "approve", "x", 0),
            vote("mallory", "approve", "x", 0),
        ] {
            let tally = count(&[two[0].clone(), other.clone()], 10);
            assert_eq!((tally.standing, tally.have.len()), (Standing::Pending, 1), "{other:?}");
        }
        assert_eq!(
            count(&[two[0].clone(), two[1].clone(), vote("mallory", "reject", "x", 2)], 10).standing,
            Standing::Approved
        );
        assert_eq!(
            count(&[two[0].clone(), two[1].clone(), vote("carol", "reject", "x", 2)], 10).standing,
            Standing::Rejected
        );
        let strict = Rule { verified: true, ..rule };
        assert_eq!(people.tally(&strict, &Digest::of("x"), &two, &excluded, Timestamp(10)).standing, Standing::Pending);
    }
}
