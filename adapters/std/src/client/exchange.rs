//! One request and its response.

use core::fmt;
use core::ops::Range;

use exportitems::{Decoder, Encoder, ExportItems, Options, ResponseOutcome, Sink};
use exportitems_http1::{HeadEncoder, RequestHead, ResponseHead};
use zeroize::Zeroizing;

use super::body::Body;
use super::connection::{Connection, Sent};
use super::credentials::Credentials;
use super::error::{ClientError, ResponseError, TransportError};
use super::head::{Head, Heard};
use super::response::{Answer, Fields};
use super::start::Start;
use super::status::{SentCredentials, StatusError};
use super::tap::Tap;
use super::Client;

/// What the socket gives at once.
const RECEIVE: usize = 64 * 1024;
/// The decoder's scratch: how large the pieces of data are that a sink gets.
const SCRATCH: usize = 48 * 1024;
/// What the socket gets at once, request head and body.
const SEND: usize = 16 * 1024;
/// The longest line of a response's head; `X-DiagInfo`s and cookies stay far below.
const LINE: usize = 8 * 1024;

/// All memory that an exchange needs, of any size.
pub(super) struct Buffers {
    receive: Box<[u8]>,
    scratch: Box<[u8]>,
    line: Box<[u8]>,
    /// It sees the credentials.
    send: Zeroizing<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            receive: vec![0; RECEIVE].into(),
            scratch: vec![0; SCRATCH].into(),
            line: vec![0; LINE].into(),
            send: Zeroizing::new(vec![0; SEND]),
        }
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").finish_non_exhaustive()
    }
}

/// A response whose head has been read.
pub(super) struct Answered {
    pub(super) connection: Connection,
    pub(super) head: ResponseHead,
    pub(super) fields: Fields,
    /// What of the body is in the buffer already.
    pub(super) rest: Range<usize>,
    /// The server has the whole request: otherwise the connection ends here.
    pub(super) sent: bool,
}

impl Answered {
    pub(super) const fn status(&self) -> u16 {
        self.head.status()
    }

    /// Whether a response on a kept connection is about its idleness, or was under way before the request was:
    /// a 408 that crossed the request, or a good answer to a request that was not sent yet.
    pub(super) const fn is_of_the_idle_connection(&self) -> bool {
        self.status() == 408 || !self.sent && matches!(self.status(), 200..=299)
    }

    /// The `client-request-id` that was sent and the one that came back, where they differ.
    pub(super) fn other_request(&self) -> Option<(String, String)> {
        let echoed = self.fields.other_request()?;
        let sent = &self.fields.diagnostics.client_request_id;
        Some((sent.clone(), echoed.to_owned()))
    }
}

/// An attempt without a response.
pub(super) struct Failed {
    pub(super) error: ClientError,
    /// Not a byte of a response has come.
    pub(super) unanswered: bool,
}

impl Failed {
    /// Whether this is what a kept connection says that the server has ended meanwhile.
    ///
    /// Bytes that are not HTTP are strays: a server that spoke HTTP before does so again.
    pub(super) fn is_stale(&self) -> bool {
        match &self.error {
            ClientError::Transport(TransportError::NotHttp { .. }) => true,
            ClientError::Transport(error) => self.unanswered && error.is_broken(),
            _ => false,
        }
    }
}

impl<E: Into<ClientError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            unanswered: true,
        }
    }
}

impl Client {
    /// Sends a request on this connection and reads the head of its response.
    pub(super) fn attempt(
        &mut self,
        mut connection: Connection,
        mut body: Encoder<'_>,
    ) -> Result<Answered, Failed> {
        connection.begin_exchange();
        let id = uuid::Uuid::new_v4().to_string();
        let cookies = self.cookies.field();
        let soap_action = format!("\"{}\"", ExportItems::SOAP_ACTION);
        let headers = headers(
            &soap_action,
            &self.headers,
            self.credentials.as_ref(),
            cookies.as_deref(),
            &id,
        );
        let head = RequestHead::new(
            &self.endpoint.target,
            &self.endpoint.authority,
            &headers,
            body.encoded_len(),
        )
        .map_err(ClientError::Header)?;

        let Buffers {
            receive,
            line,
            send,
            ..
        } = &mut self.buffers;
        let mut response = Head::new(line, receive, &mut self.cookies, Fields::new(id.clone()));
        let sent = transmit(
            &mut connection,
            HeadEncoder::new(head),
            &mut body,
            send,
            &mut response,
        );
        let sent = match sent {
            Ok(sent) => Ok(sent),
            // A server that refuses early answers and closes; its answer says more than the broken pipe.
            Err(Failed {
                error: ClientError::Transport(error @ TransportError::Write(_)),
                ..
            }) => Err(error),
            Err(failed) => return Err(failed),
        };
        let whole = sent.as_ref().map_or(Sent::Answered, |sent| *sent);
        match (response.finish(connection, whole), sent) {
            (Err(failed), Err(error)) if failed.unanswered => Err(error.into()),
            (head, _) => head,
        }
    }

