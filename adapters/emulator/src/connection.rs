//! One connection: receives requests, and sends responses as the scenario demands.

use core::time::Duration;
use std::io;
use std::time::SystemTime;

use http::header::{self, HeaderMap};
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::body::{Next, ResponseBody};
use crate::head::{self, Head, Length, Refusal, INVALID_LENGTH};
use crate::service::{Response, Service, Session};
use crate::upload::{Body, Spool};

/// The number of bytes read at a time.
const READ: usize = 64 * 1024;
/// The time in which a client must stop sending a request that was refused early.
///
/// Closing a connection with unread bytes resets it, and the client may then lose the response.
const LINGER: Duration = Duration::from_secs(2);

/// Answers requests until one side ends the connection.
pub(crate) async fn serve<S>(stream: S, service: &Service)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let number = service.connection();
    let mut connection = Connection {
        stream,
        number,
        session: Session::new(number),
        input: Vec::new(),
        output: Vec::new(),
    };
    // An error ends this connection, but not the server.
    while let Ok(true) = connection.exchange(service).await {}
}

struct Connection<S> {
    stream: S,
    /// The number of the connection, from 0.
    number: u64,
    session: Session,
    /// Received bytes that have not been assigned to a request.
    input: Vec<u8>,
    /// Bytes to send with the next write.
    output: Vec<u8>,
}

/// An error in the body of a request.
enum BadBody {
    Refused(Refusal),
    TooLarge,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Answers one request. Returns `false` if it was the last one of the connection.
    async fn exchange(&mut self, service: &Service) -> io::Result<bool> {
        let head = match self.head().await? {
            Ok(Some(head)) => head,
            Ok(None) => return self.stream.shutdown().await.map(|()| false),
            Err(refusal) => return self.refuse(service, refusal).await,
        };
        let body = match self.body(&head, service).await? {
            Err(BadBody::Refused(refusal)) => return self.refuse(service, refusal).await,
            Ok(body) => Some(body),
            Err(BadBody::TooLarge) => None,
        };
        let is_read = body.is_some();
        let Some((response, after)) = service.answer(&mut self.session, &head, body) else {
            return Ok(false);
        };
        let keep_alive = head.keep_alive && is_read;
        let whole = self.respond(response, head.is_1_1, keep_alive).await?;
        if !whole {
            return Ok(false);
        }
        if !after.silence.is_zero() {
            self.send().await?;
            tokio::time::sleep(after.silence).await;
        }
        for pushed in after.responses {
            if !self.respond(pushed, true, true).await? {
                return Ok(false);
            }
        }
        self.output.extend_from_slice(&after.bytes);
        self.send().await?;
        if keep_alive && !after.close {
            return Ok(true);
        }
        self.end(!is_read).await
    }

    /// Receives the head of the next request, or `None` if the client has closed the connection.
    async fn head(&mut self) -> io::Result<Result<Option<Head>, Refusal>> {
        loop {
            match head::read(&self.input) {
                Ok(Some((head, end))) => {
                    self.input.drain(..end);
                    return Ok(Ok(Some(head)));
                }
                Ok(None) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
            if self.receive().await? == 0 {
                return Ok(Ok(None));
            }
        }
    }

    /// Receives the body of the request with this head.
    async fn body(&mut self, head: &Head, service: &Service) -> io::Result<Result<Body, BadBody>> {
        if head.expects_continue && self.input.is_empty() {
            self.output
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.send().await?;
        }
        let most = service.uploads().largest_request;
        let mut spool = service.spool();
        match head.length {
            Length::Bytes(length) if length > most => return Ok(Err(BadBody::TooLarge)),
            Length::Bytes(mut left) => {
                while left > 0 {
                    if self.input.is_empty() {
                        self.receive_more().await?;
                    }
                    let here = usize::try_from(left)
                        .map_or(self.input.len(), |left| left.min(self.input.len()));
                    spool.push(&self.input[..here])?;
                    self.input.drain(..here);
                    left -= here as u64;
                }
            }
            Length::Chunked => {
                if let Err(bad) = self.chunks(&mut spool, most).await? {
                    return Ok(Err(bad));
                }
            }
        }
        spool.finish().map(Ok)
    }

    /// Receives a chunked body (RFC 9112 §7.1), and ignores chunk extensions and trailers.
    async fn chunks(&mut self, body: &mut Spool, most: u64) -> io::Result<Result<(), BadBody>> {
        let mut left = most;
        loop {
            let line = self.line().await?;
            let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
            let size = core::str::from_utf8(size.trim_ascii_end()).ok();
            let size = size.filter(|size| !size.starts_with('+'));
            let Some(size) = size.and_then(|size| usize::from_str_radix(size, 16).ok()) else {
                return Ok(Err(BadBody::Refused(INVALID_LENGTH)));
            };
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(Ok(()));
            }
            if size as u64 > left {
                return Ok(Err(BadBody::TooLarge));
            }
            left -= size as u64;
            body.push(&self.take(size).await?)?;
            if self.take(2).await? != b"\r\n" {
                return Ok(Err(BadBody::Refused(INVALID_LENGTH)));
            }
        }
    }

