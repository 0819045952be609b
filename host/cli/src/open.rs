//! Finds the configuration and opens what it describes.

use crate::args::Host;
use crate::builtin::{BUILTIN, SHIM};
use crate::exit::Exit;
use crate::screen::{Colour, Screen};
use engine::{Engine, Options, Settings};
use jail::Shim;
use manifest::{Diagnostic, HostConfig, Source};
use model::{Blame, Failure};
use std::path::{Path, PathBuf};

/// A configuration that was read.
#[derive(Debug)]
pub struct Configuration {
    pub settings: Settings,
    /// As it is written, where there is a file.
    pub host: Option<HostConfig>,
    /// The state folder, where anything says which.
    pub state: Option<PathBuf>,
    /// Its file and what only warns in it, where there is a file.
    pub file: Option<(Source, Vec<Diagnostic>)>,
}

/// The largest file that is read as YAML, in bytes; the reader itself says more about files below that.
const LARGEST: u64 = 64 << 20;

/// Reads a file for checking. Errors name it.
pub fn source(path: &Path) -> Result<Source, Exit> {
    let failed = |e: std::io::Error| {
        let code = if e.kind() == std::io::ErrorKind::NotFound { "not-found" } else { "invalid" };
        Exit::from(Failure::new(Blame::User, code, format!("{}: {e}", path.display())))
    };
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(Failure::new(Blame::User, "invalid", format!("{}: no regular file", path.display())).into());
    }
    let size = meta.len();
    if size > LARGEST {
        let message = format!("{}: the file has {size} bytes; at most {LARGEST} are read", path.display());
        return Err(Failure::new(Blame::User, "too-large", message).into());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Source::from_bytes(path.display().to_string(), bytes)
        .map_err(|diagnostic| Exit::File(Source::new(path.display().to_string(), ""), vec![diagnostic]))
}

/// The configuration's file: the one that `--config` names, or the nearest `tidegate.yaml` from here upward.
pub fn configured(host: &Host) -> Option<PathBuf> {
    const NAME: &str = "tidegate.yaml";
    if host.config.is_some() {
        return host.config.clone();
    }
    // The one here is called by its bare name, as people know it.
    if Path::new(NAME).is_file() {
        return Some(PathBuf::from(NAME));
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().skip(1).map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

/// The configuration that was found, or an empty one. What only warns is a line each: every command says it, and
/// `validate` shows the carets.
pub fn configuration(host: &Host, screen: &Screen) -> Result<Configuration, Exit> {
    let configuration = read(host)?;
    if let Some((source, diagnostics)) = &configuration.file {
        for diagnostic in diagnostics {
            let (line, column) = source.position(diagnostic.span.start);
            let head = screen.paint(Colour::Yellow, &format!("warning[{}]", diagnostic.code));
            screen.note(&format!("{head}: {}:{line}:{column}: {}", source.path, diagnostic.message));
        }
    }
    Ok(configuration)
}

/// The same without a word.
pub fn read(host: &Host) -> Result<Configuration, Exit> {
    let Some(path) = configured(host) else {
        let base = std::env::current_dir().unwrap_or_default();
        let settings = Settings { base, ..Settings::default() };
        return Ok(Configuration { settings, host: None, state: host.state.clone(), file: None });
    };
    let source = source(&path)?;
    let parsed = manifest::host(&source);
    let Some(config) = parsed.value else { return Err(Exit::File(source, parsed.diagnostics)) };
    let full = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let base = full.parent().unwrap_or(Path::new("/")).to_owned();
    let settings = Settings::new(&config, &base);
    let state = host.state.clone().unwrap_or_else(|| base.join(config.state.as_deref().unwrap_or("state")));
    Ok(Configuration { settings, host: Some(config), state: Some(state), file: Some((source, parsed.diagnostics)) })
}

/// The state folder of a machine's user for work without a configuration: beside the repository's objects, where
/// nothing is committed from, else the user's own.
pub fn default_state() -> Result<PathBuf, Exit> {
    let here = std::env::current_dir().map_err(|e| Exit::usage(format!("there is no folder to work in: {e}")))?;
    if let Some(tree) = git::WorkTree::discover(&here).map_err(|e| e.failure())? {
        return Ok(tree.git_folder().join("tidegate"));
    }
    let home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    home.map(|home| home.join("tidegate"))
        .ok_or_else(|| Exit::usage("no state folder: give one with `--state`, or run this in a Git work tree"))
}

/// Opens the engine.
pub fn engine(configuration: Configuration, screen: &Screen) -> Result<Engine, Exit> {
    let state = match configuration.state {
        Some(state) => state,
        None => default_state()?,
    };
    let executable = std::env::current_exe().map_err(|e| Failure::internal(format!("where this program is: {e}")))?;
    let own = Shim::new(executable, vec!["jail-shim".to_owned()]);
    let shim = SHIM.map_or(own.clone(), |carried| Shim::carried(carried, own));
    let options = Options { state, settings: configuration.settings, builtin: BUILTIN, shim, cache: cache() };
    let (engine, warnings) = Engine::open(options)?;
    for warning in warnings {
        screen.note(&format!("warning: {warning}"));
    }
    Ok(engine)
}

/// Compiled plugins are shared by all state folders of a user.
pub fn cache() -> Option<PathBuf> {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    home.filter(|home| home.is_absolute()).map(|home| home.join("tidegate/plugins"))
}

/// The user of this machine.
pub fn system_user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
