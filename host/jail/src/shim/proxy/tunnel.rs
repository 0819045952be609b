//! Two connections joined: what one says the other hears, each way to its own end. It never looks at a byte.

use std::io;
use std::net::{Shutdown, TcpStream};

/// Copies both ways until both have ended or one has broken.
pub fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    for stream in [&client, &server] {
        stream.set_read_timeout(None)?;
        stream.set_nodelay(true)?;
    }
    let back = (server.try_clone()?, client.try_clone()?);
    let answer = std::thread::Builder::new().stack_size(super::STACK).spawn(move || pass(&back.0, &back.1));
    // Without the way back there is no use in the way there.
    let answer = answer.inspect_err(|_| drop(client.shutdown(Shutdown::Both)))?;
    pass(&client, &server);
    let _ = answer.join();
    Ok(())
}

/// One way. Its end ends the other's reading only, since half a connection is one still; a break ends both.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    match io::copy(&mut from, &mut to) {
        Ok(_) => drop(to.shutdown(Shutdown::Write)),
        Err(_) => {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// Two ends of one connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn an_end_of_speech_is_no_end_of_hearing() {
        let ((mut client, inner_client), (inner_server, mut server)) = (pair(), pair());
        let joined = std::thread::spawn(move || join(inner_client, inner_server));
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        server.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "question");
        server.write_all(&vec![b'x'; 1 << 20]).unwrap();
        drop(server);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert_eq!(heard.len(), 1 << 20);
        joined.join().unwrap().unwrap();
    }
}
