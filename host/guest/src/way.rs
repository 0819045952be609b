//! The ways to compile for `wasm32-unknown-unknown`, in the order in which they are tried.

use crate::Error;
use crate::cargo::clean;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every guest is compiled for: a target without a system, so nothing is imported that a plugin does not ask for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
pub(crate) const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// How a module is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the toolchain in `PATH`, which has the target.
    Installed,
    /// By the toolchain in `PATH`, to which rustup has just added the target.
    Rustup,
    /// By Debian's compiler, which builds the standard library from its source package as well.
    Debian,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Installed => "installed target",
            Self::Rustup => "target added by rustup",
            Self::Debian => "Debian's rustc with its own standard library",
        })
    }
}

impl Way {
    /// The first way that works here. Installs the target or Debian's packages where that is what it takes and
    /// allowed: the latter only as root.
    ///
    /// # Errors
    /// Where there is none, with what each lacks.
    pub fn find(progress: &dyn Fn(&str)) -> Result<Self, Error> {
        if target_installed() {
            return Ok(Self::Installed);
        }
        let mut tried = vec![format!("the toolchain in PATH lacks {TARGET}")];
        match add_by_rustup(progress) {
            Ok(()) => return Ok(Self::Rustup),
            Err(reason) => tried.push(reason),
        }
        match debian(progress) {
            Ok(()) => return Ok(Self::Debian),
            Err(reason) => tried.push(reason),
        }
        Err(Error::NoWay { tried: tried.join("; ") })
    }
}

fn target_installed() -> bool {
    sysroot("rustc").is_some_and(|sysroot| sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn sysroot(rustc: &str) -> Option<PathBuf> {
    let output = clean(Command::new(rustc)).args(["--print", "sysroot"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}

fn add_by_rustup(progress: &dyn Fn(&str)) -> Result<(), String> {
    if !quiet(clean(Command::new("rustup")).arg("--version")) {
        return Err("there is no rustup".to_owned());
    }
    progress(&format!("rustup target add {TARGET}"));
    let added = clean(Command::new("rustup")).args(["target", "add", TARGET]).stdout(Stdio::null()).status();
    match added {
        // The `rustc` in PATH need not be rustup's.
        Ok(status) if status.success() && target_installed() => Ok(()),
        Ok(status) if status.success() => Err("rustup added the target to a toolchain that is not in PATH".to_owned()),
        Ok(_) => Err("rustup could not add it".to_owned()),
        Err(error) => Err(format!("rustup does not start: {error}")),
    }
}

fn debian(progress: &dyn Fn(&str)) -> Result<(), String> {
    if debian_lacks().is_none() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err("this is no Debian".to_owned());
    }
    if !is_root() {
        let packages = PACKAGES.join(" ");
        let lacks = debian_lacks().unwrap_or_default();
        return Err(format!("{lacks} is missing (of the packages {packages} and lld), and only root can install it"));
    }
    apt(&["update", "-q"], progress)?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"][..], &PACKAGES].concat(), progress)?;
    // The linker must be of the compiler's own LLVM, which is known only now.
    if linker().is_none()
        && let Some(version) = llvm()
    {
        apt(&["install", "-y", "-q", "--no-install-recommends", &format!("lld-{version}")], progress)?;
    }
    debian_lacks().map_or(Ok(()), |lacks| Err(format!("Debian's packages are installed, but {lacks} is missing")))
}

fn apt(arguments: &[&str], progress: &dyn Fn(&str)) -> Result<(), String> {
    progress(&format!("apt-get {}", arguments.join(" ")));
    let mut command = clean(Command::new("apt-get"));
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`apt-get {}` failed", arguments.join(" "))),
    }
}

/// What is missing of the compiler, cargo, the linker and the source of the standard library, where `-Zbuild-std`
/// looks for it; absent where nothing is.
fn debian_lacks() -> Option<String> {
    let Some(root) = sysroot(DEBIAN_RUSTC) else { return Some(DEBIAN_RUSTC.to_owned()) };
    if !Path::new(DEBIAN_CARGO).exists() {
        return Some(DEBIAN_CARGO.to_owned());
    }
    let source = root.join("lib/rustlib/src/rust/library/Cargo.lock");
    if !source.exists() {
        return Some(source.display().to_string());
    }
    linker().is_none().then(|| format!("a linker (rust-lld or wasm-ld-{})", llvm().unwrap_or_default()))
}

/// The major version of the LLVM in Debian's compiler.
fn llvm() -> Option<String> {
    let output = clean(Command::new(DEBIAN_RUSTC)).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next().map(str::to_owned)
}

/// Debian packages the linker apart from the compiler, under one of two names.
fn linker() -> Option<String> {
    let names = [Some("rust-lld".to_owned()), llvm().map(|version| format!("wasm-ld-{version}"))];
    names.into_iter().flatten().find(|name| {
        let mut command = Command::new(name);
        // rust-lld is several linkers in one, and asks which.
        if name == "rust-lld" {
            command.args(["-flavor", "wasm"]);
        }
        quiet(command.arg("--version"))
    })
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Makes the command build by this way.
pub(crate) fn cargo(way: Way) -> Command {
    match way {
        Way::Installed | Way::Rustup => clean(Command::new("cargo")),
        Way::Debian => {
            let mut command = clean(Command::new(DEBIAN_CARGO));
            // A stable compiler refuses `-Z` otherwise.
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", DEBIAN_RUSTC);
            if let Some(linker) = linker() {
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            }
            command
        }
    }
}
