//! What the command line and the daemon say to each other over the socket: one JSON value a line. The command line sends what it
//! was called with; the daemon carries that out and sends back what is to be printed.

use crate::screen::Word;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest line, in bytes: arguments are short, and what is printed comes in pieces.
const LONGEST: usize = 64 << 20;

/// What a command line asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The version of who asks: another one may mean something else by the same words.
    pub version: String,
    /// What it was called with; empty to ring the bell: something was written into the journal.
    pub arguments: Vec<String>,
    /// Where it is.
    pub folder: PathBuf,
    /// Whether its standard error takes colour.
    pub colour: bool,
    /// Whether its standard output takes colour.
    pub out_colour: bool,
    /// Whether its standard output is a terminal.
    pub out_terminal: bool,
}

/// What it says later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Later {
    /// Somebody pressed Ctrl-C.
    Interrupt,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// To be printed.
    Say(Word),
    /// It is done, with this exit code.
    Exit(u8),
}

/// Sends a value.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// Receives a value; `None` where the other one is gone. Errors: a line that is too long, or not understood.
pub async fn receive<T: serde::de::DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> std::io::Result<Option<T>> {
    use tokio::io::AsyncReadExt as _;
    let mut line = Vec::new();
    let read = from.take(LONGEST as u64).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line that has no end"));
    }
    let line = std::str::from_utf8(&line).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))?;
    understood(line).map(Some)
}

/// Reads a line.
pub fn understood<T: serde::de::DeserializeOwned>(line: &str) -> std::io::Result<T> {
    Ok(serde_json::from_str(line)?)
}
