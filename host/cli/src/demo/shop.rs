//! The application's half of the story: from a push to production, drift, and a promotion that is tampered with.

use super::{Stage, failed};
use crate::exit::Exit;
use crate::screen::Colour;
use serde_json::Value;
use std::fs;

/// Where the shop of dev is, in the folder that stands for its cluster.
const DEV: &str = "clusters/dev/apps/Deployment/shop-dev/shop.yaml";

impl Stage<'_> {
    pub(super) fn first_promotion(&mut self) -> Result<(), Exit> {
        self.chapter("Dana pushes v2 of the shop");
        self.release("v2")?;
        self.say("The push starts the pipeline: a test in the jail, an image assembled without a builder, the tag edited for dev,");
        self.say("dev synced and healthy with this very image, then staging, and prod has to wait:");
        let (run, digest) = self.waiting("")?;
        self.tidegate(&["runs", "show", &run], &[0])?;
        self.tidegate(&["apps", "list"], &[0])?;
        self.chapter("What staging got: one line, by a commit that names its run");
        self.diff()?;
        self.chapter("Who may let it into prod");
        self.say("Mallory is not in the group:");
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "mallory"], &[4])?;
        self.say("Alice and Bob are, and neither wrote the change:");
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "bob", "--comment", "ship it"], &[0])?;
        self.say("That was the second one: the run goes on by itself, and prod is synced without being asked about it again.");
        self.until("the end of the run", || self.status(&run).filter(|status| status == "succeeded"))?;
        self.tidegate(&["apps", "list"], &[0])?;
        self.chapter("Why it went through");
        self.tidegate(&["why", &run], &[0])?;
        Ok(())
    }

    pub(super) fn drift(&mut self) -> Result<(), Exit> {
        self.chapter("Somebody changes dev by hand");
        let path = self.folder.join(DEV);
        let text = fs::read_to_string(&path).map_err(|e| failed(&format!("{DEV}: {e}")))?;
        let syncs = self.syncs("shop-dev");
        self.out(&format!("{} sed -i 's/shop:v2/shop:by-hand/' {DEV}", self.screen.paint(Colour::Green, "$")));
        fs::write(&path, text.replace("shop:v2", "shop:by-hand")).map_err(|e| failed(&e.to_string()))?;
        self.until("the healing of dev", || {
            let healed = fs::read_to_string(&path).ok()?.contains("shop:v2") && self.syncs("shop-dev") > syncs;
            healed.then_some(())
        })?;
        self.say("It is as Git says again, before anybody looked:");
        self.tidegate(&["apps", "history", "shop-dev"], &[0])?;
        Ok(())
    }

    pub(super) fn tampered(&mut self) -> Result<(), Exit> {
        self.chapter("v3 is half approved, then somebody tampers with prod");
        self.release("v3")?;
        let (run, digest) = self.waiting("")?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "alice"], &[0])?;
        self.say("Now another registry is slipped into what the promotion would write onto:");
        let config = self.folder.join("config");
        self.git(&config, &["pull", "--quiet", "origin", "main"])?;
        let overlay = config.join("apps/shop/overlays/prod/kustomization.yaml");
        let text = fs::read_to_string(&overlay).map_err(|e| failed(&e.to_string()))?;
        let evil = text.replace("    newTag:", "    newName: evil.example.com/shop\n    newTag:");
        fs::write(&overlay, evil).map_err(|e| failed(&e.to_string()))?;
        self.push("config", "Tidy up")?;
        self.say("It reaches no cluster: nobody of prod's people agreed to it.");
        self.until("prod's question", || self.question())?;
        self.tidegate(&["why", "shop-prod"], &[0])?;
        self.say("And Bob's vote is for exactly what was shown. What would be written now is something else, so it does not count:");
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "bob"], &[0])?;
        let (_, new) = self.waiting(&digest)?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "carol"], &[4])?;
        self.say("Carol sees the new forecast and rejects it:");
        let comment = "which registry is that?";
        self.tidegate(&["reject", &run, "prod", "--digest", &new, "--as", "carol", "--comment", comment], &[0])?;
        self.until("the end of the run", || {
            self.status(&run).filter(|status| status == "rejected" || status == "failed")
        })?;
        self.chapter("Back to what was healthy, by a commit");
        let reason = "an unknown registry";
        self.tidegate(&["apps", "rollback", "shop-prod", "--as", "alice", "--reason", reason], &[0])?;
        self.diff()?;
        let head = self.command("git").args(["-C", "config.git", "rev-parse", "main"]).output();
        let head = String::from_utf8_lossy(&head.map_err(|e| failed(&e.to_string()))?.stdout).trim().to_owned();
        self.tidegate(&["apps", "wait", "shop-prod", "--commit", &head], &[0])?;
        Ok(())
    }

    fn release(&self, version: &str) -> Result<(), Exit> {
        fs::write(self.folder.join("app/VERSION"), format!("{version}\n")).map_err(|e| failed(&e.to_string()))?;
        self.push("app", &format!("Release {version}"))
    }

    /// The newest run of the shop, once its promotion to prod asks about something else than this.
    fn waiting(&self, not: &str) -> Result<(String, String), Exit> {
        self.until("prod's question in the run", || {
            let runs = self.json(&["runs", "list"]).ok()?;
            let ships = |run: &&Value| run["pipeline"] == "ship";
            let newest = runs.as_array()?.iter().find(ships)?["run"].as_str()?.to_owned();
            let head = self.command("git").args(["-C", "app.git", "rev-parse", "main"]).output().ok()?;
            let shown = self.json(&["runs", "show", &newest]).ok()?;
            let digest = shown["steps"]["prod"].pointer("/waiting/digest")?.as_str()?.to_owned();
            let ours = runs.as_array()?.iter().find(ships)?["commit"].as_str()?
                == String::from_utf8_lossy(&head.stdout).trim();
            (ours && digest != not).then_some((newest, digest))
        })
    }

    fn status(&self, run: &str) -> Option<String> {
        self.json(&["runs", "show", run]).ok()?["status"].as_str().map(str::to_owned)
    }

    /// How many syncs an application has had.
    fn syncs(&self, name: &str) -> usize {
        self.json(&["apps", "history", name]).ok().and_then(|all| all.as_array().map(Vec::len)).unwrap_or_default()
    }
}
