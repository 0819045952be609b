//! Carries one attempt out: files, forecast, what its environments require, then the plugin.

use crate::attempt::Attempt;
use crate::core::aside;
use crate::hold::{self, Hold, Patience};
use crate::recover::{Answer, ask};
use crate::services::{Desk, default_branch};
use crate::signal;
use crate::voting;
use access::{Environment, Standing};
use model::{Blame, Digest, Failure, Step};
use plugin::wit::step;
use plugin::{Invocation, Limits, Plugin, Receipt};
use scheduler::{Outcome, Resumption, Signal, Wait};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use workspace::{EntryKind, Workspace};

/// How much longer a plugin has than its children to stop, so that it can still read how they ended.
const REST: Duration = Duration::from_secs(10);
/// Most files of a directory whose owner is looked for.
const MOST_FILES: usize = 100_000;
/// Largest file that an approved step writes, in bytes.
const LARGEST_TARGET: usize = 64 << 20;

/// How an attempt goes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// New files.
    Fresh,
    /// The files and children that are there.
    Continue,
}

/// Runs an attempt to its outcome. A stop is passed on to the children at once; after the grace period the instance is
/// ended by force.
pub(crate) async fn execute(
    attempt: Arc<Attempt>,
    resumption: Option<Resumption>,
    manner: Manner,
) -> (Outcome, Option<Receipt>) {
    let mut stopping = attempt.stopping.clone();
    let work = attempt_it(attempt.clone(), resumption, manner);
    tokio::pin!(work);
    let answer = tokio::select! {
        answer = &mut work => Some(answer),
        () = stopping.asked() => None,
    };
    let answer = match answer {
        Some(answer) => answer,
        None => {
            let inner = attempt.clone();
            // Children that are gone already are none to interrupt.
            let _ = aside(move || {
                inner.interrupt_children();
                Ok(())
            })
            .await;
            let grace = Duration::from_millis(attempt.grace_millis.load(Ordering::Relaxed)) + REST;
            match tokio::time::timeout(grace, &mut work).await {
                Ok(answer) => answer,
                Err(_) => {
                    let message =
                        format!("plugin `{}` did not stop within {} s", attempt.plugin.plugin, grace.as_secs());
                    (Err(Failure::new(Blame::Plugin, "timed-out", message)), None)
                }
            }
        }
    };
    let answer = match answer {
        (Err(failure), receipt) if is_unsure(&attempt) => (unsure(&attempt, failure).await, receipt),
        sure => sure,
    };
    let inner = attempt.clone();
    let waiting = matches!(answer.0, Ok(Outcome::Waiting(_)));
    let succeeded = matches!(answer.0, Ok(Outcome::Succeeded(_) | Outcome::Unchanged(_)));
    let ended = aside(move || {
        if !waiting && !inner.children_on_disk().is_empty() {
            inner.end_children();
            inner.conclude_children();
        }
        if succeeded {
            inner.store_artifacts()?;
            inner.publish_cache();
        }
        Ok(())
    })
    .await;
    match (answer.0.and_then(|outcome| ended.map(|()| outcome)), answer.1) {
        (Ok(outcome), receipt) => (outcome, receipt),
        (Err(failure), receipt) => (Outcome::Failed(failure), receipt),
    }
}

async fn attempt_it(
    attempt: Arc<Attempt>,
    resumption: Option<Resumption>,
    manner: Manner,
) -> (Result<Outcome, Failure>, Option<Receipt>) {
    let patience = Patience::of(resumption);
    let plugin = {
        let (inner, keep) = (attempt.clone(), manner == Manner::Continue || patience.own.is_some());
        aside(move || {
            // Whatever an earlier call of this step began is known before this one begins.
            if keep || inner.number > 1 {
                inner.find_pushes()?;
            }
            inner.prepare(keep)?;
            inner.core.shelf.load(&inner.plugin)
        })
        .await
    };
    let plugin = match plugin {
        Ok(plugin) => plugin,
        Err(failure) => return (Err(failure), None),
    };
    match clear(&attempt, &plugin, &patience).await {
        Ok(None) => {}
        Ok(Some(wait)) => return (Ok(Outcome::Waiting(wait)), None),
        Err(failure) => return (Err(failure), None),
    }
    let (outcome, receipt) = plugin.run(invocation(&attempt), request(&attempt, patience.own.clone())).await;
    let outcome = outcome.and_then(|outcome| convert(&attempt, outcome));
    let inner = attempt.clone();
    let hold = aside(move || Ok(hold::of_call(&inner))).await.unwrap_or_default();
    let outcome = match (outcome, hold) {
        (Err(_), Some(Hold { signal, message, failure })) => {
            attempt.log.write("info", format!("waits: {}", failure.message)).await;
            patience.wait(vec![signal], message).map(Outcome::Waiting)
        }
        (outcome, _) => outcome,
    };
    (outcome, Some(receipt))
}

