//! The daemon's side of the socket: what the owner of the state folder asks is carried out here, with what is open already.

use super::daemon::Daemon;
use super::wire::{Answer, Later, Request, receive, send};
use crate::args::{Apps, Arguments, Command};
use crate::commands;
use crate::exit::Exit;
use crate::place::{Asked, Place};
use crate::screen::{Screen, Word};
use clap::Parser as _;
use model::{Blame, Failure};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Command lines that are served at once; others wait.
const AT_ONCE: usize = 64;
/// The exit code where something that is needed could not be reached.
const UNREACHABLE: u8 = 5;
/// The exit code where somebody pressed Ctrl-C.
const INTERRUPTED: u8 = 130;
/// How long somebody who connects may take to say what is asked.
const ASKED: Duration = Duration::from_secs(5);
/// How long somebody may take to read what is said; a terminal that was stopped reads nothing for ever.
const SLOW: Duration = Duration::from_secs(30);

/// Serves whoever connects until the daemon leaves, and then whoever asked for something to be changed.
pub async fn serve(daemon: Arc<Daemon>, listener: UnixListener) {
    let mut drain = daemon.drain.subscribe();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut all = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = leaving(&mut drain) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    daemon.log.note(&format!("error: nobody can connect to the daemon's socket: {e}"));
                    // Out of file descriptors, most likely: somebody else has to give some back first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (daemon, room) = (daemon.clone(), room.clone());
        all.spawn(async move {
            // Whoever went away misses nothing that the journal does not have.
            let _ = one(daemon, stream, room).await;
        });
        while all.try_join_next().is_some() {}
    }
    // Whoever connects from now on is told at once that nobody is there.
    drop(listener);
    while all.join_next().await.is_some() {}
}

async fn leaving(drain: &mut watch::Receiver<bool>) {
    // Its sender lives as long as the daemon.
    let _ = drain.wait_for(|drain| *drain).await;
}

async fn one(daemon: Arc<Daemon>, stream: UnixStream, room: Arc<Semaphore>) -> std::io::Result<()> {
    let user = user(&stream)?;
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let asked = tokio::time::timeout(ASKED, receive::<Request>(&mut from)).await?;
    let Some(mut request) = asked? else { return Ok(()) };
    // A bell is over at once: it waits for nobody.
    if request.arguments.is_empty() {
        daemon.ring();
        return tell(&mut to, &Answer::Exit(0)).await;
    }
    // Never closed.
    let _room = room.acquire_owned().await;
    let words = std::iter::once("tidegate".to_owned()).chain(std::mem::take(&mut request.arguments));
    let parsed = Arguments::try_parse_from(words);
    let reads = parsed.as_ref().map_or(true, |arguments| only_reads(&arguments.command));
    let mut drain = daemon.drain.subscribe();
    let (words, mut said) = mpsc::unbounded_channel();
    let (pressed, interrupts) = watch::channel(0);
    let (gone, mut left) = oneshot::channel();
    let listens = tokio::spawn(async move {
        while let Ok(Some(Later::Interrupt)) = receive::<Later>(&mut from).await {
            pressed.send_modify(|count| *count += 1);
            if reads {
                break;
            }
        }
        let _ = gone.send(());
        // Kept until it is done: a closed channel would look like a press.
        std::future::pending::<()>().await;
    });
    let work = tokio::spawn(answer(daemon, (request, parsed), user, interrupts, words));
    let forwards = async {
        while let Some(word) = said.recv().await {
            if tell(&mut to, &Answer::Say(word)).await.is_err() {
                break;
            }
        }
    };
    // What only tells how things stand ends with whoever asked, and with the daemon.
    let ended = tokio::select! {
        () = forwards => None,
        () = leaving(&mut drain), if reads => Some(UNREACHABLE),
        Ok(()) = &mut left, if reads => Some(INTERRUPTED),
    };
    // Nobody hears any more words; they are not collected either.
    drop(said);
    if ended.is_some() {
        work.abort();
    }
    // Whoever asked may be gone: what was begun is done all the same.
    let code = match work.await {
        Ok(code) => code,
        Err(e) if e.is_cancelled() => {
            let code = ended.unwrap_or(UNREACHABLE);
            if code == UNREACHABLE {
                tell(&mut to, &Answer::Say(Word::Err("error: the daemon is leaving\n".to_owned()))).await?;
            }
            code
        }
        Err(_) => 101,
    };
    listens.abort();
    tell(&mut to, &Answer::Exit(code)).await
}

/// Sends an answer. Error: nobody reads it.
async fn tell(to: &mut OwnedWriteHalf, answer: &Answer) -> std::io::Result<()> {
    tokio::time::timeout(SLOW, send(to, answer)).await?
}

/// Whether a command changes nothing, so that nothing is lost where it ends early.
fn only_reads(command: &Command) -> bool {
    let Command::Apps { command } = command else { return false };
    matches!(
        command,
        Apps::List
            | Apps::Show { .. }
            | Apps::Diff { .. }
            | Apps::Wait { .. }
            | Apps::History { .. }
            | Apps::Manifests { .. }
    )
}

async fn answer(
    daemon: Arc<Daemon>,
    (request, parsed): (Request, Result<Arguments, clap::Error>),
    user: String,
    interrupts: watch::Receiver<u32>,
    words: mpsc::UnboundedSender<Word>,
) -> u8 {
    let (output, outcome) = match parsed {
        Ok(arguments) => (arguments.output, Ok(arguments.command)),
        Err(error) => (crate::args::Output::Text, Err(Exit::usage(error.to_string()))),
    };
    let screen = Screen {
        json: output == crate::args::Output::Json,
        colour: request.colour,
        out_colour: request.out_colour,
        out_terminal: request.out_terminal,
        live: false,
        interactive: false,
        to: Some(words),
    };
    let mine = env!("CARGO_PKG_VERSION");
    let outcome = match outcome {
        Ok(_) if request.version != mine => {
            let message = format!("the daemon is Tidegate {mine}, and this is {}", request.version);
            Err(Failure::new(Blame::User, "invalid", message).hint("restart the daemon, or use its own binary").into())
        }
        Ok(command) => {
            let asked = Asked { daemon, user, folder: request.folder, interrupts };
            commands::carry_out(&Place::There(asked), command, &screen).await
        }
        Err(exit) => Err(exit),
    };
    outcome.unwrap_or_else(|exit| {
        screen.failure(&exit);
        exit.code()
    })
}

/// Who is at the other end, as the kernel tells: the owner of this process or root, nobody else.
fn user(stream: &UnixStream) -> std::io::Result<String> {
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own && peer.uid() != 0 {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    // The same name as the command line itself would have recorded, where that can be told.
    let environment = peer.pid().and_then(|pid| std::fs::read(format!("/proc/{pid}/environ")).ok()).unwrap_or_default();
    let name = |key: &str| {
        let prefix = format!("{key}=");
        let found = environment.split(|byte| *byte == 0).find_map(|pair| pair.strip_prefix(prefix.as_bytes()))?;
        String::from_utf8(found.to_vec()).ok().filter(|name| !name.is_empty())
    };
    Ok(name("USER").or_else(|| name("LOGNAME")).unwrap_or_else(|| "unknown".to_owned()))
}
