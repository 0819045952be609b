//! Prints what `kustomize build ROOT/FOLDER` would print, reading nothing outside of ROOT.

use std::io::Write;
use std::process::ExitCode;

use kustomize_build::{Folder, Options, build};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: render ROOT FOLDER");
        return ExitCode::from(2);
    };
    match build(&Folder::new(root), &folder, &Options::default()) {
        Ok(rendering) => {
            rendering.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            let written = std::io::stdout().write_all(rendering.yaml.as_bytes());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = &error.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}
