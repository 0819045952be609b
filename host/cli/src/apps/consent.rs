//! `tidegate apps approve` and `reject`: a person's word on exactly what an application would be.

use super::{Desk, Presence};
use crate::args::Consent;
use crate::exit::Exit;
use crate::place::aside;
use crate::screen::Screen;
use access::Standing;
use model::{Blame, Digest, Failure};
use planner::reason::Reason;
use serde_json::json;
use store::Command;

/// The longest remark, in bytes.
const COMMENT: usize = 1024;

impl Desk {
    /// 0 where the word counts.
    pub(super) async fn consent(&self, wanted: &Consent, verdict: &str, screen: &Screen) -> Result<u8, Exit> {
        // One that is being ended is declared nowhere any more, and may need people's word for that.
        let found = self.find_any(&wanted.name)?;
        let keeper = self.keeper(&found.entry).await?;
        let full = if wanted.digest.starts_with("sha256:") {
            wanted.digest.clone()
        } else {
            format!("sha256:{}", wanted.digest)
        };
        let digest = Digest::parse(&full).map_err(|e| Exit::usage(e.to_string()))?;
        let voter = plugin::clean_line(wanted.voter.as_deref().unwrap_or(&self.user), COMMENT);
        let (look, mut standing) = keeper.look().await?;
        if found.presence != Presence::Declared {
            standing.subject = self.floor.books.memory(&wanted.name)?.standing.and_then(|standing| standing.subject);
        }
        // What no word of a person ends.
        let others = |reason: &&Reason| reason.until.is_some() || reason.environment.is_some();
        let others: Vec<Reason> = standing.reasons.iter().filter(others).cloned().collect();
        let origins = look.wish.origins;
        let requirements = keeper.requirements().clone();
        let refusal = match &standing.subject {
            None => Some(Failure::new(
                Blame::User,
                "conflict",
                format!("what `{}` would be cannot be told: {}", wanted.name, standing.message),
            )),
            Some(now) if *now != digest => {
                let message =
                    format!("the word is on {digest}, but `{}` would be {now}: it would not count", wanted.name);
                Some(Failure::denied(message).hint("look at it with `tidegate apps diff`, then say so of that digest"))
            }
            Some(_) => {
                let (asked, voter, origins) = (requirements.clone(), voter.clone(), origins.clone());
                let why = aside(move || asked.objection(&voter, &origins)).await?;
                why.map(|why| Failure::denied(format!("the word would not count: {why}")))
            }
        };
        let at = reconcile::now();
        if let Some(failure) = refusal {
            let entry = json!({"action": "consent-refused", "application": wanted.name, "voter": voter,
                "systemUser": self.user, "subject": digest, "why": failure.message, "at": at});
            self.engine.journal().apply(Command::Audit(entry)).await.map_err(Failure::from)?;
            return Err(failure.into());
        }
        let consent = store::Consent {
            application: wanted.name.clone(),
            subject: digest.clone(),
            voter: voter.clone(),
            verdict: verdict.to_owned(),
            comment: plugin::clean_line(&wanted.comment, COMMENT),
            // Nobody has proven who they are to a command line.
            verified: false,
            system_user: self.user.clone(),
            at,
        };
        self.floor.books.consent(consent).await?;
        if let Some(asked) = &self.asked {
            asked.daemon.fleet.ring(Some(&wanted.name));
        }
        let words = aside(move || requirements.words(&digest, &origins, reconcile::now())).await?;
        if screen.json {
            let word = |(environment, word): &(String, reconcile::Agreement)| {
                let standing = said(word.standing);
                json!({"environment": environment, "needs": word.needs, "have": word.have, "standing": standing})
            };
            let environments = words.iter().map(word).collect::<Vec<_>>();
            screen.document(&json!({"name": wanted.name, "environments": environments, "reasons": others}));
            return Ok(0);
        }
        for (environment, word) in words {
            let have = if word.have.is_empty() { "nobody".to_owned() } else { word.have.join(", ") };
            screen.out(&format!(
                "{verdict}: the word of {voter} counts; `{environment}` asks for {}, approved by {have}: {}",
                word.needs,
                said(word.standing)
            ));
        }
        for reason in others {
            screen.out(&format!("it is held besides: {reason}"));
        }
        Ok(0)
    }
}

fn said(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "pending",
        Standing::Approved => "approved",
        Standing::Rejected => "rejected",
    }
}