/// Whether this call left an effect of which nobody knows whether it took place.
fn is_unsure(attempt: &Attempt) -> bool {
    !attempt.plugin.idempotent && attempt.book.lock().is_ok_and(|book| book.unsure > 0)
}

/// Asks the plugin what became of an effect whose answer was lost: running it again could double it.
async fn unsure(attempt: &Arc<Attempt>, failure: Failure) -> Result<Outcome, Failure> {
    match ask(attempt, None).await.0 {
        Answer::Done(outputs) => Ok(Outcome::Succeeded(outputs)),
        Answer::NotDone => Err(failure),
        Answer::Unknown(why) => Ok(Outcome::Unknown(format!("{}; {why}", failure.message))),
    }
}

pub(crate) fn invocation(attempt: &Arc<Attempt>) -> Invocation {
    Invocation {
        plugin: attempt.plugin.plugin.clone(),
        grant: attempt.grant.clone(),
        limits: Limits::default(),
        services: Arc::new(Desk(attempt.clone())),
    }
}

pub(crate) fn request(attempt: &Attempt, resumption: Option<Resumption>) -> step::Request {
    let occurrence = |value: Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        step::Occurrence {
            signal: step::Signal {
                kind: text("kind"),
                subject: text("subject"),
                condition: value.get("condition").map(Value::to_string).unwrap_or_else(|| "{}".into()),
            },
            at: text("at"),
            payload: value.get("payload").map(Value::to_string).unwrap_or_else(|| "{}".into()),
        }
    };
    step::Request {
        name: attempt.plugin.step.clone(),
        inputs: attempt.inputs.to_string(),
        run: attempt.run.to_string(),
        key: attempt.key.to_string(),
        attempt: attempt.number,
        environment: None,
        event: serde_json::to_string(&attempt.pinned.event).unwrap_or_else(|_| "{}".into()),
        resumption: resumption.map(|r| step::Resumption {
            memory: r.memory,
            occurrences: r.occurrences.into_iter().map(occurrence).collect(),
        }),
    }
}

