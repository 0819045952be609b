//! What languages import of WASI leads nowhere.

use crate::guest::Attempt;
use crate::module::Module;
use plugin::wit::step;

/// The answers of `get-environment`, `get-arguments` and `get-directories` are lists, whose length is the second word of
/// what they write; each must be 0, or it is a trap.
const RUN: &str = "
    (call $environment (i32.const 64))
    (if (i32.load (i32.const 68)) (then unreachable))
    (call $arguments (i32.const 64))
    (if (i32.load (i32.const 68)) (then unreachable))
    (call $directories (i32.const 64))
    (if (i32.load (i32.const 68)) (then unreachable))
    (i32.const 16)";

/// At 16: `ok(succeeded(\"{}\"))`.
const FIELDS: &str = r#"
    (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
    (data (i32.const 16) "\00\00\00\00\00\00\00\00\30\00\00\00\02\00\00\00")
    (data (i32.const 48) "{}")"#;

const PACKAGES: &str = "
    package wasi:cli@0.2.0 {
        interface environment {
            get-environment: func() -> list<tuple<string, string>>;
            get-arguments: func() -> list<string>;
        }
    }
    package wasi:filesystem@0.2.0 {
        interface types { resource descriptor; }
        interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<own<descriptor>, string>>;
        }
    }";

#[tokio::test]
async fn no_variable_no_argument_and_no_folder() {
    let world = "import wasi:cli/environment@0.2.0; import wasi:filesystem/preopens@0.2.0;";
    let module = Module { run: RUN, fields: FIELDS.to_owned(), world, packages: PACKAGES, ..Module::default() };
    let plugin = module.load().expect("a plugin");
    assert!(plugin.imports().contains(&"wasi:cli/environment".to_owned()), "{:?}", plugin.imports());
    let ended = Attempt::of(plugin, "any").run().await;
    assert!(matches!(&ended.answer, Ok(step::Outcome::Succeeded(text)) if text == "{}"), "{:?}", ended.answer);
}
