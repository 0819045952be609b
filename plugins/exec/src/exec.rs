//! Runs the program, and reads what it left as outputs.

use crate::begin::Begin;
use crate::files::Workspace;
use crate::inputs::Inputs;
use crate::junit::{self, Collected};
use crate::outputs::{self, Outputs};
use crate::pattern::{Pattern, parse_all};
use serde_json::{Value, json};
use tidegate::container::{Container, Image, Program, Registry};
use tidegate::process::{Command, CommandLine};
use tidegate::{
    Capability, Context, Error, Finding, Forecast, Interruption, Outcome, Step, info, log, warn, workspace,
};

/// Where a child finds the workspace.
const WORKSPACE: &str = "/workspace";
/// The child's key. The same in every call of an attempt, so that a host that was restarted finds it again.
const KEY: &str = "main";
/// Longest details of an error in bytes, with room for the status and for what JSON adds; the host drops longer ones.
const LONGEST_DETAIL: usize = 28 * 1024;

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
            Capability::new("secret", "Hands the secrets that the pipeline names on to the program, as variables.")
                .scoped(&json!({ "names": ["*"], "variables": ["*"] })),
            Capability::new("workspace-read", "Reads the outputs that a script wrote, and the reports of its tests."),
            Capability::new("workspace-write", "Makes the file of outputs; lets the program write its files."),
            Capability::new("cache", "Keeps the files that `cache` names for later runs.")
                .scoped(&json!({ "write": true })),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Probe
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        let invocation = inputs.invocation()?;
        // What would be refused then is refused now.
        contained(context, &inputs, invocation.clone())?;
        let summary = match &inputs.script {
            Some(script) => first_line(script),
            None => shown(&invocation),
        };
        Ok(Forecast::effect("run-program", &*invocation.program, summary).with_body(body(&inputs, &invocation)))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        let inner = inputs.invocation()?;
        // What an error names: in an image as well, the program that the pipeline wrote.
        let program = inner.program.clone();
        let invocation = contained(context, &inputs, inner)?;
        let reports = parse_all(&inputs.junit, "/junit")?;
        let output = context.own_file("output");
        let output_file = format!("{WORKSPACE}/{output}");
        let directory = if inputs.image.is_some() { "" } else { inputs.directory.trim_end_matches('/') };
        let mut command = Command::of(&invocation)
            .directory(directory)
            .variable("TIDEGATE_OUTPUT", &output_file)
            .variable("TIDEGATE_RUN", &context.run)
            .variable("TIDEGATE_STEP", &context.key);
        for (name, value) in &inputs.env {
            command = command.variable(name, value);
        }
        if let Some(image) = image(&inputs) {
            look_into(&inputs.directory)?;
            if !image.is_pinned() {
                warn!(
                    "{} is named by a tag: what it means can change. Name it by digest to run the same again",
                    image.name
                );
            }
        }
        let begin = Begin::once(&inputs, &reports, &context.own_file("begin"))?;
        begin_outputs(&output)?;
        let ending = command.start(KEY)?.wait()?;
        // It stays: a host that crashes now runs this again, finds the same child, and reads the same file.
        let written = workspace::read_text(&output);
        let tested = summed_up(&reports, &begin);
        if let Err(error) = ending.into_result(&program) {
            if inputs.image.is_some() && error.is("exit-status") && !began(context)? {
                return Err(Error::new("image-not-ready", "the container could not be made: the log says why")
                    .with_hint(
                        "it takes a tool that makes containers, a jail that lets it, and a way to the registry",
                    ));
            }
            return Err(match &tested {
                Some(Ok(collected)) => failed(error, collected),
                _ => error,
            });
        }
        let mut outputs = Outputs {
            written: outputs::parse(&written?.unwrap_or_default()).map_err(|problem| {
                Error::invalid(format!("the outputs that the script wrote make no sense: {problem}"))
                    .with_hint("write `NAME=VALUE` lines to the file that $TIDEGATE_OUTPUT names")
            })?,
            ..Outputs::default()
        };
        if let Some(tested) = tested {
            let collected = tested?;
            judge(&collected)?;
            for name in ["junit", "markdown"] {
                if outputs.written.remove(name).is_some() {
                    warn!("the script wrote an output `{name}`: the summary of the tests has that name, and wins");
                }
            }
            outputs.markdown = Some(junit::markdown(&collected.summary, collected.unread));
            outputs.junit = Some(collected.summary);
        }
        for (cache, attempt) in inputs.cache.iter().zip(&begin.caches) {
            cache.save(attempt);
        }
        Ok(Outcome::Succeeded(outputs))
    }

    fn probe(_: &Context, _: Inputs) -> Result<Finding<Outputs>, Error> {
        // Asked only where the child did not outlive the host, so how far it came is anybody's guess.
        Ok(Finding::Unknown("the program was interrupted, and only its author knows what it had done".to_owned()))
    }
}

