//! The command line's side of the socket.

use super::socket;
use super::wire::{Answer, Later, Request, receive, send, understood};
use crate::args::Host;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use model::{Blame, Failure};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

/// How long a bell may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The daemon of this configuration, where one is there.
pub async fn reach(host: &Host) -> Option<UnixStream> {
    // What is wrong with the configuration is told by whoever needs it.
    let state = open::read(host).ok()?.state?;
    socket::connect(&state).await
}

/// Lets the daemon carry out what this process was called with.
pub async fn forward(stream: UnixStream, screen: &Screen) -> Result<u8, Exit> {
    let arguments = std::env::args_os().skip(1).map(|word| word.into_string());
    let arguments: Result<Vec<String>, _> = arguments.collect();
    let arguments = arguments.map_err(|word| Exit::usage(format!("{} is no UTF-8", word.display())))?;
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from).lines();
    send(&mut to, &request(arguments, screen)?).await.map_err(lost)?;
    let hear = |kind| signal(kind).map_err(|e| Failure::internal(format!("a signal cannot be heard: {e}")));
    let (mut interrupt, mut terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    let mut asked = false;
    loop {
        tokio::select! {
            line = from.next_line() => match line.map_err(lost)?.map(|line| understood(&line)) {
                Some(answer) => match answer.map_err(lost)? {
                    Answer::Say(word) => {
                        screen.say(word);
                        continue;
                    }
                    Answer::Exit(code) => return Ok(code),
                },
                None => return Err(gone().into()),
            },
            Some(()) = interrupt.recv() => {}
            Some(()) = terminate.recv() => {}
        }
        if asked {
            screen.note("left; the daemon ends what was cancelled");
            std::process::exit(130);
        }
        asked = true;
        screen.note("cancelling; press Ctrl-C again to leave at once");
        send(&mut to, &Later::Interrupt).await.map_err(lost)?;
    }
}

/// Tells the daemon that something was written into the journal. Where none is there, nobody needs to know.
/// Answers whether one is.
pub async fn ring(host: &Host, screen: &Screen) -> bool {
    let rings = async {
        let Some(mut stream) = reach(host).await else { return false };
        let Ok(request) = request(Vec::new(), screen) else { return false };
        // A bell that is lost delays, and no more: the daemon looks by itself.
        if send(&mut stream, &request).await.is_ok() {
            let _ = receive::<Answer>(&mut BufReader::new(stream)).await;
        }
        true
    };
    // One that is there and does not answer holds nobody up: the vote is in the journal.
    tokio::time::timeout(PATIENCE, rings).await.unwrap_or(true)
}

fn request(arguments: Vec<String>, screen: &Screen) -> Result<Request, Exit> {
    let folder = std::env::current_dir();
    let folder = folder.map_err(|e| Exit::usage(format!("there is no folder to work in: {e}")))?;
    Ok(Request {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arguments,
        folder,
        colour: screen.colour,
        out_colour: screen.out_colour,
        out_terminal: screen.out_terminal,
    })
}

fn gone() -> Failure {
    Failure::new(Blame::Upstream, "unavailable", "the daemon went away before it was done")
        .hint("what it had begun goes on when it is started again; `tidegate runs list` and `tidegate apps list` tell how things stand")
}

fn lost(error: std::io::Error) -> Exit {
    let failure = gone();
    Failure { message: format!("{}: {error}", failure.message), ..failure }.into()
}
