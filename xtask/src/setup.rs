//! `cargo xtask setup`: installs what the build and the tests need, or says exactly what to install.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Something that must be on the machine.
struct Need {
    /// What it is for.
    why: &'static str,
    /// A command that ends well where it is there.
    check: (&'static str, &'static [&'static str]),
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
}

const NEEDS: [Need; 5] = [
    Need {
        why: "a C compiler, for SQLite, libgit2 and libssh2",
        check: ("cc", &["--version"]),
        packages: &["gcc", "libc6-dev"],
    },
    Need { why: "make, for the C libraries", check: ("make", &["--version"]), packages: &["make"] },
    Need {
        why: "OpenSSL's headers, for Git over https and ssh",
        check: ("pkg-config", &["--exists", "openssl"]),
        packages: &["pkg-config", "libssl-dev"],
    },
    Need { why: "git, for the tests and the demo", check: ("git", &["--version"]), packages: &["git"] },
    Need {
        why: "an SSH server, for the tests of Git over ssh",
        // It ends with a word about its usage, and 1, wherever it is: so look for the file.
        check: ("test", &["-x", "/usr/sbin/sshd"]),
        packages: &["openssh-server"],
    },
];

/// Sets everything up.
pub fn run() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !shell::succeeds(need.check.0, need.check.1)).collect();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
        let list = missing.iter().map(|need| format!("  {}", need.why)).collect::<Vec<_>>().join("\n");
        let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
        if !root || !Path::new("/usr/bin/apt-get").exists() {
            bail!(
                "this machine lacks:\n{list}\non Debian or Ubuntu: sudo apt-get install {}\nelsewhere: the packages of the same purpose",
                packages.join(" ")
            );
        }
        apt(&["update", "-q"])?;
        apt(&[&["install", "-y", "-q", "--no-install-recommends"][..], &packages].concat())?;
    }
    let way = guest::Way::find(&|line| eprintln!("{line}")).context("plugins need a compiler for WebAssembly")?;
    eprintln!("plugins are built by: {way}");
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    shell::run(&mut command)
}
