//! Terraform's half of the story.

use super::{Stage, failed};
use crate::exit::Exit;
use crate::screen::Colour;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The step of the infrastructure's pipeline that changes prod.
const APPLY: &str = "apply[\"environments/prod\"]";

impl Stage<'_> {
    /// Terraform's half of the story, where there is a Terraform.
    pub(super) fn infrastructure(&mut self) -> Result<(), Exit> {
        self.chapter("Dana wants two subnets, in dev and in prod");
        let there = |tool: &str| {
            Command::new(tool)
                .arg("version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        };
        if !there("terraform") && !there("tofu") {
            self.say("not run: there is neither `terraform` nor `tofu` on this machine");
            return Ok(());
        }
        self.subnets(2)?;
        self.say("Both are planned. Dev is applied; nobody owns it. Prod's plan waits for two people:");
        self.tidegate(&["run", "--repository", "infra", "--as", "dana"], &[3])?;
        let (run, digest) = self.asked_of(APPLY)?;
        self.say("They approve this very plan, and it is what is applied:");
        self.tidegate(&["approve", &run, APPLY, "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["approve", &run, APPLY, "--digest", &digest, "--as", "bob"], &[0])?;
        self.tidegate(&["runs", "resume", &run], &[0])?;

        self.chapter("The next plan is tampered with after it was approved");
        self.subnets(3)?;
        self.tidegate(&["run", "--repository", "infra", "--as", "dana"], &[3])?;
        let (run, digest) = self.asked_of(APPLY)?;
        self.tidegate(&["approve", &run, APPLY, "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["approve", &run, APPLY, "--digest", &digest, "--as", "carol"], &[0])?;
        self.say("Plans are encrypted at rest. Somebody with access to the disk flips a bit of each all the same:");
        self.flip(&self.folder.join("state/artifacts/sealed"))?;
        self.tidegate(&["runs", "resume", &run], &[1])?;
        self.say("Nothing was applied: prod has the two subnets that were approved.");
        self.out(&format!("{} terraform output, as prod's state has it", self.screen.paint(Colour::Green, "$")));
        let text = fs::read_to_string(self.folder.join("tfstate/environments/prod.tfstate"));
        let state: Value = serde_json::from_str(&text.map_err(|e| failed(&e.to_string()))?).unwrap_or_default();
        self.out(&format!("  subnets = {}", state.pointer("/outputs/subnets/value").unwrap_or(&Value::Null)));
        Ok(())
    }

    /// Pushes a change of how many subnets there are.
    fn subnets(&self, count: u32) -> Result<(), Exit> {
        for environment in ["dev", "prod"] {
            let path = self.folder.join(format!("infra/environments/{environment}/main.tf"));
            let text = fs::read_to_string(&path).map_err(|e| failed(&e.to_string()))?;
            let line = |line: &str| match line.trim_start().starts_with("subnets = ") {
                true => format!("  subnets = {count}"),
                false => line.to_owned(),
            };
            let changed = text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n";
            fs::write(&path, changed).map_err(|e| failed(&e.to_string()))?;
        }
        self.push("infra", &format!("{count} subnets"))
    }

    /// Damages every file below a folder, as quietly as a disk would.
    fn flip(&self, folder: &Path) -> Result<(), Exit> {
        for entry in fs::read_dir(folder).map_err(|e| failed(&e.to_string()))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.flip(&path)?;
                continue;
            }
            let mut bytes = fs::read(&path).map_err(|e| failed(&e.to_string()))?;
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            fs::write(&path, bytes).map_err(|e| failed(&e.to_string()))?;
        }
        Ok(())
    }
}
