//! What the step `exec` takes, and the command that it means.

use crate::cache::Cache;
use crate::pattern::parse_all;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::container::Tool;
use tidegate::process::CommandLine;

/// Linux takes no single argument longer than 128 KiB; some room stays for the end mark.
const LONGEST_SCRIPT: usize = 128 * 1024 - 1;

/// The step's `with`, and its `env`. Either `script` or `command`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["script"] }, { "required": ["command"] }]))]
pub struct Inputs {
    /// A script, run as `sh -e -c SCRIPT`: it ends at the first command that fails. With `shell: bash` it is
    /// `bash -e -o pipefail -c SCRIPT`. Values come in as variables, by `env`.
    #[serde(default)]
    pub script: Option<String>,
    /// A program and its arguments, run without a shell.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The folder in the workspace to run in; its root unless given.
    #[serde(default)]
    pub directory: String,
    /// Which shell runs `script`.
    #[serde(default)]
    pub shell: Shell,
    /// Environment variables. A pipeline writes them as the step's own `env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// JUnit reports that the tests write, as paths or patterns from the workspace's root: `target/nextest/ci/junit.xml`,
    /// `reports/**/*.xml`. They are summed up in the log and in the outputs `junit` and `markdown` (which then win over
    /// outputs of these names that the script wrote); where the script fails, the error names the tests that failed, and has
    /// both in its details. The script's status decides whether the step fails, with one exception: where it succeeded and no
    /// report is new or holds a test, nothing was tested, and that is an error. A report counts only if it is new or changed
    /// since the script began, and has at most 1 MiB; `**` does not go into `.git` and `node_modules`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub junit: Vec<String>,
    /// Files of the workspace that are kept for later runs. They are restored before the script, and saved after it where it
    /// succeeded and their key had nothing yet. A run sees what its own branch and the default branch have kept, and a change
    /// from outside keeps nothing. No problem with it ever fails the step.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub cache: Vec<Cache>,
    /// A container image to run in, with its registry and best by digest: `docker.io/library/rust@sha256:…`; what a tag means
    /// can change. The workspace is at `/workspace`, and everything is run as root of the container, whatever user the image
    /// names. `script` needs the image's `sh` (or `bash`), Buildah its `sh`, and its `cat` where there are variables. It takes a
    /// jail that can make containers: the profile `builder`, and a network to the registry, which an operator grants.
    #[serde(default)]
    pub image: Option<String>,
    /// Takes the image from a registry that speaks plain HTTP, or whose certificate nobody vouches for. Not for Docker, whose
    /// daemon has its own list of those.
    #[serde(default)]
    pub insecure: bool,
    /// What runs the container.
    #[serde(default)]
    pub tool: Tool,
}

/// Which shell runs a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Shell {
    /// The POSIX shell.
    #[default]
    Sh,
    /// Bash, where a pipe fails if any part of it fails.
    Bash,
}

impl Inputs {
    /// What to run, not yet in its image.
    ///
    /// # Errors
    /// `invalid` where the inputs contradict each other.
    pub fn invocation(&self) -> Result<CommandLine, Error> {
        for name in self.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::invalid(format!("`{name}` cannot be the name of a variable")).with_field("/env"));
            }
            if name.starts_with("TIDEGATE_") {
                return Err(
                    Error::invalid(format!("`{name}` is a name that Tidegate keeps for itself")).with_field("/env")
                );
            }
        }
        let folder = self.directory.trim_end_matches('/');
        if !folder.is_empty() {
            check_path(folder).map_err(|problem| Error::invalid(problem).with_field("/directory"))?;
        }
        if self.image.is_none() && self.tool != Tool::Auto {
            return Err(Error::invalid("`tool` says what runs an image, and there is no `image`").with_field("/tool"));
        }
        if self.image.is_none() && self.insecure {
            return Err(Error::invalid("`insecure` is about the registry of an image, and there is no `image`")
                .with_field("/insecure"));
        }
        if self.junit.len() > 32 || self.cache.len() > 8 {
            return Err(Error::invalid("at most 32 patterns in `junit`, and 8 entries in `cache`"));
        }
        parse_all(&self.junit, "/junit")?;
        for (index, cache) in self.cache.iter().enumerate() {
            cache.check(&format!("/cache/{index}"))?;
        }
        match (&self.script, &self.command) {
            (Some(script), None) => script_invocation(script, self.shell),
            (None, Some(command)) => match command.split_first() {
                Some((program, arguments)) if !program.is_empty() => {
                    Ok(CommandLine { program: program.clone(), arguments: arguments.to_vec() })
                }
                _ => Err(Error::invalid("`command` names no program").with_field("/command")),
            },
            (Some(_), Some(_)) => Err(Error::invalid("both `script` and `command` are given").with_field("/command")),
            (None, None) => Err(Error::invalid("neither `script` nor `command` is given")
                .with_hint("write the shell's commands under `script: |`")),
        }
    }
}

/// Finds why a text is no path below the workspace's root, as the host sees it.
pub fn check_path(path: &str) -> Result<(), String> {
    let is_name = |name: &str| !["", ".", ".."].contains(&name);
    if path.starts_with('~') {
        Err(format!("`{path}` is in a home folder, not in the workspace"))
    } else if !path.split('/').all(is_name) || path.contains('\0') || path.len() > 4_096 {
        Err(format!("`{path}` is no path in the workspace"))
    } else {
        Ok(())
    }
}

fn script_invocation(script: &str, shell: Shell) -> Result<CommandLine, Error> {
    let wrong = |message: &str| Err(Error::invalid(message).with_field("/script"));
    if script.trim().is_empty() {
        return wrong("`script` is empty");
    }
    if script.contains('\0') {
        return wrong("`script` holds a NUL character");
    }
    if script.len() > LONGEST_SCRIPT {
        return wrong("`script` is longer than 128 KiB: put it into a file of the repository and call that");
    }
    let (program, options): (_, &[&str]) = match shell {
        Shell::Sh => ("sh", &["-e", "-c"]),
        Shell::Bash => ("bash", &["-e", "-o", "pipefail", "-c"]),
    };
    let arguments = options.iter().copied().chain([script]).map(str::to_owned).collect();
    Ok(CommandLine { program: program.to_owned(), arguments })
}

#[cfg(test)]
mod tests {
    use super::Inputs;

    fn arguments(json: &str) -> Result<String, String> {
        let inputs: Inputs = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let invocation = inputs.invocation().map_err(|error| error.message)?;
        Ok([vec![invocation.program], invocation.arguments].concat().join("|"))
    }

    #[test]
    fn a_script_goes_to_its_shell_and_a_command_to_none() {
        assert_eq!(arguments(r#"{"script":"make"}"#).as_deref(), Ok("sh|-e|-c|make"));
        assert_eq!(arguments(r#"{"script":"a | b","shell":"bash"}"#).as_deref(), Ok("bash|-e|-o|pipefail|-c|a | b"));
        assert_eq!(arguments(r#"{"command":["make","all"]}"#).as_deref(), Ok("make|all"));
    }

    #[test]
    fn contradictions_are_refused() {
        for wrong in
            ["{}", r#"{"script":""}"#, r#"{"command":[]}"#, r#"{"script":"a","command":["b"]}"#, r#"{"scripts":"a"}"#]
        {
            assert!(arguments(wrong).is_err(), "{wrong}");
        }
    }
}
