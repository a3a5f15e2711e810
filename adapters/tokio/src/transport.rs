//! A connection over any stream of tokio.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use exportitems_std::client::{Pace, Phase, Route, Sent, Timeouts, Transport, TransportError};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{timeout, Instant};

/// The bytes of an early response that are received while the request is being sent.
const EARLY: usize = 4 * 1024;

/// A connection over any stream of tokio. A [`Connector`](exportitems_std::client::Connector) returns it.
pub struct StreamTransport<S> {
    stream: S,
    host: String,
    timeouts: Timeouts,
    is_tls: bool,
    certificate: Option<CertificateDer<'static>>,
    pace: Pace,
    /// What arrived while the request was being sent.
    early: Option<Early>,
}

/// The beginning of a response, or the end of the stream.
struct Early {
    bytes: Box<[u8; EARLY]>,
    start: usize,
    end: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamTransport<S> {
    /// Returns the transport over `stream`, which is connected to the server of `route`.
    ///
    /// If the stream has TLS, `certificate` is that of the server: NTLM binds its login to it.
    pub fn new(stream: S, route: &Route, certificate: Option<CertificateDer<'static>>) -> Self {
        Self {
            stream,
            host: route.host().to_owned(),
            timeouts: route.timeouts(),
            is_tls: route.tls().is_some(),
            certificate,
            pace: Pace::default(),
            early: None,
        }
    }

    /// Receives without waiting. The result is ready at the end of the stream too.
    fn poll_early(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.early.is_some() {
            return Poll::Ready(Ok(()));
        }
        let mut bytes = Box::new([0; EARLY]);
        let mut buffer = ReadBuf::new(&mut *bytes);
        let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
        let end = buffer.filled().len();
        if let Poll::Ready(Ok(())) = read {
            self.early = Some(Early {
                bytes,
                start: 0,
                end,
            });
        }
        read
    }

    /// Sends, or receives what the server sends meanwhile.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<Step, TransportError>> {
        if bytes.is_empty() {
            // The server may respond as soon as it has the last byte, so the end of the request comes first.
            if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context) {
                return Poll::Ready(
                    flushed
                        .map(|()| Step::Flushed)
                        .map_err(TransportError::Write),
                );
            }
        }
        if let Poll::Ready(early) = self.poll_early(context) {
            let early = early.map_err(|error| TransportError::read(&self.host, error));
            return Poll::Ready(early.map(|()| Step::Answered));
        }
        if bytes.is_empty() {
            return Poll::Pending;
        }
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        wrote.map_ok(Step::Wrote).map_err(TransportError::Write)
    }
}

/// A step of sending.
enum Step {
    Wrote(usize),
    Flushed,
    Answered,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for StreamTransport<S> {
    fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }

    fn begin_exchange(&mut self) {
        self.pace = Pace::default();
    }

    async fn is_idle(&mut self) -> bool {
        // The runtime learns of bytes that have arrived only between tasks.
        tokio::task::yield_now().await;
        let look = poll_fn(|context| Poll::Ready(self.poll_early(context).is_pending()));
        tokio::task::unconstrained(look).await
    }

    async fn send(&mut self, bytes: &mut &[u8]) -> Result<Sent, TransportError> {
        let after = self.timeouts.write;
        loop {
            let step = poll_fn(|context| self.poll_send(context, bytes));
            let step = timeout(after, step).await;
            let expired = TransportError::Timeout {
                phase: Phase::Write,
                after,
            };
            match step.map_err(|_| expired)?? {
                Step::Answered => return Ok(Sent::Answered),
                Step::Flushed => return Ok(Sent::All),
                Step::Wrote(0) => {
                    return Err(TransportError::Write(io::ErrorKind::WriteZero.into()))
                }
                Step::Wrote(len) => *bytes = &bytes[len..],
            }
        }
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError> {
        if let Some(early) = &mut self.early {
            let unread = &early.bytes[early.start..early.end];
            let len = unread.len().min(buffer.len());
            buffer[..len].copy_from_slice(&unread[..len]);
            early.start += len;
            if early.start == early.end {
                self.early = None;
            }
            return Ok(len);
        }
        let began = Instant::now();
        let mut buffer = ReadBuf::new(buffer);
        let read = poll_fn(|context| Pin::new(&mut self.stream).poll_read(context, &mut buffer));
        match timeout(self.timeouts.read, read).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(TransportError::read(&self.host, error)),
            Err(_) => {
                return Err(TransportError::Timeout {
                    phase: Phase::Read,
                    after: self.timeouts.read,
                })
            }
        }
        let received = buffer.filled().len();
        if received > 0 {
            self.pace
                .count(received, began.elapsed(), self.timeouts.lowest)?;
        }
        Ok(received)
    }
}

impl<S> fmt::Debug for StreamTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTransport")
            .field("is_tls", &self.is_tls)
            .finish_non_exhaustive()
    }
}
