//! `cargo xtask setup`: installs what the build and the tests need, or says exactly what to install.

use crate::{kubernetes, shell};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Something that must be on the machine.
struct Need {
    /// What it is for.
    why: &'static str,
    /// A command that ends well where it is there.
    check: (&'static str, &'static [&'static str]),
    /// Debian's packages that bring it; none where Debian has it not.
    packages: &'static [&'static str],
}

const BUILD: [Need; 4] = [
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
];

/// What the tests run for real, besides.
const TESTS: [Need; 10] = [
    Need {
        why: "python3, which tests run in the jail",
        check: ("python3", &["--version"]),
        packages: &["python3-minimal"],
    },
    Need {
        why: "an SSH server, for the tests of Git over ssh",
        // It ends with a word about its usage, and 1, wherever it is: so look for the file.
        check: ("test", &["-x", "/usr/sbin/sshd"]),
        packages: &["openssh-server"],
    },
    Need { why: "buildah, for the tests of images", check: ("buildah", &["--version"]), packages: &["buildah"] },
    Need { why: "podman, for the tests of images", check: ("podman", &["--version"]), packages: &["podman"] },
    Need {
        why: "a registry, for the tests of images",
        check: ("docker-registry", &["--version"]),
        packages: &["docker-registry"],
    },
    Need {
        why: "skopeo, which looks at images for the tests",
        check: ("skopeo", &["--version"]),
        packages: &["skopeo"],
    },
    Need {
        why: "a static busybox, which the tests put into images",
        check: ("test", &["-x", "/bin/busybox"]),
        packages: &["busybox-static"],
    },
    Need {
        why: "openssl, for the certificate of the tests' cluster",
        check: ("openssl", &["version"]),
        packages: &["openssl"],
    },
    Need {
        why: "kubectl 1.24 or newer, for the tests of clusters: https://kubernetes.io/docs/tasks/tools",
        check: ("kubectl", &["version", "--client"]),
        packages: &[],
    },
    Need {
        why: "terraform, for the tests of its steps: https://developer.hashicorp.com/terraform/install",
        check: ("terraform", &["version"]),
        packages: &[],
    },
];

/// Sets up what the build and the demo need.
pub fn run() -> Result<()> {
    set_up(BUILD.iter())
}

/// And what the tests need.
pub fn run_for_tests() -> Result<()> {
    set_up(BUILD.iter().chain(&TESTS))?;
    kubernetes::set_up()
}

/// Installs Debian's packages, or says which are needed.
pub fn install(packages: &[&str]) -> Result<()> {
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "on Debian or Ubuntu: sudo apt-get install {}\nelsewhere: the packages of the same purpose",
            packages.join(" ")
        );
    }
    apt(&["update", "-q"])?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"][..], packages].concat())
}

fn set_up<'a>(needs: impl Iterator<Item = &'a Need>) -> Result<()> {
    let missing: Vec<&Need> = needs.filter(|need| !shell::succeeds(need.check.0, need.check.1)).collect();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
        let list = missing.iter().map(|need| format!("  {}", need.why)).collect::<Vec<_>>().join("\n");
        if !packages.is_empty() {
            install(&packages).with_context(|| format!("this machine lacks:\n{list}"))?;
        }
        // What Debian has not is told last: all else is there by then.
        let elsewhere: Vec<&str> =
            missing.iter().filter(|need| need.packages.is_empty()).map(|need| need.why).collect();
        if !elsewhere.is_empty() {
            bail!("this machine lacks, and no package of Debian brings:\n  {}", elsewhere.join("\n  "));
        }
    }
    let way = guest::Way::find(&|line| eprintln!("{line}")).context("plugins need a compiler for WebAssembly")?;
    eprintln!("plugins are built by: {way}");
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    shell::run(&mut command)
}
