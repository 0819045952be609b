//! `tidegate demo`: the example as real repositories in a fresh folder, and the story with this very binary. Every
//! command that is shown is run as shown.

use crate::args::Demo;
use crate::exit::Exit;
use crate::screen::{Colour, Screen};
use crate::table::shell_word;
use model::{Blame, Failure};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../examples/commit-to-production/", $name)))),*]
    };
}

const FILES: [(&str, &str); 13] = files![
    "tidegate.yaml",
    "infra/.tidegate/infrastructure.yaml",
    "infra/modules/network/main.tf",
    "infra/environments/dev/main.tf",
    "infra/environments/prod/main.tf",
    "app/.tidegate/ship.yaml",
    "app/VERSION",
    "app/shop.sh",
    "app/test.sh",
    "config/apps/shop/base/kustomization.yaml",
    "config/apps/shop/base/deployment.yaml",
    "config/apps/shop/overlays/dev/kustomization.yaml",
    "config/apps/shop/overlays/prod/kustomization.yaml",
];

/// The step of the infrastructure's pipeline that changes prod.
const APPLY: &str = "apply[\"environments/prod\"]";
/// Where the example says that Terraform's state is. The demo has a folder of its own for it.
const STATE: &str = "/srv/tfstate";

/// The folder of the demo, and how it speaks.
struct Stage<'a> {
    folder: PathBuf,
    screen: &'a Screen,
    chapter: u32,
}

pub fn demo(wanted: &Demo, screen: &Screen) -> Result<u8, Exit> {
    let folder = match &wanted.folder {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|e| failed(&format!("{}: {e}", folder.display())))?;
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(Exit::usage(format!(
                    "{} is not empty; the demo wants a folder of its own",
                    folder.display()
                )));
            }
            fs::canonicalize(folder).map_err(|e| failed(&e.to_string()))?
        }
        // Not in /tmp, of which each jail has its own: Terraform's state is in this folder.
        None => {
            let mut builder = tempfile::Builder::new();
            let builder = builder.prefix("tidegate-demo-");
            let made = builder.tempdir_in("/var/tmp").or_else(|_| builder.tempdir_in("."));
            let folder = made.map_err(|e| failed(&e.to_string()))?.keep();
            fs::canonicalize(folder).map_err(|e| failed(&e.to_string()))?
        }
    };
    if folder.starts_with("/tmp") {
        let message = "the demo wants a folder outside of /tmp: each jail has a /tmp of its own, and Terraform's state is in there";
        return Err(Exit::usage(message));
    }
    let mut stage = Stage { folder, screen, chapter: 0 };
    stage.story()?;
    if screen.json {
        screen.document(&json!({"folder": stage.folder}));
    }
    Ok(0)
}

fn failed(message: &str) -> Exit {
    Failure::new(Blame::Upstream, "unavailable", format!("the demo cannot go on: {message}")).into()
}

