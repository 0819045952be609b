//! A real Kubernetes API server and etcd for the tests. Those that `KUBEBUILDER_ASSETS` names are used; else Debian's etcd,
//! and an API server built once from Debian's own source package into a cache outside of the repository. Debian ships no
//! binary of it, and builds of others cannot be had everywhere.

use crate::{setup, shell};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The server's file in the cache and in `KUBEBUILDER_ASSETS`.
const SERVER: &str = "kube-apiserver";

/// What the build needs, besides what [`setup`] brings for our own.
const PACKAGES: [&str; 6] = ["dpkg-dev", "golang-github-modern-go-reflect2-dev", "golang-go", "jq", "make", "rsync"];
/// A library of which Kubernetes 1.20 carries a copy that a Go from 1.18 on lets crash where a custom resource is written, and
/// where Debian's package of a newer one puts it.
const REFLECT: &str = "github.com/modern-go/reflect2";
const PACKAGED: &str = "/usr/share/gocode/src";

/// Makes sure that both are there.
pub fn set_up() -> Result<()> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|path| !path.is_empty()) {
        let assets = PathBuf::from(assets);
        for program in [SERVER, "etcd"] {
            let path = assets.join(program);
            ensure!(
                path.is_file(),
                "KUBEBUILDER_ASSETS names `{}`, in which there is no `{program}`",
                assets.display()
            );
        }
        return Ok(());
    }
    if !shell::succeeds("etcd", &["--version"]) {
        setup::install(&["etcd-server"]).context("etcd, for the tests of clusters")?;
    }
    let folder = cache()?.join("kubernetes");
    if folder.join(SERVER).is_file() {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("making `{}`", folder.display()))?;
    let lock = File::create(folder.join("lock")).context("the lock of the cache")?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another process that builds {SERVER}");
        lock.lock().context("the lock of the cache")?;
    }
    // Whoever held the lock has built it.
    if folder.join(SERVER).is_file() {
        return Ok(());
    }
    build(&folder)
}

/// The folder for what is made once a machine; the tests look in the same place (`tests/src/cluster.rs`).
fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = set("TIDEGATE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("tidegate")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/tidegate")));
    folder.context("a cache folder: set TIDEGATE_CACHE")
}

/// Builds the server in a temporary folder within the cache, and moves it into its place at the end.
fn build(folder: &Path) -> Result<()> {
    eprintln!("building {SERVER} from Debian's sources, once: about five minutes on two cores");
    setup::install(&PACKAGES).with_context(|| format!("what {SERVER} is built with; KUBEBUILDER_ASSETS spares it"))?;
    let work = folder.join("build");
    if work.exists() {
        // A build that was interrupted: the lock is ours, so nobody is in it.
        fs::remove_dir_all(&work).context("removing an interrupted build")?;
    }
    let sources = work.join("src/k8s.io");
    fs::create_dir_all(&sources)?;
    fetch(&work.join("apt"), &sources)?;
    // Kubernetes is built at this place of a GOPATH, whatever its version is.
    let tree = sources.join("kubernetes");
    let unpacked = unpacked(&sources)?;
    fs::rename(&unpacked, &tree).with_context(|| format!("moving `{}`", unpacked.display()))?;
    renew(&tree)?;
    let mut make = Command::new("make");
    make.current_dir(&tree).arg("WHAT=cmd/kube-apiserver");
    make.env("GOPATH", &work).env("GOCACHE", work.join("go-cache")).env("GO111MODULE", "off").env("CGO_ENABLED", "0");
    // What cargo and its users set for their own builds is nothing for this one.
    make.env_remove("MAKEFLAGS").env_remove("GOFLAGS").stdout(std::io::stderr());
    shell::run(&mut make)?;
    let built = find(&tree.join("_output/local/bin"))?;
    fs::rename(&built, folder.join(SERVER)).with_context(|| format!("moving `{}`", built.display()))?;
    fs::remove_dir_all(&work).context("removing the build's folder")?;
    eprintln!("{SERVER} is in {}", folder.display());
    Ok(())
}

