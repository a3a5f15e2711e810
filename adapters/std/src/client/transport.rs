//! What a client needs of a connection. The blocking one is [`TcpTransport`](super::tcp::TcpTransport);
//! adapters/tokio has an asynchronous one.

use core::time::Duration;

use rustls::pki_types::CertificateDer;

use super::auth::{EndPoint, Login};
use super::error::TransportError;
use super::route::{Rate, Route};

/// Makes connections to a server.
#[allow(async_fn_in_trait)] // no `Send` bound: the blocking client has none, and tokio's futures are `Send`
pub trait Connector {
    /// A connection.
    type Transport: Transport;

    /// Connects, by TLS if the route has a configuration for it.
    ///
    /// # Errors
    /// There is no connection.
    async fn connect(&self, route: &Route) -> Result<Self::Transport, TransportError>;
}

/// A connection to a server.
#[allow(async_fn_in_trait)] // see `Connector`
pub trait Transport {
    /// Returns the server's certificate; `None` without TLS.
    fn peer_certificate(&self) -> Option<&CertificateDer<'static>>;

    /// Returns whether the connection has TLS.
    fn is_tls(&self) -> bool;

    /// Starts to measure the rate of a response.
    fn begin_exchange(&mut self);

    /// Returns whether nothing has arrived since the last response: no byte, and not the end of the stream.
    ///
    /// Anything that is waiting was not requested: a second response, a late 408, or stray bytes. With TLS, records are
    /// processed first, because session tickets and key updates are not data.
    async fn is_idle(&mut self) -> bool;

    /// Sends `bytes` and advances past what was sent. Stops early if the server responds first.
    ///
    /// # Errors
    /// The connection failed, or the server accepts no bytes for too long.
    async fn send(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError>;

    /// Receives at least one byte into `buffer`; 0 at the end of the stream.
    ///
    /// With TLS, an end without `close_notify` is an error, because anyone on the path can end a TCP stream.
    ///
    /// # Errors
    /// The connection failed, or the server is too slow.
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError>;
}

/// The result of [`Transport::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // a transport must match all of it
pub enum Sent {
    /// Everything was sent.
    All,
    /// A part was not sent: the server has responded or closed the connection.
    Answered,
}

/// A connection and the state of its login.
///
/// The client keeps one connection instead of a pool: NTLM authenticates the connection, and Extended Protection
/// binds that to the server's certificate.
#[derive(Debug)]
pub(super) struct Connection<T> {
    pub(super) transport: T,
    pub(super) login: Login,
}

impl<T: Transport> Connection<T> {
    pub(super) fn new(transport: T) -> Self {
        Self {
            transport,
            login: Login::default(),
        }
    }

    /// Returns the server's end of the TLS connection, for a channel binding.
    pub(super) fn end_point(&self) -> Option<EndPoint> {
        EndPoint::of_certificate(self.transport.peer_certificate()?)
    }
}

/// The bytes of a response and the time spent waiting for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    waited: Duration,
    received: u64,
}

impl Pace {
    /// Counts bytes and the time that they were waited for.
    ///
    /// # Errors
    /// [`TransportError::TooSlow`] if the rate is below `lowest`.
    pub fn count(
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