/// What Tidegate itself tells a script. Others may see it.
const TOLD: [&str; 3] = ["TIDEGATE_OUTPUT", "TIDEGATE_RUN", "TIDEGATE_STEP"];

fn image(inputs: &Inputs) -> Option<Image> {
    let name = inputs.image.clone()?;
    Some(Image { name, registry: Registry::of_input(inputs.insecure), tool: inputs.tool })
}

/// The command in its image, where there is one.
fn contained(context: &Context, inputs: &Inputs, line: CommandLine) -> Result<CommandLine, Error> {
    let Some(image) = image(inputs) else { return Ok(line) };
    let container = Container::new(context, image, Vec::new());
    let program = Program {
        line,
        directory: inputs.directory.trim_end_matches('/'),
        public: TOLD.into(),
        private: inputs.env.keys().map(String::as_str).collect(),
    };
    container.once(&context.own_file("begun"), &program)
}

/// Whether the script itself began in its container.
fn began(context: &Context) -> Result<bool, Error> {
    Ok(workspace::read(&context.own_file("begun"))?.is_some())
}

/// Refuses a working directory that is not there. Without an image the jail does that.
fn look_into(directory: &str) -> Result<(), Error> {
    let directory = directory.trim_end_matches('/');
    match workspace::entries(directory)? {
        Some(_) => Ok(()),
        None => Err(Error::new("not-started", format!("there is no folder `{directory}`")).with_field("/directory")),
    }
}

/// Reads the reports and writes what they say into the log; absent where none are asked for.
fn summed_up(patterns: &[Pattern], begin: &Begin) -> Option<Result<Collected, Error>> {
    if patterns.is_empty() {
        return None;
    }
    let collected = junit::collect(&Workspace, patterns, &begin.reports);
    match &collected {
        Ok(collected) => {
            for problem in &collected.problems {
                warn!("junit: {problem}");
            }
            if collected.unchanged > 0 {
                warn!("junit: {} reports are the same as before the script, and not counted", collected.unchanged);
            }
            if collected.reports == 0 {
                warn!("junit: no report");
            } else {
                let _group = log::group("tests");
                for line in junit::lines(&collected.summary, collected.reports) {
                    info!("{line}");
                }
            }
        }
        Err(error) => warn!("junit: the reports cannot be read: {}", error.message),
    }
    Some(collected)
}

/// Refuses a success that tested nothing. Tests that failed are the script's to judge.
fn judge(collected: &Collected) -> Result<(), Error> {
    let nothing = |message: String| {
        Err(Error::new("nothing-tested", message).with_hint(
            "let the script write its reports anew to the paths that `junit` names, counted from the workspace's root",
        ))
    };
    if collected.reports == 0 {
        return nothing(match (collected.unchanged, collected.problems.first()) {
            (_, Some(problem)) => format!("the script succeeded, and no report could be counted: {problem}"),
            (0, None) => "the script succeeded and wrote no report that `junit` names".to_owned(),
            (count, None) => {
                format!("the script succeeded and wrote no new report; {count} were there before it began")
            }
        });
    }
    if collected.summary.tests == 0 {
        return nothing("the script succeeded, and its reports hold no test".to_owned());
    }
    if let Some(sentence) = junit::sentence(&collected.summary) {
        warn!("{sentence}, and yet the script ended with status 0: the step succeeds");
    } else if collected.summary.skipped == collected.summary.tests {
        warn!("every test was skipped");
    }
    Ok(())
}

