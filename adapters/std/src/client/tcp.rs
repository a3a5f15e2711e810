//! One blocking connection: TCP, with or without TLS.

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::ClientConnection;

use super::dial::{self, Deadline};
use super::error::{Phase, TransportError};
use super::examine::Observer;
use super::route::{Route, Timeouts};
use super::transport::{Connector, Pace, Sent, Transport};

/// The largest number of TLS records that are processed while checking for waiting data.
const RECORDS: usize = 64;
/// The longest pause before a full send buffer is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes blocking connections. Its futures, and those of its transport, are ready when they are polled first.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TcpConnector;

impl Connector for TcpConnector {
    type Transport = TcpTransport;

    async fn connect(&self, route: &Route) -> Result<TcpTransport, TransportError> {
        TcpTransport::open(route, &mut |_| {})
    }
}

/// A blocking connection.
#[derive(Debug)]
pub struct TcpTransport {
    host: String,
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    timeouts: Timeouts,
    pace: Pace,
}

impl TcpTransport {
    /// Connects, by TLS if there is a configuration for it.
    pub(super) fn open(route: &Route, observer: Observer<'_>) -> Result<Self, TransportError> {
        let (endpoint, timeouts) = (&route.endpoint, route.timeouts);
        let deadline = Deadline::after(timeouts.connect);
        let mut socket = dial::connect(route, &deadline, observer)?;
        let tls = route
            .tls
            .as_ref()
            .map(|config| {
                let config = Arc::clone(config);
                dial::handshake(endpoint, config, &mut socket, &deadline, observer)
            })
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
        })
    }

    /// Runs `step` with a non-blocking socket.
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

    /// Returns whether data or the end of the stream can be received. The socket must be non-blocking.
    ///
    /// With TLS, records are processed first: session tickets and key updates are not data.
    fn is_waiting(&mut self) -> bool {
        let Some(tls) = &mut self.tls else {
            return !would_block(self.socket.peek(&mut [0]));
        };
        for _ in 0..RECORDS {
            match tls.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                // The next read returns the error again.
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

    /// Sends on a non-blocking socket, and checks for a response between the writes.
    fn send_now(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError> {
        let mut taken = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(tls) = &mut self.tls {
                let buffered = tls.writer().write(bytes).map_err(TransportError::Write)?;
                *bytes = &bytes[buffered..];
            }
            // This comes before the check for a response, because the server may respond to the last byte.
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
                    // The standard library cannot wait for two events at once. Only large requests fill the
                    // socket's buffer, so the pauses are a small part of their time.
                    thread::sleep(pause);
                    pause = (pause * 2).min(PAUSE);
                }
                Err(error) => return Err(TransportError::Write(error)),
            }
        }
    }
}

impl Transport for TcpTransport {
    fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref()?.peer_certificates()?.first()
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    fn begin_exchange(&mut self) {
        self.pace = Pace::default();
    }

    async fn is_idle(&mut self) -> bool {
        self.without_blocking(|this| Ok(!this.is_waiting()))
            .unwrap_or(false)
    }

    async fn send(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError> {
        self.without_blocking(|this| this.send_now(bytes))
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError> {
        loop {
            if let Some(tls) = &mut self.tls {
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done.map_err(TransportError::Read),
                }
                // Sends the response to a key update. If that fails, the next read returns the error.
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
                        let source = io::Error::new(io::ErrorKind::InvalidData, error);
                        return Err(TransportError::read(&self.host, source));
                    }
                }
            }
        }
    }
}

/// Returns whether the error is a timeout of a socket: the first kind on Unix, the second on Windows.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn would_block(result: io::Result<usize>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
