//! A way to a server that stops in the middle of a request or before its answer, so that a client can be killed right there.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where it stops, the first time.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Once a connection has sent so many bytes.
    Sent(usize),
    /// Once a request holds this text; it arrives, and its answer does not.
    Asked(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Stalled,
    Open,
}

#[derive(Debug)]
struct Shared {
    phase: Mutex<Phase>,
    change: Condvar,
}

impl Shared {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        *self.phase() = phase;
        self.change.notify_all();
    }

    fn until(&self, wanted: Phase, time: Duration) -> bool {
        let phase = self.phase();
        let waited = self.change.wait_timeout_while(phase, time, |phase| *phase != wanted);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == wanted
    }
}

/// The way.
#[derive(Debug)]
pub struct Stall {
    /// `127.0.0.1:PORT`.
    pub host: String,
    shared: Arc<Shared>,
}

/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(600);

impl Stall {
    /// One to a server.
    pub fn start(server: &str, until: Until) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("its address").to_string();
        let shared = Arc::new(Shared { phase: Mutex::new(Phase::Waiting), change: Condvar::new() });
        let (server, other) = (server.to_owned(), shared.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, shared) = (TcpStream::connect(&server).expect("the server"), other.clone());
                let (answers, questions) = (server.try_clone().expect("a copy"), client.try_clone().expect("a copy"));
                let both = shared.clone();
                std::thread::spawn(move || ask(questions, server, until, &shared));
                std::thread::spawn(move || answer(answers, client, &both));
            }
        });
        Self { host, shared }
    }

    /// Waits until it has stopped.
    #[track_caller]
    pub fn stopped(&self) {
        assert!(self.shared.until(Phase::Stalled, Duration::from_secs(120)), "nothing came so far");
    }

    /// From now on everything passes, and what was stopped is cut off.
    pub fn open(&self) {
        self.shared.set(Phase::Open);
    }
}

/// Passes requests on.
fn ask(mut client: TcpStream, mut server: TcpStream, until: Until, shared: &Shared) {
    let (mut buffer, mut sent) = ([0; 16 << 10], 0);
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        sent += count;
        let is_here = match until {
            Until::Sent(bytes) => sent >= bytes,
            Until::Asked(text) => buffer[..count].windows(text.len()).any(|part| part == text.as_bytes()),
        };
        let stops = is_here && *shared.phase() == Phase::Waiting;
        if stops {
            // Before the request is whole, so that its answer finds the way closed.
            shared.set(Phase::Stalled);
        }
        if stops && matches!(until, Until::Sent(_)) {
            break;
        }
        if server.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    if *shared.phase() == Phase::Stalled {
        shared.until(Phase::Open, LONG);
    }
    let _ = server.shutdown(Shutdown::Both);
}

/// Passes answers on.
fn answer(mut server: TcpStream, mut client: TcpStream, shared: &Shared) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        if *shared.phase() == Phase::Stalled {
            shared.until(Phase::Open, LONG);
            break;
        }
        if client.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
