//! The daemon's side of the socket: what the owner of the state folder asks is carried out here, with what is open already.

use super::daemon::Daemon;
use super::wire::{Answer, Later, Request, receive, send};
use crate::args::Arguments;
use crate::commands;
use crate::exit::Exit;
use crate::place::{Asked, Place};
use crate::screen::{Screen, Word};
use clap::Parser as _;
use model::{Blame, Failure};
use std::sync::Arc;
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Command lines that are served at once; others wait.
const AT_ONCE: usize = 64;

/// Serves whoever connects until the daemon leaves, and then whoever is still being served.
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
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (daemon, room) = (daemon.clone(), room.clone());
        all.spawn(async move {
            // Never closed.
            let _room = room.acquire_owned().await;
            // Whoever went away misses nothing that the journal does not have.
            let _ = one(daemon, stream).await;
        });
        while all.try_join_next().is_some() {}
    }
    while all.join_next().await.is_some() {}
}

async fn leaving(drain: &mut watch::Receiver<bool>) {
    // Its sender lives as long as the daemon.
    let _ = drain.wait_for(|drain| *drain).await;
}

async fn one(daemon: Arc<Daemon>, stream: UnixStream) -> std::io::Result<()> {
    let user = user(&stream)?;
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let Some(request) = receive::<Request>(&mut from).await? else { return Ok(()) };
    let (words, mut said) = mpsc::unbounded_channel();
    let (pressed, interrupts) = watch::channel(0);
    let listens = tokio::spawn(async move {
        while let Ok(Some(Later::Interrupt)) = receive::<Later>(&mut from).await {
            pressed.send_modify(|count| *count += 1);
        }
        // Kept until it is done: a closed channel would look like a press.
        std::future::pending::<()>().await;
    });
    let work = tokio::spawn(answer(daemon, request, user, interrupts, words));
    while let Some(word) = said.recv().await {
        if send(&mut to, &Answer::Say(word)).await.is_err() {
            break;
        }
    }
    // Whoever asked may be gone: what was begun is done all the same.
    let code = work.await.unwrap_or(101);
    listens.abort();
    send(&mut to, &Answer::Exit(code)).await
}

async fn answer(
    daemon: Arc<Daemon>,
    request: Request,
    user: String,
    interrupts: watch::Receiver<u32>,
    words: mpsc::UnboundedSender<Word>,
) -> u8 {
    if request.arguments.is_empty() {
        daemon.ring();
        return 0;
    }
    let parsed = Arguments::try_parse_from(std::iter::once("tidegate".to_owned()).chain(request.arguments));
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
