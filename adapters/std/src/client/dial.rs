//! Makes a connection: looks up addresses, connects by TCP and performs the TLS handshake.

use core::time::Duration;
use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::endpoint::Endpoint;
use super::error::{Phase, TransportError};
use super::examine::{Observer, Step};
use super::proxy::{Proxy, ProxyProblem};
use super::route::Route;
use super::tcp::is_timeout;
use super::tls_problem::TlsProblem;

/// The end of the time for a connection, which includes all addresses and the TLS handshake.
pub(super) struct Deadline {
    /// `None` if the clock cannot represent it.
    end: Option<Instant>,
    total: Duration,
}

impl Deadline {
    pub(super) fn after(total: Duration) -> Self {
        Self {
            end: Instant::now().checked_add(total),
            total,
        }
    }

    /// Returns the remaining time. If there is none, returns the error of a timeout.
    fn left(&self, phase: Phase) -> Result<Duration, TransportError> {
        let Some(end) = self.end else {
            return Ok(self.total);
        };
        let left = end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(self.expired(phase)),
            false => Ok(left),
        }
    }

    fn expired(&self, phase: Phase) -> TransportError {
        TransportError::Timeout {
            phase,
            after: self.total,
        }
    }
}

/// Connects to the server, through the proxy if there is one.
pub(super) fn connect(
    route: &Route,
    deadline: &Deadline,
    observer: Observer<'_>,
) -> Result<TcpStream, TransportError> {
    match &route.proxy {
        Some(proxy) => connect_through(proxy, &route.endpoint, deadline, observer),
        None => connect_directly(&route.endpoint, deadline, observer),
    }
}

/// Connects to one of the host's addresses.
fn connect_directly(
    endpoint: &Endpoint,
    deadline: &Deadline,
    observer: Observer<'_>,
) -> Result<TcpStream, TransportError> {
    let addresses: Vec<_> = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(|source| TransportError::Resolve {
            host: endpoint.host.clone(),
            source,
        })?
        .collect();
    connect_to_any(&endpoint.host, &addresses, deadline, observer)?
        .map_err(|failure| TransportError::connect(endpoint, failure))
}

/// Connects to the proxy, and through it to the endpoint.
fn connect_through(
    proxy: &Proxy,
    endpoint: &Endpoint,
    deadline: &Deadline,
    observer: Observer<'_>,
) -> Result<TcpStream, TransportError> {
    let failed = |problem| TransportError::Proxy {
        proxy: proxy.to_string(),
        problem,
    };
    let addresses: Vec<_> = (proxy.host.as_str(), proxy.port)
        .to_socket_addrs()
        .map_err(|error| failed(ProxyProblem::Resolve(error)))?
        .collect();
    let mut socket = connect_to_any(&proxy.host, &addresses, deadline, observer)?
        .map_err(|error| failed(ProxyProblem::Connect(error)))?;
    let left = Some(deadline.left(Phase::Connect)?);
    socket
        .set_read_timeout(left)
        .and_then(|()| socket.set_write_timeout(left))
        .map_err(|error| failed(ProxyProblem::Io(error)))?;
    let until = || {
        deadline
            .left(Phase::Connect)
            .map_err(|_| io::ErrorKind::TimedOut.into())
    };
    match proxy.tunnel(&mut socket, endpoint, until) {
        Ok(()) => {
            observer(Step::Tunnel {
                proxy: proxy.to_string(),
            });
            Ok(socket)
        }
        Err(ProxyProblem::Io(error)) if is_timeout(&error) => Err(deadline.expired(Phase::Connect)),
        Err(problem) => Err(failed(problem)),
    }
}

/// Tries the addresses in turn.
///
/// Each address gets an equal share of the time, so that the later ones are tried even if the first do not respond.
fn connect_to_any(
    host: &str,
    addresses: &[SocketAddr],
    deadline: &Deadline,
    observer: Observer<'_>,
) -> Result<io::Result<TcpStream>, TransportError> {
    observer(Step::Resolved {
        host: host.to_owned(),
        addresses: addresses.to_vec(),
    });
    let mut failure: Option<io::Error> = None;
    for (remaining, address) in (1..=addresses.len()).rev().zip(addresses) {
        let shares = u32::try_from(remaining).unwrap_or(u32::MAX);
        let share = deadline.left(Phase::Connect)? / shares;
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(socket) => {
                // A request is sent in a few large pieces, so there is nothing to wait for.
                let _ = socket.set_nodelay(true);
                observer(Step::Connected { address: *address });
                return Ok(Ok(socket));
            }
            // On a machine without IPv6, every IPv6 address fails. The errors of other addresses explain more.
            Err(error) if failure.is_some() && is_about_this_machine(&error) => {}
            Err(error) => failure = Some(error),
        }
    }
    let failure = failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    match is_timeout(&failure) {
        true => Err(deadline.expired(Phase::Connect)),
        false => Ok(Err(failure)),
    }
}

