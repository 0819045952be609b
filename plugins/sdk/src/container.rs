//! Programs in containers of an image, made by Buildah, Podman or Docker: the command lines that do it, for
//! [`crate::process`]. It runs nothing itself. A plugin's grants must let it run `sh`, in a jail that can make containers.
//!
//! The container has the workspace at `/workspace`. The containers' files are in the workspace as well, since a jail's `/tmp`
//! is memory; inside the container their folder is covered, so that nothing walks over a whole system. Either one child does
//! all of it ([`Container::once`]), so that the owners of an image's files stay as they are; or the image is pulled by one
//! child and used by others ([`Container::pull`], [`Container::run`]), for which all files of the image are root's.
//!
//! A variable's value is never an argument, which others can read, unless it is said to be public. Podman and Docker take the
//! value of `--env NAME` from their own environment. Buildah (tried with 1.28) does not, so its container's shell reads the
//! values from its standard input, a pipe, and begins the program with nothing there. In all three a step's variable goes
//! before the image's own.
//!
//! Nor is Buildah (tried with 1.28, read up to 1.43) left to carry what a program prints: it ends with the program, whether or
//! not it has copied all of that. Its container's shell opens two named pipes instead, so an image for it has `sh`, and `cat`
//! where a variable is given.
//!
//! An interrupt reaches each process in the container once, and none of Buildah's, which would kill them. What the program left
//! running ends with it.

use crate::process::CommandLine;
use crate::{Context, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Longest name of an image, in bytes.
const LONGEST: usize = 1_024;
/// What `sh -e -c` runs.
const DRIVER: &str = include_str!("container/driver.sh");
/// Folders of every container, which nothing is mounted over.
const OWN: [&str; 4] = ["/workspace", "/proc", "/dev", "/sys"];

/// What makes containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// The first there is of Buildah, Podman and Docker. Buildah needs the least of its jail.
    #[default]
    Auto,
    /// Podman.
    Podman,
    /// Buildah, by a changed root instead of a runtime: the container shares the step's network and processes.
    Buildah,
    /// Docker. Its daemon must see the workspace at the same place as the step, so never from within a private root.
    Docker,
}

impl Tool {
    fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Docker => "docker",
        }
    }
}

/// An image, and how it is had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// By its full name: `registry/name@sha256:…` or `registry/name:tag`.
    pub name: String,
    /// Whether its registry may speak plain HTTP, or have a certificate that nobody vouches for.
    pub registry: Registry,
    /// What makes its containers.
    pub tool: Tool,
}

/// How far a registry is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Registry {
    /// Its certificate is checked.
    #[default]
    Verified,
    /// It is not, or there is none. Docker's daemon has its own list of those.
    Insecure,
}

impl Registry {
    /// As an input `insecure` says it.
    pub fn of_input(insecure: bool) -> Self {
        if insecure { Self::Insecure } else { Self::Verified }
    }
}

impl Image {
    /// Whether the image's content is fixed by its name.
    pub fn is_pinned(&self) -> bool {
        self.name.contains("@sha256:")
    }

    /// Refuses a name that is none. A short one means what the machine's configuration says, so it says too little.
    ///
    /// # Errors
    /// `invalid` with the field `/image`.
    pub fn check(&self) -> Result<(), Error> {
        let name = self.name.as_str();
        let wrong = |message: String| {
            Err(Error::invalid(message)
                .with_field("/image")
                .with_hint("write `registry/name@sha256:…` or `registry/name:tag`, `docker.io/library/alpine:3` say"))
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(plain) || name.contains("://") {
            return wrong(format!("`{}` is no image's name", name.escape_debug()));
        }
        let registry = name.split_once('/').map_or("", |(registry, _)| registry);
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if !is_host || registry.starts_with(['-', '.', ':']) || registry.ends_with(':') {
            return wrong(format!("`{name}` does not begin with its registry"));
        }
        if let Some((_, digest)) = name.split_once('@') {
            let digits = digest.strip_prefix("sha256:").unwrap_or_default();
            if digits.len() != 64 || !digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte)) {
                return wrong(format!("`{digest}` is no digest"));
            }
        }
        Ok(())
    }
}

/// The container of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its image.
    pub image: Image,
    /// Where the image's and the container's files are, a folder in the workspace that nothing else has.
    pub storage: String,
    /// Folders of the machine that are in it at the same place, as the jail shows them.
    pub folders: Vec<String>,
}

/// A program in a container. Its variables are those of the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// What to run.
    pub line: CommandLine,
    /// Where, in the workspace.
    pub directory: &'a str,
    /// The names of variables that may be seen by others: they may become arguments.
    pub public: Vec<&'a str>,
    /// The names of all others.
    pub private: Vec<&'a str>,
}

impl Container {
    /// That of the step at hand.
    pub fn new(context: &Context, image: Image, folders: Vec<String>) -> Self {
        // Podman takes no longer path for its run root than 50 characters, and `/workspace/` is one of this.
        let mut hash = DefaultHasher::new();
        context.own_file("image").hash(&mut hash);
        let storage = format!(".tidegate-image-{:012x}", hash.finish() & 0xffff_ffff_ffff);
        Self { image, storage, folders }
    }

