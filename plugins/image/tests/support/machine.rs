//! The machine itself behind the plugin's ports: a folder as workspace, sockets, `tar`, native programs.

use super::wire;
use image::digest::Digest;
use image::ports::{Files, Machine, Program, Programs, Request, Response, Transport};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tidegate::Error;
use tidegate::archive::{Compression, Packed, Packing};
use tidegate::workspace::Summary;

/// What an answer is turned into before the plugin sees it; for faults that no registry has on demand.
pub type Fault = Box<dyn Fn(&Request, Response) -> Response>;

/// A machine.
pub struct Native {
    /// The workspace.
    pub root: PathBuf,
    /// Credentials by host.
    pub logins: BTreeMap<String, String>,
    /// Each request as `METHOD URL`, with ` +` where it carried an authorization.
    pub requests: RefCell<Vec<String>>,
    /// What was said.
    pub log: RefCell<Vec<String>>,
    /// What answers are turned into.
    pub faults: RefCell<Option<Fault>>,
}

impl Native {
    /// A machine with this workspace, and no credentials.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            logins: BTreeMap::new(),
            requests: RefCell::default(),
            log: RefCell::default(),
            faults: RefCell::default(),
        }
    }

    /// From now on answers to such requests are turned into something else.
    pub fn fault(&self, method: &'static str, part: &'static str, answer: impl Fn(Response) -> Response + 'static) {
        let fault = move |request: &Request, response| {
            if request.method == method && request.url.contains(part) { answer(response) } else { response }
        };
        self.faults.replace(Some(Box::new(fault)));
    }

    /// Requests that contain a text, and forgets all.
    pub fn taken(&self, text: &str) -> Vec<String> {
        let requests = self.requests.take();
        requests.into_iter().filter(|request| request.contains(text)).collect()
    }
}

impl Transport for Native {
    fn send(&self, request: &Request) -> Result<Response, Error> {
        let login = request.headers.iter().any(|(name, _)| *name == "authorization");
        let line = format!("{} {}{}", request.method, request.url, if login { " +" } else { "" });
        self.requests.borrow_mut().push(line);
        let response = wire::send(request, &self.root)?;
        Ok(match &*self.faults.borrow() {
            Some(fault) => fault(request, response),
            None => response,
        })
    }

    fn login(&self, host: &str) -> Result<Option<String>, Error> {
        Ok(self.logins.get(host).cloned())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::new("internal", error.to_string())
}

impl Files for Native {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(self.root.join(path)) {
            Ok(content) if content.len() > 1 << 20 => Err(Error::new("too-large", path)),
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn is_folder(&self, path: &str) -> Result<bool, Error> {
        Ok(self.root.join(path).is_dir())
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        match fs::read(self.root.join(path)) {
            Ok(content) => Ok(Some(Summary { digest: Digest::of(&content).to_string(), size: content.len() as u64 })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, content)).map_err(failed)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let path = self.root.join(path);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// By copying everything to where it goes, and the machine's own `tar` and `gzip`.
    fn pack(&self, packing: &Packing, to: &str) -> Result<Packed, Error> {
        let stage = self.root.parent().expect("a folder").join("stage");
        let _ = fs::remove_dir_all(&stage);
        fs::create_dir_all(&stage).map_err(failed)?;
        let exclude: Vec<PathBuf> = packing.exclude.iter().map(|path| self.root.join(path)).collect();
        let (mut user, mut group) = (0, 0);
        for item in &packing.items {
            let source = self.root.join(&item.source);
            if !source.exists() {
                return Err(Error::new("not-found", format!("there is no {}", item.source)));
            }
            copy(&source, &stage.join(&item.target), item.mode, &exclude).map_err(failed)?;
            (user, group) = (item.user, item.group);
        }
        let target = self.root.join(to);
        fs::create_dir_all(target.parent().expect("a folder")).map_err(failed)?;
        let tar = target.with_extension("plain");
        let (out, folder) = (tar.display(), stage.display());
        let line = format!(
            "cd {folder} && find . -mindepth 1 | sed 's|^./||' | LC_ALL=C sort | tar --no-recursion --mtime=@{} \
             --owner={user} --group={group} --numeric-owner --format=gnu -cf {out} -T -",
            packing.modified
        );
        shell(&line);
        let content = fs::read(&tar).map_err(failed)?;
        let entries = shell(&format!("tar tf {out}")).lines().count();
        match packing.compression {
            Compression::None => fs::rename(&tar, &target).map_err(failed)?,
            Compression::Gzip => {
                shell(&format!("gzip -n < {out} > {}", target.display()));
                fs::remove_file(&tar).map_err(failed)?;
            }
        }
        let packed = fs::read(&target).map_err(failed)?;
        Ok(Packed {
            digest: Digest::of(&packed).to_string(),
            size: packed.len() as u64,
            content_digest: Digest::of(&content).to_string(),
            entries: u32::try_from(entries).expect("a few"),
        })
    }

    fn unpack(&self, source: &str, to: &str) -> Result<(), Error> {
        let to = self.root.join(to);
        fs::create_dir_all(&to).map_err(failed)?;
        shell(&format!("tar -xf {} -C {}", self.root.join(source).display(), to.display()));
        Ok(())
    }
}

impl Programs for Native {
    fn run(&self, program: &Program) -> Result<(), Error> {
        let mut command = Command::new(program.name);
        command
            .args(&program.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent");
        command.envs(program.environment.iter().copied());
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::new("not-found", format!("there is no {}", program.name)))
            }
            Err(error) => Err(failed(error)),
            Ok(output) => {
                let said =
                    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
                self.log.borrow_mut().push(said.clone());
                if output.status.success() {
                    return Ok(());
                }
                Err(Error::new("exit-status", format!("{} {:?}: {said}", program.name, program.arguments)))
            }
        }
    }
}

impl Machine for Native {
    fn say(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

fn shell(line: &str) -> String {
    super::run("sh", &["-e", "-c", line])
}

fn copy(from: &Path, to: &Path, mode: Option<u32>, exclude: &[PathBuf]) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if exclude.iter().any(|path| path == from) {
        return Ok(());
    }
    let permit = |mode: u32| fs::set_permissions(to, fs::Permissions::from_mode(mode));
    fs::create_dir_all(to.parent().expect("a folder"))?;
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), mode, exclude)?;
        }
        return permit(0o755);
    }
    fs::copy(from, to)?;
    let executable = from.metadata()?.permissions().mode() & 0o111 != 0;
    permit(mode.unwrap_or(if executable { 0o755 } else { 0o644 }))
}
