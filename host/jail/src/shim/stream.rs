//! A child's standard input and outputs. It never opens a path of the workspace through a link, and never keeps more of an
//! output than its limit.

use super::identity::Identity;
use crate::command::{Command, Input, Output};
use crate::folder::Folder;
use crate::kernel;
use crate::refusal::Refusal;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::fs::{CWD, fchown, fstat, openat, openat2, statat, unlinkat};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Gid, Uid};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The child's ends, as its first three descriptors.
pub struct Streams {
    pub input: File,
    pub output: File,
    pub error: File,
}

/// What the shim keeps of one output.
pub struct Kept {
    /// `None` once every writer is gone.
    pub pipe: Option<OwnedFd>,
    file: File,
    bytes: u64,
    limit: u64,
}

/// What a look at a pipe brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Flow {
    /// Maybe more, later.
    Open,
    /// Nothing more, ever.
    Closed,
    /// More than the limit. What fits was kept.
    Flooded,
}

/// A way within the workspace: no links, nowhere outside.
const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Opens all three.
pub fn open(command: &Command, folder: &Folder, user: Identity) -> Result<(Streams, Vec<Kept>), Refusal> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let workspace = openat(CWD, &command.workspace, flags, Mode::empty())
        .map_err(|error| format!("the workspace {}: {error}", command.workspace.display()))?;
    let input = match &command.input {
        Input::Nothing => null().map_err(|error| format!("/dev/null: {error}"))?,
        Input::Bytes(bytes) => kernel::sealed_file("input", bytes).map_err(|error| format!("the input: {error}"))?,
        Input::File(path) => read_inside(&workspace, path)
            .map_err(|error| Refusal::of_command(&format!("the input `{path}`"), &error))?,
    };
    let mut kept = Vec::new();
    let mut target = |output: &Output, name: &str| {
        let mut open = || match output {
            Output::Discard => null(),
            Output::File(path) => create_inside(&workspace, path, user),
            Output::Keep => {
                let (pipe, end) = pipe_with(PipeFlags::CLOEXEC)?;
                rustix::io::ioctl_fionbio(&pipe, true)?;
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.file(name))?;
                file.set_len(0)?;
                kept.push(Kept { pipe: Some(pipe), file, bytes: 0, limit: command.limits.output_bytes });
                Ok(File::from(end))
            }
        };
        open().map_err(|error| match output {
            Output::File(path) => Refusal::of_command(&format!("the {name} `{path}`"), &error),
            Output::Keep | Output::Discard => Refusal::from(format!("the {name}: {error}")),
        })
    };
    let output = target(&command.standard_output, "stdout")?;
    let error = match (&command.standard_output, &command.standard_error) {
        (Output::File(one), Output::File(other)) if one == other => {
            output.try_clone().map_err(|error| format!("the output `{one}`: {error}"))?
        }
        (_, other) => target(other, "stderr")?,
    };
    Ok((Streams { input, output, error }, kept))
}

fn null() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// A regular file of the workspace, for reading. Non-blocking, since a FIFO would hang the shim.
fn read_inside(workspace: &OwnedFd, path: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat2(workspace, path, flags, Mode::empty(), INSIDE)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(File::from(file))
}

/// A new file of the workspace, in the place of an old one. The old one is unlinked and not truncated: it may have other
/// names elsewhere.
fn create_inside(workspace: &OwnedFd, path: &str, user: Identity) -> io::Result<File> {
    let path = Path::new(path);
    let name = path.file_name().ok_or_else(|| io::Error::other("not the name of a file"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = openat2(workspace, parent, flags, Mode::empty(), INSIDE)?;
    match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            unlinkat(&parent, name, AtFlags::empty())?;
        }
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => return Err(Errno::LOOP.into()),
        Ok(_) => return Err(io::Error::other("exists and is not a regular file")),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&parent, name, flags, Mode::from_raw_mode(0o644))?;
    if user.changes {
        fchown(&file, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    }
    Ok(File::from(file))
}

impl Kept {
    /// Moves what is there now from the pipe to the file, at most one buffer.
    pub fn pump(&mut self, buffer: &mut [u8]) -> io::Result<Flow> {
        let Some(pipe) = &self.pipe else { return Ok(Flow::Closed) };
        let count = match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => {
                self.pipe = None;
                return Ok(Flow::Closed);
            }
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Flow::Open),
            Err(error) => return Err(error.into()),
        };
        let room = usize::try_from(self.limit - self.bytes).unwrap_or(usize::MAX);
        let fitting = count.min(room);
        self.file.write_all(&buffer[..fitting])?;
        self.bytes += fitting as u64;
        Ok(if fitting < count { Flow::Flooded } else { Flow::Open })
    }

    /// Keeps what is left in the pipe when no process can write any more, and makes it durable.
    pub fn finish(&mut self, buffer: &mut [u8]) -> io::Result<Flow> {
        let mut worst = Flow::Closed;
        // A pipe holds little, so a descriptor that was sent out of the jail cannot keep this going for long.
        for _ in 0..64 {
            let before = self.bytes;
            match self.pump(buffer)? {
                Flow::Flooded => worst = Flow::Flooded,
                Flow::Open if self.bytes > before => {}
                _ => break,
            }
        }
        if self.bytes > 0 {
            self.file.sync_data()?;
        }
        Ok(worst)
    }
}
