//! Calls cargo, and finds in its messages where it put the module.

use crate::Error;
use crate::way::{self, TARGET, Way};
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What cargo made.
pub(crate) struct Library {
    pub name: String,
    pub module: PathBuf,
}

/// Cargo tells a build script or a program that it runs about itself by the environment. A cargo started from there
/// would take that for its own settings: another toolchain, another target folder, flags of another target.
pub(crate) fn clean(mut command: Command) -> Command {
    const KEPT: [&str; 2] = ["CARGO_HOME", "CARGO_NET_OFFLINE"];
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let leaks = text.starts_with("CARGO")
            || ["RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"].contains(&text)
            || text.starts_with("RUSTC_");
        // Mirrors of registries and their proxies belong to the machine, not to the build.
        let machine = KEPT.contains(&text) || text.starts_with("CARGO_REGISTR") || text.starts_with("CARGO_HTTP");
        if leaks && !machine {
            command.env_remove(&name);
        }
    }
    command
}

pub(crate) fn compile(folder: &Path, target: &Path, way: Way, progress: &dyn Fn(&str)) -> Result<Library, Error> {
    // Compilers differ in what they can read of each other's, so each way has a folder of its own.
    let target = match way {
        Way::Installed | Way::Rustup => target.to_owned(),
        Way::Debian => target.join("debian"),
    };
    progress(&format!("compiling {} ({way})", folder.display()));
    let mut command = way::cargo(way);
    command
        .args(["build", "--release", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if way == Way::Debian {
        command.arg("-Zbuild-std=std,panic_abort");
    }
    let output = command
        .output()
        .map_err(|source| Error::Start { program: command.get_program().to_string_lossy().into_owned(), source })?;
    if !output.status.success() {
        return Err(Error::Compile { folder: folder.to_owned() });
    }
    library(&String::from_utf8_lossy(&output.stdout), folder)
        .ok_or_else(|| Error::NoModule { folder: folder.to_owned() })
}

/// The package's own module: dependencies come first, and they can be cdylibs too.
fn library(messages: &str, folder: &Path) -> Option<Library> {
    let manifest = folder.canonicalize().ok()?.join("Cargo.toml");
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        if message["reason"] != "compiler-artifact" || Path::new(message["manifest_path"].as_str()?) != manifest {
            return None;
        }
        let files = message["filenames"].as_array()?;
        let module = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
        Some(Library { name: message["target"]["name"].as_str()?.to_owned(), module: PathBuf::from(module) })
    })
}

#[cfg(test)]
mod tests {
    use super::library;
    use std::path::Path;

    #[test]
    fn the_packages_own_module_is_taken() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = folder.join("Cargo.toml");
        let line = |manifest: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{manifest}","target":{{"name":"a_b"}},"filenames":["x.rlib","{file}"]}}"#
            )
        };
        let own = manifest.to_str().expect("a path in UTF-8");
        let messages = [&line("/other/Cargo.toml", "o.wasm"), "no JSON", &line(own, "a_b.wasm")].join("\n");
        let found = library(&messages, folder).expect("the module is there");
        assert_eq!((found.name.as_str(), found.module.as_path()), ("a_b", Path::new("a_b.wasm")));
        assert!(library(&line(own, "a_b.so"), folder).is_none());
    }
}
