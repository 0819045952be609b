//! A child's proxy: a process of the shim's, outside the jail's network, that serves listeners inside it. It ends with the
//! shim or with the child, whichever is first, and never connects to a place that no rule names.

mod gate;
mod head;
mod tunnel;

use super::handover::Entrance;
use super::identity::Identity;
use crate::kernel;
use crate::network::Rules;
use crate::refused::Refused;
use gate::{Answer, Gate};
use head::{Head, Request};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Connections at once: what a builder or provider opens in parallel, several times over. Further ones wait in the queues of
/// the listeners. With two threads each, this bounds the memory: 512 stacks, of which a few pages each are touched.
const CONNECTIONS: usize = 256;
/// Bytes of a thread's stack: a copy takes 8 KiB of it, and resolving a name some more.
const STACK: usize = 256 * 1024;
/// From a connection to the end of its request's head: the child is on the same machine.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Bytes that a refused client may still send before it is hung up on; unread ones would tear its answer up.
const DRAIN: u64 = 64 * 1024;

/// Serves until it is killed. Called in a duplicate of the shim that has a single thread.
pub fn serve(entrances: Vec<Entrance>, rules: Rules, refused: Refused, user: Identity, shim: Pid) -> ! {
    // It reads what a child writes, and needs nothing that the host may do.
    let alone = user.assume().is_err() || set_parent_process_death_signal(Some(Signal::KILL)).is_err();
    // A shim that was killed before this sends no signal any more.
    if alone || rustix::process::getppid() != Some(shim) {
        kernel::exit_now(1);
    }
    let _end = End;
    let gate = Arc::new(Gate::new(rules, refused));
    let mut slots = Slots::new();
    for entrance in &entrances {
        let _ = entrance.listener.set_nonblocking(true);
    }
    loop {
        let mut fds: Vec<_> = entrances.iter().map(|entrance| PollFd::new(&entrance.listener, PollFlags::IN)).collect();
        if poll(&mut fds, None).is_err() {
            continue;
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for (entrance, _) in entrances.iter().zip(ready).filter(|(_, ready)| *ready) {
            let slot = slots.take();
            let Ok((client, _)) = entrance.listener.accept() else {
                // Out of descriptors, say: not a reason to spin.
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            let (gate, target) = (gate.clone(), entrance.target);
            // Where no thread can be had the connection is dropped, and with it the closure's slot.
            let _ = std::thread::Builder::new().stack_size(STACK).spawn(move || {
                let _slot = slot;
                let _ = attend(&gate, client, target);
            });
        }
    }
}

/// The end of this process should it ever panic: the stack above is the shim's.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        kernel::exit_now(1)
    }
}

/// The right to have a connection, free again when it is dropped.
struct Slot(Sender<()>);

impl Drop for Slot {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// How many rights are left.
struct Slots {
    free: usize,
    returned: Receiver<()>,
    giver: Sender<()>,
}

impl Slots {
    fn new() -> Self {
        let (giver, returned) = channel();
        Self { free: CONNECTIONS, returned, giver }
    }

    /// Waits for one.
    fn take(&mut self) -> Slot {
        self.free += self.returned.try_iter().count();
        if self.free == 0 && self.returned.recv().is_ok() {
            self.free = 1;
        }
        self.free -= 1;
        Slot(self.giver.clone())
    }
}

/// One connection from inside, to its end.
fn attend(gate: &Gate, client: TcpStream, target: Option<SocketAddr>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    if let Some(target) = target {
        return tunnel::join(client, gate.forward(target)?);
    }
    match head::read(&client, Instant::now() + HEAD_TIME).and_then(|head| open(gate, &client, head)) {
        Ok(server) => tunnel::join(client, server),
        Err(answer) => refuse(client, &answer),
    }
}

/// Connects to the place that a request names, and passes on what was read of it.
fn open(gate: &Gate, mut client: &TcpStream, head: Head) -> Result<TcpStream, Answer> {
    let mut server = gate.connect(&head.host, head.port)?;
    let broken = |error: io::Error| Answer::new(502, format!("`{}:{}` hung up: {error}", head.host, head.port));
    match &head.request {
        Request::Tunnel => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").map_err(broken)?,
        Request::Plain { head } => server.write_all(head).map_err(broken)?,
    }
    server.write_all(&head.rest).map_err(broken)?;
    Ok(server)
}

/// Tells the client in a form that its user reads, and hangs up.
fn refuse(mut client: TcpStream, answer: &Answer) -> io::Result<()> {
    client.write_all(answer.text().as_bytes())?;
    client.shutdown(std::net::Shutdown::Write)?;
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let _ = io::copy(&mut io::Read::take(&client, DRAIN), &mut io::sink());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_and_come_back() {
        let mut slots = Slots::new();
        let mut taken: Vec<_> = (0..CONNECTIONS).map(|_| slots.take()).collect();
        assert_eq!(slots.free, 0);
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let slot = slots.take();
            let _ = tell.send((slots.free, slot));
        });
        assert!(told.try_recv().is_err(), "there is none to be had");
        taken.pop();
        let (free, _slot) = told.recv_timeout(Duration::from_secs(20)).expect("the one that came back");
        assert_eq!(free, 0);
    }
}
