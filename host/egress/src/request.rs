//! A request and its response, as the interface `http` has them. It sends nothing.

use std::fmt;
use std::fs::File;
use std::time::Duration;

/// What to send, and where the answer goes.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`…, in upper case.
    pub method: String,
    /// `https://host/path?query`, or `http://` where a pattern says so; without a user and without a fragment.
    pub url: String,
    /// The headers, in order; those of the connection (`Host`, `Content-Length`, `Proxy-*`…) are refused.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// How many redirects to follow, at most 20; what comes after them is answered as it is.
    pub redirects: u32,
    /// Where to write the response's body, from the file's position on; absent to get it in the answer.
    pub save: Option<File>,
    /// When to give up, with all redirects and both bodies: at most 600 s, zero for 30 s.
    pub timeout: Duration,
}

/// What is sent.
pub enum Body {
    /// Nothing.
    Nothing,
    /// These bytes, at most 1 MiB.
    Bytes(Vec<u8>),
    /// A regular file from its beginning, as long as it is when the request begins. Its position stays where it is.
    File(File),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::File(_) => f.write_str("File"),
        }
    }
}

/// What came back, of any status from 200 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers in order, with names in lower case. Values that are no UTF-8 are read as Latin-1.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent, compressed where the server compressed it; empty where it was saved. At most 4 MiB.
    pub body: Vec<u8>,
    /// How many bytes of it were saved.
    pub saved: u64,
}