fn is_about_this_machine(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable
    )
}

/// Performs the TLS handshake over a connected socket.
pub(super) fn handshake(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    socket: &mut TcpStream,
    deadline: &Deadline,
    observer: Observer<'_>,
) -> Result<ClientConnection, TransportError> {
    let failed = |source: io::Error, first: &[u8]| match is_timeout(&source) {
        true => deadline.expired(Phase::Handshake),
        false => TransportError::Tls {
            host: endpoint.host.clone(),
            problem: TlsProblem::of(&source, first),
            source,
        },
    };
    // RFC 6066 §3: the name has no trailing dot, even if the URL's name is absolute.
    let host = endpoint.host.trim_end_matches('.').to_owned();
    let name = ServerName::try_from(host)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error), &[]))?;
    let mut tls = ClientConnection::new(config, name)
        .map_err(|error| failed(io::Error::other(error), &[]))?;
    let mut first = First::default();
    while tls.is_handshaking() {
        let left = Some(deadline.left(Phase::Handshake)?);
        let step = socket
            .set_read_timeout(left)
            .and_then(|()| socket.set_write_timeout(left))
            .and_then(|()| step(&mut tls, socket, &mut first));
        step.map_err(|error| failed(error, first.bytes()))?;
    }
    // The client may have the last message of the handshake.
    while tls.wants_write() {
        tls.write_tls(socket)
            .map_err(|error| failed(error, first.bytes()))?;
    }
    observer(Step::Secured {
        version: shown(tls.protocol_version()),
        cipher_suite: shown(tls.negotiated_cipher_suite().map(|suite| suite.suite())),
    });
    Ok(tls)
}

/// Returns the name of a protocol element in rustls.
fn shown(element: Option<impl core::fmt::Debug>) -> String {
    element.map_or_else(String::new, |element| format!("{element:?}"))
}

/// Sends if there is anything to send. Otherwise, receives once.
fn step(tls: &mut ClientConnection, socket: &mut TcpStream, first: &mut First) -> io::Result<()> {
    if tls.wants_write() {
        return tls.write_tls(socket).map(drop).or_else(again);
    }
    let mut recorded = Recorded { socket, first };
    match tls.read_tls(&mut recorded) {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => {}
        Err(error) => return again(error),
    }
    tls.process_new_packets().map(drop).map_err(|error| {
        // Sends the alert. The error is the same whether or not it arrives.
        let _ = tls.write_tls(socket).and_then(|_| socket.flush());
        io::Error::new(io::ErrorKind::InvalidData, error)
    })
}

fn again(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

/// The first bytes that the server sent. They show the protocol if it is not TLS.
#[derive(Default)]
struct First {
    bytes: [u8; 5],
    len: usize,
}

impl First {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

struct Recorded<'r> {
    socket: &'r mut TcpStream,
    first: &'r mut First,
}

impl Read for Recorded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.socket.read(buffer)?;
        let free = &mut self.first.bytes[self.first.len..];
        let kept = received.min(free.len());
        free[..kept].copy_from_slice(&buffer[..kept]);
        self.first.len += kept;
        Ok(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn each_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        // Nothing listens where a listener was a moment ago.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let refuses = closed.local_addr().unwrap();
        drop(closed);
        let deadline = || Deadline::after(Duration::from_secs(10));

        for addresses in [&[good][..], &[refuses, good], &[refuses, refuses, good]] {
            let connected = connect_to_any("", addresses, &deadline(), &mut |_| {})
                .unwrap()
                .unwrap();
            assert_eq!(connected.peer_addr().unwrap(), good);
        }
        let error = connect_to_any("", &[refuses, refuses], &deadline(), &mut |_| {}).unwrap();
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect_to_any("", &[], &deadline(), &mut |_| {})
            .unwrap()
            .is_err());
        let error =
            connect_to_any("", &[good], &Deadline::after(Duration::ZERO), &mut |_| {}).unwrap_err();
        assert!(matches!(error, TransportError::Timeout { .. }), "{error}");
    }
}
