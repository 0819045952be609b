//! The step: reads, edits, commits; or opens a change request and waits for its merge.

use crate::edit::{self, Edited};
use crate::file::{self, File};
use crate::image::Change;
use crate::inputs::{ChangeRequest, Inputs, Outputs, Publish};
use crate::problem::{Blame, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate::repository::{self, Edit, Message, Proposal};
use tidegate::wait::{self, Deadline};
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// How long a change request may stay open: 30 days, in seconds.
const PATIENCE: u32 = 30 * 86_400;

/// The step.
#[derive(Debug)]
pub struct SetImage;

/// What a wait for a merge remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    request: ChangeRequest,
    deadline: Deadline,
}

impl Step for SetImage {
    const NAME: &'static str = "set-image";
    const SUMMARY: &'static str = "Makes a kustomization pull another image, by a commit or a change request";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![
            Capability::new("repository-read", "Forecasts the change of the kustomization."),
            Capability::new("repository-write", "Commits the change of the kustomization."),
        ]
    }

    /// What is already so is found so, and not committed a second time.
    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        let change = inputs.change()?;
        let commit = head(&inputs)?;
        let file = file_at(&inputs, &commit)?;
        let edited = edit(&file, &change)?;
        let reference = edited.state.reference(&inputs.image);
        if edited.text == file.text {
            let body = format!("`{}` in `{}` is already `{reference}`.\n", inputs.image, file.path);
            return Ok(Forecast::nothing().with_body(body));
        }
        let subject = format!("{}:{}:{}", inputs.repository, inputs.shown_branch(), file.path);
        let summary = match inputs.publish {
            Publish::Push => format!("set {} to {reference}", inputs.image),
            Publish::ChangeRequest => format!("set {} to {reference} by a change request", inputs.image),
        };
        let body = file::fenced("diff", &file::diff(&file.path, &file.text, &edited.text));
        Ok(Forecast::effect("push-commit", subject, summary).with_body(body))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        let change = inputs.change()?;
        if let Some(memory) = context.remembered::<Memory>()? {
            return resume(context, &inputs, &change, memory);
        }
        let (edited, (file, state)) = repository::edit(&inputs.repository, inputs.branch(), |transaction| {
            let file = file::find(&inputs.path, |path| transaction.read(path))?;
            let Edited { text, state } = edit(&file, &change)?;
            if text == file.text {
                return Ok((Edit::Nothing, (file, state)));
            }
            transaction.put(&file.path, text.as_bytes())?;
            let reference = state.reference(&inputs.image);
            let message = message(&inputs, &file, &reference);
            let edit = match inputs.publish {
                Publish::Push => Edit::Push(message),
                Publish::ChangeRequest => {
                    let proposal = Proposal {
                        branch: proposal_branch(context.environment.as_deref(), &inputs, &file.path),
                        title: message.subject.clone(),
                        body: file::fenced("diff", &file::diff(&file.path, &file.text, &text)),
                    };
                    Edit::Propose(message, proposal)
                }
            };
            Ok((edit, (file, state)))
        })?;
        let outputs = |commit, changed| Outputs {
            commit,
            reference: state.reference(&inputs.image),
            path: file.path.clone(),
            changed,
            change_request: None,
        };
        match edited {
            repository::Edited::Unchanged(commit) => Ok(Outcome::Unchanged(outputs(commit, false))),
            repository::Edited::Pushed(commit) => {
                tidegate::info!("{}: {} at {commit}", file.path, state.reference(&inputs.image));
                Ok(Outcome::Succeeded(outputs(commit, true)))
            }
            repository::Edited::Proposed(proposed) => {
                tidegate::info!("change request {} {}", proposed.number, proposed.url);
                let request = ChangeRequest { number: proposed.number, url: proposed.url };
                merge_of(&inputs, Memory { request, deadline: Deadline::within(PATIENCE)? })
            }
        }
    }
}

/// Goes on after a wake, which may have been for nothing.
fn resume(context: &Context, inputs: &Inputs, change: &Change, memory: Memory) -> Result<Outcome<Outputs>, Error> {
    let number = &memory.request.number;
    let occurrences = context.resumption.iter().flat_map(|resumption| &resumption.occurrences);
    let news = occurrences
        .filter(|occurrence| occurrence.signal.kind == "change")
        .filter_map(|occurrence| serde_json::from_str::<Value>(&occurrence.payload).ok())
        .next_back()
        .unwrap_or_default();
    // A merge commit is where the change is for certain; without one, the branch tells.
    let merged = news["merged"].as_str().map(str::to_owned);
    let is_merged = merged.is_some() || news["state"] == "merged";
    if news["state"] == "closed" && !is_merged {
        return Err(Error::new("rejected", format!("change request {number} was closed without a merge"))
            .with_detail("number", number.as_str()));
    }
    let commit = match merged {
        Some(commit) => commit,
        None => head(inputs)?,
    };
    let file = file_at(inputs, &commit)?;
    let edited = edit(&file, change)?;
    if edited.text == file.text {
        return Ok(Outcome::Succeeded(Outputs {
            commit,
            reference: edited.state.reference(&inputs.image),
            path: file.path,
            changed: true,
            change_request: Some(memory.request),
        }));
    }
    if is_merged {
        return Err(Error::new(
            "conflict",
            format!("change request {number} was merged, but {} does not pull the image at {commit}", file.path),
        )
        .with_hint("somebody changed the change request, or the branch since then: look at what it should be"));
    }
    merge_of(inputs, memory)
}

