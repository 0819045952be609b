//! A child as the host sees it, through its folder. It never owns a process: dropping it changes nothing.

use crate::Error;
use crate::command::Output;
use crate::ending::Ending;
use crate::folder::{Folder, Spec, Started, Status};
use crate::watch::Watch;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Which output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    StandardOutput,
    /// Standard error.
    StandardError,
}

impl Channel {
    /// The file in the child's folder.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::StandardOutput => "stdout",
            Self::StandardError => "stderr",
        }
    }
}

/// How a child stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs, or its shim is about to begin or to end it.
    Running,
    /// It ended, and all its processes with it.
    Ended(Ending),
    /// Its shim was killed, and all its processes with it. What it did is unknown.
    Lost,
}

/// What a child did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It wrote something, 1 byte to 64 KiB.
    Output {
        /// Where.
        channel: Channel,
        /// What.
        content: Vec<u8>,
    },
    /// It ended, and all its kept output was delivered.
    Ended(Ending),
}

/// The most bytes of one output event.
const CHUNK: usize = 64 * 1024;
/// How long a killed child may take to be gone: it may be stuck in the kernel.
const DEATH: Duration = Duration::from_secs(30);

/// A request to a shim: one byte through its FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Request {
    Interrupt = b'i',
    Kill = b'k',
}

/// A handle on a child, with its own place in the child's output.
#[derive(Debug)]
pub struct Child {
    folder: Folder,
    spec: Spec,
    watch: Option<Watch>,
    outputs: [Kept; 2],
    /// Which output is asked first: the one that was not delivered last, so that none starves the other.
    first: usize,
}

/// One output, as far as this handle has read it.
#[derive(Debug)]
struct Kept {
    channel: Channel,
    file: Option<File>,
    offset: u64,
}

impl Child {
    pub(crate) fn new(folder: Folder, spec: Spec) -> Self {
        let kept = |channel| Kept { channel, file: None, offset: 0 };
        let outputs = [kept(Channel::StandardOutput), kept(Channel::StandardError)];
        Self { folder, spec, watch: None, outputs, first: 0 }
    }

    /// The child's folder.
    pub fn directory(&self) -> &Path {
        self.folder.path()
    }

    /// How it stands now.
    pub fn state(&self) -> Result<State, Error> {
        Ok(match self.folder.status()? {
            Status::Running | Status::Nothing => State::Running,
            Status::Ended(ending) => State::Ended(ending),
            Status::Lost => State::Lost,
        })
    }

    /// The guards that this child goes without, one sentence each; empty before it began.
    pub fn degraded(&self) -> Result<Vec<String>, Error> {
        Ok(self.folder.load::<Started>("started")?.map(|started| started.degraded).unwrap_or_default())
    }

    /// Whether it was started by a command like this one, whatever the values of its environment and the bytes of its input
    /// are: a secret may have been replaced since.
    pub fn is_of(&self, command: &crate::Command) -> bool {
        self.spec.is_like(command)
    }

    /// The places that its proxy refused so far, one sentence each with what would allow it; each place once, at most 128
    /// lines. Empty without a proxy.
    pub fn refused(&self) -> Vec<String> {
        crate::refused::read(&self.folder)
    }

    /// The next bytes of an output, at most `limit`; empty where there are none now, and always where it is not kept.
    pub fn read(&mut self, channel: Channel, limit: usize) -> Result<Vec<u8>, Error> {
        let index = usize::from(channel == Channel::StandardError);
        let output = [&self.spec.command.standard_output, &self.spec.command.standard_error][index];
        if *output != Output::Keep {
            return Ok(Vec::new());
        }
        self.outputs[index].read(&self.folder, limit)
    }

    /// Waits for the next event; `None` where none came in time. After the ending it answers the ending again.
    /// Error: `Lost`, after the output that was kept.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Event>, Error> {
        let deadline = Instant::now() + timeout;
        if self.watch.is_none() {
            self.watch = Some(Watch::new(&self.folder));
        }
        loop {
            // Asked before the outputs are read: once it ended, nothing is added to them.
            let state = self.state()?;
            for index in [self.first, 1 - self.first] {
                let channel = self.outputs[index].channel;
                let content = self.read(channel, CHUNK)?;
                if !content.is_empty() {
                    self.first = 1 - index;
                    return Ok(Some(Event::Output { channel, content }));
                }
            }
            match state {
                State::Ended(ending) => return Ok(Some(Event::Ended(ending))),
                State::Lost => return Err(Error::Lost(self.folder.path().to_owned())),
                State::Running if Instant::now() >= deadline => return Ok(None),
                State::Running => {}
            }
            if let Some(watch) = &self.watch {
                watch.sleep(deadline);
            }
        }
    }

    /// Asks the group to stop (SIGINT), and kills it when its grace is over. No error where it has ended.
    pub fn interrupt(&self) -> Result<(), Error> {
        self.request(Request::Interrupt)
    }

    /// Kills every process of it (SIGKILL), and waits until they are gone. No error where it has ended.
    pub fn kill(&self) -> Result<(), Error> {
        let watch = Watch::new(&self.folder);
        let deadline = Instant::now() + DEATH;
        while self.state()? == State::Running {
            // Again each time: a shim that is about to begin has no ear yet.
            self.request(Request::Kill)?;
            if Instant::now() > deadline {
                return Err(Error::Shim(format!("a killed child is still there after {} s", DEATH.as_secs())));
            }
            watch.sleep(deadline);
        }
        Ok(())
    }

    /// Tells the shim. The FIFO has a reader as long as the shim lives, so a process that got its id is never hit.
    fn request(&self, request: Request) -> Result<(), Error> {
        let path = self.folder.file("control");
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(fifo) => match rustix::io::write(&fifo, &[request as u8]) {
                // Full of requests, or the shim is just leaving: either way it needs none.
                Ok(_) | Err(Errno::AGAIN | Errno::PIPE) => Ok(()),
                Err(error) => Err(Error::io("write", &path)(error)),
            },
            // No reader, or none yet: it ended, was lost, or never began.
            Err(Errno::NXIO | Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("open", &path)(error)),
        }
    }
}

impl Kept {
    fn read(&mut self, folder: &Folder, limit: usize) -> Result<Vec<u8>, Error> {
        let path = folder.file(self.channel.file());
        if self.file.is_none() {
            match File::open(&path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(Error::io("open", &path)(error)),
            }
        }
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        // Asking for the size first spares a buffer for every look that finds nothing.
        let size = file.metadata().map_err(Error::io("read", &path))?.len();
        let wanted = usize::try_from(size.saturating_sub(self.offset)).unwrap_or(limit).min(limit);
        let mut content = vec![0; wanted];
        let count = file.read_at(&mut content, self.offset).map_err(Error::io("read", &path))?;
        content.truncate(count);
        self.offset += count as u64;
        Ok(content)
    }
}
