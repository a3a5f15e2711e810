//! One request and its response.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering;
use std::sync::PoisonError;

use exportitems::{Decoder, Operation, Options, ResponseOutcome};
use exportitems_http1::{HeadEncoder, RequestHead, ResponseHead};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::auth::{AuthError, ChannelBinding, EndPoint, Next, Permit, Renewal, Turn, With};
use super::body::Body;
use super::call::RequestBody;
use super::credentials::Credentials;
use super::error::{ClientError, ResponseError, TransportError};
use super::head::{Head, Heard};
use super::response::{Answer, Fields};
use super::session::Session;
use super::start::Start;
use super::status::{SentBinding, SentCredentials, StatusError};
use super::tap::{Receiver, Tap};
use super::transport::{Connection, Connector, Sent, Transport};

/// The largest number of bytes that are received at once.
const RECEIVE: usize = 64 * 1024;
/// The size of the decoder's scratch, which limits the pieces of data that a sink receives.
const SCRATCH: usize = 48 * 1024;
/// The largest number of bytes of a request that are sent at once.
const SEND: usize = 64 * 1024;
/// The longest line of a response's head. Diagnostic fields and cookies are much shorter.
const LINE: usize = 8 * 1024;

/// The longest body that is read of the response to a leg of a login, to keep the connection for the next leg.
const LONGEST_PAGE: usize = 1024 * 1024;

/// The value of `Accept-Encoding`. Without the field, proxies may compress.
pub(super) const IDENTITY: &str = "identity";
pub(super) const GZIP: &str = "gzip";

/// The memory for an exchange of any size.
pub(super) struct Buffers {
    /// It receives access tokens from a token endpoint.
    pub(super) receive: Zeroizing<Box<[u8]>>,
    scratch: Box<[u8]>,
    pub(super) line: Box<[u8]>,
    /// It is wiped because it holds credentials.
    send: Zeroizing<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            receive: Zeroizing::new(vec![0; RECEIVE].into()),
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
pub(super) struct Answered<T> {
    pub(super) connection: Connection<T>,
    pub(super) head: ResponseHead,
    pub(super) fields: Fields,
    /// The part of the body that is already in the buffer.
    pub(super) rest: Range<usize>,
    /// Whether the whole request was sent. Otherwise, the connection cannot be used again.
    pub(super) sent: bool,
    /// The value of `Authorization` that the request was sent with.
    pub(super) authorization: Option<Zeroizing<String>>,
    /// Whether there is another secret after a refusal.
    pub(super) renewal: Renewal,
    /// The permit of the login, which a refusal is reported to.
    permit: Option<Permit>,
    binding: SentBinding,
}

impl<T> Answered<T> {
    pub(super) const fn new(
        connection: Connection<T>,
        head: ResponseHead,
        fields: Fields,
        rest: Range<usize>,
        sent: bool,
    ) -> Self {
        Self {
            connection,
            head,
            fields,
            rest,
            sent,
            authorization: None,
            renewal: Renewal::Unsupported,
            permit: None,
            binding: SentBinding::NoTls,
        }
    }

    pub(super) const fn status(&self) -> u16 {
        self.head.status()
    }

    /// Returns whether a response on a kept connection does not belong to the request: it is a 408, which the server sends
    /// to an idle connection, or a successful response although the request was not sent completely.
    pub(super) const fn is_of_the_idle_connection(&self) -> bool {
        self.status() == 408 || !self.sent && matches!(self.status(), 200..=299)
    }

    /// Returns the `client-request-id` that was sent and the one that was returned, if they differ.
    pub(super) fn other_request(&self) -> Option<(String, String)> {
        let echoed = self.fields.other_request()?;
        let sent = &self.fields.diagnostics.client_request_id;
        Some((sent.clone(), echoed.to_owned()))
    }
}

/// An attempt without a response.
pub(super) struct Failed {
    pub(super) error: ClientError,
    /// Whether no byte of a response has arrived.
    pub(super) unanswered: bool,
    /// The whole request was sent, so the server may have processed it.
    pub(super) is_sent: bool,
}

impl Failed {
    /// Returns whether the attempt failed because the server had closed the kept connection.
    ///
    /// Bytes that are not HTTP are stray bytes, because the server used HTTP on this connection before.
    pub(super) fn is_stale(&self) -> bool {
        match &self.error {
            ClientError::Transport(TransportError::NotHttp { .. }) => true,
            ClientError::Transport(error) => self.unanswered && error.is_broken(),
            _ => false,
        }
    }
}

impl Failed {
    /// Whether a request with this body may be sent again.
    pub(super) const fn may_repeat<B: RequestBody>(&self) -> bool {
        B::IS_REPEATABLE || !self.is_sent
    }
}

impl<E: Into<ClientError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            unanswered: true,
            is_sent: false,
        }
    }
}