    /// Reads the body: a SOAP message into the sink, anything else into an error.
    pub(super) fn receive<S>(
        &mut self,
        answered: Answered,
        sink: &mut S,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let Answered {
            connection,
            head,
            fields,
            rest,
            sent,
        } = answered;
        let mut body = Body::new(connection, &head, &mut self.buffers.receive, rest);
        // EWS answers by content and not by status: faults come with 500 and with 200. But a redirect
        // or a challenge is the web server's, even with XML in its body.
        let status = head.status();
        let is_web_servers = matches!(status, 300..=399 | 401 | 407);
        // What a status says does not need the body.
        let start = match body.look() {
            Err(_) if is_web_servers => Start::Empty,
            start => start?,
        };
        if is_web_servers || start != Start::Xml {
            let sent =
                (self.credentials.as_ref()).map_or(SentCredentials::Nothing, Credentials::sent);
            let mut error = StatusError::new(status, fields, sent, start, body.start());
            error.is_ews = self.is_ews;
            return Err(ClientError::Status(Box::new(error)));
        }
        // EWS reads the whole request before it answers with success.
        if !sent && matches!(status, 200..=299) {
            return Err(TransportError::Unasked.into());
        }

        let mut decoder = Decoder::with_scratch(options, &mut self.buffers.scratch[..])
            .unwrap_or_else(|_| unreachable!("the scratch is larger than MIN_SCRATCH"));
        let mut tap = Tap::new(sink, fields.retry_after);
        let result = tap.pump(&mut body, &mut decoder);
        if sent {
            self.connection = body.reusable();
        }
        let Some(summary) = tap.summary else {
            unreachable!("a decoder gives the summary before it ends, well or not");
        };
        self.is_ews |= summary.response != ResponseOutcome::NotSoap;
        let answer = Answer {
            summary,
            status,
            odd_content_type: fields.odd_content_type().map(str::to_owned),
            diagnostics: fields.diagnostics,
        };
        match (result, tap.error) {
            (Err((error, cause)), _) => Err(ClientError::Response(Box::new(ResponseError {
                error,
                cause,
                encoding: decoder.declared_encoding().map(str::to_owned),
                answer,
            }))),
            (Ok(()), Some(error)) => Err(ClientError::Sink(error.into())),
            (Ok(()), None) => Ok(answer),
        }
    }
}

/// All fields of a request but those that frame it.
fn headers<'h>(
    soap_action: &'h str,
    own: &'h [(String, String)],
    credentials: Option<&'h Credentials>,
    cookies: Option<&'h str>,
    client_request_id: &'h str,
) -> Vec<(&'h str, &'h str)> {
    let mut headers = vec![
        ("Content-Type", exportitems::CONTENT_TYPE),
        ("Accept", "text/xml"),
        // Proxies compress where nothing is said.
        ("Accept-Encoding", "identity"),
        ("SOAPAction", soap_action),
        ("client-request-id", client_request_id),
        ("return-client-request-id", "true"),
    ];
    headers.extend(
        own.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    headers.extend(cookies.map(|cookies| ("Cookie", cookies)));
    headers.extend(credentials.map(|own| ("Authorization", own.authorization())));
    headers
}

/// Sends head and body through `out`, as far as the server wants them.
fn transmit(
    connection: &mut Connection,
    mut head: HeadEncoder<'_>,
    body: &mut Encoder<'_>,
    out: &mut [u8],
    response: &mut Head<'_>,
) -> Result<Sent, Failed> {
    let mut filled;
    loop {
        filled = head.write(out);
        if filled < out.len() {
            break;
        }
        if pass(connection, out, response)? == Sent::Answered {
            return Ok(Sent::Answered);
        }
    }
    loop {
        filled += body.write(&mut out[filled..]);
        if pass(connection, &out[..filled], response)? == Sent::Answered {
            return Ok(Sent::Answered);
        }
        if body.is_done() {
            return Ok(Sent::All);
        }
        filled = 0;
    }
}

/// Sends these bytes, unless the server begins to answer; interim responses do not count.
fn pass(
    connection: &mut Connection,
    mut bytes: &[u8],
    response: &mut Head<'_>,
) -> Result<Sent, Failed> {
    loop {
        let sent = connection.send(&mut bytes)?;
        if sent == Sent::All || response.hear(connection)? == Heard::Final {
            return Ok(sent);
        }
    }
}
