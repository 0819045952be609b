//! Listeners that are made inside a jail's network and served from outside: a socket belongs to the network in which it was
//! made, whoever has it. It never accepts a connection.

use crate::network::{FORWARDS, Rules};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// A listener inside.
pub struct Entrance {
    pub listener: TcpListener,
    /// Where its connections lead outside. `None` is the proxy, which is told so by each of them.
    pub target: Option<SocketAddr>,
}

/// Both ends of the way from the first process to the shim.
pub fn channel() -> io::Result<(OwnedFd, OwnedFd)> {
    // A sequence of packets: the one message arrives whole or not at all.
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Called inside: listens at the proxy's place and at each forwarded address, and sends the listeners out. Answers what had
/// to be left out; without the proxy's own listener nothing is sent, and the child has no network.
pub fn send(channel: &OwnedFd, rules: &Rules) -> Result<Vec<String>, String> {
    let without = |error: &dyn std::fmt::Display| format!("no network at all: its proxy could not be set up ({error})");
    let mut left_out = Vec::new();
    let mut listeners = vec![TcpListener::bind(rules.proxy()).map_err(|error| without(&error))?];
    // The place of each in the list of all: one that is left out leaves a gap.
    let mut places = vec![0_u8];
    for (place, address) in (1..).zip(rules.forwards()) {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listeners.push(listener);
                places.push(place);
            }
            Err(error) => {
                left_out.push(format!("{address} is out of its reach: no listener there in the jail ({error})"))
            }
        }
    }
    let descriptors: Vec<BorrowedFd<'_>> = listeners.iter().map(|listener| listener.as_fd()).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FORWARDS + 1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(without(&"too many listeners"));
    }
    sendmsg(channel, &[IoSlice::new(&places)], &mut ancillary, SendFlags::NOSIGNAL).map_err(|error| without(&error))?;
    Ok(left_out)
}

/// Called outside, once the first process is ready: takes what it sent. Empty where it sent nothing.
pub fn receive(channel: &OwnedFd, rules: &Rules) -> io::Result<Vec<Entrance>> {
    let mut places = [0_u8; FORWARDS + 1];
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FORWARDS + 1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let count = match recvmsg(channel, &mut [IoSliceMut::new(&mut places)], &mut ancillary, flags) {
        Ok(message) => message.bytes,
        Err(rustix::io::Errno::AGAIN) => 0,
        Err(error) => return Err(error.into()),
    };
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => Some(rights),
        _ => None,
    });
    let listeners = rights.flatten().map(TcpListener::from);
    let forwards = rules.forwards();
    let target = |place: u8| usize::from(place).checked_sub(1).and_then(|index| forwards.get(index).copied());
    Ok(listeners.zip(&places[..count]).map(|(listener, place)| Entrance { listener, target: target(*place) }).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::network::ProxyRules;

    #[test]
    fn listeners_arrive_with_their_targets() {
        // A port that is taken is left out and shifts nobody.
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
        let allow = vec![taken.local_addr().unwrap().to_string(), free.to_string()];
        let rules = ProxyRules { allow, private: Vec::new() }.parse().unwrap();
        let (inside, outside) = channel().unwrap();
        assert!(receive(&outside, &rules).unwrap().is_empty(), "it does not wait");
        match send(&inside, &rules) {
            Ok(left_out) => {
                assert!(left_out.len() == 1 && left_out[0].contains("Address already in use"), "{left_out:?}")
            }
            Err(message) => {
                // Somebody on this machine has the proxy's port, which is no matter inside a jail.
                assert!(message.starts_with("no network at all"), "{message}");
                return;
            }
        }
        let targets: Vec<_> = receive(&outside, &rules).unwrap().iter().map(|entrance| entrance.target).collect();
        assert_eq!(targets, [None, Some(free)]);
    }
}