impl<C: Connector> Session<C> {
    /// Logs in if necessary, sends a request on this connection, and reads the head of its response.
    pub(super) async fn attempt<B: RequestBody>(
        &mut self,
        mut connection: Connection<C::Transport>,
        body: &mut B,
    ) -> Result<Answered<C::Transport>, Failed> {
        let Some(credentials) = self.credentials.clone() else {
            let turn = Turn {
                authorization: None,
                body: true,
            };
            return self.send(connection, turn, body).await;
        };
        connection.login.begin_request();
        let mut permit = match connection.login.is_in() {
            true => None,
            false => credentials.enter().await?,
        };
        credentials.credential().prepare().await?;
        // The server may close a connection between two requests that need not share it.
        let (mut may_reconnect, mut is_answering) = (false, false);
        let host = self.route.endpoint.host.clone();
        loop {
            let (binding, sent_binding) = self.bind(&connection);
            let with = With {
                credential: credentials.credential(),
                host: &host,
                binding: binding.as_ref(),
            };
            let known = *self.scheme.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = connection.login.turn(with, known)?;
            let mut answered = match self.send(connection, turn, body).await {
                Err(failed)
                    if core::mem::take(&mut may_reconnect)
                        && failed.is_stale()
                        && failed.may_repeat::<B>() =>
                {
                    connection = self.connect().await?;
                    continue;
                }
                Err(failed) if is_answering && failed.is_stale() => {
                    return Err(AuthError::Closed.into());
                }
                answered => answered?,
            };
            let status = answered.status();
            let is_stray = answered.other_request().is_some();
            let login = &mut answered.connection.login;
            let next = login.answered(with, status, &answered.fields.offers)?;
            if next == Next::Done || is_stray {
                match status {
                    200..=299 | 500 if login.tried().is_some() => {
                        if let Some(permit) = permit.take() {
                            permit.accepted();
                        }
                    }
                    401 if login.tried().is_some() => answered.permit = permit,
                    _ => {}
                }
                answered.binding = sent_binding;
                return Ok(answered);
            }
            if let Some(chosen) = login.chosen() {
                *self.scheme.lock().unwrap_or_else(PoisonError::into_inner) = Some(chosen);
            }
            let login = core::mem::take(login);
            connection = match (self.discard(answered).await, next) {
                (Some(connection), _) => connection,
                (None, Next::Leg) => return Err(AuthError::Closed.into()),
                (None, _) => self.connect().await?,
            };
            connection.login = login;
            // A connection that was logged in has no permit yet.
            if permit.is_none() {
                permit = credentials.enter().await?;
            }
            may_reconnect = next == Next::Anew;
            is_answering = next == Next::Leg;
        }
    }

    /// Returns the channel binding for a login on this connection, and how to describe it in an error.
    pub(super) fn bind(
        &self,
        connection: &Connection<C::Transport>,
    ) -> (Option<EndPoint>, SentBinding) {
        match connection.end_point() {
            _ if !connection.transport.is_tls() => (None, SentBinding::NoTls),
            _ if self.binding == ChannelBinding::Off => (None, SentBinding::Off),
            None => (None, SentBinding::Undefined),
            binding => (binding, SentBinding::Sent),
        }
    }

    /// Reads the response to a leg to its end. Returns the connection if it can be used for the next leg.
    async fn discard(
        &mut self,
        answered: Answered<C::Transport>,
    ) -> Option<Connection<C::Transport>> {
        if !answered.sent {
            return None;
        }
        let Answered {
            connection,
            head,
            rest,
            ..
        } = answered;
        let mut body = Body::new(connection, &head, &mut self.buffers.receive, rest);
        let mut len = 0;
        while let Some(piece) = body.next().await.ok()? {
            len += piece.len();
            if len > LONGEST_PAGE {
                return None;
            }
        }
        body.reusable()
    }

