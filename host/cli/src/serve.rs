//! `tidegate serve`: one process that looks at its repositories, starts pipelines on pushes, and keeps applications equal to
//! Git, until it is told to leave. Whatever happens to it, the journal lets the next one go on.

mod client;
mod daemon;
mod pushes;
mod server;
mod socket;
mod wire;

use crate::applications;
use crate::args::Host;
use crate::exit::Exit;
use crate::open;
use crate::screen::{Colour, Screen};
pub use client::{forward, reach, ring};
pub use daemon::{Daemon, report_on};
use model::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use trigger::{News, Watched};

/// How long what is at work may take once the daemon was told to leave: Kubernetes gives a pod 30 s.
const GRACE: Duration = Duration::from_secs(25);
/// How often a repository is looked at: one on this machine costs next to nothing, one elsewhere costs its owner a request.
const NEAR: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(30);
/// How often it is looked whether an hour is over since old artifacts were thrown away.
const COLLECT: Duration = Duration::from_secs(600);
/// How often declarations are read again of which some could not be read.
const AGAIN: Duration = Duration::from_secs(60);
/// How long a start waits for the first look at each repository.
const READY: Duration = Duration::from_secs(10);

pub async fn serve(host: &Host, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let config = daemon::required(&configuration)?;
    let engine = open::engine(configuration, screen)?;
    let lock = engine.lock()?;
    let state = engine.state().root().to_owned();
    let listener = socket::listen(&state)?;
    let daemon = Arc::new(Daemon::new(engine, config, screen)?);
    let mut signals = Signals::new()?;
    let mut parts = JoinSet::new();
    let looked = watch::Sender::new(0_usize);
    let repositories = watched(&daemon);
    let mut all = looked.subscribe();
    let count = repositories.len();
    for watched in repositories {
        let (of, news, looked) = (daemon.clone(), daemon.clone(), looked.clone());
        let (tell, mut heard) = mpsc::unbounded_channel::<News>();
        parts.spawn(async move {
            let (bell, drain) = (of.bell.subscribe(), of.drain.subscribe());
            // Whoever hears it lives as long as this.
            trigger::watch(watched, of.engine.journal(), bell, drain, |told| drop(tell.send(told))).await;
        });
        parts.spawn(async move {
            let mut first = true;
            while let Some(told) = heard.recv().await {
                hear(&news, told).await;
                if std::mem::take(&mut first) {
                    looked.send_modify(|count| *count += 1);
                }
            }
        });
    }
    let (runs, started) = (daemon.clone(), daemon.clone());
    parts.spawn(async move { runs.drivers.serve().await });
    parts.spawn(pushes::serve(started));
    parts.spawn(collects(daemon.clone()));
    parts.spawn(reads_again(daemon.clone()));
    let mut lines = tokio::spawn(server::serve(daemon.clone(), listener));
    // What mirrors have from earlier is kept at once, whether or not their remotes answer now.
    daemon.fleet.refresh().await?;
    // So that whoever asks next knows all applications; a repository that is slow is not waited for.
    let _ = tokio::time::timeout(READY, all.wait_for(|looked| *looked == count)).await;
    let catalog = daemon.fleet.catalog();
    for (file, diagnostics) in &catalog.problems {
        screen.warnings(file, diagnostics);
    }
    let words = format!(
        "watching {} and keeping {}; state in {}",
        plural(daemon.config.repositories.len(), "repository", "repositories"),
        plural(catalog.entries.len(), "application", "applications"),
        state.display()
    );
    screen.note(&format!("{} {words}", screen.paint(Colour::Bold, "tidegate serves:")));
    let broken = tokio::select! {
        () = signals.first() => None,
        failure = panicked(&mut parts) => Some(failure),
        ended = &mut lines => Some(part(ended.err())),
    };
    if broken.is_none() {
        screen.note("leaving: nothing new begins; what is at work is waited for (Ctrl-C again leaves at once)");
    }
    // Nobody is to connect to who leaves. It is the next one's where the lock is gone, so it goes first.
    socket::remove(&state);
    daemon.drain.send_replace(true);
    let rests = async {
        tokio::join!(daemon.drivers.drain(), daemon.fleet.drain());
        // Command lines that change something; all other parts only look, and end with this process.
        if !lines.is_finished() {
            let _ = lines.await;
        }
    };
    let cut = tokio::select! {
        () = rests => false,
        () = signals.first() => true,
        () = tokio::time::sleep(GRACE) => true,
    };
    if cut {
        screen.note("left with something at work; it goes on at the next start");
    }
    drop(lock);
    broken.map_or(Ok(0), |failure| Err(failure.into()))
}

/// Waits until a part of the daemon ends as none should.
async fn panicked(parts: &mut JoinSet<()>) -> Failure {
    loop {
        match parts.join_next().await {
            Some(Err(e)) => return part(Some(e)),
            Some(Ok(())) => {}
            None => std::future::pending().await,
        }
    }
}

/// A daemon of which a part is missing only looks as if it did its work: whoever started it is to start it again.
fn part(error: Option<JoinError>) -> Failure {
    let why = error.map_or_else(|| "it ended".to_owned(), |e| e.to_string());
    Failure::internal(format!("a part of the daemon is gone: {why}"))
        .hint("nothing that was recorded is lost; start it again")
}

/// Throws away what is kept no longer. Whether an hour is over, the engine knows.
async fn collects(daemon: Arc<Daemon>) {
    loop {
        let renders = daemon.fleet.floor().renders.clone();
        if let Err(failure) = applications::collect_sometimes(&daemon.engine, Some(renders)).await {
            daemon.log.note(&format!("warning: what is kept no longer could not be removed: {}", failure.message));
        }
        tokio::time::sleep(COLLECT).await;
    }
}

/// Reads again what is declared for as long as some of it could not be read: nobody else tells when it can.
async fn reads_again(daemon: Arc<Daemon>) {
    loop {
        tokio::time::sleep(AGAIN).await;
        if daemon.fleet.catalog().unread.is_empty() {
            continue;
        }
        if let Err(failure) = daemon.fleet.refresh().await {
            daemon.log.note(&format!("error: applications cannot be read: {failure}"));
        }
    }
}

/// What is looked at, and how often.
fn watched(daemon: &Arc<Daemon>) -> Vec<Watched> {
    let one = |(name, repository): (&String, &manifest::Repository)| {
        let (engine, of) = (daemon.engine.clone(), name.clone());
        let near = !repository.url.contains("://") && !repository.url.contains('@');
        let every = repository.poll_millis.map(Duration::from_millis).unwrap_or(if near { NEAR } else { FAR });
        Watched { name: name.clone(), mirror: Box::new(move || engine.mirror(&of)), every }
    };
    daemon.config.repositories.iter().map(one).collect()
}

/// Does what follows from a look at a repository.
async fn hear(daemon: &Daemon, news: News) {
    match news {
        News::First(name) | News::Moved(name) => {
            daemon.pushed.send_modify(|count| *count += 1);
            if let Err(failure) = daemon.fleet.moved(&name).await {
                daemon.log.note(&format!("error: applications cannot be read: {failure}"));
            }
        }
        News::Away(name, failure) => daemon.log.note(&format!("error: `{name}` does not answer: {failure}")),
        News::Back(name) => daemon.log.note(&format!("`{name}` answers again")),
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Who tells a daemon to leave.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|e| Failure::internal(format!("a signal cannot be heard: {e}")));
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, terminate: hear(SignalKind::terminate())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
