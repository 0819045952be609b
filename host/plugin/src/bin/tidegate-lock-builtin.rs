//! Locks and compiles the first-party components of a folder: writes `FOLDER/tidegate.lock` and a `.cwasm` beside each, which
//! the binary carries. A build tool.

use plugin::{Lock, Locked, PluginHost, Silent};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: tidegate-lock-builtin FOLDER");
        return ExitCode::from(2);
    };
    match lock(Path::new(&folder)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn lock(folder: &Path) -> Result<(), String> {
    let (host, _) = PluginHost::new(None).map_err(|e| e.message)?;
    let mut lock = Lock::default();
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "wasm"))
    {
        let place = |message: String| format!("{}: {message}", path.display());
        let wasm = std::fs::read(&path).map_err(|e| place(e.to_string()))?;
        let code = PluginHost::compile(&wasm).map_err(|e| place(e.message))?;
        write(&path.with_extension("cwasm"), &code)?;
        let plugin = host.load(&wasm).map_err(|e| place(e.message))?;
        let description = plugin.describe(Arc::new(Silent)).await.map_err(|e| place(e.message))?;
        let (name, locked) = Locked::new("builtin", &plugin, description)
            .map_err(|all| place(all.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; ")))?;
        lock.plugins.insert(name, locked);
    }
    write(&folder.join("tidegate.lock"), lock.to_text().as_bytes())
}

/// Left alone where nothing changed, so that nothing is built anew for it.
fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    std::fs::write(path, content).map_err(|e| format!("{}: {e}", path.display()))
}
