//! `tidegate apps suspend` and `resume`, and `tidegate freeze`.

use super::Desk;
use crate::args::Freeze;
use crate::exit::Exit;
use crate::open;
use crate::place::Place;
use crate::screen::Screen;
use model::{Blame, Failure};
use reconcile::Books;
use store::Braked;

/// Puts a cluster's brake on, or takes it off.
pub async fn freeze(place: &Place<'_>, wanted: Freeze, screen: &Screen) -> Result<u8, Exit> {
    let config = match place {
        Place::Here(host) => open::read(host)?.host,
        Place::There(asked) => Some(asked.daemon.config.clone()),
    };
    let clusters = config.as_ref().map(|config| &config.clusters);
    let Freeze { cluster, reason, lift: _, actor } = wanted;
    if clusters.is_none_or(|clusters| !clusters.contains_key(&cluster)) {
        let known = clusters.into_iter().flat_map(|clusters| clusters.keys()).map(String::as_str);
        let failure = Failure::new(Blame::User, "not-found", format!("no cluster is called `{cluster}`"));
        let hint = manifest::nearest(&cluster, known).map(|near| format!("did you mean `{near}`?"));
        return Err(hint.map_or(failure.clone(), |hint| failure.hint(hint)).into());
    }
    let engine = place.engine(screen)?;
    let text = reason.map(|reason| format!("{} froze `{cluster}`: {reason}", actor.unwrap_or_else(|| place.user())));
    let word = if text.is_some() { "frozen" } else { "no longer frozen" };
    Books::new(engine.journal()).set_brake(Braked::Cluster, &cluster, text, reconcile::now()).await?;
    if let Place::There(asked) = place {
        asked.daemon.fleet.ring(None);
    }
    if screen.json {
        screen.document(&serde_json::json!({"cluster": cluster, "status": word}));
    } else {
        screen.out(&format!("{cluster} is {word}"));
    }
    Ok(0)
}

impl Desk {
    /// Puts the brake on with a reason and who asks, or takes it off.
    pub(super) async fn suspend(
        &self,
        name: &str,
        why: Option<(&str, Option<String>)>,
        screen: &Screen,
    ) -> Result<u8, Exit> {
        self.find_any(name)?;
        let text =
            why.map(|(reason, actor)| format!("{} suspended it: {reason}", actor.unwrap_or_else(|| self.user.clone())));
        let word = if text.is_some() { "suspended" } else { "resumed" };
        self.floor.books.set_brake(Braked::Application, name, text, reconcile::now()).await?;
        if let Some(asked) = &self.asked {
            asked.daemon.fleet.ring(Some(name));
        }
        if screen.json {
            screen.document(&serde_json::json!({"name": name, "status": word}));
        } else {
            screen.out(&format!("{name} is {word}"));
        }
        Ok(0)
    }
}
