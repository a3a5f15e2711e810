//! Connections over TCP, with or without TLS.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use exportitems_std::client::{Connector, Phase, Route, TlsProblem, TransportError};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{timeout_at, Instant};
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;

use crate::transport::StreamTransport;

/// The number of bytes that show which protocol a server speaks.
const FIRST: usize = 5;

/// Makes connections over TCP, through a proxy if the client has one, and with TLS if the URL begins with `https`.
///
/// Addresses are looked up and tried on a thread of [`tokio::task::spawn_blocking`]. If the future is dropped, that thread
/// continues until it has a connection or its time is over.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TcpConnector;

impl Connector for TcpConnector {
    type Transport = StreamTransport<Stream>;

    async fn connect(&self, route: &Route) -> Result<Self::Transport, TransportError> {
        let timeouts = route.timeouts();
        let deadline = Instant::now() + timeouts.connect;
        let dialed = {
            let route = route.clone();
            tokio::task::spawn_blocking(move || route.dial()).await
        };
        let socket = dialed.map_err(|error| failed(route, error.into()))??;
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(socket))
            .map_err(|error| failed(route, error))?;
        let Some(config) = route.tls() else {
            return Ok(StreamTransport::new(
                Stream(Inner::Plain(socket)),
                route,
                None,
            ));
        };
        // RFC 6066 §3: the name has no trailing dot, even if the URL's name is absolute.
        let host = route.host().trim_end_matches('.').to_owned();
        let refused = |source: io::Error, first: &[u8]| TransportError::Tls {
            host: route.host().to_owned(),
            problem: TlsProblem::of(&source, first),
            source,
        };
        let name = ServerName::try_from(host)
            .map_err(|error| refused(io::Error::new(io::ErrorKind::InvalidInput, error), &[]))?;
        let connector = TlsConnector::from(config.clone());
        let handshake = connector
            .connect(name, Recorded::new(socket))
            .into_fallible();
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => {
                let chain = stream.get_ref().1.peer_certificates();
                let certificate = chain.and_then(<[_]>::first).cloned();
                let stream = Stream(Inner::Tls(Box::new(stream)));
                Ok(StreamTransport::new(stream, route, certificate))
            }
            Ok(Err((source, recorded))) => Err(refused(source, recorded.first())),
            Err(_) => Err(TransportError::Timeout {
                phase: Phase::Handshake,
                after: timeouts.connect,
            }),
        }
    }
}

fn failed(route: &Route, source: io::Error) -> TransportError {
    TransportError::Connect {
        authority: route.host().to_owned(),
        source,
    }
}

/// A connection of a [`TcpConnector`].
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<Recorded>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Inner::Tls(stream) => Pin::new(&mut **stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Inner::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Inner::Tls(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(context),
            Inner::Tls(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Inner::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(context),
        }
    }
}

/// A socket that keeps the first bytes that it received, which show what a server speaks that does not speak TLS.
#[derive(Debug)]
struct Recorded {
    socket: TcpStream,
    first: [u8; FIRST],
    len: usize,
}

impl Recorded {
    const fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            first: [0; FIRST],
            len: 0,
        }
    }

    fn first(&self) -> &[u8] {
        &self.first[..self.len]
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        let received = &buffer.filled()[before..];
        let start = self.len;
        let kept = received.len().min(FIRST - start);
        self.first[start..start + kept].copy_from_slice(&received[..kept]);
        self.len += kept;
        read
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
