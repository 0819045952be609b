//! What the plugin asks of the outside, as traits: the host in a component, the machine itself in tests. Content goes by
//! paths of the workspace and never through here, but for manifests.

use tidegate::Error;
use tidegate::archive::{Packed, Packing};
use tidegate::workspace::Summary;

pub use tidegate::http::Response;

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file of the workspace.
    File(String),
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT`…
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// In order.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Body,
    /// How many redirects to follow. The `authorization` must not go to another host with them.
    pub redirects: u32,
    /// The file of the workspace that takes the answer's body.
    pub save: Option<String>,
}

/// Sends requests.
pub trait Transport {
    /// Sends one and waits for the answer, of any status.
    ///
    /// # Errors
    /// Where there is no answer.
    fn send(&self, request: &Request) -> Result<Response, Error>;

    /// The value of an `authorization` header for a host, or what stands for it; absent where there is no credential.
    ///
    /// # Errors
    /// Where it cannot be had.
    fn login(&self, host: &str) -> Result<Option<String>, Error>;
}

/// Files of the workspace.
pub trait Files {
    /// A small file; absent where there is nothing.
    ///
    /// # Errors
    /// The host's.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Whether there is a folder.
    ///
    /// # Errors
    /// The host's.
    fn is_folder(&self, path: &str) -> Result<bool, Error>;

    /// The digest and size of a file; absent where there is nothing.
    ///
    /// # Errors
    /// The host's.
    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error>;

    /// Writes a small file, with the folders above it.
    ///
    /// # Errors
    /// The host's.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error>;

    /// Removes a file or a folder with all it holds, if it is there.
    ///
    /// # Errors
    /// The host's.
    fn remove(&self, path: &str) -> Result<(), Error>;

    /// Packs files into an archive.
    ///
    /// # Errors
    /// The host's.
    fn pack(&self, packing: &Packing, to: &str) -> Result<Packed, Error>;

    /// Unpacks an archive into a folder.
    ///
    /// # Errors
    /// The host's.
    fn unpack(&self, source: &str, to: &str) -> Result<(), Error>;
}

/// A native program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What makes it the same child when the step is run again.
    pub key: String,
    /// Its name in the grant.
    pub name: &'static str,
    /// Without its name.
    pub arguments: Vec<String>,
    /// Its variables.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// Runs native programs.
pub trait Programs {
    /// Runs one to its end. What it prints goes to the log.
    ///
    /// # Errors
    /// `not-found` where the machine has no such program, `denied` where no grant names it; that it failed.
    fn run(&self, program: &Program) -> Result<(), Error>;
}

/// Requests, files and the step's log.
pub trait Machine: Transport + Files {
    /// A line of the log.
    fn say(&self, line: &str);
}