/// Finds out what the step would do to environments and whether it may; answers a wait where people must decide first, or where it
/// is not time for it yet.
async fn clear(attempt: &Arc<Attempt>, plugin: &Plugin, patience: &Patience) -> Result<Option<Wait>, Failure> {
    let wants = |name: &str| attempt.plugin.wants.iter().any(|want| want == name);
    if wants("approval") {
        let subject = voting::subject(attempt, &attempt.dependants, &[]);
        if let Ok(mut cleared) = attempt.cleared.lock() {
            cleared.subject = Some(subject);
        }
        // Whoever may do more than ask is looked at like any other.
        if !wants("process") && !wants("repository-write") {
            return Ok(None);
        }
    }
    let granted = attempt.grant.repository.as_ref().is_some_and(|grant| !grant.write.is_empty());
    let acts = (wants("repository-write") && granted) || wants("process");
    // What takes an artifact and runs a program with it is looked at whether or not anybody owns anything.
    let applies = wants("process") && wants("artifact-read");
    if !applies && (!acts || attempt.core.settings.environments.is_empty()) {
        return Ok(None);
    }
    let (forecast, _) = plugin.preview(invocation(attempt), request(attempt, None)).await;
    let forecast = forecast?;
    let plans = applied(attempt, &forecast)?;
    let makers = makers(attempt, &plans).await?;
    let directories: Vec<String> = plans.into_iter().map(|plan| plan.directory).collect();
    let targets = if granted { targets(attempt, &forecast).await? } else { vec![] };
    if targets.is_empty() && directories.is_empty() {
        return Ok(None);
    }
    // Nobody is asked about what would be denied anyway.
    for target in &targets {
        access::permit::write_branch(&attempt.grant, &target.repository, &target.branch)?;
        access::permit::write_path(&attempt.grant, &target.repository, &target.path)?;
    }
    let owned = owners_of_directories(attempt, directories).await?;
    let environments: Vec<&Environment> = attempt
        .core
        .settings
        .environments
        .iter()
        .filter(|environment| {
            targets.iter().any(|target| environment.owns(&target.repository, &target.path))
                || owned.contains(&environment.name)
        })
        .collect();
    if environments.is_empty() {
        return Ok(None);
    }
    if !owned.is_empty() {
        committed(&attempt.step)?;
        for maker in &makers {
            committed(maker)?;
        }
    }
    let effects: Vec<Value> =
        forecast.effects.iter().map(|e| json!({"kind": e.kind, "subject": e.subject, "summary": e.summary})).collect();
    // The content before is part of what is approved: the same edit of another file is another thing.
    let before: Vec<Value> = targets
        .iter()
        .map(|t| json!({"path": format!("{}:{}:{}", t.repository, t.branch, t.path), "digest": t.content}))
        .collect();
    let mut shown = json!({"effects": effects, "body": forecast.body, "before": before});
    if let (false, Some(fields)) = (owned.is_empty(), shown.as_object_mut()) {
        // Another build of the tool may do another thing with the same plan.
        let inner = attempt.clone();
        let tools = aside(move || Ok(tools(&inner))).await?;
        if let Ok(mut cleared) = attempt.cleared.lock() {
            cleared.tools = Some(tools.clone());
        }
        fields.insert("tools".to_owned(), tools);
    }
    let subject = voting::subject(attempt, &shown, &environments);
    let mut rules = Vec::new();
    for environment in &environments {
        rules.extend(voting::rules(environment, attempt.pinned.origin())?);
    }
    if let Ok(mut cleared) = attempt.cleared.lock() {
        cleared.subject = Some(subject.clone());
        cleared.paths =
            targets.iter().map(|t| (format!("{}:{}:{}", t.repository, t.branch, t.path), t.content.clone())).collect();
    }
    let names: Vec<&str> = environments.iter().map(|e| e.name.as_str()).collect();
    let allow = || {
        if let Ok(mut cleared) = attempt.cleared.lock() {
            cleared.environments = names.iter().map(|name| (*name).to_owned()).collect();
        }
    };
    let inner = attempt.clone();
    // What was begun while it was time for it goes on.
    let begun = aside(move || Ok(hold::has_begun(&inner))).await?;
    let closed = if begun { vec![] } else { hold::closed(environments.iter().copied(), crate::now())? };
    let (mut signals, mut messages) = (Vec::new(), Vec::new());
    if !rules.is_empty() {
        let what = json!({"kind": "environment", "environments": names, "rules": rules, "forecast": shown,
            "inputs": attempt.inputs, "commit": attempt.pinned.event.commit.id});
        voting::present(attempt, &subject, what).await?;
        let (inner, digest, asked) = (attempt.clone(), subject.clone(), rules.clone());
        let judgement = aside(move || voting::judge(&inner.core, &inner.run, &inner.pinned, &digest, &asked)).await?;
        match judgement.standing {
            Standing::Approved => {}
            Standing::Rejected => {
                let by = judgement.rejected_by().join(", ");
                return Err(Failure::new(Blame::User, "rejected", format!("rejected by {by}")));
            }
            Standing::Pending => {
                let (kind, condition) = ("approval".to_owned(), json!({"environments": names}));
                signals.push(Signal { kind, subject: subject.to_string(), condition });
                messages.push(format!("{} for {}", voting::in_words(&rules), names.join(", ")));
            }
        }
    }
    for Hold { signal, message, .. } in closed {
        signals.push(signal);
        messages.push(message);
    }
    if signals.is_empty() {
        allow();
        return Ok(None);
    }
    patience.wait(signals, messages.join(", and ")).map(Some)
}

/// A plan that a forecast would apply.
struct PlanToApply {
    directory: String,
    digest: Digest,
}

/// The plans that a forecast would apply. The subject of an `apply-plan` is `REPOSITORY:DIRECTORY:DIGEST`; in which
/// repository they are is for the host to say. Errors: `invalid` for a subject that is none: nothing is guessed.
fn applied(attempt: &Attempt, forecast: &step::Forecast) -> Result<Vec<PlanToApply>, Failure> {
    let plans = forecast.effects.iter().filter(|effect| effect.kind == "apply-plan");
    let read = |subject: &str| {
        let (_, rest) = subject.split_once(':')?;
        let (directory, hex) = rest.rsplit_once(":sha256:")?;
        plugin::check_path(directory).ok()?;
        Some(PlanToApply { directory: directory.to_owned(), digest: Digest::parse(&format!("sha256:{hex}")).ok()? })
    };
    let plans = plans.map(|effect| {
        read(&effect.subject).ok_or_else(|| {
            let subject = plugin::clean_line(&effect.subject, 256);
            let message = format!(
                "plugin `{}` forecasts to apply `{subject}`, which is no REPOSITORY:DIRECTORY:DIGEST",
                attempt.plugin.plugin
            );
            Failure::new(Blame::Plugin, "invalid", message)
        })
    });
    plans.collect()
}

