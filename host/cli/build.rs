//! Takes the first-party plugins and the shim, built beforehand, into the binary.

#[path = "build/sources.rs"]
mod sources;

use std::path::Path;
use std::{env, fs};

const PLUGINS: [&str; 7] = ["application", "approval", "directory", "exec", "image", "kustomize", "terraform"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guests = env::var_os("TIDEGATE_GUESTS").map_or_else(|| root.join("target/guests"), Into::into);
    println!("cargo::rerun-if-env-changed=TIDEGATE_GUESTS");
    let lock = guests.join("tidegate.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let mut text = String::from("pub const BUILTIN: engine::Builtin = engine::Builtin {\n");
    let built = PLUGINS.iter().all(|name| guests.join(format!("{name}.cwasm")).is_file());
    if !lock.is_file() || !built {
        println!("cargo::error=the plugins are not built yet: run `cargo xtask guests`, then build again");
        return;
    }
    let path = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    text.push_str(&format!("    lock: include_str!({:?}),\n    components: &[\n", path(&lock)));
    for name in PLUGINS {
        let wasm = guests.join(format!("{name}.wasm"));
        let code = guests.join(format!("{name}.cwasm"));
        for file in [&wasm, &code] {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        let (wasm, code) = (path(&wasm), path(&code));
        text.push_str(
            "        // SAFETY: both files come from `cargo xtask guests`, which compiled one to the other.\n",
        );
        text.push_str(&format!(
            "        unsafe {{ plugin::Carried::new({name:?}, include_bytes!({wasm:?}), include_bytes!({code:?})) }},\n"
        ));
    }
    text.push_str("    ],\n};\n");
    text.push_str(&format!("pub const SHIM: Option<&[u8]> = {};\n", shim(&root, &guests)));
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    if let Err(e) = fs::write(Path::new(&out).join("builtin.rs"), text) {
        println!("cargo::error=the list of plugins cannot be written: {e}");
    }
}

/// The shim as an expression: absent where it is not built of the sources that are there, and the host begins itself as one.
fn shim(root: &Path, guests: &Path) -> String {
    let (program, stamp) = (guests.join("tidegate-jail-shim"), guests.join("tidegate-jail-shim.of"));
    for path in sources::paths(root).iter().chain([&program, &stamp]) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let fresh = sources::stamp(root).is_ok_and(|now| fs::read_to_string(&stamp).is_ok_and(|then| then == now));
    if !fresh || !program.is_file() {
        println!(
            "cargo::warning=the shim is built of other sources, so this host does without: run `cargo xtask guests`"
        );
        return "None".to_owned();
    }
    format!("Some(include_bytes!({:?}))", fs::canonicalize(&program).unwrap_or(program).display().to_string())
}