    /// Sends one request on this connection and reads the head of its response.
    pub(super) async fn send(
        &mut self,
        mut connection: Connection<C::Transport>,
        turn: Turn,
        body: &mut impl RequestBody,
    ) -> Result<Answered<C::Transport>, Failed> {
        let soap_action = format!("\"{}\"", body.soap_action());
        body.restart();
        let mut body = turn.body.then_some(body);
        connection.transport.begin_exchange();
        let id = uuid::Uuid::new_v4().to_string();
        let cookies = self.cookies.field();
        let headers = headers(
            &soap_action,
            self.accept_encoding,
            &self.headers,
            turn.authorization.as_deref().map(String::as_str),
            cookies.as_deref(),
            &id,
        );
        let groups = [&headers[..]];
        let head = RequestHead::new(
            &self.route.endpoint.target,
            &self.route.endpoint.authority,
            &groups,
            body.as_ref().map_or(0, |body| body.encoded_len()),
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
            &mut connection.transport,
            HeadEncoder::new(head),
            body.as_deref_mut(),
            send,
            &mut response,
        )
        .await;
        let sent = match sent {
            Ok(sent) => Ok(sent),
            // A server may refuse a request early and close the connection. Its response explains more than the write error.
            Err(Failed {
                error: ClientError::Transport(error @ TransportError::Write(_)),
                ..
            }) => Err(error),
            Err(failed) => return Err(failed),
        };
        let whole = sent.as_ref().map_or(Sent::Answered, |sent| *sent);
        let is_sent = body.is_some() && whole == Sent::All;
        let mut answered = match (response.finish(connection, whole).await, sent) {
            (Err(failed), Err(error)) if failed.unanswered => return Err(error.into()),
            (head, _) => head.map_err(|failed| Failed { is_sent, ..failed })?,
        };
        answered.authorization = turn.authorization;
        Ok(answered)
    }

    /// Passes the body to a receiver if it is a SOAP message. Otherwise, returns an error.
    pub(super) async fn receive<
        O: Operation,
        R: Receiver<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    >(
        &mut self,
        answered: Answered<C::Transport>,
        options: Options,
        receiver: R,
    ) -> Result<Answer, ClientError> {
        let limit = usize::try_from(options.max_response_bytes()).unwrap_or(usize::MAX);
        let gzip = (self.accept_encoding == GZIP).then_some(limit);
        let credentials = self.credentials.as_ref();
        let receive = &mut self.buffers.receive;
        let certificate = answered.connection.transport.peer_certificate();
        let certificate = certificate.map(|der| Sha256::digest(der).into());
        let opened = open(
            answered,
            receive,
            gzip,
            credentials,
            self.is_ews.load(Ordering::Relaxed),
        )
        .await?;
        let Opened {
            mut body,
            status,
            fields,
            sent,
        } = opened;
        let scratch = &mut self.buffers.scratch[..];
        let mut decoder = Decoder::<_, O>::for_operation_with_scratch(options, scratch)
            .unwrap_or_else(|_| unreachable!("the scratch is larger than MIN_SCRATCH"));
        let mut tap = Tap::new(receiver, fields.retry_after);
        let result = tap.pump(&mut body, &mut decoder).await;
        if sent {
            self.connection = body.reusable();
        }
        let Some(summary) = tap.summary else {
            unreachable!("a decoder gives the summary before it ends, well or not");
        };
        if summary.response != ResponseOutcome::NotSoap {
            self.is_ews.store(true, Ordering::Relaxed);
        }
        let answer = Answer {
            summary,
            status,
            odd_content_type: fields.odd_content_type().map(str::to_owned),
            certificate,
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

/// A response with a SOAP message, whose body follows.
pub(super) struct Opened<'b, T> {
    pub(super) body: Body<'b, T>,
    pub(super) status: u16,
    pub(super) fields: Fields,
    /// Whether the whole request was sent. Otherwise, the connection cannot be used again.
    pub(super) sent: bool,
}

/// Returns the body of a SOAP message; anything else is an error.
///
/// `gzip`: the most bytes that a compressed response may expand to, if compressed ones were requested. `is_ews`: the server has sent SOAP before.
pub(super) async fn open<'b, T: Transport>(
    answered: Answered<T>,
    buffer: &'b mut [u8],
    gzip: Option<usize>,
    credentials: Option<&Credentials>,
    is_ews: bool,
) -> Result<Opened<'b, T>, ClientError> {
    let Answered {
        connection,
        head,
        mut fields,
        rest,
        sent,
        permit,
        renewal,
        binding,
        ..
    } = answered;
    let credentials = match (credentials, connection.login.tried()) {
        (None, _) => SentCredentials::Nothing,
        (Some(credentials), None) => SentCredentials::Withheld {
            schemes: credentials.schemes(),
        },
        (Some(credentials), Some(_)) if credentials.credential().has_ticket() => {
            SentCredentials::Ticket { binding }
        }
        (Some(_), Some(scheme)) => SentCredentials::by(scheme, renewal, binding),
    };
    let gzip = gzip.filter(|_| {
        (fields.content_coding.as_deref()).is_some_and(|coding| {
            ["gzip", "x-gzip"]
                .iter()
                .any(|name| coding.eq_ignore_ascii_case(name))
        })
    });
    let mut body = Body::new(connection, &head, buffer, rest);
    if let Some(limit) = gzip {
        fields.content_coding = None;
        body.expand(limit);
    }
    // EWS sends faults with status 500 and with 200, so the content decides. But a redirect or a challenge is from the web
    // server, even if its body is XML.
    let status = head.status();
    let is_web_servers = matches!(status, 300..=399 | 401 | 407);
    // These statuses are clear without the body.
    let start = match body.look().await {
        Err(_) if is_web_servers => Start::Empty,
        start => start?,
    };
    if is_web_servers || start != Start::Xml {
        let mut error = StatusError::new(status, fields, credentials, start, body.start().await);
        error.is_ews = is_ews;
        if let Some(permit) = permit {
            permit.refused(&mut error);
        }
        return Err(ClientError::Status(Box::new(error)));
    }
    // EWS reads the whole request before it responds with success.
    if !sent && matches!(status, 200..=299) {
        return Err(TransportError::Unasked.into());
    }
    Ok(Opened {
        body,
        status,
        fields,
        sent,
    })
}