fn merge_of(inputs: &Inputs, memory: Memory) -> Result<Outcome<Outputs>, Error> {
    let ChangeRequest { number, url } = &memory.request;
    let Some(left) = memory.deadline.left()? else {
        return Err(Error::new("timed-out", format!("change request {number} was not merged within 30 days"))
            .with_detail("number", number.as_str()));
    };
    let signal = wait::signal("change", format!("{}/{number}", inputs.repository), &json!({ "until": "merged" }));
    let message = format!("the merge of change request {number} {url}").trim_end().to_owned();
    Ok(Outcome::Waiting(wait::until(signal, left, &memory, message)?))
}

fn head(inputs: &Inputs) -> Result<String, Error> {
    let branch = inputs.shown_branch();
    repository::resolve(&inputs.repository, branch)?.ok_or_else(|| {
        Error::new("not-found", format!("the repository {} has no branch {branch}", inputs.repository))
            .with_field("/branch")
    })
}

fn file_at(inputs: &Inputs, commit: &str) -> Result<File, Error> {
    file::find(&inputs.path, |path| repository::read(&inputs.repository, commit, path))
}

fn edit(file: &File, change: &Change) -> Result<Edited, Error> {
    edit::edit(&file.text, change).map_err(|problem| explained(file, &problem))
}

fn explained(file: &File, problem: &Problem) -> Error {
    let path = file.path.as_str();
    let code = match problem.blame {
        Blame::File => "invalid",
        Blame::Editor => "internal",
    };
    let place = if problem.line > 0 { format!("{path}:{}:{}", problem.line, problem.column) } else { path.to_owned() };
    let mut error = Error::new(code, format!("{place}: {}", problem.message)).with_detail("path", path);
    if problem.line > 0 {
        error = error.with_detail("line", problem.line).with_detail("column", problem.column);
    }
    if file::may_be_link(&file.text) {
        return error.with_hint("is this a symbolic link? name the file it points to");
    }
    match problem.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn message(inputs: &Inputs, file: &File, reference: &str) -> Message {
    let folder = file.path.rsplit_once('/').map_or("the root", |(folder, _)| folder);
    let title = inputs.message.clone().unwrap_or_else(|| {
        // A digest fills the line without telling anything.
        let short = reference.split_once('@').map_or(reference, |(name, _)| name);
        let short = short.rsplit('/').next().unwrap_or(short);
        format!("{folder}: {short}")
    });
    let rest = title.split_once('\n').map_or("", |(_, rest)| rest.trim());
    let body = if rest.is_empty() { String::new() } else { format!("{rest}\n\n") };
    Message::new(&title).with_body(format!("{body}{}: {reference}", inputs.image))
}

/// The same for the same edit, so that a second run updates the change request instead of opening another; and another
/// for any other edit, however much the names look alike.
fn proposal_branch(environment: Option<&str>, inputs: &Inputs, path: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let place = environment.unwrap_or(folder);
    let identity = [inputs.branch(), path, &inputs.image].join("\0");
    // FNV-1a, 32 bits: it only has to tell a handful of names apart.
    let hash = identity.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("tidegate/{}-{}-{hash:08x}", slug(&inputs.image), slug(place))
}

fn slug(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let short: String = joined.chars().take(60).collect();
    short.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{edit, explained, message, proposal_branch};
    use crate::Inputs;
    use crate::file::File;
    use crate::problem::Problem;
    use serde_json::json;

    fn inputs() -> Inputs {
        serde_json::from_value(json!({"repository": "config", "path": "apps/a", "image": "r/app", "tag": "v1"}))
            .expect("valid inputs")
    }

    #[test]
    fn a_proposal_has_a_branch_of_its_own() {
        let branch = proposal_branch(None, &inputs(), "apps/a/kustomization.yaml");
        assert!(branch.starts_with("tidegate/r-app-apps-a-"), "{branch}");
        assert_ne!(branch, proposal_branch(None, &inputs(), "apps-a/kustomization.yaml"));
        assert!(proposal_branch(Some("prod"), &inputs(), "a/b").starts_with("tidegate/r-app-prod-"));
    }

    #[test]
    fn a_problem_names_file_and_place() {
        let file = |text: &str| File { path: "a/k.yaml".into(), text: text.into() };
        let error = explained(&file("a: b\n"), &Problem::at((3, 5), "no"));
        assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid", "a/k.yaml:3:5: no"));
        assert_eq!(error.details.as_deref(), Some(r#"{"column":5,"line":3,"path":"a/k.yaml"}"#));
        assert_eq!(error.hint, None);
        assert_eq!(explained(&file(""), &Problem::editor("no")).code, "internal");
        let hint = |text: &str| edit(&file(text), &inputs().change().expect("a change")).expect_err(text).hint;
        assert!(hint("../base/kustomization.yaml").is_some_and(|hint| hint.contains("symbolic link")));
        let item = "images:\n- name: r/app\n  newTag: ";
        for (text, word) in [
            (format!("{item}&t v0\na: *t\n"), "anchor"),
            (format!("{item}v0\n  <<: {{}}\n"), "`<<`"),
            ("<<: {}\n".to_owned(), "`<<`"),
            (format!("{item}v0\n- name: r/app\n"), "leave one of the two"),
            (format!("{item}v0\n---\n"), "one document"),
        ] {
            assert!(hint(&text).is_some_and(|hint| hint.contains(word)), "{text}");
        }
    }

    #[test]
    fn the_commit_says_what_and_where() {
        let file = File { path: "apps/a/kustomization.yaml".into(), text: String::new() };
        let message = message(&inputs(), &file, "r/app:v1@sha256:12");
        assert_eq!((message.subject.as_str(), message.body.as_str()), ("apps/a: app:v1", "r/app: r/app:v1@sha256:12"));
    }
}
