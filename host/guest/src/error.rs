//! Why a guest cannot be built.

use std::io;
use std::path::PathBuf;

/// Why a guest cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine compiles nothing for `wasm32-unknown-unknown`.
    #[error(
        "there is no way to compile for wasm32-unknown-unknown here: {tried}\n\
         hint: install the target with `rustup target add wasm32-unknown-unknown`, or on Debian \
         `apt-get install rustc-web cargo-web rust-web-src` and the `lld` of the version that `rustc -vV` names as LLVM's"
    )]
    NoWay {
        /// What each way lacks.
        tried: String,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The compiler refused; its own words went to standard error.
    #[error("the package in {} does not compile for wasm32-unknown-unknown", folder.display())]
    Compile {
        /// The package's folder.
        folder: PathBuf,
    },
    /// The package makes no module.
    #[error(
        "the package in {} makes no WebAssembly module\nhint: say `crate-type = [\"cdylib\"]` under `[lib]` in its \
         Cargo.toml",
        folder.display()
    )]
    NoModule {
        /// The package's folder.
        folder: PathBuf,
    },
    /// The module could not be wrapped.
    #[error("the module of `{name}` is no component: {reason}")]
    Component {
        /// Which guest.
        name: String,
        /// Why, with all causes.
        reason: String,
    },
    /// The component asks for more than a Tidegate host offers.
    #[error(
        "the component `{name}` imports {}, but may import only interfaces of tidegate:plugin\nhint: a crate that it \
         uses reaches for the system (time, randomness, files); turn that feature off, or ask the host",
        imports.join(", ")
    )]
    Imports {
        /// Which guest.
        name: String,
        /// What no host offers.
        imports: Vec<String>,
    },
    /// The component is no plugin.
    #[error("the component `{name}` does not export tidegate:plugin/plugin\nhint: use the SDK's macro `plugin!`")]
    NoPlugin {
        /// Which guest.
        name: String,
    },
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
