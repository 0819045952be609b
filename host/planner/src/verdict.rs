//! The one question of this crate: what is to be done with an application now? Survey, decision and plan in one value.

use crate::build::{Making, build};
use crate::decide::{Request, Situation, decide, subject};
use crate::plan::SyncPlan;
use crate::reason::{Code, Reason};
use crate::survey::{Render, Sides, Survey};
use serde::Serialize;
use std::fmt;

/// What is to be done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// A sync.
    Sync(Box<SyncPlan>),
    /// The sync that is at work is to be stopped first: what it applies is no longer what is desired.
    Supersede(Reason),
    /// Nothing, and why; the most telling reason first, at least one.
    Hold(Vec<Reason>),
}

/// How an application stands, and what is to be done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How it stands.
    pub survey: Survey,
    /// What is to be done.
    pub verdict: Verdict,
}

/// Says what is to be done with an application.
pub fn plan(sides: &Sides<'_>, revision: &str, situation: &Situation<'_>) -> Plan {
    let mut survey = Survey::of(sides);
    let Render::Done(desired) = sides.render else {
        let verdict = Verdict::Hold(survey.problems.clone());
        return Plan { survey, verdict };
    };
    let subject = subject(sides.application, desired);
    let retry = matches!(situation.request, Request::Retry(_));
    let outdated = !retry && situation.running.is_some_and(|running| *running != subject);
    let order = match decide(sides.application, &subject, &survey, situation) {
        Ok(order) => order,
        // What is at work would undo what is already as desired.
        Err(reasons) if outdated && reasons.iter().all(|reason| reason.code == Code::InSync) => {
            let text = format!("{revision} is as the cluster is; the sync at work would change it");
            return Plan { survey, verdict: Verdict::Supersede(Reason::new(Code::Superseded, text)) };
        }
        Err(reasons) => return Plan { survey, verdict: Verdict::Hold(reasons) },
    };
    if outdated {
        let text = format!("{revision} takes the place of the sync at work");
        return Plan { survey, verdict: Verdict::Supersede(Reason::new(Code::Superseded, text)) };
    }
    let making = Making {
        application: sides.application,
        desired,
        live: sides.live,
        inventory: sides.inventory,
        revision,
        subject,
        survey: &survey,
        order,
        now: situation.now,
    };
    let verdict = match build(&making) {
        Ok((plan, notices)) => {
            let held = (plan.is_empty()).then(|| idle(&notices, situation.request));
            survey.notices.extend(notices);
            held.map_or_else(|| Verdict::Sync(Box::new(plan)), |reason| Verdict::Hold(vec![reason]))
        }
        Err(reasons) => Verdict::Hold(reasons),
    };
    Plan { survey, verdict }
}

/// Why a sync would do nothing.
fn idle(notices: &[Reason], request: &Request) -> Reason {
    match (notices.first(), request) {
        (Some(notice), _) => notice.clone(),
        (None, Request::Manual(_)) => Reason::new(Code::InSync, "every object is as desired, and there are no hooks"),
        (None, Request::Automatic | Request::Retry(_)) => Reason::new(Code::InSync, "nothing is left to do"),
    }
}

/// One line for the state, then what is done or why nothing is, then what is worth knowing.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}", self.survey.sync, self.survey.health)?;
        match &self.verdict {
            Verdict::Sync(plan) => write!(f, "{plan}")?,
            Verdict::Supersede(reason) => writeln!(f, "supersede: {reason}")?,
            Verdict::Hold(reasons) => {
                for reason in reasons {
                    writeln!(f, "hold: {reason}")?;
                }
            }
        }
        for notice in &self.survey.notices {
            writeln!(f, "note: {notice}")?;
        }
        Ok(())
    }
}
