//! From an HTTP request to its response.

mod login;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderMap, HeaderValue};
use http::StatusCode;

use crate::answer::{self, Piece, Uses};
use crate::body::{Compressed, Manner, ResponseBody};
use crate::content::{Content, Plain};
use crate::fault::{message_of, Detail, Fault};
use crate::head::Head;
use crate::log::{Log, LoggedRequest};
use crate::mailbox::{self, Mailboxes, CHANGING};
use crate::ntlm::{self, Handshake};
use crate::pages;
use crate::request::{self, Request};
use crate::scenario::{
    Answer, Auth, Coding, Echo, FaultAnswer, Framing, ItemsAnswer, Page, Push, RequestRule,
    Scenario, Style, TooLarge, Uploads,
};
use crate::throttle::{Active, Admission, Users};
use crate::upload::{Body, Spool, Spooled};

/// The path of the endpoint. IIS ignores its case.
pub(crate) const PATH: &str = "/EWS/Exchange.asmx";

/// A `client-request-id` that no client generates.
const WRONG_ID: &str = "00000000-0000-4000-8000-00000000000b";

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// The number of the connection, from 0.
    number: u64,
    /// The current NTLM handshake.
    handshake: Option<Handshake>,
    is_logged_in: bool,
}

impl Session {
    pub(crate) const fn new(number: u64) -> Self {
        Self {
            number,
            handshake: None,
            is_logged_in: false,
        }
    }
}

/// The service that all connections share.
#[derive(Debug)]
pub(crate) struct Service {
    /// The channel binding for the server's certificate.
    binding: Option<[u8; 16]>,
    scenario: Scenario,
    uses: Mutex<Uses>,
    mailboxes: Mutex<Mailboxes>,
    users: Users,
    log: Log,
    served: AtomicU64,
    connections: AtomicU64,
}

/// A response, which is generated while it is sent.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ResponseBody,
    /// Counts the request for its user until the response is dropped.
    pub(crate) active: Option<Active>,
}

/// The actions after a response.
#[derive(Default)]
pub(crate) struct After {
    pub(crate) responses: Vec<Response>,
    pub(crate) bytes: Vec<u8>,
    /// The pause before them.
    pub(crate) silence: Duration,
    /// Whether the connection is closed.
    pub(crate) close: bool,
}

impl Service {
    pub(crate) fn new(scenario: Scenario, certificate: Option<&[u8]>) -> io::Result<Self> {
        Ok(Self {
            binding: certificate.map(ntlm::binding),
            uses: Mutex::new(Uses::new(&scenario)),
            mailboxes: Mutex::new(Mailboxes::new(&scenario)?),
            users: Users::default(),
            scenario,
            log: Log::default(),
            served: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        })
    }

    /// Returns what the scenario says about large requests and uploads.
    pub(crate) fn uploads(&self) -> &Uploads {
        &self.scenario.uploads
    }