/// The error of a script that failed, with what its tests say.
fn failed(mut error: Error, collected: &Collected) -> Error {
    if collected.reports == 0 {
        return error;
    }
    if let Some(sentence) = junit::sentence(&collected.summary) {
        error.message = format!("{}; {sentence}", error.message);
    }
    let mut summary = collected.summary.clone();
    let fits = |detail: &Value| detail.to_string().len() <= LONGEST_DETAIL;
    loop {
        // Counts stay right with fewer failures named.
        let detail = serde_json::to_value(&summary).unwrap_or_default();
        if fits(&detail) {
            error = error.with_detail("junit", detail);
            break;
        }
        summary.failures.truncate(summary.failures.len() / 2);
    }
    let markdown = Value::from(junit::markdown(&collected.summary, collected.unread));
    // What is too long as JSON is better missing than taking the status with it.
    if fits(&markdown) { error.with_detail("markdown", markdown) } else { error }
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

fn first_line(script: &str) -> String {
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

/// The command as one could type it.
fn shown(invocation: &CommandLine) -> String {
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

fn body(inputs: &Inputs, invocation: &CommandLine) -> String {
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
    if let Some(image) = image(inputs) {
        text += &format!(", in the image `{}`", image.name);
        if !image.is_pinned() {
            text += " (a tag: what it means can change)";
        }
    }
    if !inputs.env.is_empty() {
        let names: Vec<String> = inputs.env.keys().map(|name| format!("`{name}`")).collect();
        text += &format!(", with {}", names.join(", "));
    }
    text += ".\n";
    for cache in &inputs.cache {
        let paths: Vec<String> = cache.paths.iter().map(|path| format!("`{path}`")).collect();
        text += &format!("\nKept for later runs: {}.\n", paths.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{body, failed, first_line, judge, shown};
    use crate::junit::{Collected, Failure, Summary};
    use crate::{Inputs, Outputs};
    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};
    use tidegate::Error;

    fn collected(failures: usize) -> Collected {
        // As long and as dear in JSON as the reports' reader lets them be.
        let failure = Failure {
            suite: "\"".repeat(200),
            class: "\u{1f980}".repeat(200),
            name: "\\".repeat(200),
            message: "\"".repeat(300),
            text: "\"\n".repeat(700),
        };
        let summary = Summary {
            tests: 340,
            passed: 340 - failures as u64,
            failed: failures as u64,
            failures: vec![failure; failures.min(50)],
            ..Summary::default()
        };
        Collected { summary, reports: 1, ..Collected::default() }
    }

    #[test]
    fn a_failed_script_stays_failed_and_names_its_tests() {
        let error =
            failed(Error::new("exit-status", "`sh` ended with status 3").with_detail("status", 3), &collected(12));
        assert_eq!(error.code, "exit-status");
        assert!(error.message.starts_with("`sh` ended with status 3; 12 of 340 tests failed: "), "{}", error.message);
        assert!(error.message.len() < 4_096, "{}", error.message.len());
        let details = error.details.expect("some");
        assert!(details.len() <= 64 * 1024, "{}", details.len());
        let details: Value = serde_json::from_str(&details).expect("JSON");
        assert_eq!((&details["status"], &details["junit"]["failed"]), (&json!(3), &json!(12)));
        assert!(details["markdown"].as_str().expect("text").starts_with("### 12 of 340 tests failed\n"));
    }

    #[test]
    fn many_long_failures_leave_room_for_the_counts() {
        let error = failed(Error::new("exit-status", "x"), &collected(300));
        let details = error.details.expect("some");
        assert!(details.len() <= 64 * 1024, "{}", details.len());
        let details: Value = serde_json::from_str(&details).expect("JSON");
        assert_eq!(details["junit"]["failed"], 300);
        assert!(details["junit"]["failures"].as_array().is_some_and(|failures| !failures.is_empty()));
        // Without a report there is nothing to add.
        let error = failed(Error::new("exit-status", "x"), &Collected::default());
        assert_eq!((error.message.as_str(), error.details), ("x", None));
    }

    #[test]
    fn a_success_that_tested_nothing_is_none() {
        let said = |collected: &Collected| judge(collected).expect_err("nothing was tested").message;
        assert!(said(&Collected::default()).ends_with("wrote no report that `junit` names"));
        let old = Collected { unchanged: 2, ..Collected::default() };
        assert!(said(&old).ends_with("no new report; 2 were there before it began"));
        let large = Collected { problems: vec!["a.xml is not counted: too large".to_owned()], ..Collected::default() };
        assert!(said(&large).ends_with("a.xml is not counted: too large"));
        assert!(said(&Collected { reports: 1, ..Collected::default() }).ends_with("hold no test"));
        assert!(judge(&collected(0)).is_ok());
    }

    #[test]
    fn outputs_are_flat_and_open() {
        let written = json!({"tag": "1"}).as_object().cloned().expect("an object");
        let outputs = Outputs { written, markdown: Some("x".to_owned()), junit: None };
        assert_eq!(serde_json::to_value(&outputs).expect("JSON"), json!({"tag": "1", "markdown": "x"}));
        // A closed schema would make the host refuse names that only the script knows.
        let mut schemas = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let schema = schemas.root_schema_for::<Outputs>();
        assert_eq!(schema.get("additionalProperties"), Some(&json!(true)));
        assert_eq!(schema.get("required"), None);
    }

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
