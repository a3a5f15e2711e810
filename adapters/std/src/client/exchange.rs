//! One request and its response.

use core::fmt;
use core::ops::Range;

use exportitems::{Decoder, Encoder, ExportItems, Options, Sink};
use exportitems_http1::{HeadDecoder, HeadEncoder, HeadEvent, RequestHead, ResponseHead};
use zeroize::Zeroizing;

use super::body::Body;
use super::connection::Connection;
use super::error::{ClientError, ResponseError, TransportError};
use super::response::{Answer, Fields};
use super::status::{StatusError, BODY_LIMIT};
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

/// All memory that an exchange needs, whatever passes through.
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
    connection: Connection,
    head: ResponseHead,
    fields: Fields,
    /// What of the body is in the buffer already.
    rest: Range<usize>,
    /// The server has the whole request: otherwise the connection ends here.
    sent: bool,
}

/// An attempt without a response.
pub(super) struct Failed {
    pub(super) error: ClientError,
    /// Not a byte of a response has come.
    unanswered: bool,
}

impl Failed {
    /// Whether this is what a kept connection says that the server has ended meanwhile.
    pub(super) fn is_stale(&self) -> bool {
        self.unanswered && matches!(&self.error, ClientError::Transport(error) if error.is_broken())
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
        body: Encoder<'_>,
    ) -> Result<Answered, Failed> {
        let id = uuid::Uuid::new_v4().to_string();
        let sent = self.send(&mut connection, body, &id);
        match sent {
            // A server that refuses early answers and closes; its answer says more than the broken pipe.
            Ok(()) | Err(ClientError::Transport(TransportError::Write(_))) => {}
            Err(error) => return Err(error.into()),
        }
        let head = self.head(connection, Fields::new(id), sent.is_ok());
        match (head, sent) {
            (Err(failed), Err(error)) if failed.unanswered => Err(error.into()),
            (head, _) => head,
        }
    }

    fn send(
        &mut self,
        connection: &mut Connection,
        mut body: Encoder<'_>,
        client_request_id: &str,
    ) -> Result<(), ClientError> {
        let soap_action = format!("\"{}\"", ExportItems::SOAP_ACTION);
        let cookies = self.cookies.field();
        let mut headers = vec![
            ("Content-Type", ExportItems::CONTENT_TYPE),
            ("Accept", "text/xml"),
            // We remove no content coding; a request without this field lets a server use any (RFC 9110 §12.5.3).
            ("Accept-Encoding", "identity"),
            ("SOAPAction", &soap_action),
            ("client-request-id", client_request_id),
            ("return-client-request-id", "true"),
        ];
        let own = self.headers.iter();
        headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
        headers.extend(cookies.as_deref().map(|cookies| ("Cookie", cookies)));
        let credentials = self.credentials.as_ref();
        headers.extend(credentials.map(|own| ("Authorization", own.authorization())));

        let head = RequestHead::new(
            &self.endpoint.target,
            &self.endpoint.authority,
            &headers,
            body.encoded_len(),
        )
        .map_err(ClientError::Header)?;
        let mut head = HeadEncoder::new(head);
        let out = &mut self.buffers.send[..];
        let mut filled;
        loop {
            filled = head.write(out);
            if filled < out.len() {
                break;
            }
            connection.send(out)?;
        }
        loop {
            filled += body.write(&mut out[filled..]);
            connection.send(&out[..filled])?;
            if body.is_done() {
                return Ok(());
            }
            filled = 0;
        }
    }

    fn head(
        &mut self,
        mut connection: Connection,
        mut fields: Fields,
        sent: bool,
    ) -> Result<Answered, Failed> {
        let mut decoder = HeadDecoder::new(&mut self.buffers.line);
        let mut input: &[u8] = &[];
        let (mut unanswered, mut filled) = (true, 0);
        let failed = |error: TransportError, unanswered| Failed {
            error: error.into(),
            unanswered,
        };
        loop {
            match decoder.next(&mut input) {
                Ok(Some(HeadEvent::Field(field))) => fields.add(&field, &mut self.cookies),
                Ok(Some(HeadEvent::Head(head))) => {
                    let rest = filled - input.len()..filled;
                    return Ok(Answered {
                        connection,
                        head,
                        fields,
                        rest,
                        sent,
                    });
                }
                Ok(Some(HeadEvent::Interim(_) | HeadEvent::FieldTooLong { .. })) => {}
                Ok(None) => {
                    filled = connection
                        .receive(&mut self.buffers.receive)
                        .map_err(|error| failed(error, unanswered))?;
                    if filled == 0 {
                        decoder
                            .finish()
                            .map_err(|error| failed(TransportError::Http(error), unanswered))?;
                    }
                    unanswered = false;
                    input = &self.buffers.receive[..filled];
                }
                Err(error) => return Err(failed(TransportError::Http(error), unanswered)),
            }
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
        // EWS answers by content, whatever the status: faults come with 500 and with 200. But a
        // redirect or a challenge is the web server's, whatever it says besides.
        let status = head.status();
        let may_be_soap =
            fields.may_be_xml() && !head.is_coded() && !matches!(status, 300..=399 | 401);
        if !may_be_soap || !body.looks_like_xml()? {
            let error = StatusError::new(status, fields, &body.start(BODY_LIMIT));
            return Err(ClientError::Status(Box::new(error)));
        }

        let mut decoder = Decoder::with_scratch(options, &mut self.buffers.scratch[..])
            .unwrap_or_else(|_| unreachable!("the scratch is larger than MIN_SCRATCH"));
        let mut tap = Tap::new(sink);
        let result = tap.pump(&mut body, &mut decoder);
        if sent {
            self.connection = body.reusable();
        }
        let Some(summary) = tap.summary else {
            unreachable!("a decoder tells the summary before it ends, well or not");
        };
        let answer = Answer {
            summary,
            status,
            diagnostics: fields.diagnostics,
        };
        match (result, tap.error) {
            (Err((error, cause)), _) => Err(ClientError::Response(Box::new(ResponseError {
                error,
                cause,
                answer,
            }))),
            (Ok(()), Some(error)) => Err(ClientError::Sink(error.into())),
            (Ok(()), None) => Ok(answer),
        }
    }
}