    /// Makes the receiver for the body of a request.
    pub(crate) fn spool(&self) -> Spool {
        Spool::new(self.mailboxes().upload_folder())
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn mailboxes(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number for a new connection.
    pub(crate) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Logs a request that http.sys refuses. `input` contains the received bytes.
    pub(crate) fn log_refused(&self, connection: u64, input: &[u8], status: u16) {
        let line = input.split(|&byte| byte == b'\r').next();
        let mut words = line.unwrap_or_default().split(|&byte| byte == b' ');
        let mut word = || String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
        self.log.push(LoggedRequest {
            connection,
            method: word(),
            path: word(),
            headers: Vec::new(),
            export_items: None,
            call: None,
            too_early: false,
            status: Some(status),
        });
    }

    /// Answers one request, or ends the connection without a response. `body` is `None` if it was too large.
    pub(crate) fn answer(
        &self,
        session: &mut Session,
        head: &Head,
        body: Option<Body>,
    ) -> Option<(Response, After)> {
        let mut seen = LoggedRequest {
            connection: session.number,
            method: head.method.clone(),
            path: head.path.clone(),
            headers: texts(&head.headers),
            export_items: None,
            call: None,
            too_early: false,
            status: None,
        };
        let mut active = None;
        let (content, rule) = match (self.refuse(session, head), body) {
            (Some(refused), _) => (Some(refused.into()), None),
            (None, None) => match self.scenario.uploads.too_large {
                TooLarge::InsufficientStorage => (Some(Plain::status(507).into()), None),
                TooLarge::ContentTooLarge => (Some(Plain::status(413).into()), None),
                TooLarge::Reset => (None, None),
            },
            (None, Some(Body { text, data })) => {
                let read = read(&text, self.scenario.style);
                match &read {
                    Ok(Request::ExportItems(request)) => seen.export_items = Some(request.clone()),
                    Ok(Request::Other(call)) => seen.call = Some(call.clone()),
                    Err(_) => {}
                }
                let admission = self.admit(&head.headers, read.as_ref().ok());
                seen.too_early = admission.2;
                active = Some(admission.1);
                match admission.0 {
                    Some(fault) => (Some(Plain::from(fault).into()), None),
                    None => self.respond(read, data, &head.headers),
                }
            }
        };
        seen.status = content.as_ref().map(|content| content.status.as_u16());
        self.log.push(seen);
        let content = content?;
        let echo = rule.map_or(Echo::AsAsked, |rule| rule.client_request_id);
        let mut response = self.with_headers(content.response(), &head.headers, echo);
        response.active = active;
        let closes = matches!(&self.scenario.auth, Auth::Windows(auth) if auth.close)
            && content.status == StatusCode::UNAUTHORIZED;
        let mut after = After {
            close: closes || rule.is_some_and(|rule| rule.close),
            silence: Duration::from_millis(rule.map_or(0, |rule| rule.push_after_ms)),
            ..After::default()
        };
        match rule.and_then(|rule| rule.push.as_ref()) {
            None => {}
            Some(Push::SecondResponse) => {
                let second = self.with_headers(content.response(), &head.headers, echo);
                after.responses.push(second);
            }
            Some(Push::Late408) => {
                after.bytes = pages::LATE_408.into();
                after.close = true;
            }
            Some(Push::Text(text)) => after.bytes = text.clone().into_bytes(),
        }
        Some((response, after))
    }

    /// Applies the limits for the user of a request. Returns the fault for a refused request, and whether the request came
    /// before the end of an earlier back-off.
    fn admit(
        &self,
        headers: &HeaderMap,
        request: Option<&Request>,
    ) -> (Option<Fault>, Active, bool) {
        let impersonation = request.and_then(Request::impersonation);
        let login = headers.get(header::AUTHORIZATION);
        let user = match (impersonation, login) {
            (Some((_, id)), _) => id.as_str(),
            (None, Some(login)) => login.to_str().unwrap_or_default(),
            (None, None) => "",
        };
        let (admission, active, too_early) = self.users.admit(user, self.scenario.throttling);
        let fault = match admission {
            Admission::Admitted => None,
            Admission::TooManyConnections => Some(Fault::new("ErrorExceededConnectionCount")),
            Admission::Busy(wait) => {
                let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Some(Fault {
                    details: Detail::values(Some(ms.saturating_add(1)), None, None),
                    ..Fault::new("ErrorServerBusy")
                })
            }
        };
        (fault, active, too_early)
    }

    /// Returns the scenario's response to a valid request, or `None` if the connection ends without one, and the rule that
    /// applies.
    fn respond(
        &self,
        read: Result<Request, Fault>,
        data: Vec<Spooled>,
        headers: &HeaderMap,
    ) -> (Option<Content>, Option<&RequestRule>) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mailboxes = self.mailboxes();
        let items = read.as_ref().map_or(0, Request::items);
        let operation = read.as_ref().ok().map(Request::operation);
        let rule = uses.request(&self.scenario, operation, items);
        let mut answer = rule.map_or(Answer::Normal, |rule| rule.answer.clone());
        let is_normal = matches!(
            answer,
            Answer::Normal | Answer::Items(_) | Answer::Listing(_)
        );
        if let (true, Ok(Request::ExportItems(request))) = (is_normal, &read) {
            answer = uses.failure(&self.scenario, request).unwrap_or(answer);
        }
        let ends_after = answer == Answer::HangUpAfter;
        let (around, listing) = match answer {
            Answer::Normal | Answer::HangUpAfter => (ItemsAnswer::default(), None),
            Answer::Items(around) => (around, None),
            Answer::Listing(fault) => (ItemsAnswer::default(), Some(fault)),
            Answer::Fault(answer) => return (Some(fault(&answer).into()), rule),
            Answer::Http(answer) => return (Some(Plain::from(answer).into()), rule),
            Answer::Page(Page::ServerError) => {
                let page = Plain::status(500).header("content-type", pages::HTML);
                return (Some(page.body(pages::SERVER_ERROR).into()), rule);
            }
            Answer::Page(Page::GenericError) => {
                let page = Plain::status(302).header("location", pages::GENERIC_ERROR);
                return (Some(page.into()), rule);
            }
            Answer::HangUp => return (None, rule),
        };
        let request = match read {
            Ok(request) => request,
            Err(fault) => return (Some(Plain::from(fault).into()), rule),
        };
        let pieces = match &request {
            Request::ExportItems(request) => {
                answer::response(&self.scenario, &mailboxes, &mut uses, request, &around)
            }
            Request::Other(call) if CHANGING.contains(&call.body.name.as_str()) => {
                match mailbox::write(&self.scenario, &mut mailboxes, call, data) {
                    Ok(text) => vec![Piece::Text(text.into())],
                    Err(fault) => return (Some(Plain::from(fault).into()), rule),
                }
            }
            Request::Other(call) => {
                match mailbox::respond(&self.scenario, &mailboxes, call, listing.as_ref()) {
                    Ok(text) => vec![Piece::Text(text.into())],
                    Err(fault) => return (Some(Plain::from(fault).into()), rule),
                }
            }
        };
        mailboxes.requested(&self.scenario);
        if ends_after {
            return (None, rule);
        }
        (Some(self.content(pieces, &around, headers)), rule)
    }

    /// Makes a response from these pieces.
    fn content(&self, pieces: Vec<Piece>, around: &ItemsAnswer, request: &HeaderMap) -> Content {
        let asked = self.scenario.gzip && accepts_gzip(request);
        let (coding, declared) = match around.coding {
            None if asked => (Some(Compressed::Gzip), Some("gzip")),
            None => (None, None),
            Some(Coding::Gzip) => (Some(Compressed::Gzip), Some("gzip")),
            Some(Coding::GzipUndeclared) => (Some(Compressed::Gzip), None),
            Some(Coding::Deflate) => (Some(Compressed::Deflate), Some("deflate")),
            Some(Coding::Identity) => (None, Some("identity")),
        };
        let pace = around.bytes_per_second.or(self.scenario.bytes_per_second);
        let manner = Manner {
            in_lines: answer::in_lines(self.scenario.style),
            coding,
            bytes_per_second: pace.map(core::num::NonZeroU64::get),
            cut_after: around.cut_after,
        };
        let mut headers = HeaderMap::new();
        let kind = around.content_type.as_deref().unwrap_or(pages::XML);
        // INVARIANT: `Scenario::validate` has checked the scenario's media types.
        if let (false, Ok(kind)) = (kind.is_empty(), kind.parse()) {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if let Some(declared) = declared {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(declared));
        }
        if asked {
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if coding.is_none() && self.scenario.framing == Framing::ContentLength {
            let length = answer::length(&pieces, manner.in_lines);
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Content {
            status: StatusCode::OK,
            headers,
            pieces,
            manner,
        }
    }

    /// Returns the headers of recorded responses that name the servers on the way of the request.
    fn with_headers(&self, mut response: Response, request: &HeaderMap, echo: Echo) -> Response {
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let mut set = |name: &'static str, value: &str| {
            if let (Ok(value), false) = (value.parse(), response.headers.contains_key(name)) {
                response.headers.insert(name, value);
            }
        };
        let wants = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"true");
        let wants = request.get("return-client-request-id").is_some_and(wants);
        let own = request.get("client-request-id").map(HeaderValue::to_str);
        match (echo, own) {
            (Echo::Wrong, _) => set("client-request-id", WRONG_ID),
            (Echo::AsAsked, Some(Ok(id))) if wants => set("client-request-id", id),
            (Echo::Always, Some(Ok(id))) => set("client-request-id", id),
            _ => {}
        }
        set("cache-control", "private");
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        set("request-id", &request_id);
        set("x-powered-by", "ASP.NET");
        set("x-feserver", "EMULATORFE");
        if self.scenario.style == Style::Exchange2010 {
            set("server", "Microsoft-IIS/7.5");
            set("x-aspnet-version", "2.0.50727");
            return response;
        }
        set("server", "Microsoft-IIS/10.0");
        set("x-aspnet-version", "4.0.30319");
        set("x-calculatedbetarget", "emulator.example.test");
        set("x-diaginfo", "EMULATOR");
        set("x-beserver", "EMULATOR");
        set(
            "set-cookie",
            "exchangecookie=0123456789abcdef0123456789abcdef; path=/; HttpOnly",
        );
        if self.scenario.style == Style::Online {
            set("x-ewshandler", "ExportItems");
            set("x-backendhttpstatus", "200");
        }
        response
    }
}

/// Decodes a body as UTF-8.
fn read(body: &[u8], style: Style) -> Result<Request, Fault> {
    match core::str::from_utf8(body) {
        Ok(text) => request::read(text, style),
        Err(error) => {
            let violation = format!("Invalid character in the given encoding: {error}.");
            Err(Fault::schema(&violation, 1, error.valid_up_to() + 1))
        }
    }
}

fn fault(answer: &FaultAnswer) -> Plain {
    let message = answer.message.clone();
    let plain = Plain::from(Fault {
        status: answer.status,
        code: answer.code.clone(),
        message: message.unwrap_or_else(|| message_of(&answer.code).to_owned()),
        details: Detail::values(answer.back_off_ms, answer.inner_code.as_deref(), None),
    });
    plain.with(&answer.headers)
}

/// Returns whether the client accepts `gzip` (RFC 9110 §12.5.3). Exchange only checks the list and a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    codings
        .map(|coding| coding.split(';').map(str::trim))
        .any(|mut coding| {
            let name = coding.next().unwrap_or_default();
            name.eq_ignore_ascii_case("gzip") && coding.all(|weight| weight != "q=0")
        })
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}
