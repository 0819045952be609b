//! What languages import of WASI leads nowhere.

use crate::guest::Attempt;
use crate::module::Module;
use plugin::wit::step;
use std::time::Duration;

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

/// An hour, in nanoseconds.
pub(crate) const SLEEP: &str = "(call $block (call $subscribe (i64.const 3600000000000))) unreachable";

/// A module that can sleep.
pub(crate) fn sleeper() -> Module {
    let fields = r#"
        (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#;
    let packages = "
        package wasi:io@0.2.0 {
            interface poll { resource pollable { block: func(); } }
        }
        package wasi:clocks@0.2.0 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.0.{pollable};
                subscribe-duration: func(when: u64) -> pollable;
            }
        }";
    let world = "import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;";
    Module { fields: fields.to_owned(), world, packages, ..Module::default() }
}

#[tokio::test]
async fn a_sleep_ends_with_the_wall_limit() {
    let plugin = Module { run: SLEEP, ..sleeper() }.load().expect("a plugin");
    let attempt = Attempt::of(plugin, "any").limits(|limits| limits.wall = Duration::from_millis(50));
    attempt.run().await.ended_by("timed-out", "it took longer than 50 ms");
}

#[tokio::test]
async fn a_flood_of_timers() {
    let run = "(loop (drop (call $subscribe (i64.const 3600000000000))) (br 0)) unreachable";
    let plugin = Module { run, ..sleeper() }.load().expect("a plugin");
    Attempt::of(plugin, "any").run().await.ended_by("exhausted", "it holds too many handles");
}

/// Each answer is a result, whose first byte is 0 where there is what was asked for.
const NETWORK: &str = "
    (call $resolve (call $instance) (i32.const 56) (i32.const 9) (i32.const 80))
    (call $tcp (i32.const 0) (i32.const 88))
    (call $udp (i32.const 0) (i32.const 96))
    (if (i32.eqz (i32.load8_u (i32.const 80))) (then unreachable))
    (if (i32.eqz (i32.load8_u (i32.const 88))) (then unreachable))
    (if (i32.eqz (i32.load8_u (i32.const 96))) (then unreachable))
    (i32.const 16)";

#[tokio::test]
async fn no_socket_and_no_name() {
    let fields = r#"
        (import "wasi:sockets/instance-network@0.2.0" "instance-network" (func $instance (result i32)))
        (import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses" (func $resolve (param i32 i32 i32 i32)))
        (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket" (func $tcp (param i32 i32)))
        (import "wasi:sockets/udp-create-socket@0.2.0" "create-udp-socket" (func $udp (param i32 i32)))
        (data (i32.const 16) "\00\00\00\00\00\00\00\00\30\00\00\00\02\00\00\00")
        (data (i32.const 48) "{}")
        (data (i32.const 56) "localhost")"#;
    let packages = "
        package wasi:sockets@0.2.0 {
            interface network {
                resource network;
                enum error-code {
                    unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                    concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
                    address-not-bindable, address-in-use, remote-unreachable, connection-refused, connection-reset,
                    connection-aborted, datagram-too-large, name-unresolvable, temporary-resolver-failure,
                    permanent-resolver-failure,
                }
                enum ip-address-family { ipv4, ipv6 }
            }
            interface instance-network {
                use network.{network};
                instance-network: func() -> network;
            }
            interface ip-name-lookup {
                use network.{network, error-code};
                resource resolve-address-stream;
                resolve-addresses: func(network: borrow<network>, name: string)
                    -> result<resolve-address-stream, error-code>;
            }
            interface tcp { resource tcp-socket; }
            interface udp { resource udp-socket; }
            interface tcp-create-socket {
                use network.{error-code, ip-address-family};
                use tcp.{tcp-socket};
                create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
            }
            interface udp-create-socket {
                use network.{error-code, ip-address-family};
                use udp.{udp-socket};
                create-udp-socket: func(address-family: ip-address-family) -> result<udp-socket, error-code>;
            }
        }";
    let world = "
        import wasi:sockets/instance-network@0.2.0;
        import wasi:sockets/ip-name-lookup@0.2.0;
        import wasi:sockets/tcp-create-socket@0.2.0;
        import wasi:sockets/udp-create-socket@0.2.0;";
    let module = Module { run: NETWORK, fields: fields.to_owned(), world, packages, ..Module::default() };
    let ended = Attempt::of(module.load().expect("a plugin"), "any").run().await;
    assert!(matches!(&ended.answer, Ok(step::Outcome::Succeeded(text)) if text == "{}"), "{:?}", ended.answer);
}

const PRINT: &str = "
    (call $print (call $stdout) (i32.const 48) (i32.const 4) (i32.const 64))
    (call $print (call $stderr) (i32.const 48) (i32.const 4) (i32.const 64))
    unreachable";

/// It would land between the host's own lines, with whatever escapes it likes.
#[tokio::test]
async fn output_goes_nowhere() {
    const INNER: &str = "TIDEGATE_TEST_PRINTS";
    if std::env::var_os(INNER).is_none() {
        // A process of its own, since what it prints is of interest.
        let mut inner = std::process::Command::new(std::env::current_exe().expect("this test"));
        inner.args(["--exact", "wasi::output_goes_nowhere", "--nocapture"]).env(INNER, "1");
        let output = inner.output().expect("it starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
        assert!(!out.contains("evil") && !err.contains("evil"), "{out}{err}");
        return;
    }
    let fields = r#"
        (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
        (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
            (func $print (param i32 i32 i32 i32)))
        (data (i32.const 48) "evil")"#;
    let packages = "
        package wasi:io@0.2.0 {
            interface error { resource error; }
            interface streams {
                use error.{error};
                variant stream-error { last-operation-failed(error), closed }
                resource output-stream {
                    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                }
            }
        }
        package wasi:cli@0.2.0 {
            interface stdout {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stdout: func() -> output-stream;
            }
            interface stderr {
                use wasi:io/streams@0.2.0.{output-stream};
                get-stderr: func() -> output-stream;
            }
        }";
    let world = "import wasi:cli/stdout@0.2.0; import wasi:cli/stderr@0.2.0; import wasi:io/streams@0.2.0;";
    let module = Module { run: PRINT, fields: fields.to_owned(), world, packages, ..Module::default() };
    let ended = Attempt::of(module.load().expect("a plugin"), "any").run().await;
    ended.ended_by("trapped", "it gave up (a panic, or `unreachable`)");
}
