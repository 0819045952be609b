//! Runs the program, and reads what it left as outputs.

use crate::inputs::{Inputs, Invocation};
use crate::outputs::{self, Outputs};
use serde_json::json;
use tidegate::process::Command;
use tidegate::{Capability, Context, Error, Finding, Forecast, Interruption, Outcome, Step, workspace};

/// The file that a script writes its outputs to, in the workspace.
const OUTPUT: &str = ".tidegate-output";
/// Where a child finds the workspace.
const WORKSPACE: &str = "/workspace";
/// The child's key. The same in every call of an attempt, so that a host that was restarted finds it again.
const KEY: &str = "main";

/// The step.
#[derive(Debug)]
pub struct Exec;

impl Step for Exec {
    const NAME: &'static str = "exec";
    const SUMMARY: &'static str = "Runs a script or a program in the workspace";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![
            Capability::new("process", "Runs what the pipeline says, with the variables that it gives.")
                .scoped(&json!({ "programs": ["*"], "environment": ["*"] })),
            Capability::new("workspace-read", "Reads the outputs that a script wrote."),
            Capability::new("workspace-write", "Makes the file of outputs; lets the program write its files."),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Probe
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        let invocation = inputs.invocation()?;
        let summary = match &inputs.script {
            Some(script) => first_line(script),
            None => shown(&invocation),
        };
        Ok(Forecast::effect("run-program", &*invocation.program, summary).with_body(body(&inputs, &invocation)))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        let invocation = inputs.invocation()?;
        let output = output_name(context);
        let output_file = format!("{WORKSPACE}/{output}");
        let mut command = Command::new(&invocation.program)
            .arguments(invocation.arguments.iter().map(String::as_str))
            .directory(inputs.directory.trim_end_matches('/'))
            .variable("TIDEGATE_OUTPUT", &output_file)
            .variable("TIDEGATE_RUN", &context.run)
            .variable("TIDEGATE_STEP", &context.key);
        for (name, value) in &inputs.env {
            command = command.variable(name, value);
        }
        begin_outputs(&output)?;
        let ending = command.start(KEY)?.wait()?;
        // It stays: a host that crashes now runs this again, finds the same child, and reads the same file.
        let written = workspace::read_text(&output);
        ending.into_result(&invocation.program)?;
        let outputs = outputs::parse(&written?.unwrap_or_default()).map_err(|problem| {
            Error::invalid(format!("the outputs that the script wrote make no sense: {problem}"))
                .with_hint("write `NAME=VALUE` lines to the file that $TIDEGATE_OUTPUT names")
        })?;
        Ok(Outcome::Succeeded(outputs))
    }

    fn probe(_: &Context, _: Inputs) -> Result<Finding<Outputs>, Error> {
        // Asked only where the child did not outlive the host, so how far it came is anybody's guess.
        Ok(Finding::Unknown("the program was interrupted, and only its author knows what it had done".to_owned()))
    }
}

/// Makes the file of outputs, so that a script may append to it. An attempt that goes on keeps the one that is there,
/// and a step that may only read its workspace has no outputs.
fn begin_outputs(output: &str) -> Result<(), Error> {
    if !matches!(workspace::read(output), Ok(None)) {
        return Ok(());
    }
    match workspace::write(output, b"") {
        Err(error) if !error.is("denied") => Err(error),
        _ => Ok(()),
    }
}

/// A name that no commit and no other step can have taken before: with the run, the step and the attempt in it.
fn output_name(context: &Context) -> String {
    let key: String = context.key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{OUTPUT}-{}-{key}-{}", context.run, context.attempt)
}

fn first_line(script: &str) -> String {
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

/// The command as one could type it.
fn shown(invocation: &Invocation) -> String {
    let words = std::iter::once(&invocation.program).chain(&invocation.arguments);
    words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn body(inputs: &Inputs, invocation: &Invocation) -> String {
    let command = match &inputs.script {
        Some(script) => script.trim_end().to_owned(),
        None => shown(invocation),
    };
    // A fence must be longer than any in the text, or a script could end it and write what looks like ours.
    let longest = command.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut text = format!("{fence}sh\n{command}\n{fence}\n");
    if inputs.script.is_some() {
        let shell = invocation.arguments[..invocation.arguments.len() - 1].join(" ");
        text += &format!("\nRun by `{} {shell}`", invocation.program);
    } else {
        text += "\nRun without a shell";
    }
    if !inputs.directory.is_empty() {
        text += &format!(" in `{}`", inputs.directory);
    }
    if !inputs.env.is_empty() {
        let names: Vec<String> = inputs.env.keys().map(|name| format!("`{name}`")).collect();
        text += &format!(", with {}", names.join(", "));
    }
    text + ".\n"
}

#[cfg(test)]
mod tests {
    use super::{body, first_line, shown};
    use crate::Inputs;

    #[test]
    fn a_script_cannot_leave_its_fence() {
        let inputs: Inputs = serde_json::from_str(r#"{"script":"echo\n```\n# fine","env":{"A":"b"}}"#).expect("valid");
        let text = body(&inputs, &inputs.invocation().expect("a script"));
        assert_eq!(text, "````sh\necho\n```\n# fine\n````\n\nRun by `sh -e -c`, with `A`.\n");
    }

    #[test]
    fn commands_are_shown_in_one_line() {
        let inputs: Inputs = serde_json::from_str(r#"{"command":["a","b c","it's"]}"#).expect("valid");
        assert_eq!(shown(&inputs.invocation().expect("a command")), r"a 'b c' 'it'\''s'");
        assert_eq!(first_line("\n  make \n\nmake install\n"), "make …");
    }
}