impl Stage<'_> {
    fn story(&mut self) -> Result<(), Exit> {
        self.repositories()?;
        self.infrastructure()?;
        self.first_promotion()?;
        self.tampered()?;
        self.out("");
        self.out(&self.screen.paint(
            Colour::Bold,
            "That was all real: bare Git repositories, jailed programs, sandboxed plugins, recorded votes.",
        ));
        self.out(&format!("Look around, or push a commit of your own and run it:\n  cd {}", self.folder.display()));
        self.out("  tidegate runs list\n  git -C config.git log --stat");
        Ok(())
    }

    /// The story is the result, except where a script asked for a document.
    fn out(&self, text: &str) {
        if self.screen.json { self.screen.note(text) } else { self.screen.out(text) }
    }

    fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        self.out("");
        self.out(&self.screen.paint(Colour::Bold, &format!("── {}. {title}", self.chapter)));
    }

    fn say(&self, text: &str) {
        self.out(&self.screen.paint(Colour::Dim, text));
    }

    fn repositories(&mut self) -> Result<(), Exit> {
        self.chapter("Three repositories and a configuration");
        let tfstate = self.folder.join("tfstate");
        // A jailed Terraform is an unprivileged user, where this is root.
        let made =
            fs::create_dir_all(&tfstate).and_then(|()| fs::set_permissions(&tfstate, Permissions::from_mode(0o777)));
        made.map_err(|e| failed(&format!("{}: {e}", tfstate.display())))?;
        for (name, text) in FILES {
            let text = text.replace(STATE, &tfstate.display().to_string());
            let path = self.folder.join(name);
            let written =
                fs::create_dir_all(path.parent().unwrap_or(&self.folder)).and_then(|()| fs::write(&path, text));
            written.map_err(|e| failed(&format!("{}: {e}", path.display())))?;
        }
        for name in ["app", "config", "infra"] {
            self.git(&self.folder, &["init", "--quiet", "--bare", "--initial-branch=main", &format!("{name}.git")])?;
            let clone = self.folder.join(name);
            self.git(&clone, &["init", "--quiet", "--initial-branch=main"])?;
            self.git(&clone, &["remote", "add", "origin", &format!("../{name}.git")])?;
            self.push(name, "Begin")?;
        }
        self.say(
            "app.git has the shop and its pipeline, config.git what dev and prod run, infra.git what they run on.",
        );
        self.say(
            "tidegate.yaml says that config:apps/*/overlays/prod/** and infra:environments/prod/** are prod, and that",
        );
        self.say("prod takes two approvals of the group platform.");
        self.tidegate(&["validate", "tidegate.yaml", "app", "infra"], &[0])?;
        Ok(())
    }

    /// Terraform's half of the story, where there is a Terraform.
    fn infrastructure(&mut self) -> Result<(), Exit> {
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

    fn first_promotion(&mut self) -> Result<(), Exit> {
        self.chapter("Dana pushes v2 of the shop");
        self.release("v2")?;
        self.say(
            "The test runs in the jail, the image is assembled without a daemon, the tag is edited in the dev overlay,",
        );
        self.say("and prod has to wait:");
        self.tidegate(&["run", "--repository", "app", "--as", "dana"], &[3])?;
        self.chapter("What dev got: one line, by a commit that names its run");
        self.diff()?;
        let (run, digest) = self.asked()?;
        self.chapter("Who may let it into prod");
        self.say("Mallory is not in the group:");
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "mallory"], &[4])?;
        self.say("Alice and Bob are, and neither wrote the change:");
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "bob", "--comment", "ship it"], &[0])?;
        self.tidegate(&["runs", "resume", &run], &[0])?;
        self.diff()?;
        self.chapter("Why it went through");
        self.tidegate(&["why", &run], &[0])?;
        Ok(())
    }

    fn tampered(&mut self) -> Result<(), Exit> {
        self.chapter("v3 is approved, then somebody tampers with prod");
        self.release("v3")?;
        self.tidegate(&["run", "--repository", "app", "--as", "dana"], &[3])?;
        let (run, digest) = self.asked()?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "alice"], &[0])?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "bob"], &[0])?;
        self.say("Before the run goes on, another registry is slipped into what the promotion would write onto:");
        let config = self.folder.join("config");
        self.git(&config, &["pull", "--quiet", "origin", "main"])?;
        let overlay = config.join("apps/shop/overlays/prod/kustomization.yaml");
        let text = fs::read_to_string(&overlay).map_err(|e| failed(&e.to_string()))?;
        let evil = text.replace("    newTag:", "    newName: evil.example.com/shop\n    newTag:");
        fs::write(&overlay, evil).map_err(|e| failed(&e.to_string()))?;
        self.push("config", "Tidy up")?;
        self.say("The votes were for exactly what was shown. This is something else, so they do not count:");
        self.tidegate(&["runs", "resume", &run], &[3])?;
        self.tidegate(&["approve", &run, "prod", "--digest", &digest, "--as", "carol"], &[4])?;
        let (_, new) = self.asked()?;
        self.say("Carol sees the new forecast and rejects it:");
        let comment = "which registry is that?";
        self.tidegate(&["reject", &run, "prod", "--digest", &new, "--as", "carol", "--comment", comment], &[0])?;
        self.tidegate(&["runs", "resume", &run], &[1])?;
        Ok(())
    }

    fn release(&self, version: &str) -> Result<(), Exit> {
        fs::write(self.folder.join("app/VERSION"), format!("{version}\n")).map_err(|e| failed(&e.to_string()))?;
        self.push("app", &format!("Release {version}"))
    }

    fn push(&self, name: &str, message: &str) -> Result<(), Exit> {
        let clone = self.folder.join(name);
        self.git(&clone, &["add", "--all"])?;
        self.git(&clone, &["commit", "--quiet", "--message", message])?;
        self.out(&format!("{} git -C {name} push origin main   # {message}", self.screen.paint(Colour::Green, "$")));
        self.git(&clone, &["push", "--quiet", "origin", "HEAD:main"])
    }

    /// The newest commit of the config repository, as a diff of one line each way.
    fn diff(&self) -> Result<(), Exit> {
        self.out(&format!("{} git -C config.git show --unified=0 main", self.screen.paint(Colour::Green, "$")));
        let shown = self
            .command("git")
            .args(["-C", "config.git", "show", "--unified=0", "--format=%an: %s%n%n%b", "main"])
            .output();
        let shown = shown.map_err(|e| failed(&format!("git: {e}")))?;
        for line in String::from_utf8_lossy(&shown.stdout).lines().filter(|line| !line.is_empty()) {
            let header = ["diff ", "index ", "--- ", "@@ "].iter().any(|start| line.starts_with(start));
            match line.as_bytes().first() {
                _ if header => {}
                Some(b'+') => self.out(&format!("  {}", self.screen.paint(Colour::Green, line))),
                Some(b'-') => self.out(&format!("  {}", self.screen.paint(Colour::Red, line))),
                _ => self.out(&format!("  {line}")),
            }
        }
        Ok(())
    }

    fn asked(&self) -> Result<(String, String), Exit> {
        self.asked_of("prod")
    }

    /// The newest run, and the digest that one of its steps asks about.
    fn asked_of(&self, step: &str) -> Result<(String, String), Exit> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let runs = self.json(&["runs", "list"])?;
        let run = text(runs.pointer("/0/run"));
        let shown = self.json(&["runs", "show", &run])?;
        Ok((run, text(shown["steps"][step].pointer("/waiting/digest"))))
    }

    fn json(&self, arguments: &[&str]) -> Result<Value, Exit> {
        let output = self.itself()?.args(arguments).args(["--output", "json"]).stderr(Stdio::null()).output();
        let output = output.map_err(|e| failed(&e.to_string()))?;
        serde_json::from_slice(&output.stdout).map_err(|e| failed(&format!("`tidegate {}`: {e}", arguments.join(" "))))
    }

    /// Runs this binary with a person watching; its exit code must be as the story has it.
    fn tidegate(&self, arguments: &[&str], expected: &[i32]) -> Result<(), Exit> {
        let quoted: Vec<String> = arguments.iter().map(|word| shell_word(word)).collect();
        self.out(&format!("{} tidegate {}", self.screen.paint(Colour::Green, "$"), quoted.join(" ")));
        let mut command = self.itself()?;
        command.args(arguments);
        if self.screen.json {
            command.stdout(std::io::stderr());
        }
        let status = command.status().map_err(|e| failed(&e.to_string()))?;
        let code = status.code().unwrap_or(-1);
        if expected.contains(&code) {
            self.say(&format!("(exit code {code})"));
            return Ok(());
        }
        Err(failed(&format!("`tidegate {}` ended with {status}, the story expects {expected:?}", arguments.join(" "))))
    }

    fn itself(&self) -> Result<Command, Exit> {
        let own = std::env::current_exe().map_err(|e| failed(&e.to_string()))?;
        let mut command = self.command(&own.to_string_lossy());
        command.env_remove("TIDEGATE_CONFIG").env_remove("TIDEGATE_STATE");
        Ok(command)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
    }

    fn git(&self, folder: &Path, arguments: &[&str]) -> Result<(), Exit> {
        fs::create_dir_all(folder).map_err(|e| failed(&e.to_string()))?;
        let mut command = Command::new("git");
        command.current_dir(folder).args(arguments).stdin(Stdio::null());
        // Nobody's own configuration, hooks or signing keys.
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Dana"),
            ("GIT_AUTHOR_EMAIL", "dana@example.com"),
            ("GIT_COMMITTER_NAME", "Dana"),
            ("GIT_COMMITTER_EMAIL", "dana@example.com"),
        ] {
            command.env(name, value);
        }
        let output = command.output().map_err(|e| failed(&format!("`git` is needed: {e}")))?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(&format!("`git {}`: {why}", arguments.join(" "))))
    }
}
