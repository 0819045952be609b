//! The body of a request, which can be sent again after a redirect. A file is streamed with its length, since registries
//! refuse blobs of unknown length, and never held whole.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use model::{Blame, Failure};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a file is read at once; the next piece is read while one is sent.
const PIECE: u64 = 256 << 10;
/// Most bytes that are no file.
const LARGEST: usize = 1 << 20;

/// What to send, as often as it takes.
#[derive(Clone, Debug)]
pub enum Upload {
    Bytes(Bytes),
    File { file: Arc<File>, length: u64 },
}

impl Upload {
    /// Refuses what cannot be sent.
    pub fn check(body: crate::Body) -> Result<Self, Failure> {
        match body {
            crate::Body::Nothing => Ok(Self::nothing()),
            crate::Body::Bytes(bytes) if bytes.len() > LARGEST => {
                let message = format!("the body has {} bytes, and more than 1 MiB must be a file", bytes.len());
                Err(Failure::new(Blame::Plugin, "too-large", message))
            }
            crate::Body::Bytes(bytes) => Ok(Self::Bytes(bytes.into())),
            crate::Body::File(file) => {
                let about = file.metadata().map_err(|why| unreadable(&why))?;
                // A pipe could keep the reader waiting for ever.
                if !about.is_file() {
                    return Err(Failure::invalid("the body is no regular file"));
                }
                Ok(Self::File { file: Arc::new(file), length: about.len() })
            }
        }
    }

    /// An empty body.
    pub fn nothing() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// Begins to send it.
    pub fn start(&self) -> Sending {
        Sending { what: self.clone(), at: 0, reading: None }
    }
}

/// A body on its way.
#[derive(Debug)]
pub struct Sending {
    what: Upload,
    /// How much of it was handed out.
    at: u64,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Sending {
    /// Begins to read the next piece of a file, where there is one.
    fn read_on(&mut self, file: &Arc<File>) {
        let (file, at, length) = (Arc::clone(file), self.at, PIECE.min(self.what.length() - self.at));
        self.reading = (length > 0).then(|| spawn_blocking(move || read(&file, at, length)));
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = &mut *self;
        let file = match &this.what {
            Upload::Bytes(bytes) => {
                let rest = bytes.slice(this.at as usize..);
                this.at += rest.len() as u64;
                return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
            }
            Upload::File { file, .. } => Arc::clone(file),
        };
        if this.reading.is_none() {
            this.read_on(&file);
        }
        let Some(reading) = &mut this.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other);
        this.reading = None;
        let piece = match read.flatten() {
            Ok(piece) => piece,
            Err(why) => return Poll::Ready(Some(Err(unreadable(&why)))),
        };
        this.at += piece.len() as u64;
        this.read_on(&file);
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.what.length()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.what.length() - self.at)
    }
}

/// Reads exactly so much. A file that became shorter cannot fill what was announced.
fn read(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; length as usize];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}

fn unreadable(why: &io::Error) -> Failure {
    if why.kind() == io::ErrorKind::UnexpectedEof {
        return Failure::invalid("the file of the body became shorter while it was sent");
    }
    Failure::internal(format!("reading the file of the body: {why}"))
}
