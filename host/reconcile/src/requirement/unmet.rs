//! What is not met of what environments ask, each with the moment or the environment that may change that.

use super::{Intent, Owning, Proposed, Requirements, sorted};
use crate::books::Content;
use crate::proof::{Coming, beyond, unproven};
use access::{Environment, Rule, Standing, window};
use model::{Failure, Timestamp};
use planner::reason::{Code, Reason};

impl Requirements {
    /// What is not met for a proposal. Blocking. Errors: those of the journal.
    pub fn unmet(&self, proposed: &Proposed, intent: Intent, now: Timestamp) -> Result<Vec<Reason>, Failure> {
        let mut unmet = Vec::new();
        for owning in self.owning(&proposed.origins)? {
            let environment = &owning.environment;
            let name = &environment.name;
            let (rules, others) = sorted(&environment.requires);
            for kind in others {
                let text = format!(
                    "the environment `{name}` requires `{kind}`, which this version cannot check before a sync"
                );
                unmet.push(Reason::new(Code::Requirement, text));
            }
            let accepted = self.books.accepted(name, &self.application)?;
            let disagreed = self.disagreed(&owning, &rules, accepted.as_ref(), proposed, intent, now)?;
            unmet.extend(disagreed.map(|text| Reason::new(Code::Requirement, text)));
            if intent == Intent::Sync {
                unmet.extend(self.unproven(environment, accepted.as_ref(), proposed)?);
            }
            if let Some(closed) = window::closed(&environment.windows(), now) {
                let reason = Reason::new(Code::WindowClosed, closed.why(name));
                unmet.push(Reason { until: closed.until, ..reason });
            }
        }
        Ok(unmet)
    }

    /// Why people's agreement to a proposal is missing, where it is.
    fn disagreed(
        &self,
        owning: &Owning,
        rules: &[Rule],
        accepted: Option<&Content>,
        proposed: &Proposed,
        intent: Intent,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        if rules.is_empty() {
            return Ok(None);
        }
        let (name, subject) = (&owning.environment.name, &proposed.subject);
        let word = self.word(rules, subject, &proposed.origins, accepted, now)?;
        let why = match (word.standing, accepted, intent) {
            (Standing::Approved, ..) => Ok(None),
            // Whoever says no is heard, however it came to be.
            (Standing::Rejected, ..) => Ok(Some("somebody said no".to_owned())),
            (Standing::Pending, _, Intent::Removal) => Ok(Some("its objects would go".to_owned())),
            (Standing::Pending, Some(accepted), Intent::Sync) if accepted.subject == *subject => Ok(None),
            (Standing::Pending, Some(accepted), Intent::Sync) => self.stranger(owning, accepted, proposed),
            (Standing::Pending, None, Intent::Sync) => {
                Ok(Some("it has accepted nothing of this application yet".to_owned()))
            }
        };
        let why = match why {
            Ok(None) => return Ok(None),
            Ok(Some(why)) => why,
            // What cannot be looked at has been agreed to by nobody.
            Err(failure) => format!("how it came to be cannot be told: {}", failure.message),
        };
        let have = match (word.standing, word.have.as_slice()) {
            (Standing::Rejected, _) => "it was rejected".to_owned(),
            (_, []) => "nobody has approved it".to_owned(),
            (_, have) => format!("approved by {}", have.join(", ")),
        };
        Ok(Some(format!(
            "the environment `{name}` asks for {}, {have}: {why}; `tidegate apps approve {} --digest {subject}`",
            word.needs, self.application
        )))
    }

    /// The environments that must be healthy with what is proposed, and are not. What was accepted last is not asked about again, nor
    /// is a content with which it was healthy there before: going back waits for nobody. Images of those are not new either.
    fn unproven(
        &self,
        environment: &Environment,
        accepted: Option<&Content>,
        proposed: &Proposed,
    ) -> Result<Vec<Reason>, Failure> {
        let mut reasons = Vec::new();
        let same = |accepted: &Content| {
            accepted.subject == proposed.subject || accepted.proofs.contents.contains(&proposed.subject)
        };
        if accepted.is_some_and(same) {
            return Ok(reasons);
        }
        let known = accepted.into_iter().flat_map(|accepted| accepted.images.iter().chain(&accepted.proofs.images));
        let coming = Coming { new: beyond(&proposed.images, known), all: proposed.images.clone() };
        for other in environment.follows() {
            if let Some(told) = unproven(other, &coming, &self.books.witnesses(other)?) {
                let reason = Reason::new(Code::Requirement, told.sentence(&environment.name));
                reasons.push(reason.hanging_on(other));
            }
        }
        Ok(reasons)
    }
}
