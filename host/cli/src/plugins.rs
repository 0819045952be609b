//! `tidegate plugin …`.

use crate::args::{Host, Plugin};
use crate::exit::Exit;
use crate::open;
use crate::screen::{Colour, Screen};
use guest::Builder;
use model::{Blame, Failure};
use plugin::{Lock, Locked, PluginHost, Silent};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

pub async fn plugin(host: &Host, command: Plugin, screen: &Screen) -> Result<u8, Exit> {
    match command {
        Plugin::Build { folder, to } => build(&folder, &to, screen),
        Plugin::Inspect { plugin } => inspect(host, &plugin, screen).await,
        Plugin::Lock { accept } => lock(host, accept, screen).await,
    }
}

fn build(folder: &Path, to: &Path, screen: &Screen) -> Result<u8, Exit> {
    let progress = |line: &str| screen.note(line);
    let built = Builder::new(&to.join("build"), &progress).build(folder, to).map_err(|e| {
        let text = std::error::Error::source(&e).map_or_else(|| e.to_string(), |source| format!("{e}: {source}"));
        Failure::new(Blame::User, "invalid", text)
    })?;
    if screen.json {
        screen.document(&json!({"name": built.name, "path": built.path, "size": built.size,
            "imports": built.interfaces.imports, "exports": built.interfaces.exports}));
    } else {
        screen.out(&format!("{}  {} KiB", built.path.display(), built.size.div_ceil(1024)));
        screen.out(&format!("  imports {}", built.interfaces.imports.join(" ")));
    }
    Ok(0)
}

/// Loads and describes a component.
async fn described(host: &PluginHost, wasm: &[u8], source: &str) -> Result<(String, Locked), Exit> {
    // What somebody handed to a command is a bad file, whoever made it.
    let named = |f: Failure| Failure { message: format!("{source}: {}", f.message), blame: Blame::User, ..f };
    let plugin = host.load(wasm).map_err(named)?;
    let description = plugin.describe(Arc::new(Silent)).await.map_err(named)?;
    Locked::new(source, &plugin, description).map_err(|all| {
        let text = all.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; ");
        Exit::from(Failure::new(Blame::User, "invalid", format!("{source}: {text}")))
    })
}

async fn inspect(host: &Host, wanted: &str, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let (name, locked) = if Path::new(wanted).is_file() {
        let wasm = std::fs::read(wanted)?;
        described(&PluginHost::new(None)?.0, &wasm, wanted).await?
    } else {
        let offers = engine::Offers::new(crate::builtin::BUILTIN, &configuration.settings)?;
        let Lock { plugins, .. } = offers.0;
        let known = plugins.keys().cloned().collect::<Vec<_>>().join(", ");
        let missing = || {
            Failure::new(
                Blame::User,
                "not-found",
                format!("there is no file and no plugin `{wanted}`; there are {known}"),
            )
        };
        plugins.into_iter().find(|(name, _)| name == wanted).ok_or_else(missing)?
    };
    if screen.json {
        screen.document(&json!({"name": name, "plugin": locked}));
        return Ok(0);
    }
    screen.out(&format!("{} {}  {}", screen.paint(Colour::Bold, &name), locked.version, locked.summary));
    screen.out(&format!("  digest   {}", locked.digest));
    screen.out(&format!("  imports  {}", locked.imports.join(" ")));
    for offer in &locked.offers {
        let crash = if offer.idempotent { "is run again after a crash" } else { "is probed after a crash" };
        screen.out(&format!(
            "  {} {}: {} ({crash})",
            offer.role,
            screen.paint(Colour::Bold, &offer.name),
            offer.summary
        ));
        for capability in &offer.capabilities {
            screen.out(&format!("    wants {} {}: {}", capability.name, capability.scope, capability.reason));
        }
    }
    Ok(0)
}

async fn lock(host: &Host, accept: bool, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let settings = configuration.settings.clone();
    let path = settings.lock.clone().unwrap_or_else(|| settings.base.join("tidegate.lock"));
    let old = match std::fs::read_to_string(&path) {
        Ok(text) => Lock::parse(&text)?,
        Err(_) => Lock::default(),
    };
    if settings.sources.is_empty() {
        return Err(Exit::usage("the configuration names no plugins: write `spec.plugins.sources` in tidegate.yaml"));
    }
    let (plugins, _) = PluginHost::new(None)?;
    let mut new = Lock::default();
    let mut bytes = Vec::new();
    for (name, from) in &settings.sources {
        let file = settings.base.join(from);
        let wasm = std::fs::read(&file).map_err(|e| {
            Failure::new(Blame::User, "not-found", format!("the plugin `{name}`: {}: {e}", file.display()))
        })?;
        let (said, locked) = described(&plugins, &wasm, from).await?;
        if said != *name {
            let message = format!("the plugin `{name}` of the configuration calls itself `{said}`");
            return Err(Failure::new(Blame::User, "invalid", message).hint("use the name that it gives itself").into());
        }
        new.plugins.insert(name.clone(), locked);
        bytes.push(wasm);
    }
    let (mut changed, mut list) = (old != new, Vec::new());
    for (name, locked) in &new.plugins {
        let state = match old.plugins.get(name) {
            None => "new",
            Some(known) if known.digest != locked.digest => "changed",
            Some(known) if known != locked => "changed",
            Some(_) => "as locked",
        };
        let (wants, granted) = (locked.wants(), settings.grants.get(name).cloned().unwrap_or_default());
        let allowed = access_covers(&granted, &wants);
        list.push(json!({"plugin": name, "state": state, "digest": locked.digest, "wants": wants, "granted": granted, "covered": allowed}));
        if !screen.json {
            screen.out(&format!("{} {}  {state}", screen.paint(Colour::Bold, name), locked.digest.short()));
            screen.out(&format!("  wants    {}", serde_json::to_string(&wants).unwrap_or_default()));
            screen.out(&format!("  granted  {}", serde_json::to_string(&granted).unwrap_or_default()));
            if !allowed {
                let text = "  it wants more than it is granted: what is missing will be denied";
                screen.out(&screen.paint(Colour::Yellow, text));
            }
        }
    }
    for name in old.plugins.keys().filter(|name| !new.plugins.contains_key(*name)) {
        changed = true;
        if !screen.json {
            screen.out(&format!("{} is no longer configured", screen.paint(Colour::Bold, name)));
        }
    }
    if accept {
        // Also where the lock is as it was: a committed lock may meet a new state folder.
        let engine = open::engine(configuration, screen)?;
        for wasm in &bytes {
            engine.shelf().library().keep(wasm)?;
        }
        if changed {
            write(&path, &new.to_text())?;
        }
    }
    if screen.json {
        screen.document(&json!({"lock": path, "changed": changed, "written": accept && changed, "plugins": list}));
    } else if changed && accept {
        screen.out(&format!("wrote {}", path.display()));
    } else if changed {
        screen.out("nothing was changed; `tidegate plugin lock --accept` writes the lock");
    } else {
        screen.out("the lock is up to date");
    }
    Ok(0)
}

/// Whether a grant narrowed by what is wanted is still all that is wanted.
fn access_covers(granted: &model::Grant, wants: &model::Grant) -> bool {
    access::narrow::narrow(granted, wants) == access::narrow::narrow(wants, wants)
}

/// Replaces a file whole: a crash leaves the old one.
fn write(path: &Path, text: &str) -> Result<(), Exit> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |e: std::io::Error| {
        Exit::from(Failure::new(Blame::Upstream, "unavailable", format!("{} cannot be written: {e}", path.display())))
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}
