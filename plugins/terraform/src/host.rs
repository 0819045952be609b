//! What a step asks of the world, as a trait: the steps' logic is tested with the real tool on a real folder, without the
//! host. Nothing is decided here.

use crate::invocation::Invocation;
use tidegate::archive::{self, Compression, Item};
use tidegate::artifact::{self, Label};
use tidegate::bindings::tidegate::plugin::artifact_read;
use tidegate::process::{Channel, Child, Command, Ending, Output};
use tidegate::workspace::{self, Entry, Summary};
use tidegate::{Error, clock, log};

/// A host.
pub trait Host {
    /// Begins a command, or finds the child that its key began before.
    ///
    /// # Errors
    /// `not-found`, `denied`, `conflict`, `exhausted`, `cancelled`, `unavailable`.
    fn start<'a>(&'a self, invocation: &Invocation) -> Result<Box<dyn Running + 'a>, Error>;

    /// A file of the workspace.
    ///
    /// # Errors
    /// `denied`, `invalid`, `too-large`.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error>;

    /// A folder of the workspace.
    ///
    /// # Errors
    /// `denied`, `invalid`, `too-large`.
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error>;

    /// Digest and size of a file.
    ///
    /// # Errors
    /// `denied`, `invalid`.
    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error>;

    /// Writes a file of the workspace.
    ///
    /// # Errors
    /// `denied`, `invalid`, `too-large`, `exhausted`.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error>;

    /// Removes a file or a folder.
    ///
    /// # Errors
    /// `denied`.
    fn remove(&self, path: &str) -> Result<(), Error>;

    /// Packs all of the workspace but these paths into a file.
    ///
    /// # Errors
    /// Those of `archive.pack`.
    fn pack(&self, exclude: Vec<String>, to: &str) -> Result<(), Error>;

    /// Unpacks a file over the workspace.
    ///
    /// # Errors
    /// Those of `archive.unpack`.
    fn unpack(&self, source: &str) -> Result<(), Error>;

    /// A part of an artifact.
    ///
    /// # Errors
    /// `denied`, `not-found`.
    fn read_artifact(&self, digest: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error>;

    /// Puts an artifact into the workspace.
    ///
    /// # Errors
    /// `denied`, `not-found`, `exhausted`.
    fn extract(&self, digest: &str, path: &str) -> Result<(), Error>;

    /// Stores bytes.
    ///
    /// # Errors
    /// `denied`, `too-large`, `exhausted`, `cancelled`.
    fn store(&self, label: &Label, content: &[u8]) -> Result<String, Error>;

    /// Stores a file of the workspace.
    ///
    /// # Errors
    /// `denied`, `not-found`, `exhausted`, `cancelled`.
    fn store_file(&self, label: &Label, path: &str) -> Result<String, Error>;

    /// Milliseconds since 1970.
    ///
    /// # Errors
    /// `bug`.
    fn now(&self) -> Result<u64, Error>;

    /// A line for everybody.
    fn info(&self, line: &str);

    /// A line about something odd.
    fn warn(&self, line: &str);

    /// A line about something that failed.
    fn error(&self, line: &str);

    /// How far a task is.
    fn progress(&self, task: &str, done: u32, total: u32);
}

/// A command that was begun. Dropping it ends it.
pub trait Running {
    /// Waits for its end and hands over its output, from the first byte on.
    ///
    /// # Errors
    /// `cancelled`, `unavailable`.
    fn wait(&mut self, each: &mut dyn FnMut(Channel, &[u8])) -> Result<Ending, Error>;
}

impl Running for Child {
    fn wait(&mut self, each: &mut dyn FnMut(Channel, &[u8])) -> Result<Ending, Error> {
        // A cancel interrupts the child once, by the host; it is read to its end, for it is saving its state.
        self.wait_with(|chunk| each(chunk.channel, &chunk.content))
    }
}

/// The host that loaded the plugin.
#[derive(Clone, Copy, Debug)]
pub struct Tidegate;

impl Host for Tidegate {
    fn start<'a>(&'a self, invocation: &Invocation) -> Result<Box<dyn Running + 'a>, Error> {
        let (line, directory) = invocation.line()?;
        let mut command =
            Command::of(&line).directory(directory).standard_output(Output::Events).standard_error(Output::Events);
        command = command.grace(invocation.grace());
        for (name, value) in &invocation.environment {
            command = command.variable(name, value);
        }
        Ok(Box::new(command.start(&invocation.key)?))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        workspace::read(path)
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        workspace::entries(path)
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        workspace::summarise(path)
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        workspace::write(path, content)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        workspace::remove(path)
    }

    fn pack(&self, exclude: Vec<String>, to: &str) -> Result<(), Error> {
        // Not compressed: a preview reads manifest and Markdown out of the middle.
        archive::pack_items(vec![Item::new("", "")], exclude, Compression::None, to).map(drop)
    }

    fn unpack(&self, source: &str) -> Result<(), Error> {
        archive::unpack(source, "").map(drop)
    }

    fn read_artifact(&self, digest: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        artifact_read::read(digest, offset, length)
    }

    fn extract(&self, digest: &str, path: &str) -> Result<(), Error> {
        artifact::extract(digest, path)
    }

    fn store(&self, label: &Label, content: &[u8]) -> Result<String, Error> {
        artifact::store(label, content)
    }

    fn store_file(&self, label: &Label, path: &str) -> Result<String, Error> {
        artifact::store_file(label, path)
    }

    fn now(&self) -> Result<u64, Error> {
        clock::now()
    }

    fn info(&self, line: &str) {
        log::info(line);
    }

    fn warn(&self, line: &str) {
        log::warn(line);
    }

    fn error(&self, line: &str) {
        log::error(line);
    }

    fn progress(&self, task: &str, done: u32, total: u32) {
        log::progress(task, done, total, "resources");
    }
}