/// Returns all header fields of a request except those for the framing.
fn headers<'h>(
    soap_action: &'h str,
    accept_encoding: &'h str,
    own: &'h [(String, String)],
    authorization: Option<&'h str>,
    cookies: Option<&'h str>,
    client_request_id: &'h str,
) -> Vec<(&'h str, &'h str)> {
    let mut headers = vec![
        ("Content-Type", exportitems::CONTENT_TYPE),
        ("Accept", "text/xml"),
        ("Accept-Encoding", accept_encoding),
        ("SOAPAction", soap_action),
        ("client-request-id", client_request_id),
        ("return-client-request-id", "true"),
    ];
    headers.extend(
        own.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    headers.extend(cookies.map(|cookies| ("Cookie", cookies)));
    headers.extend(authorization.map(|value| ("Authorization", value)));
    headers
}

/// Sends the head and the body through the buffer `out`. Stops early if the server responds.
async fn transmit(
    transport: &mut impl Transport,
    mut head: HeadEncoder<'_>,
    mut body: Option<&mut impl RequestBody>,
    out: &mut [u8],
    response: &mut Head<'_>,
) -> Result<Sent, Failed> {
    let mut filled;
    loop {
        filled = head.write(out);
        if filled < out.len() {
            break;
        }
        if pass(transport, out, response).await? == Sent::Answered {
            return Ok(Sent::Answered);
        }
    }
    loop {
        if let Some(body) = &mut body {
            filled += body.write(&mut out[filled..]).await?;
        }
        if pass(transport, &out[..filled], response).await? == Sent::Answered {
            return Ok(Sent::Answered);
        }
        if body.as_ref().is_none_or(|body| body.is_done()) {
            return Ok(Sent::All);
        }
        filled = 0;
    }
}

/// Sends these bytes. Stops early if the server begins to respond, except with an interim response.
pub(super) async fn pass(
    transport: &mut impl Transport,
    mut bytes: &[u8],
    response: &mut Head<'_>,
) -> Result<Sent, Failed> {
    loop {
        let sent = transport.send(&mut bytes).await?;
        if sent == Sent::All || response.hear(transport).await? == Heard::Final {
            return Ok(sent);
        }
    }
}
