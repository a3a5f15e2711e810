//! How to reach a server.

use core::time::Duration;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::ClientConfig;

use super::dial::{self, Deadline};
use super::endpoint::Endpoint;
use super::error::TransportError;
use super::proxy::Proxy;

/// How to reach a server: its address, a proxy, TLS and the time that the server may take.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) endpoint: Endpoint,
    pub(super) proxy: Option<Proxy>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// What verifies the server's certificates; `None` with a configuration of the caller's.
    pub(super) verifier: Option<Arc<dyn ServerCertVerifier>>,
    pub(super) timeouts: Timeouts,
}

impl Route {
    /// Returns the host, a name or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.endpoint.host
    }

    /// Returns the configuration of TLS. Without one, the connection has no TLS.
    #[must_use]
    pub const fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    /// Opens the TCP connection, through the proxy if there is one, and blocks until it is open. Each of the host's addresses
    /// is tried, within the [time for a connection](Timeouts::connect).
    ///
    /// # Errors
    /// The host or the proxy cannot be found or reached, or the proxy refuses.
    pub fn dial(&self) -> Result<TcpStream, TransportError> {
        let deadline = Deadline::after(self.timeouts.connect);
        let socket = dial::connect(self, &deadline, &mut |_| {})?;
        socket
            .set_read_timeout(None)
            .and_then(|()| socket.set_write_timeout(None))
            .map_err(|source| TransportError::connect(&self.endpoint, source))?;
        Ok(socket)
    }

    /// Returns the time that the server may take.
    #[must_use]
    pub const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }
}

/// The time that a server may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timeouts {
    /// The time for a connection with its TLS handshake.
    pub connect: Duration,
    /// The time for the next bytes of a response.
    pub read: Duration,
    /// The time to accept the next bytes of a request.
    pub write: Duration,
    /// The lowest rate of a response.
    pub lowest: Rate,
}

/// A number of bytes in a time, of which only the time spent waiting for the server counts.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rate {
    /// The number of bytes.
    pub bytes: u64,
    /// The time.
    pub within: Duration,
}
