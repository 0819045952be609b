//! `tidegate render`: the objects of a folder, as the daemon would make them of the same files.

use crate::args::{Host, Render};
use crate::builtin::BUILTIN;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use engine::{Engine, PinnedRenderer, Shelf};
use model::{Blame, Failure};
use plugin::{Library, Plugin, PluginHost};
use reconcile::{Folder, Job, Kept, Offered, Renderers, Renders, Source};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The plugins of this host as renderers.
pub enum Plugins {
    /// By themselves.
    Alone(Box<Shelf>),
    /// Those of an engine.
    Engine(Arc<Engine>),
}

/// Starts an engine with a folder of compiled plugins.
type Start = fn(Option<&Path>) -> Result<(PluginHost, Option<String>), Failure>;

impl Plugins {
    /// Those of the binary and of the configuration, without a state folder: nothing is recorded.
    pub fn open(host: &Host, screen: &Screen) -> Result<Self, Exit> {
        Self::with(PluginHost::new, host, screen)
    }

    /// The same for one render.
    pub fn once(host: &Host, screen: &Screen) -> Result<Self, Exit> {
        Self::with(PluginHost::once, host, screen)
    }

    fn with(start: Start, host: &Host, screen: &Screen) -> Result<Self, Exit> {
        let open::Configuration { settings, state, .. } = open::configuration(host, screen)?;
        let (engine, warning) = start(open::cache().as_deref())?;
        if let Some(warning) = warning {
            screen.note(&format!("warning: {warning}"));
        }
        // Without a configuration there are only the binary's plugins, which are in no folder. Looking for one would begin libgit2
        // and OpenSSL, which take longer than rendering does.
        let library = Library::new(&state.unwrap_or_default().join("plugins"));
        Ok(Self::Alone(Box::new(Shelf::new(engine, library, BUILTIN, &settings)?)))
    }

    fn shelf(&self) -> &Shelf {
        match self {
            Self::Alone(shelf) => shelf,
            Self::Engine(engine) => engine.shelf(),
        }
    }
}

impl Renderers for Plugins {
    fn find(&self, name: &str) -> Result<Offered, Failure> {
        let PinnedRenderer { plugin, renderer, digest, grant } = self.shelf().pin_renderer(name)?;
        Ok(Offered { plugin, renderer, digest, grant })
    }

    fn load(&self, offered: &Offered) -> Result<Arc<Plugin>, Failure> {
        self.shelf().component(&offered.plugin, &offered.digest)
    }
}

pub async fn render(host: &Host, wanted: &Render, screen: &Screen) -> Result<u8, Exit> {
    let (root, path) = place(wanted)?;
    let renders = Renders::new(Arc::new(Plugins::once(host, screen)?), Kept::in_memory());
    let files = Arc::new(Folder::open(&root)?);
    let source = Source { name: "main".to_owned(), repository: String::new(), commit: String::new(), files };
    let job = Job {
        application: String::new(),
        namespace: wanted.namespace.clone().unwrap_or_default(),
        path,
        sources: vec![source],
        elsewhere: None,
        renderer: wanted.renderer.clone(),
        parameters: json!({}),
        warnings: Vec::new(),
    };
    let rendered = renders.render(&job).await.map_err(|failure| placed(&root, failure))?;
    for warning in &rendered.warnings {
        screen.note(&format!("warning: {warning}"));
    }
    if screen.json {
        screen
            .document(&json!({"renderer": rendered.renderer, "digest": rendered.result, "warnings": rendered.warnings,
            "manifests": rendered.manifests}));
    } else {
        screen.exact(&rendered.manifests);
    }
    Ok(0)
}

/// The folder whose files may be read, and the path in it: the Git work tree that the path is in; else the folder here, or
/// the path itself where it is not below.
fn place(wanted: &Render) -> Result<(PathBuf, String), Exit> {
    let found = |path: &Path| {
        path.canonicalize().map_err(|e| {
            let code = if e.kind() == std::io::ErrorKind::NotFound { "not-found" } else { "invalid" };
            Exit::from(Failure::new(Blame::User, code, format!("{}: {e}", path.display())))
        })
    };
    let mut full = found(&wanted.path)?;
    // As with `kustomize build`, a file's name may stand for its folder.
    if full.is_file() {
        full.pop();
    }
    let root = match &wanted.root {
        Some(root) => found(root)?,
        None => {
            let versioned = full.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
            let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
            versioned.or_else(|| here.filter(|here| full.starts_with(here))).unwrap_or_else(|| full.clone())
        }
    };
    let outside = || Exit::usage(format!("{} is not below {}", full.display(), root.display()));
    let path = full.strip_prefix(&root).map_err(|_| outside())?;
    let path = path.to_str().ok_or_else(|| Exit::usage(format!("{} is no UTF-8", full.display())))?;
    Ok((root.clone(), path.to_owned()))
}

/// A failure with its file as people and editors find it.
fn placed(root: &Path, failure: Failure) -> Exit {
    let details = failure.details.as_ref();
    let text = |key: &str| details.and_then(|details| details.get(key)).and_then(|value| value.as_str());
    let number = |key: &str| details.and_then(|details| details.get(key)).and_then(|value| value.as_u64());
    let Some(path) = text("path").filter(|path| !failure.message.contains(path)) else { return failure.into() };
    let mut place = shown(&root.join(path));
    if let Some(line) = number("line") {
        place.push_str(&format!(":{line}"));
        place.extend(number("column").map(|column| format!(":{column}")));
    }
    Failure { message: format!("{place}: {}", failure.message), ..failure }.into()
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    relative.display().to_string()
}