    /// Receives the next line, and returns it without its line end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") {
                let mut line: Vec<u8> = self.input.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            if self.input.len() > READ {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.receive_more().await?;
        }
    }

    /// Receives the next `length` bytes.
    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.input.len() < length {
            self.receive_more().await?;
        }
        let rest = self.input.split_off(length);
        Ok(core::mem::replace(&mut self.input, rest))
    }

    async fn receive(&mut self) -> io::Result<usize> {
        self.input.reserve(READ);
        self.stream.read_buf(&mut self.input).await
    }

    /// Receives bytes like [`receive`](Self::receive). The end of the connection is an error here.
    async fn receive_more(&mut self) -> io::Result<()> {
        match self.receive().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        self.stream.flush().await
    }

    /// Closes the connection. With `lingering`, it first reads the bytes that the client still sends.
    async fn end(&mut self, lingering: bool) -> io::Result<bool> {
        self.stream.shutdown().await?;
        if lingering {
            let drain = async {
                while let Ok(1..) = self.receive().await {
                    self.input.clear();
                }
            };
            // A client that continues after that loses the response, as with http.sys.
            let _ = tokio::time::timeout(LINGER, drain).await;
        }
        Ok(false)
    }

    /// Sends the error page of http.sys.
    async fn refuse(&mut self, service: &Service, refusal: Refusal) -> io::Result<bool> {
        service.log_refused(self.number, &self.input, refusal.status);
        let page = refusal.page();
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        set(header::CONTENT_TYPE, "text/html; charset=us-ascii");
        set(header::SERVER, "Microsoft-HTTPAPI/2.0");
        headers.insert(header::CONTENT_LENGTH, page.len().into());
        let response = Response {
            status: StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST),
            headers,
            body: ResponseBody::text(page),
            active: None,
        };
        self.respond(response, true, false).await?;
        self.send().await?;
        self.end(true).await
    }

    /// Sends a response except for its last bytes, which stay in `output`. Returns `false` if the scenario cuts the
    /// response, which ends the connection like a network failure.
    async fn respond(
        &mut self,
        response: Response,
        is_1_1: bool,
        keep_alive: bool,
    ) -> io::Result<bool> {
        let Response {
            status,
            mut headers,
            mut body,
            active: _active,
        } = response;
        // RFC 9110 §6.4.1: responses with these statuses have no body.
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        let chunked = is_1_1 && !bodiless && !headers.contains_key(header::CONTENT_LENGTH);
        let mut set = |name: HeaderName, value: &str| {
            if let (Ok(value), false) = (value.parse(), headers.contains_key(&name)) {
                headers.insert(name, value);
            }
        };
        set(header::DATE, &httpdate::fmt_http_date(SystemTime::now()));
        if chunked {
            set(header::TRANSFER_ENCODING, "chunked");
        }
        if !keep_alive {
            set(header::CONNECTION, "close");
        }
        self.write_head(status, &headers);
        self.send().await?;
        loop {
            match body.next().await {
                Next::Bytes(bytes) => {
                    if chunked {
                        let size = format!("{:x}\r\n", bytes.len());
                        self.output.extend_from_slice(size.as_bytes());
                    }
                    self.output.extend_from_slice(&bytes);
                    if chunked {
                        self.output.extend_from_slice(b"\r\n");
                    }
                    // Pushed bytes must arrive together with the end of the response.
                    if !body.is_at_end() {
                        self.send().await?;
                    }
                }
                Next::Cut => return Ok(false),
                Next::End => {
                    if chunked {
                        self.output.extend_from_slice(b"0\r\n\r\n");
                    }
                    return Ok(true);
                }
            }
        }
    }

    fn write_head(&mut self, status: StatusCode, headers: &HeaderMap) {
        let reason = status.canonical_reason().unwrap_or("Unknown");
        let line = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
        self.output.extend_from_slice(line.as_bytes());
        for (name, value) in headers {
            self.output.extend_from_slice(name.as_str().as_bytes());
            self.output.extend_from_slice(b": ");
            self.output.extend_from_slice(value.as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b"\r\n");
    }
}
