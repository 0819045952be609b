//! Makes a component of a module, and looks at what it imports.

use crate::Error;
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{WorldItem, WorldKey};

const OURS: &str = "tidegate:plugin/";

/// The interfaces of a component, by full name: `tidegate:plugin/log@0.1.0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// What it needs of its host.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// Wraps, validates, and checks that any host could run it.
pub(crate) fn encode(name: &str, module: &[u8]) -> Result<(Vec<u8>, Interfaces), Error> {
    let fail = |reason: String| Error::Component { name: name.to_owned(), reason };
    // The alternate form of Display is anyhow's line of all causes.
    let bytes = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| fail(format!("{error:#}")))?;
    let interfaces = Interfaces::of(&bytes).map_err(fail)?;
    let foreign: Vec<String> = interfaces.imports.iter().filter(|import| !import.starts_with(OURS)).cloned().collect();
    if !foreign.is_empty() {
        return Err(Error::Imports { name: name.to_owned(), imports: foreign });
    }
    if !interfaces.exports.iter().any(|export| export.starts_with("tidegate:plugin/plugin@")) {
        return Err(Error::NoPlugin { name: name.to_owned() });
    }
    Ok((bytes, interfaces))
}

impl Interfaces {
    /// The imports that no Tidegate host offers.
    pub fn foreign(&self) -> Vec<String> {
        self.imports.iter().filter(|import| !import.starts_with(OURS)).cloned().collect()
    }

    /// Reads them from a component.
    ///
    /// # Errors
    /// Where the bytes are no component, in words.
    pub fn of(component: &[u8]) -> Result<Self, String> {
        let decoded = wit_component::decode(component).map_err(|error| format!("{error:#}"))?;
        let DecodedWasm::Component(resolve, world) = decoded else {
            return Err("it is a WIT package, not a component".to_owned());
        };
        let world = &resolve.worlds[world];
        let name = |(key, item): (&WorldKey, &WorldItem)| match item {
            WorldItem::Interface { .. } => resolve.name_world_key(key),
            WorldItem::Function(function) => format!("function {}", function.name),
            WorldItem::Type { .. } => format!("type {}", resolve.name_world_key(key)),
        };
        Ok(Self {
            imports: world.imports.iter().map(name).collect(),
            exports: world.exports.iter().map(name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Interfaces, encode};
    use crate::Error;

    #[test]
    fn only_our_own_interfaces_may_be_imported() {
        let imports = ["tidegate:plugin/log@0.1.0", "wasi:clocks/wall-clock@0.2.0", "function log"];
        let interfaces = Interfaces { imports: imports.map(str::to_owned).into(), exports: Vec::new() };
        assert_eq!(interfaces.foreign(), ["wasi:clocks/wall-clock@0.2.0", "function log"]);
    }

    #[test]
    fn a_module_that_is_none_is_named() {
        let error = encode("broken", b"\0asm").expect_err("no module");
        assert!(matches!(error, Error::Component { ref name, .. } if name == "broken"), "{error}");
        // A module without a plugin in it is a component that exports nothing.
        let error = encode("empty", b"\0asm\x01\0\0\0").expect_err("no plugin");
        assert!(matches!(error, Error::NoPlugin { .. } | Error::Component { .. }), "{error}");
    }
}
