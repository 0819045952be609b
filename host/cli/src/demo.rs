//! `tidegate demo`: the example as real repositories in a fresh folder, and the story with this very binary. Every
//! command that is shown is run as shown.

mod daemon;
mod infrastructure;
mod shop;
mod stage;

use crate::args::Demo;
use crate::exit::Exit;
use crate::screen::{Colour, Screen};
use model::{Blame, Failure};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../examples/commit-to-production/", $name)))),*]
    };
}

const FILES: [(&str, &str); 15] = files![
    "tidegate.yaml",
    "infra/.tidegate/infrastructure.yaml",
    "infra/modules/network/main.tf",
    "infra/environments/dev/main.tf",
    "infra/environments/prod/main.tf",
    "app/.tidegate/ship.yaml",
    "app/VERSION",
    "app/shop.sh",
    "app/test.sh",
    "config/argocd/shop.yaml",
    "config/apps/shop/base/kustomization.yaml",
    "config/apps/shop/base/deployment.yaml",
    "config/apps/shop/overlays/dev/kustomization.yaml",
    "config/apps/shop/overlays/staging/kustomization.yaml",
    "config/apps/shop/overlays/prod/kustomization.yaml",
];

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
        let daemon = self.daemon()?;
        self.first_promotion()?;
        self.drift()?;
        self.tampered()?;
        self.leave(daemon)?;
        self.out("");
        self.out(&self.screen.paint(
            Colour::Bold,
            "That was all real: bare Git repositories, jailed programs, sandboxed plugins, recorded votes.",
        ));
        self.out(&format!(
            "Look around, start the daemon again and push a commit of your own:\n  cd {}",
            self.folder.display()
        ));
        self.out("  tidegate runs list\n  tidegate apps list\n  git -C config.git log --stat\n  tidegate serve");
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
            "app.git has the shop and its pipeline, config.git what dev, staging and prod run, infra.git what they run on.",
        );
        self.say(
            "tidegate.yaml says that config:apps/*/overlays/prod/** and infra:environments/prod/** are prod, and that",
        );
        self.say("prod takes two approvals of the group platform.");
        self.tidegate(&["validate", "tidegate.yaml", "app", "infra"], &[0])?;
        Ok(())
    }
}
