//! The shim on its own: `tidegate-jail-shim FOLDER`. With `start FOLDER` it is a small host instead: it reads a command
//! as JSON from its standard input, starts it under itself, says so and waits to be told to end. It never reads anything else.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [folder] => jail::shim_main(Path::new(folder)),
        [verb, folder] if verb == "start" => match start(Path::new(folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            let _ = writeln!(std::io::stderr(), "usage: tidegate-jail-shim [start] FOLDER");
            ExitCode::from(2)
        }
    }
}

/// Starts the command on standard input: one line of JSON; stays until the input ends.
fn start(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let shim = jail::Shim::new(std::env::current_exe()?, Vec::new());
    jail::start(&shim, folder, &serde_json::from_str(&line)?)?;
    writeln!(std::io::stdout(), "started")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
