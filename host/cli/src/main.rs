//! The command line.

mod applications;
mod approve;
mod apps;
mod args;
mod builtin;
mod commands;
mod credentials;
mod demo;
mod exit;
mod init;
mod open;
mod place;
mod plugins;
mod render;
mod run;
mod runs;
mod screen;
mod select;
mod serve;
mod table;
mod validate;
mod watch;
mod why;

use args::{Arguments, Command};
use clap::{CommandFactory as _, Parser as _};
use exit::Exit;
use place::Place;
use std::path::Path;
use std::process::ExitCode;

/// Threads that may wait for files and remotes; they begin when they are needed.
const BLOCKING: usize = 512;
/// The same in a daemon: a remote that takes a connection and says nothing holds one for a minute, and there may be hundreds.
const SERVING: usize = 2048;

fn main() -> ExitCode {
    // The shim must begin before there is a second thread, and sees none of the options.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "jail-shim") {
        return words.next().map_or(ExitCode::from(2), |folder| jail::shim_main(Path::new(&folder)));
    }
    // Before there is a second thread as well.
    git::look_up_certificates_lazily();
    let arguments = Arguments::parse();
    let screen = screen::Screen::new(arguments.output);
    std::panic::set_hook(Box::new(|info| {
        eprintln!("error[bug]: Tidegate has a bug: {info}");
        eprintln!("  hint: nothing that was recorded is lost; please report this with the command that you ran");
    }));
    let outcome = std::panic::catch_unwind(|| dispatch(arguments, &screen));
    match outcome {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(exit)) => {
            screen.failure(&exit);
            ExitCode::from(exit.code())
        }
        Err(_) => ExitCode::from(101),
    }
}

fn dispatch(arguments: Arguments, screen: &screen::Screen) -> Result<u8, Exit> {
    let Arguments { host, command, .. } = arguments;
    match command {
        Command::Validate(wanted) => validate::validate(&host, &wanted, screen),
        Command::Schema { kind } => validate::schema(&host, &kind, screen),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            // Into memory first: whoever reads may stop at the first line.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "tidegate", &mut script);
            screen.out(String::from_utf8_lossy(&script).trim_end());
            Ok(0)
        }
        Command::Demo(wanted) => demo::demo(&wanted, screen),
        Command::Init(wanted) => block_on(cores(), BLOCKING, init::init(&host, &wanted, screen)),
        Command::Serve => block_on(cores().max(2), SERVING, serve::serve(&host, screen)),
        command if commands::are_served(&command) => block(async {
            match serve::reach(&host).await {
                Some(daemon) => serve::forward(daemon, screen).await,
                None => commands::carry_out(&Place::Here(&host), command, screen).await,
            }
        }),
        Command::Render(wanted) => block(render::render(&host, &wanted, screen)),
        Command::Runs { .. } | Command::Run(_) | Command::Apps { .. } | Command::Freeze(_) => {
            block(commands::carry_out(&Place::Here(&host), command, screen))
        }
        Command::Approve(wanted) => block(approve::vote(&host, wanted, "approve", screen)),
        Command::Reject(wanted) => block(approve::vote(&host, wanted, "reject", screen)),
        Command::Why { subject } => block(why::why(&host, &subject, screen)),
        Command::Credentials { command } => block(credentials::credentials(&host, command, screen)),
        Command::Plugin { command } => block(plugins::plugin(&host, command, screen)),
    }
}

fn block(work: impl Future<Output = Result<u8, Exit>>) -> Result<u8, Exit> {
    block_on(2, BLOCKING, work)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn block_on(threads: usize, blocking: usize, work: impl Future<Output = Result<u8, Exit>>) -> Result<u8, Exit> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(threads).max_blocking_threads(blocking).enable_all().build();
    let runtime = runtime.map_err(|e| Exit::from(model::Failure::internal(format!("no threads: {e}"))))?;
    let answer = runtime.block_on(work);
    // A thread that waits for a child's output must not keep the process: the shim keeps the child.
    runtime.shutdown_background();
    answer
}
