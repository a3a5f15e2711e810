//! One connection: TCP, with or without TLS.

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection};

use super::auth::{EndPoint, Login};
use super::dial::{self, Deadline};
use super::endpoint::Endpoint;
use super::error::{Phase, TransportError};
use super::proxy::Proxy;
use super::tls_problem::TlsProblem;

/// TLS records that are processed in a row while looking whether anything is waiting.
const RECORDS: usize = 64;
/// The longest pause before a full send buffer is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a connection with its TLS handshake.
    pub(super) connect: Duration,
    /// For the next bytes of a response.
    pub(super) read: Duration,
    /// To take the next bytes of a request.
    pub(super) write: Duration,
    /// The lowest rate of a response.
    pub(super) lowest: Rate,
}

/// So many bytes in so much time, of which only the time spent waiting for the server counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) bytes: u64,
    pub(super) within: Duration,
}

/// A connection to the endpoint.
///
/// The client keeps it by name rather than in a pool: NTLM authenticates the connection, and Extended
/// Protection binds that to the server's certificate.
#[derive(Debug)]
pub(super) struct Connection {
    host: String,
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    timeouts: Timeouts,
    pace: Pace,
    /// How far this connection is logged in.
    pub(super) login: Login,
}

/// What [`Connection::send`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    /// Not all of it: the server has answered or closed the connection.
    Answered,
}

impl Connection {
    /// Connects, by TLS if there is a configuration for it.
    pub(super) fn open(
        endpoint: &Endpoint,
        proxy: Option<&Proxy>,
        tls: Option<&Arc<ClientConfig>>,
        timeouts: Timeouts,
    ) -> Result<Self, TransportError> {
        let deadline = Deadline::after(timeouts.connect);
        let mut socket = match proxy {
            Some(proxy) => dial::connect_through(proxy, endpoint, &deadline)?,
            None => dial::connect(endpoint, &deadline)?,
        };
        let tls = tls
            .map(|config| dial::handshake(endpoint, Arc::clone(config), &mut socket, &deadline))
            .transpose()?;
        socket
            .set_read_timeout(Some(timeouts.read))
            .and_then(|()| socket.set_write_timeout(Some(timeouts.write)))
            .map_err(|source| TransportError::connect(endpoint, source))?;
        Ok(Self {
            host: endpoint.host.clone(),
            socket,
            tls: tls.map(Box::new),
            timeouts,
            pace: Pace::default(),
            login: Login::default(),
        })
    }