/// Puts the newer library in the place of the older copy.
fn renew(tree: &Path) -> Result<()> {
    let (from, to) = (Path::new(PACKAGED).join(REFLECT), tree.join("vendor").join(REFLECT));
    let sources = |folder: &Path| -> Result<Vec<PathBuf>> {
        let mut sources = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "go" || end == "s") {
                sources.push(path);
            }
        }
        Ok(sources)
    };
    for old in sources(&to)? {
        fs::remove_file(old)?;
    }
    for new in sources(&from)? {
        fs::copy(&new, to.join(new.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Downloads and unpacks the source package. The machine's own lists stay as they are: apt is given a copy of them to which
/// the sources are added.
fn fetch(apt: &Path, into: &Path) -> Result<()> {
    let lists = apt.join("sources.list.d");
    fs::create_dir_all(&lists)?;
    fs::create_dir_all(apt.join("lists/partial"))?;
    let mut found = vec![PathBuf::from("/etc/apt/sources.list")];
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten() {
        found.push(entry?.path());
    }
    for path in found.iter().filter(|path| path.is_file()) {
        let text = fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
        let text = match path.extension().and_then(|end| end.to_str()) {
            Some("list") => one_line(&text),
            Some("sources") => stanzas(&text),
            _ => continue,
        };
        fs::write(lists.join(path.file_name().unwrap_or_default()), text)?;
    }
    let configuration = apt.join("apt.conf");
    let root = apt.display();
    let text = format!(
        "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{root}/sources.list.d\";\nDir::State::Lists \"{root}/lists\";\n\
         Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n"
    );
    fs::write(&configuration, text)?;
    let run = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.current_dir(into).env("APT_CONFIG", &configuration).args(arguments).stdout(std::io::stderr());
        shell::run(&mut command)
    };
    // Some of the machine's lists may have no sources, which fails here; whether the one that counts has, the next line tells.
    if let Err(error) = run(&["update", "-q"]) {
        eprintln!("{error:#}");
    }
    run(&["source", "-q", "kubernetes"])
}

/// A list of apt's with a line for sources to each one for packages.
fn one_line(text: &str) -> String {
    let sources = text.lines().filter_map(|line| line.trim_start().strip_prefix("deb "));
    sources.fold(String::new(), |list, line| format!("{list}deb {line}\ndeb-src {line}\n"))
}

/// The same in apt's newer form.
fn stanzas(text: &str) -> String {
    let line = |line: &str| if line.starts_with("Types:") { "Types: deb deb-src".to_owned() } else { line.to_owned() };
    text.lines().map(|text| line(text) + "\n").collect()
}

/// The one folder that the package was unpacked into.
fn unpacked(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            return Ok(path);
        }
    }
    bail!("`apt-get source` left no folder in `{}`", folder.display())
}

/// The server below a folder that has one more for each platform.
fn find(folder: &Path) -> Result<PathBuf> {
    let name = OsString::from(SERVER);
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading `{}`", folder.display()))? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => left.push(entry.path()),
                _ if entry.file_name() == name => return Ok(entry.path()),
                _ => {}
            }
        }
    }
    bail!("the build left no `{SERVER}` in `{}`", folder.display())
}

#[cfg(test)]
mod tests {
    use super::{one_line, stanzas};

    #[test]
    fn sources_come_from_where_packages_come_from() {
        let list = "# comment\ndeb https://mirror.example/debian stable main\ndeb-src https://mirror.example/debian stable main\n";
        assert_eq!(
            one_line(list),
            "deb https://mirror.example/debian stable main\ndeb-src https://mirror.example/debian stable main\n"
        );
        let stanza = "Types: deb\nURIs: https://mirror.example/debian\nSuites: stable\n";
        assert_eq!(stanzas(stanza), "Types: deb deb-src\nURIs: https://mirror.example/debian\nSuites: stable\n");
    }
}
