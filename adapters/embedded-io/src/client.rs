//! The client: a connection, a server and a buffer.

use exportitems::Summary;

use crate::error::Error;
use crate::exchange::Response;
use crate::server::Server;

/// Exports items, and uploads them with the feature `upload`, over one connection. The caller opens it, with TLS where that is needed.
///
/// `T` is the connection. It implements `Read` and `Write` of `embedded_io` for [`export`](Self::export), or those of
/// `embedded_io_async` for [`export_async`](Self::export_async).
/// Set timeouts in the transport.
#[derive(Debug)]
pub struct Client<'a, T> {
    pub(crate) transport: T,
    pub(crate) server: Server<'a>,
    pub(crate) buffer: &'a mut [u8],
    pub(crate) state: State,
}

/// What the connection can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No byte was sent: a login or an export.
    New,
    /// An export, whose request has the last message of the login.
    LastLeg,
    /// An export.
    Ready,
    /// Nothing.
    Spent,
}

impl<'a, T> Client<'a, T> {
    /// Returns a client on a new connection.
    ///
    /// `buffer` needs at least [`MIN_BUFFER`](crate::MIN_BUFFER) bytes; 1 KiB is enough for Exchange. A quarter of it
    /// holds one line of the response's head, the rest the bytes of one `read`.
    pub fn new(transport: T, server: Server<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            transport,
            server,
            buffer,
            state: State::New,
        }
    }

    /// Returns whether the connection can be used for another export or upload.
    ///
    /// It can if no request was sent yet, or if the last response was complete and the server keeps the connection.
    #[must_use]
    pub const fn can_export(&self) -> bool {
        !matches!(self.state, State::Spent)
    }

    /// Returns the connection.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Begins an exchange. The connection cannot be used again unless the exchange ends well.
    pub(crate) fn begin_exchange(&mut self) {
        // NTLM authenticates the connection, so no further request has the field.
        if self.state == State::LastLeg {
            self.server.authorization = None;
        }
        self.state = State::Spent;
    }

    /// Ends an exchange. The connection is kept only after a complete response, since these clients cannot check
    /// whether bytes of another response are waiting.
    pub(crate) fn close_exchange(&mut self, is_complete: bool) {
        if is_complete {
            self.state = State::Ready;
        }
        self.server.request_id.advance();
    }
}

/// Returns the error for a decoder that finished an earlier response and was not reset.
pub(crate) const fn not_reset(offset: u64) -> exportitems::Error {
    exportitems::Error {
        kind: exportitems::ErrorKind::Finished,
        offset,
    }
}

/// Returns the result of an export whose document is complete. A failure of the connection after the document does not
/// matter.
pub(crate) fn export_result<E>(
    received: &Result<bool, Error<E>>,
    summary: Summary,
) -> Result<Summary, Error<E>> {
    match received {
        // The decoder finished an earlier response and was not reset.
        Err(Error::Response(error)) => Err(Error::Response(*error)),
        _ => Ok(summary),
    }
}

/// Returns the error of an export whose document is incomplete.
///
/// If the HTTP status is an error, it explains more than the error in a body that is not SOAP.
pub(crate) fn export_error<E>(
    response: &Response<'_>,
    received: Result<bool, Error<E>>,
    error: exportitems::Error,
) -> Error<E> {
    match (received, response.bad_status()) {
        (Err(failed), _) if !matches!(failed, Error::Response(_)) => failed,
        _ if response.is_foreign => Error::OtherRequest,
        (_, Some(status)) => Error::Status(status),
        _ if response.is_refused() => Error::Coded,
        _ => Error::Response(error),
    }
}
