//! A hop between a client and its server that frames the response in its own way.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// How the response reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// As the server sends it.
    None,
    /// Without a length: the end of the connection ends the body (RFC 9112 §6.3, rule 8).
    CloseDelimited,
    /// After `100 Continue` and `103 Early Hints`, which every client must skip (RFC 9110 §15.2).
    Interim,
    /// A byte at a time.
    Bytewise,
}

impl Front {
    /// The address for the client: a hop that carries one connection to `server`, or the server's own.
    pub(super) fn stand_before(self, server: SocketAddr) -> SocketAddr {
        if self == Self::None {
            return server;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        // The client sees an error here as a broken connection, and its transcript shows that.
        thread::spawn(move || {
            let (client, _) = listener.accept()?;
            self.carry(client, server)
        });
        address
    }

    fn carry(self, mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut server = TcpStream::connect(server)?;
        let (mut from, mut to) = (BufReader::new(client.try_clone()?), server.try_clone()?);
        thread::spawn(move || {
            // After the request line: the server's connection ends with its response.
            let mut line = Vec::new();
            from.read_until(b'\n', &mut line)?;
            line.extend_from_slice(b"Connection: close\r\n");
            to.write_all(&line)?;
            io::copy(&mut from, &mut to)
        });
        let mut response = Vec::new();
        server.read_to_end(&mut response)?;
        match self {
            Self::None => {}
            Self::CloseDelimited => client.write_all(&without_length(&response))?,
            Self::Interim => {
                client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                client.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")?;
                client.write_all(&response)?;
            }
            Self::Bytewise => {
                for byte in response {
                    client.write_all(&[byte])?;
                }
            }
        }
        client.shutdown(Shutdown::Write)
    }
}

/// A response whose head does not say where its body ends.
fn without_length(response: &[u8]) -> Vec<u8> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = response.split_at(end.expect("the emulator answers with HTTP"));
    let mut reported: Vec<u8> = Vec::new();
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        if !line.to_ascii_lowercase().starts_with(b"content-length:") {
            reported.extend_from_slice(line);
        }
    }
    // The line before the body may have been the one that is gone.
    let reported = reported.trim_ascii_end();
    [reported, body].concat()
}