    /// One child that pulls the image, runs the program, and removes everything. `begun` is a file in the workspace, which is
    /// made when the container is there and just before the program begins.
    ///
    /// # Errors
    /// `invalid`, where the image, a folder or a variable has a name that no tool takes.
    pub fn once(&self, begun: &str, program: &Program<'_>) -> Result<CommandLine, Error> {
        self.line("once", begun, Some(program))
    }

    /// The child that pulls the image for those of [`Container::run`].
    ///
    /// # Errors
    /// Those of [`Container::once`].
    pub fn pull(&self) -> Result<CommandLine, Error> {
        self.line("pull", "", None)
    }

    /// A child that runs the program, after that of [`Container::pull`].
    ///
    /// # Errors
    /// Those of [`Container::once`].
    pub fn run(&self, program: &Program<'_>) -> Result<CommandLine, Error> {
        self.line("run", "", Some(program))
    }

    /// A child that removes what is left of the image, for a host that may not.
    ///
    /// # Errors
    /// Those of [`Container::once`].
    pub fn remove(&self) -> Result<CommandLine, Error> {
        self.line("remove", "", None)
    }

    fn line(&self, act: &str, begun: &str, program: Option<&Program<'_>>) -> Result<CommandLine, Error> {
        self.image.check()?;
        for (at, folder) in self.folders.iter().enumerate() {
            check_folder(folder).map_err(|problem| Error::invalid(problem).with_field(&format!("/folders/{at}")))?;
        }
        let names = |names: &[&str]| -> Result<String, Error> {
            match names.iter().find(|name| !is_word(name)) {
                None => Ok(names.join(" ")),
                Some(name) => {
                    let message =
                        format!("`{name}` cannot be a variable in a container: a shell must be able to say it");
                    Err(Error::invalid(message).with_field("/env"))
                }
            }
        };
        let (public, private) = match program {
            Some(program) => (names(&program.public)?, names(&program.private)?),
            None => (String::new(), String::new()),
        };
        let verify = match self.image.registry {
            Registry::Verified => "true",
            Registry::Insecure => "false",
        };
        let folders = self.folders.join(" ");
        let directory = program.map_or("", |program| program.directory);
        let tool = self.image.tool.word();
        let words =
            ["-e", "-c", DRIVER, "tidegate", act, tool, &self.image.name, verify, &self.storage, &folders, begun];
        let words = words.into_iter().chain([directory, &public, &private]).map(str::to_owned);
        let inner = program.map(|program| &program.line);
        let inner = inner.into_iter().flat_map(|line| std::iter::once(&line.program).chain(&line.arguments).cloned());
        Ok(CommandLine { program: "sh".to_owned(), arguments: words.chain(inner).collect() })
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Finds why a text is no folder of the machine that a container can be given.
fn check_folder(folder: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-+@".contains(&byte);
    let names = folder.strip_prefix('/').unwrap_or_default().split('/');
    if !folder.bytes().all(plain) || names.clone().any(|name| ["", ".", ".."].contains(&name)) {
        return Err(format!("`{}` is no absolute path of plain letters", folder.escape_debug()));
    }
    let below = |outer: &str| folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match OWN.iter().find(|own| below(own)) {
        Some(own) => Err(format!("`{folder}` would cover what a container has at {own}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Container, Image, Program, Registry, Tool, check_folder};
    use crate::process::CommandLine;

    fn image(name: &str) -> Image {
        Image { name: name.to_owned(), registry: Registry::Verified, tool: Tool::Auto }
    }

    #[test]
    fn names_of_images() {
        let digest = "a".repeat(64);
        for good in
            ["docker.io/library/alpine:3", "localhost/x", "127.0.0.1:5000/a/b", &format!("r.example/x@sha256:{digest}")]
        {
            assert!(image(good).check().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "alpine",
            "library/alpine",
            "-x.y/z",
            "oci:/etc",
            "docker://r.example/x",
            "r.example/x@sha256:1",
            "r.example/x y",
            ".a/b",
        ] {
            assert!(image(wrong).check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_must_be_a_word() {
        let container = Container { image: image("localhost/x"), storage: "f".to_owned(), folders: Vec::new() };
        for (name, is_word) in
            [("A_1", true), ("1A", false), ("a-b", false), ("a;id", false), ("a b", false), ("ä", false), ("", false)]
        {
            let line = CommandLine { program: "true".to_owned(), arguments: Vec::new() };
            let program = Program { line, directory: "", public: Vec::new(), private: vec![name] };
            assert_eq!(container.once("b", &program).is_ok(), is_word, "{name}");
            let program = Program { public: vec![name], private: Vec::new(), ..program };
            assert_eq!(container.run(&program).is_ok(), is_word, "{name}");
        }
    }

    #[test]
    fn a_folder_is_mounted_nowhere_else_and_over_nothing() {
        for good in ["/srv/terraform", "/var/lib/mirror-1.2", "/workspaces"] {
            assert_eq!(check_folder(good), Ok(()), "{good}");
        }
        for wrong in
            ["", "/", "srv", "/srv/../etc", "/srv//x", "/srv:/etc", "/srv x", "/srv,ro", "/workspace/x", "/proc"]
        {
            assert!(check_folder(wrong).is_err(), "{wrong}");
        }
    }
}
