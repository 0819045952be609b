//! Plugins written in WebAssembly text: what no compiler would make.

use crate::guest::HOST;
use model::Failure;
use plugin::Plugin;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A core module with these functions' bodies and anything else, as a plugin. What is not given is `unreachable`.
pub(crate) struct Module {
    pub(crate) describe: &'static str,
    pub(crate) run: &'static str,
    /// Further fields of the module: memories, tables, imports, a start function.
    pub(crate) fields: String,
    /// Further imports of its world, in WIT.
    pub(crate) world: &'static str,
    /// Packages that those are of.
    pub(crate) packages: &'static str,
}

impl Default for Module {
    fn default() -> Self {
        Self { describe: "unreachable", run: "unreachable", fields: String::new(), world: "", packages: "" }
    }
}

impl Module {
    /// The component's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { describe, run, fields, world, packages } = self;
        // Imports come before anything else in a module's text; `fields` begins with them.
        let mut module = wat::parse_str(format!(
            r#"(module
                {fields}
                (memory $own (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
                (func (export "tidegate:plugin/plugin@0.1.0#describe") (result i32) {describe})
                (func (export "tidegate:plugin/step@0.1.0#preview") (param i32) (result i32) unreachable)
                (func (export "tidegate:plugin/step@0.1.0#run") (param i32) (result i32) {run})
                (func (export "tidegate:plugin/step@0.1.0#probe") (param i32) (result i32) unreachable)
            )"#
        ))
        .expect("the module's text is sound");
        let mut resolve = Resolve::default();
        resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("wit/ is sound");
        let text = format!(
            "package test:guest;
            world guest {{
                {world}
                export tidegate:plugin/plugin@0.1.0;
                export tidegate:plugin/step@0.1.0;
            }}
            {packages}"
        );
        let package = resolve.push_str("guest.wit", &text).expect("the world is sound");
        let world = resolve.select_world(&[package], Some("guest")).expect("there is one");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it is a module");
        let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("it fits its world");
        encoder.encode().expect("it can be a component")
    }

    pub(crate) fn load(&self) -> Result<Plugin, Failure> {
        HOST.load(&self.encode())
    }
}

/// Adds a core module to a component, with several instances of it. Sections may repeat, so they simply go to the end.
pub(crate) fn with_instances(mut component: Vec<u8>, module: &str, count: u8) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    let modules = sections(&component).filter(|id| *id == CORE_MODULE).count();
    let module = wat::parse_str(module).expect("the module's text is sound");
    section(&mut component, CORE_MODULE, &module);
    // `instantiate MODULE` without arguments, each.
    let index = u8::try_from(modules).expect("few modules");
    let mut instances = vec![count];
    instances.extend([0, index, 0].repeat(count.into()));
    section(&mut component, CORE_INSTANCE, &instances);
    component
}

/// Adds a component to a component, and an instance of it that is given nothing.
pub(crate) fn with_component(mut component: Vec<u8>, inner: &str) -> Vec<u8> {
    const COMPONENT: u8 = 4;
    const INSTANCE: u8 = 5;
    let components = sections(&component).filter(|id| *id == COMPONENT).count();
    let inner = wat::parse_str(inner).expect("the component's text is sound");
    section(&mut component, COMPONENT, &inner);
    let index = u8::try_from(components).expect("few components");
    section(&mut component, INSTANCE, &[1, 0, index, 0]);
    component
}

/// The kinds of a component's sections.
fn sections(component: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = &component[8..];
    std::iter::from_fn(move || {
        let (&kind, after) = rest.split_first()?;
        let last = after.iter().position(|byte| byte & 0x80 == 0)?;
        let length = after[..=last].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        rest = &after[last + 1 + length..];
        Some(kind)
    })
}

fn section(component: &mut Vec<u8>, kind: u8, content: &[u8]) {
    component.push(kind);
    let mut length = content.len();
    while length >= 0x80 {
        component.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(content);
}
