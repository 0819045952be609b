//! `tidegate apps suspend` and `resume`.

use super::Desk;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use store::Braked;

impl Desk {
    /// Puts the brake on with a reason and who asks, or takes it off.
    pub(super) async fn suspend(
        &self,
        name: &str,
        why: Option<(&str, Option<String>)>,
        screen: &Screen,
    ) -> Result<u8, Exit> {
        self.find(name)?;
        let text = why.map(|(reason, actor)| {
            format!("{} suspended it: {reason}", actor.unwrap_or_else(open::system_user))
        });
        let word = if text.is_some() { "suspended" } else { "resumed" };
        self.floor.books.set_brake(Braked::Application, name, text, reconcile::now()).await?;
        if screen.json {
            screen.document(&serde_json::json!({"name": name, "status": word}));
        } else {
            screen.out(&format!("{name} is {word}"));
        }
        Ok(0)
    }
}