/// The steps that made these plans. Errors: `denied` for whatever is no plan that another step of this very plugin made in
/// this run and kept confidential: anybody can write a file that says it is one.
async fn makers(attempt: &Arc<Attempt>, plans: &[PlanToApply]) -> Result<Vec<Step>, Failure> {
    let digests: Vec<Digest> = plans.iter().map(|plan| plan.digest.clone()).collect();
    if digests.is_empty() {
        return Ok(vec![]);
    }
    let attempt = attempt.clone();
    aside(move || {
        let known = attempt.core.journal.reader()?.artifacts(&attempt.run)?;
        let own = |digest: &Digest| {
            let artifact = known.iter().find(|artifact| artifact.digest == *digest && artifact.confidential)?;
            let (definition, pinned) = attempt.maker(artifact)?;
            let same = pinned.plugin == attempt.plugin.plugin && pinned.digest == attempt.plugin.digest;
            (same && pinned.step != attempt.plugin.step).then(|| definition.clone())
        };
        let made = digests.iter().map(|digest| {
            own(digest).ok_or_else(|| {
                let message = format!(
                    "{} is no plan that a step of `{}` made in this run",
                    digest.short(),
                    attempt.plugin.plugin
                );
                Failure::denied(message)
                    .hint("give the output `plan` of the step that plans: `${{ steps.plan.outputs.plan }}`")
            })
        });
        made.collect()
    })
    .await
}

/// What changes an environment is made of the commit that people look at, and of nothing that a step put beside it.
fn committed(step: &Step) -> Result<(), Failure> {
    if step.workspace_from.is_none() && step.artifacts.extract.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the files of the step `{}` are not the commit's, and it is part of changing an environment",
        step.name
    );
    Err(Failure::denied(message)
        .hint("leave its `workspace.from` and `artifacts.extract` out, and commit what it needs"))
}

/// The environments that own one of these directories of the run's repository: the directory, or a file in it. A work tree
/// is a clone of nobody knows which repository, so it is taken for each.
async fn owners_of_directories(attempt: &Arc<Attempt>, directories: Vec<String>) -> Result<BTreeSet<String>, Failure> {
    if directories.is_empty() {
        return Ok(BTreeSet::new());
    }
    let attempt = attempt.clone();
    aside(move || {
        let settings = &attempt.core.settings;
        let repositories: Vec<&str> = match attempt.pinned.origin() {
            Some(origin) => vec![origin],
            None => settings.repositories.keys().map(String::as_str).collect(),
        };
        let mut paths = Vec::new();
        for directory in directories {
            if !settings.environments.is_empty() {
                refuse_links(&attempt, &directory)?;
            }
            let below = |name: &str| if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
            // Where nothing can be listed, a file that every such directory has.
            paths.push(below("main.tf"));
            paths.extend(files_below(&attempt, &directory)?);
            paths.push(directory);
        }
        let owners = repositories.iter().flat_map(|repository| settings.owners(repository, &paths));
        Ok(owners.map(|environment| environment.name.clone()).collect())
    })
    .await
}

/// Refuses a directory with a link on the way there: who owns it goes by its path, and that leads elsewhere. Blocking. Error:
/// `denied`.
fn refuse_links(attempt: &Attempt, directory: &str) -> Result<(), Failure> {
    let tree = tree(attempt)?;
    let parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for at in 0..parts.len() {
        let listed = listed(attempt, tree.as_ref(), &parts[..at].join("/"))?;
        if listed.iter().any(|(name, kind)| name == parts[at] && *kind == EntryKind::Link) {
            let link = parts[..=at].join("/");
            let message = format!("`{link}` is a link, so which environment owns `{directory}` cannot be told");
            return Err(Failure::denied(message).hint("name the folder that it leads to"));
        }
    }
    Ok(())
}

/// The files of a run of a work tree.
fn tree(attempt: &Attempt) -> Result<Option<Workspace>, Failure> {
    match attempt.pinned.origin() {
        Some(_) => Ok(None),
        None => Workspace::open(&attempt.core.state.run(attempt.run.as_str()).join("tree")).map(Some),
    }
}

