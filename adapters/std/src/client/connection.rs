//! One connection: TCP, with or without TLS.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::endpoint::Endpoint;
use super::error::{Phase, TransportError};

/// How long a server may stay silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) read: Duration,
    pub(super) write: Duration,
}

/// A connection to the endpoint.
///
/// The client keeps it by name rather than in a pool: NTLM authenticates the connection, and Extended
/// Protection binds that to the server's certificate.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    timeouts: Timeouts,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects, by TLS if there is a configuration for it.
    pub(super) fn open(
        endpoint: &Endpoint,
        tls: Option<&Arc<ClientConfig>>,
        timeouts: Timeouts,
    ) -> Result<Self, TransportError> {
        let socket = connect(endpoint, timeouts.connect)?;
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(config) => handshake(endpoint, Arc::clone(config), socket, timeouts.connect)?,
        };
        let this = Self { stream, timeouts };
        let socket = this.socket();
        socket
            .set_read_timeout(Some(timeouts.read))
            .and_then(|()| socket.set_write_timeout(Some(timeouts.write)))
            .map_err(|source| TransportError::connect(endpoint, source))?;
        Ok(this)
    }

    /// The certificate that the server proved itself with; `None` without TLS.
    pub(super) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.conn.peer_certificates()?.first(),
        }
    }

    /// Sends all of `bytes`.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
        sent.map_err(|source| match is_timeout(&source) {
            true => TransportError::Timeout {
                phase: Phase::Write,
                after: self.timeouts.write,
            },
            false => TransportError::Write(source),
        })
    }

    /// Receives what there is, at least a byte; 0 at the end of the stream.
    ///
    /// With TLS an end without `close_notify` is an error, since anybody on the way can end a TCP stream.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError> {
        loop {
            let received = match &mut self.stream {
                Stream::Plain(stream) => stream.read(buffer),
                Stream::Tls(stream) => stream.read(buffer),
            };
            return match received {
                Ok(len) => Ok(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => Err(TransportError::Timeout {
                    phase: Phase::Read,
                    after: self.timeouts.read,
                }),
                Err(error) => Err(TransportError::Read(error)),
            };
        }
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }
}

/// Tries the host's addresses in their order, each for the whole time.
fn connect(endpoint: &Endpoint, timeout: Duration) -> Result<TcpStream, TransportError> {
    let addresses = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(|source| TransportError::Resolve {
            host: endpoint.host.clone(),
            source,
        })?;
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(socket) => {
                // A request is sent in few large pieces; waiting for more of it helps nobody.
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(match is_timeout(&last) {
        true => TransportError::Timeout {
            phase: Phase::Connect,
            after: timeout,
        },
        false => TransportError::connect(endpoint, last),
    })
}

fn handshake(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    mut socket: TcpStream,
    timeout: Duration,
) -> Result<Stream, TransportError> {
    let failed = |source| match is_timeout(&source) {
        true => TransportError::Timeout {
            phase: Phase::Connect,
            after: timeout,
        },
        false => TransportError::Tls {
            host: endpoint.host.clone(),
            source,
        },
    };
    socket
        .set_read_timeout(Some(timeout))
        .and_then(|()| socket.set_write_timeout(Some(timeout)))
        .map_err(failed)?;
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let mut connection =
        ClientConnection::new(config, name).map_err(|error| failed(io::Error::other(error)))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(failed)?;
    }
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, socket))))
}

/// How a socket says that its time is up: the first on Unix, the second on Windows.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
