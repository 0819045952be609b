//! What the step `exec` takes, and the command that it means.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::Error;

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

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// By its name in the grant.
    pub program: String,
    /// Without the program's name.
    pub arguments: Vec<String>,
}

impl Inputs {
    /// What to run.
    ///
    /// # Errors
    /// `invalid` where the inputs contradict each other.
    pub fn invocation(&self) -> Result<Invocation, Error> {
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
        match (&self.script, &self.command) {
            (Some(script), None) => script_invocation(script, self.shell),
            (None, Some(command)) => match command.split_first() {
                Some((program, arguments)) if !program.is_empty() => {
                    Ok(Invocation { program: program.clone(), arguments: arguments.to_vec() })
                }
                _ => Err(Error::invalid("`command` names no program").with_field("/command")),
            },
            (Some(_), Some(_)) => Err(Error::invalid("both `script` and `command` are given").with_field("/command")),
            (None, None) => Err(Error::invalid("neither `script` nor `command` is given")
                .with_hint("write the shell's commands under `script: |`")),
        }
    }
}

fn script_invocation(script: &str, shell: Shell) -> Result<Invocation, Error> {
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
    Ok(Invocation { program: program.to_owned(), arguments })
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
