//! The daemon of the story: this very binary, beside it, with a log of its own.

use super::{Stage, failed};
use crate::exit::Exit;
use crate::screen::Colour;
use std::fs::{self, File};
use std::process::{Child, Stdio};

/// What the daemon says.
pub(super) const LOG: &str = "serve.log";

/// A daemon; it ends with the story, however that ends.
pub(super) struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, unless the story broke off.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage<'_> {
    pub(super) fn daemon(&mut self) -> Result<Serving, Exit> {
        self.chapter("From here on a daemon does it");
        self.out(&format!("{} tidegate serve 2> {LOG} &", self.screen.paint(Colour::Green, "$")));
        let log = File::create(self.folder.join(LOG)).map_err(|e| failed(&format!("{LOG}: {e}")))?;
        let child = self.itself()?.arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let serving = Serving(child.map_err(|e| failed(&e.to_string()))?);
        self.until("the daemon's first word", || {
            fs::read_to_string(self.folder.join(LOG)).ok().filter(|log| log.contains("tidegate serves"))
        })?;
        self.say("It keeps three clusters equal to Git. Dev and staging have the shop at once; prod asks first, even for what is there:");
        self.tidegate(&["apps", "wait", "shop-dev"], &[0])?;
        self.tidegate(&["apps", "wait", "shop-staging"], &[0])?;
        let digest = self.until("prod's question", || self.question())?;
        self.tidegate(&["apps", "list"], &[0])?;
        self.tidegate(&["apps", "approve", "shop-prod", "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["apps", "approve", "shop-prod", "--digest", &digest, "--as", "bob"], &[0])?;
        self.tidegate(&["apps", "wait", "shop-prod"], &[0])?;
        Ok(serving)
    }

    /// The digest of what prod would be, while its environment asks about it.
    pub(super) fn question(&self) -> Option<String> {
        let shown = self.json(&["apps", "show", "shop-prod"]).ok()?;
        let asks = shown["reasons"].as_array()?.iter().any(|reason| reason["code"] == "requirement");
        shown["subject"].as_str().filter(|_| asks).map(str::to_owned)
    }

    pub(super) fn leave(&mut self, mut serving: Serving) -> Result<(), Exit> {
        self.chapter("The daemon leaves");
        let id = serving.0.id().to_string();
        self.out(&format!("{} kill {id}", self.screen.paint(Colour::Green, "$")));
        let told = self.command("kill").arg(&id).status().map_err(|e| failed(&format!("kill: {e}")))?;
        let status = serving.0.wait().map_err(|e| failed(&e.to_string()))?;
        if !told.success() || !status.success() {
            return Err(failed(&format!("the daemon ended with {status}")));
        }
        self.out(&format!("{} tail -n 4 {LOG}", self.screen.paint(Colour::Green, "$")));
        let log = fs::read_to_string(self.folder.join(LOG)).map_err(|e| failed(&e.to_string()))?;
        let lines: Vec<&str> = log.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(4)) {
            self.out(&format!("  {line}"));
        }
        Ok(())
    }
}