    /// The certificate that the server proved itself with; `None` without TLS.
    pub(super) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref()?.peer_certificates()?.first()
    }

    /// The server's end of the TLS connection, for a channel binding.
    pub(super) fn end_point(&self) -> Option<EndPoint> {
        EndPoint::of_certificate(self.peer_certificate()?)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether nothing has arrived since the last response: no byte, and not the end of the stream.
    ///
    /// What is waiting answers nothing that was asked: a second response, a late 408, or stray bytes.
    pub(super) fn is_idle(&mut self) -> bool {
        self.without_blocking(|this| Ok(!this.is_waiting()))
            .unwrap_or(false)
    }

    /// Begins to count the time of a response.
    pub(super) fn begin_exchange(&mut self) {
        self.pace = Pace::default();
    }

    /// Sends `bytes` and advances past what was sent; stops early where the server answers first.
    pub(super) fn send(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError> {
        self.without_blocking(|this| this.send_now(bytes))
    }

    /// Receives what there is, at least a byte; 0 at the end of the stream.
    ///
    /// With TLS an end without `close_notify` is an error, since anybody on the way can end a TCP stream.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError> {
        loop {
            if let Some(tls) = &mut self.tls {
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done.map_err(TransportError::Read),
                }
                // The answer to a key update; without it the next read says what is wrong.
                while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok_and(|len| len > 0)
                {
                }
            }
            let began = Instant::now();
            let received = match &mut self.tls {
                None => self.socket.read(buffer),
                Some(tls) => tls.read_tls(&mut self.socket),
            };
            let waited = began.elapsed();
            let received = match received {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => {
                    return Err(TransportError::Timeout {
                        phase: Phase::Read,
                        after: self.timeouts.read,
                    });
                }
                Err(error) => return Err(TransportError::Read(error)),
            };
            if received > 0 {
                self.pace.count(received, waited, self.timeouts.lowest)?;
            }
            match &mut self.tls {
                None => return Ok(received),
                Some(tls) => {
                    if let Err(error) = tls.process_new_packets() {
                        let _ = tls.write_tls(&mut self.socket);
                        return Err(self.broken(error));
                    }
                }
            }
        }
    }

    /// What a TLS error on an open connection is: about the certificate that we do not have, or a break.
    fn broken(&self, error: rustls::Error) -> TransportError {
        let problem = TlsProblem::after_handshake(&error);
        let source = io::Error::new(io::ErrorKind::InvalidData, error);
        match problem {
            None => TransportError::Read(source),
            Some(problem) => TransportError::Tls {
                host: self.host.clone(),
                problem,
                source,
            },
        }
    }

    /// Runs `step` while calls on the socket return at once.
    fn without_blocking<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        self.socket
            .set_nonblocking(true)
            .map_err(TransportError::Write)?;
        let result = step(self);
        self.socket
            .set_nonblocking(false)
            .map_err(TransportError::Write)?;
        result
    }

    /// Whether data or the end of the stream can be received. The socket does not block.
    ///
    /// With TLS, records are processed first: session tickets and key updates are not data.
    fn is_waiting(&mut self) -> bool {
        let Some(tls) = &mut self.tls else {
            return !would_block(self.socket.peek(&mut [0]));
        };
        for _ in 0..RECORDS {
            match tls.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                // An error comes again when it is read.
                Ok(_) | Err(_) => return true,
            }
            match tls.read_tls(&mut self.socket) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                ended => return !would_block(ended),
            }
        }
        true
    }

    /// Sends on a socket that does not block, looking for an answer on the way.
    fn send_now(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError> {
        let mut taken = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(tls) = &mut self.tls {
                let buffered = tls.writer().write(bytes).map_err(TransportError::Write)?;
                *bytes = &bytes[buffered..];
            }
            // Before looking: with the last byte the server may answer.
            if bytes.is_empty() && self.tls.as_ref().is_none_or(|tls| !tls.wants_write()) {
                return Ok(Sent::All);
            }
            if self.is_waiting() {
                return Ok(Sent::Answered);
            }
            let written = match &mut self.tls {
                Some(tls) => tls.write_tls(&mut self.socket),
                None => self
                    .socket
                    .write(bytes)
                    .inspect(|&len| *bytes = &bytes[len..]),
            };
            match written {
                Ok(0) => return Err(TransportError::Write(io::ErrorKind::WriteZero.into())),
                Ok(_) => {
                    taken = Instant::now();
                    pause = Duration::from_millis(1);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if taken.elapsed() >= self.timeouts.write {
                        return Err(TransportError::Timeout {
                            phase: Phase::Write,
                            after: self.timeouts.write,
                        });
                    }
                    // The standard library cannot wait for two things at once; a request that fills the
                    // socket's buffer is rare and large, so that these pauses are not what it takes.
                    thread::sleep(pause);
                    pause = (pause * 2).min(PAUSE);
                }
                Err(error) => return Err(TransportError::Write(error)),
            }
        }
    }
}

/// What a response has brought while it was waited for.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    waited: Duration,
    received: u64,
}

impl Pace {
    fn count(
        &mut self,
        received: usize,
        waited: Duration,
        lowest: Rate,
    ) -> Result<(), TransportError> {
        self.received += received as u64;
        self.waited += waited;
        if self.waited < lowest.within {
            return Ok(());
        }
        let Self { received, waited } = core::mem::take(self);
        match received < lowest.bytes {
            true => Err(TransportError::TooSlow {
                bytes: received,
                within: waited,
            }),
            false => Ok(()),
        }
    }
}

/// How a socket says that its time is up: the first on Unix, the second on Windows.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn would_block(result: io::Result<usize>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_rate_is_of_a_window_and_of_waiting_only() {
        let lowest = Rate {
            bytes: 1024,
            within: Duration::from_mins(5),
        };
        let minute = Duration::from_mins(1);
        let mut pace = Pace::default();
        // Full speed: nothing is waited for, however much there is.
        for _ in 0..1000 {
            pace.count(1, Duration::ZERO, lowest).unwrap();
        }
        // The first window has 1,004 bytes: too few.
        for _ in 0..4 {
            pace.count(1, minute, lowest).unwrap();
        }
        let error = pace.count(0, minute, lowest).unwrap_err();
        assert!(
            matches!(error, TransportError::TooSlow { bytes: 1004, .. }),
            "{error}"
        );
        // Each window counts for itself: what a fast start brought is no credit.
        let mut pace = Pace::default();
        pace.count(1 << 20, 5 * minute, lowest).unwrap();
        for _ in 0..4 {
            pace.count(255, minute, lowest).unwrap();
        }
        assert!(pace.count(3, minute, lowest).is_err());
        // Idle gaps between items are normal.
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.count(0, 4 * minute, lowest).unwrap();
            pace.count(1024, minute, lowest).unwrap();
        }
    }
}
