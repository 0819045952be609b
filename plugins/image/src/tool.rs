//! What each builder is told: arguments, without a shell. Credentials are in none of them, since arguments are seen by all
//! users of a machine and stay in an image's history.

use crate::place::FOLDER;
use crate::ports::Program;
use serde_json::Value;
use std::collections::BTreeMap;

/// A builder of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Needs no daemon.
    Buildah,
    /// Needs no daemon.
    Podman,
    /// Speaks to a daemon, outside the jail.
    Docker,
}

/// What is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The folder that instructions copy from, in the workspace.
    pub context: String,
    /// The file with the instructions, in the workspace.
    pub dockerfile: String,
    /// Values for `ARG`.
    pub arguments: BTreeMap<String, String>,
    /// Up to which stage.
    pub stage: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// For which platforms; the machine's own where none is given.
    pub platforms: Vec<String>,
    /// What may be reused.
    pub cache: Kept,
    /// Whether base images are looked for again.
    pub pull: bool,
    /// A file of the workspace with patterns of what stays out of the context; the tool's own rule where absent.
    pub ignore: Option<String>,
    /// A file of the workspace with the registries that speak plain HTTP, or whose certificate nobody vouches for. Docker's daemon
    /// has its own list of those.
    pub registries: Option<String>,
}

/// What a build may reuse of earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// Nothing.
    #[default]
    Nothing,
    /// What the tool itself has kept.
    Layers,
    /// What is in this folder of the machine, which stays.
    Folder(String),
}

/// Where a build takes place, as the child sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The workspace's root: `/workspace` in the jail.
    pub workspace: String,
    /// The attempt's folder in the workspace.
    pub folder: String,
    /// A folder outside the workspace for what need not last.
    pub temporary: String,
    /// What the image is called meanwhile, where others may build as well.
    pub name: String,
}

/// What a tool writes, for us to push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// An OCI image layout.
    Layout,
    /// A tar archive of one.
    Archive,
}

impl Tool {
    /// Its name, as in a grant.
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildah => "buildah",
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// What its export is.
    pub fn export_kind(self) -> Export {
        if self == Self::Docker { Export::Archive } else { Export::Layout }
    }

    /// Builds the image into the tool's own storage.
    pub fn build(self, recipe: &Recipe, site: &Site) -> Program {
        let mut arguments = self.storage(recipe, site);
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
        add(&["build"]);
        if self == Self::Docker {
            if recipe.cache == Kept::Nothing {
                add(&["--no-cache"]);
            }
            if recipe.pull {
                add(&["--pull"]);
            }
        } else {
            // Nothing of the host is shared with a `RUN`, and none of its files is needed for it.
            add(&["--isolation", "chroot", "--format", "oci"]);
            add(&[if recipe.cache == Kept::Nothing { "--layers=false" } else { "--layers=true" }]);
            match (recipe.pull, self) {
                (true, Self::Buildah) => add(&["--pull-always"]),
                (true, _) => add(&["--pull=always"]),
                (false, _) => {}
            }
            if let Some(path) = &recipe.ignore {
                add(&["--ignorefile", &inside(site, path)]);
            }
        }
        add(&["--file", &inside(site, &recipe.dockerfile)]);
        // `--name=value` in one word: a value that begins with a dash is still a value.
        if let Some(stage) = &recipe.stage {
            add(&[&format!("--target={stage}")]);
        }
        if !recipe.platforms.is_empty() {
            add(&[&format!("--platform={}", recipe.platforms.join(","))]);
        }
        for (name, value) in &recipe.labels {
            add(&[&format!("--label={name}={value}")]);
        }
        for (name, value) in &recipe.arguments {
            add(&[&format!("--build-arg={name}={value}")]);
        }
        if recipe.platforms.len() > 1 {
            add(&["--manifest", &site.name]);
        } else {
            add(&["--tag", &site.name]);
        }
        add(&[&inside(site, &recipe.context)]);
        // Provenance would make a list of what is one image, with a time in it.
        let environment = if self == Self::Docker { vec![("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")] } else { Vec::new() };
        Program { key: format!("build-{}", self.name()), name: self.name(), arguments, environment }
    }

    /// Writes the image into `to`, a path of the workspace.
    pub fn export(self, recipe: &Recipe, site: &Site, to: &str) -> Program {
        let mut arguments = self.storage(recipe, site);
        let to = inside(site, to);
        let several = recipe.platforms.len() > 1;
        let words: Vec<String> = match self {
            Self::Docker => ["save", "--output", &to, &site.name].map(str::to_owned).into(),
            _ if several => {
                ["manifest", "push", "--all", &site.name, &format!("oci:{to}:latest")].map(str::to_owned).into()
            }
            _ => ["push", &site.name, &format!("oci:{to}:latest")].map(str::to_owned).into(),
        };
        arguments.extend(words);
        Program { key: format!("export-{}", self.name()), name: self.name(), arguments, environment: Vec::new() }
    }

    /// Removes what stays behind elsewhere than in the workspace; absent where nothing does.
    pub fn clean(self, site: &Site) -> Option<Program> {
        let arguments = ["image", "rm", "--force", &site.name].map(str::to_owned).into();
        (self == Self::Docker).then(|| Program {
            key: "clean-docker".to_owned(),
            name: self.name(),
            arguments,
            environment: Vec::new(),
        })
    }

