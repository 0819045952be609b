//! Renders all that was found, on every core, and compares it with the commit before. Of a result its digest is kept; the
//! objects themselves are there only while they are compared.

use super::address::written;
use super::compare::{Diff, compare};
use super::local::Local;
use crate::screen::Screen;
use indicatif::{ProgressBar, ProgressStyle};
use model::application::{Application, Content, FolderPath};
use model::{Digest, Failure};
use reconcile::{Job, Rendered, Renders, Repositories};
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Something that is rendered.
#[derive(Clone, Debug)]
pub struct Subject {
    pub name: String,
    /// Where it is written.
    pub place: String,
    pub wanted: Wanted,
}

/// What is rendered.
#[derive(Clone, Debug)]
pub enum Wanted {
    Application(Box<Application>),
    /// A kustomization by itself.
    Overlay(FolderPath),
    /// Nothing: that is why.
    Refused(Failure),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Made(Vec<Digest>),
    Refused(Failure),
    /// It is of these repositories, which are not this one.
    Elsewhere(Vec<String>),
}

/// What a commit changed about a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub name: String,
    pub place: String,
    pub change: Change,
}

/// How.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Other objects.
    Objects(Diff),
    /// It was not there before; with its objects where it can be rendered.
    New(Option<Diff>),
    /// It is no longer there.
    Gone,
    /// It was rendered before, and is not now.
    Broken(Failure),
    /// It was not rendered before, and is now.
    Mended(Failure),
}

/// Where it is rendered.
#[derive(Clone)]
pub struct Bench {
    pub renders: Arc<Renders>,
    /// The most lines of one diff that are kept.
    pub lines: usize,
}

impl Bench {
    /// Renders all, in their order.
    pub async fn render(&self, subjects: &Arc<Vec<Subject>>, local: &Arc<Local>, bar: &ProgressBar) -> Vec<State> {
        let (bench, subjects, local, bar) = (self.clone(), subjects.clone(), local.clone(), bar.clone());
        let count = subjects.len();
        let states = each(count, move |index| {
            let (bench, subjects, local, bar) = (bench.clone(), subjects.clone(), local.clone(), bar.clone());
            async move {
                let state = bench.state(&subjects[index], &local).await;
                bar.inc(1);
                state
            }
        })
        .await;
        let lost = || State::Refused(Failure::internal("a render panicked"));
        states.into_iter().map(|state| state.unwrap_or_else(lost)).collect()
    }

    async fn state(&self, subject: &Subject, local: &Arc<Local>) -> State {
        if let Some(elsewhere) = elsewhere(subject, local) {
            return State::Elsewhere(elsewhere);
        }
        match self.made(subject, local).await {
            Ok(made) => State::Made(made.into_iter().map(|rendered| rendered.result).collect()),
            Err(failure) => State::Refused(failure),
        }
    }

    async fn made(&self, subject: &Subject, local: &Arc<Local>) -> Result<Vec<Rendered>, Failure> {
        let mut made = Vec::new();
        for job in &jobs(subject, local)? {
            made.push(self.renders.render(job).await?);
        }
        Ok(made)
    }

    /// What is different from the point before: only what read something that is different there is rendered once more.
    pub async fn changes(
        &self,
        now: (&Arc<Vec<Subject>>, &Arc<Local>, Vec<State>),
        before: (Vec<Subject>, &Arc<Local>),
        bar: &ProgressBar,
    ) -> Vec<Changed> {
        let (subjects, local, states) = now;
        let (older, local_before) = before;
        // Several of one name are all refused; each is then the next of that name.
        let mut by_name: HashMap<String, VecDeque<Subject>> = HashMap::new();
        older.into_iter().for_each(|subject| by_name.entry(subject.name.clone()).or_default().push_back(subject));
        let mut pairs = Vec::new();
        for (subject, state) in subjects.iter().zip(states) {
            let then = by_name.get_mut(&subject.name).and_then(VecDeque::pop_front);
            // What other repositories hold no commit of this one changes.
            if !matches!(state, State::Elsewhere(_)) {
                pairs.push(Pair { subject: subject.clone(), state, then });
            }
        }
        let mut gone: Vec<Changed> = by_name
            .into_values()
            .flatten()
            .map(|Subject { name, place, .. }| Changed { name, place, change: Change::Gone })
            .collect();
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        let pairs = Arc::new(pairs);
        let (bench, bar, locals) = (self.clone(), bar.clone(), (local.clone(), local_before.clone()));
        let found = each(pairs.len(), move |index| {
            let (bench, pairs, bar, locals) = (bench.clone(), pairs.clone(), bar.clone(), locals.clone());
            async move {
                let pair = &pairs[index];
                let change = bench.change(pair, &locals.0, &locals.1).await;
                bar.inc(1);
                let Subject { name, place, .. } = pair.subject.clone();
                change.map(|change| Changed { name, place, change })
            }
        })
        .await;
        found.into_iter().flatten().flatten().chain(gone).collect()
    }