/// What is in a folder, as the run has it; nothing where there is no such folder. Blocking.
fn listed(attempt: &Attempt, tree: Option<&Workspace>, folder: &str) -> Result<Vec<(String, EntryKind)>, Failure> {
    if let Some(tree) = tree {
        return Ok(tree.entries(folder, usize::MAX)?.unwrap_or_default());
    }
    let mirror = attempt.core.mirror(attempt.pinned.origin().unwrap_or_default())?;
    let listed = mirror.entries(&attempt.pinned.event.commit.id, folder).map_err(|e| e.failure())?;
    let kind = |kind| match kind {
        git::Kind::Directory => EntryKind::Directory,
        git::Kind::Link => EntryKind::Link,
        git::Kind::File | git::Kind::Executable | git::Kind::Submodule => EntryKind::File,
    };
    Ok(listed.unwrap_or_default().into_iter().map(|(name, found)| (name, kind(found))).collect())
}

/// The files below a directory, as the run has them. Blocking.
fn files_below(attempt: &Attempt, directory: &str) -> Result<Vec<String>, Failure> {
    let (mut found, mut open) = (Vec::new(), vec![directory.to_owned()]);
    let tree = tree(attempt)?;
    while let Some(folder) = open.pop() {
        let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        for (name, kind) in listed(attempt, tree.as_ref(), &folder)? {
            let path = below(&name);
            if kind == EntryKind::Directory {
                open.push(path);
            } else {
                found.push(path);
            }
        }
        if found.len() > MOST_FILES {
            let message = format!("`{directory}` holds more than {MOST_FILES} files, so who owns it cannot be told");
            return Err(Failure::denied(message));
        }
    }
    Ok(found)
}

/// The programs that an attempt may run, each with its digest. Blocking.
pub(crate) fn tools(attempt: &Attempt) -> Value {
    let programs = attempt.grant.process.iter().flat_map(|process| &process.programs);
    let found = programs.filter(|name| !name.contains('*')).filter_map(|name| {
        let path = jail::resolve(name)?;
        Some((name.clone(), json!(attempt.core.program_digest(&path)?)))
    });
    Value::Object(found.collect())
}

/// A file that a forecast would write, with its content as of now.
struct Target {
    repository: String,
    /// Never empty: where the forecast names the default branch, this is its name.
    branch: String,
    path: String,
    content: Option<Digest>,
}

/// What a forecast would write. The subject of a `push-commit` is `REPOSITORY:BRANCH:PATH`.
async fn targets(attempt: &Arc<Attempt>, forecast: &step::Forecast) -> Result<Vec<Target>, Failure> {
    let mut wanted = Vec::new();
    for effect in forecast.effects.iter().filter(|effect| effect.kind == "push-commit") {
        let mut parts = effect.subject.splitn(3, ':').map(str::to_owned);
        if let (Some(repository), Some(branch), Some(path)) = (parts.next(), parts.next(), parts.next()) {
            wanted.push((repository, branch, path));
        }
    }
    let core = attempt.core.clone();
    aside(move || {
        let (mut found, mut fetched) = (Vec::new(), BTreeSet::new());
        for (repository, branch, path) in wanted {
            let mirror = core.mirror(&repository)?;
            if fetched.insert(repository.clone()) {
                mirror.fetch().map_err(|e| e.failure())?;
            }
            let branch = match branch.as_str() {
                "" | "HEAD" => default_branch(&core, &repository)?,
                _ => branch,
            };
            let head = mirror.resolve(&format!("refs/heads/{branch}")).map_err(|e| e.failure())?;
            let content = match head {
                Some(head) => mirror.read(&head, &path, LARGEST_TARGET).map_err(|e| e.failure())?,
                None => None,
            };
            found.push(Target { repository, branch, path, content: content.map(Digest::of) });
        }
        Ok(found)
    })
    .await
}

fn convert(attempt: &Attempt, outcome: step::Outcome) -> Result<Outcome, Failure> {
    let outputs = |text: String| -> Result<Value, Failure> {
        let broken = |why: String| {
            let message = format!("plugin `{}` answered outputs that are {why}", attempt.plugin.plugin);
            Failure::new(Blame::Plugin, "invalid", message)
        };
        let value: Value = serde_json::from_str(&text).map_err(|e| broken(format!("no JSON: {e}")))?;
        if value.is_object() { Ok(value) } else { Err(broken("no JSON object".into())) }
    };
    Ok(match outcome {
        step::Outcome::Succeeded(text) => Outcome::Succeeded(outputs(text)?),
        step::Outcome::Unchanged(text) => Outcome::Unchanged(outputs(text)?),
        step::Outcome::Skipped(reason) => Outcome::Skipped(reason),
        step::Outcome::Waiting(wait) => Outcome::Waiting(signal::accepted(attempt, wait)?),
    })
}