    /// The storage of a build's own: of the machine's nothing is read or left.
    fn storage(self, recipe: &Recipe, site: &Site) -> Vec<String> {
        if self == Self::Docker {
            return Vec::new();
        }
        let root = match &recipe.cache {
            Kept::Folder(folder) => folder.clone(),
            Kept::Layers | Kept::Nothing => inside(site, &format!("{}/storage", site.folder)),
        };
        let run = format!("{}/run", site.temporary);
        let mut words: Vec<String> =
            ["--storage-driver", "vfs", "--root", &root, "--runroot", &run].map(str::to_owned).into();
        if self == Self::Podman {
            // In the jail there is no `/run`.
            let own = format!("{}/podman", site.temporary);
            words.extend(
                ["--tmpdir", &own, "--events-backend", "none", "--cgroup-manager", "cgroupfs"].map(str::to_owned),
            );
        }
        if let Some(file) = &recipe.registries {
            words.extend(["--registries-conf".to_owned(), inside(site, file)]);
        }
        words
    }
}

/// What containers-registries.conf(5) says of these hosts.
pub fn registries(insecure: &[String]) -> String {
    let one = |host: &String| format!("[[registry]]\nlocation = {}\ninsecure = true\n", Value::from(host.as_str()));
    insecure.iter().map(one).collect()
}

fn inside(site: &Site, path: &str) -> String {
    if path.is_empty() { site.workspace.clone() } else { format!("{}/{path}", site.workspace) }
}

/// The patterns of what stays out of the context, with our own folder among them. The last one that fits counts, so ours
/// goes last.
pub fn ignoring(own: &str) -> String {
    let gap = if own.is_empty() || own.ends_with('\n') { "" } else { "\n" };
    format!("{own}{gap}{FOLDER}\n")
}

#[cfg(test)]
mod tests {
    use super::{Kept, Recipe, Site, Tool, ignoring, registries};

    fn site() -> Site {
        let own = |text: &str| text.to_owned();
        Site { workspace: own("/workspace"), folder: own("f"), temporary: own("/tmp/t"), name: own("local/x:1") }
    }

    fn recipe() -> Recipe {
        Recipe {
            dockerfile: "Dockerfile".into(),
            arguments: [("A".to_owned(), "-b c".to_owned())].into(),
            labels: [("l".to_owned(), "v".to_owned())].into(),
            ..Recipe::default()
        }
    }

    #[test]
    fn buildah_is_told_all_in_words() {
        let (site, recipe) = (site(), recipe());
        assert_eq!(
            Tool::Buildah.build(&recipe, &site).arguments.join("|"),
            "--storage-driver|vfs|--root|/workspace/f/storage|--runroot|/tmp/t/run|build|--isolation|chroot|--format|oci|\
             --layers=false|--file|/workspace/Dockerfile|--label=l=v|--build-arg=A=-b c|--tag|local/x:1|/workspace"
        );
        assert_eq!(
            Tool::Buildah.export(&recipe, &site, "f/layout").arguments.join("|"),
            "--storage-driver|vfs|--root|/workspace/f/storage|--runroot|/tmp/t/run|push|local/x:1|oci:/workspace/f/layout:latest"
        );
        assert_eq!(Tool::Buildah.clean(&site), None);
        let recipe = Recipe {
            context: "app".into(),
            stage: Some("-x".into()),
            platforms: vec!["linux/amd64".into(), "linux/arm64".into()],
            cache: Kept::Folder("/cache".into()),
            pull: true,
            ignore: Some("f/ignore".into()),
            ..Recipe { labels: Default::default(), arguments: Default::default(), ..recipe }
        };
        let build = Tool::Buildah.build(&recipe, &site).arguments.join("|");
        assert_eq!(
            build,
            "--storage-driver|vfs|--root|/cache|--runroot|/tmp/t/run|build|--isolation|chroot|--format|oci|--layers=true|\
             --pull-always|--ignorefile|/workspace/f/ignore|--file|/workspace/Dockerfile|--target=-x|\
             --platform=linux/amd64,linux/arm64|--manifest|local/x:1|/workspace/app"
        );
        assert_eq!(
            Tool::Podman.build(&recipe, &site).arguments.join("|"),
            build.replace("--pull-always", "--pull=always").replace(
                "/tmp/t/run|",
                "/tmp/t/run|--tmpdir|/tmp/t/podman|--events-backend|none|--cgroup-manager|cgroupfs|"
            )
        );
        let export = Tool::Podman.export(&recipe, &site, "f/layout").arguments.join("|");
        assert!(export.ends_with("manifest|push|--all|local/x:1|oci:/workspace/f/layout:latest"), "{export}");
    }

    #[test]
    fn insecure_registries_are_told_by_name() {
        let recipe = Recipe { registries: Some("f/registries.conf".into()), ..recipe() };
        let build = Tool::Podman.build(&recipe, &site()).arguments.join("|");
        assert!(build.contains("|cgroupfs|--registries-conf|/workspace/f/registries.conf|build|"), "{build}");
        assert_eq!(registries(&["a:5000".to_owned()]), "[[registry]]\nlocation = \"a:5000\"\ninsecure = true\n");
        assert!(!Tool::Docker.build(&recipe, &site()).arguments.join("|").contains("registries"));
    }

    #[test]
    fn docker_has_its_own_storage() {
        let (site, recipe) = (site(), recipe());
        let build = Tool::Docker.build(&recipe, &site);
        assert_eq!(
            build.arguments.join("|"),
            "build|--no-cache|--file|/workspace/Dockerfile|--label=l=v|--build-arg=A=-b c|--tag|local/x:1|/workspace"
        );
        assert_eq!(build.environment, [("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")]);
        assert_eq!(
            Tool::Docker.export(&recipe, &site, "f/image.tar").arguments.join("|"),
            "save|--output|/workspace/f/image.tar|local/x:1"
        );
        assert!(Tool::Docker.clean(&site).is_some());
    }

    #[test]
    fn our_folder_stays_out_of_a_context() {
        assert_eq!(ignoring(""), ".tidegate-image\n");
        assert_eq!(ignoring("*\n!src"), "*\n!src\n.tidegate-image\n");
    }
}