    async fn change(&self, pair: &Pair, local: &Arc<Local>, local_before: &Arc<Local>) -> Option<Change> {
        let Pair { subject, state, then } = pair;
        let Some(then) = then else {
            return Some(match self.made(subject, local).await {
                Ok(made) => Change::New(Some(compare(&[], &streams(&made), self.lines))),
                Err(_) => Change::New(None),
            });
        };
        let before = match jobs(then, local_before) {
            Ok(jobs) if matches!(state, State::Made(digests) if self.same(&jobs, digests)) => return None,
            Ok(_) => self.made(then, local_before).await,
            Err(failure) => Err(failure),
        };
        match (before, state) {
            (Err(_), State::Refused(_)) => None,
            (Ok(_), State::Refused(failure)) => Some(Change::Broken(failure.clone())),
            (Err(failure), _) => Some(Change::Mended(failure)),
            (Ok(before), _) => {
                let after = self.made(subject, local).await.ok()?;
                let diff = compare(&streams(&before), &streams(&after), self.lines);
                (!diff.is_empty()).then_some(Change::Objects(diff))
            }
        }
    }

    /// Whether the results are known to be these, without rendering.
    fn same(&self, jobs: &[Job], digests: &[Digest]) -> bool {
        let known = |job: &Job| self.renders.known(job).ok().flatten();
        jobs.len() == digests.len() && jobs.iter().zip(digests).all(|(job, digest)| known(job).as_ref() == Some(digest))
    }
}

/// A subject now and then.
struct Pair {
    subject: Subject,
    state: State,
    then: Option<Subject>,
}

fn streams(made: &[Rendered]) -> Vec<&str> {
    made.iter().map(|rendered| rendered.manifests.as_str()).collect()
}

/// The other repositories that an application is of.
fn elsewhere(subject: &Subject, local: &Local) -> Option<Vec<String>> {
    let Wanted::Application(application) = &subject.wanted else { return None };
    let other = |source: &&model::application::Source| {
        !matches!(source.content, Content::Chart(_)) && !local.ours.contains(&source.repository)
    };
    let found: Vec<String> = application.sources.iter().filter(other).map(|s| written(&s.repository)).collect();
    (!found.is_empty()).then_some(found)
}

fn jobs(subject: &Subject, local: &Arc<Local>) -> Result<Vec<Job>, Failure> {
    let repositories: Arc<dyn Repositories> = local.clone();
    match &subject.wanted {
        Wanted::Refused(failure) => Err(failure.clone()),
        Wanted::Application(application) => reconcile::jobs(application, &repositories),
        Wanted::Overlay(folder) => Ok(vec![Job {
            application: String::new(),
            namespace: String::new(),
            path: folder.in_source().to_owned(),
            sources: vec![local.at("HEAD")?],
            elsewhere: None,
            renderer: Some("kustomize".to_owned()),
            parameters: json!({}),
            warnings: Vec::new(),
        }]),
    }
}

/// Does a piece of work for each index, as many at a time as there are cores, and answers in their order; nothing where the
/// work panicked.
async fn each<T, W, F>(count: usize, work: W) -> Vec<Option<T>>
where
    T: Send + 'static,
    W: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let (sender, mut made) = mpsc::unbounded_channel();
    for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
        let (next, sender, work) = (next.clone(), sender.clone(), work.clone());
        tokio::spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                // One that panics takes its own piece with it and no other.
                if let Ok(value) = tokio::spawn(work(index)).await {
                    let _ = sender.send((index, value));
                }
            }
        });
    }
    drop(sender);
    let mut all: Vec<Option<T>> = (0..count).map(|_| None).collect();
    while let Some((index, value)) = made.recv().await {
        if let Some(place) = all.get_mut(index) {
            *place = Some(value);
        }
    }
    all
}

/// A line that says how far a work is, where a person sees it.
pub fn progress(screen: &Screen, doing: &'static str, count: usize) -> ProgressBar {
    if !screen.live || count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner:.blue} {msg} {pos}/{len}");
    let bar = ProgressBar::new(count as u64).with_message(doing);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
