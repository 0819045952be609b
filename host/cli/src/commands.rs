//! The commands that a daemon carries out for the command line, where one is there.

use crate::args::{Command, Runs};
use crate::exit::Exit;
use crate::place::Place;
use crate::screen::Screen;
use crate::{apps, run, runs};
use futures_util::future::BoxFuture;

/// Whether a command needs what a daemon holds: the right to execute, and its open clusters. All others read the journal.
pub fn are_served(command: &Command) -> bool {
    match command {
        Command::Run(_) | Command::Apps { .. } | Command::Freeze(_) => true,
        Command::Runs { command } => !matches!(command, Runs::List { .. } | Runs::Show { .. } | Runs::Logs { .. }),
        _ => false,
    }
}

/// Carries out such a command.
pub async fn carry_out(place: &Place<'_>, command: Command, screen: &Screen) -> Result<u8, Exit> {
    // Each in a box: the compiler then sees that it may cross threads, and the futures stay small.
    let work: BoxFuture<'_, Result<u8, Exit>> = match command {
        Command::Run(wanted) => Box::pin(run::run(place, wanted, screen)),
        Command::Apps { command } => Box::pin(apps::apps(place, command, screen)),
        Command::Freeze(wanted) => Box::pin(apps::freeze(place, wanted, screen)),
        Command::Runs { command } => Box::pin(runs::runs(place, command, screen)),
        _ => return Err(Exit::usage("a daemon does not carry that out")),
    };
    work.await
}
