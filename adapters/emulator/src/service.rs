//! From an HTTP request to its response.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::answer::{self, Uses};
use crate::body::{Manner, ResponseBody};
use crate::connection::Cut;
use crate::fault::{message_of, Detail, Fault};
use crate::log::{Log, LoggedRequest};
use crate::pages;
use crate::request::{self, ExportItems};
use crate::scenario::{
    Answer, Auth, FaultAnswer, Framing, HttpAnswer, ItemsAnswer, Page, Scenario, Style,
};

/// The path of the endpoint; IIS does not mind its case.
pub(crate) const PATH: &str = "/EWS/Exchange.asmx";

/// The largest request body in bytes: `maxAllowedContentLength` of Exchange 2013 and later.
const LARGEST_REQUEST: usize = 64 << 20;

/// The server behind every connection.
#[derive(Debug)]
pub(crate) struct Service {
    scenario: Scenario,
    uses: Mutex<Uses>,
    log: Log,
    served: AtomicU64,
}

/// The scenario wants the connection to end without a response.
#[derive(Debug)]
pub(crate) struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scenario ends the connection")
    }
}

impl core::error::Error for HangUp {}

impl Service {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self {
            uses: Mutex::new(Uses::new(&scenario)),
            scenario,
            log: Log::default(),
            served: AtomicU64::new(0),
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Answers one request of the connection that `cut` ends.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        cut: Arc<Cut>,
    ) -> Result<Response<ResponseBody>, HangUp> {
        let (head, body) = request.into_parts();
        let mut seen = LoggedRequest {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            headers: texts(&head.headers),
            export_items: None,
            status: None,
        };
        let response = match self.refuse(&head.method, head.uri.path(), &head.headers) {
            Some(refused) => Ok(refused.into_response(cut)),
            None => match Limited::new(body, LARGEST_REQUEST).collect().await {
                Ok(body) => {
                    let read = read(&body.to_bytes(), self.scenario.style);
                    seen.export_items = read.as_ref().ok().cloned();
                    self.respond(read, &head.headers, cut)
                }
                // exchangelib issue 590
                Err(_) => Ok(Plain::status(507).into_response(cut)),
            },
        };
        let response = response.map(|response| self.with_headers(response, &head.headers));
        seen.status = response
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16());
        self.log.push(seen);
        response
    }

    /// What IIS and ASP.NET say before EWS sees a request.
    fn refuse(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Plain> {
        if !path.eq_ignore_ascii_case(PATH) {
            return Some(Plain::status(404));
        }
        if let Some(challenge) = self.challenge(headers) {
            return Some(Plain::status(401).header("www-authenticate", challenge));
        }
        if method != Method::POST {
            return Some(Plain::status(405).header("allow", "POST"));
        }
        // SOAP 1.1 is text/xml (MS-OXWSBTRF R1).
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("text/xml") {
            return Some(Plain::status(415));
        }
        None
    }

    /// What a client that has not shown the right credentials is asked for.
    fn challenge(&self, headers: &HeaderMap) -> Option<&'static str> {
        let (expected, challenge) = match &self.scenario.auth {
            Auth::None => return None,
            Auth::Basic { user, password } => (
                format!(
                    "Basic {}",
                    BASE64_STANDARD.encode(format!("{user}:{password}"))
                ),
                r#"Basic realm="127.0.0.1""#,
            ),
            Auth::Bearer { token } => (
                format!("Bearer {token}"),
                r#"Bearer client_id="00000002-0000-0ff1-ce00-000000000000", token_types="app_asserted_user_v1 service_asserted_app_v1", error="invalid_token""#,
            ),
        };
        let shown = headers.get(header::AUTHORIZATION);
        let (scheme, secret) = expected.split_once(' ')?;
        let right = shown
            .and_then(|shown| shown.to_str().ok())
            .is_some_and(|shown| {
                // RFC 9110 11.1: the scheme is case-insensitive.
                shown
                    .split_once(' ')
                    .is_some_and(|(shown_scheme, shown_secret)| {
                        shown_scheme.eq_ignore_ascii_case(scheme) && shown_secret.trim() == secret
                    })
            });
        (!right).then_some(challenge)
    }

    /// What the scenario says to a request that was read.
    fn respond(
        &self,
        read: Result<ExportItems, Fault>,
        headers: &HeaderMap,
        cut: Arc<Cut>,
    ) -> Result<Response<ResponseBody>, HangUp> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let around = match uses.request(&self.scenario) {
            Answer::Normal => ItemsAnswer::default(),
            Answer::Items(around) => around,
            Answer::Fault(answer) => return Ok(fault(&answer).into_response(cut)),
            Answer::Http(answer) => return Ok(Plain::from(answer).into_response(cut)),
            Answer::Page(Page::ServerError) => {
                let page = Plain::status(500).header("content-type", pages::HTML);
                return Ok(page.body(pages::SERVER_ERROR).into_response(cut));
            }
            Answer::Page(Page::GenericError) => {
                let page = Plain::status(302).header("location", pages::GENERIC_ERROR);
                return Ok(page.into_response(cut));
            }
            Answer::HangUp => return Err(HangUp),
        };
        let request = match read {
            Ok(request) => request,
            Err(fault) => return Ok(Plain::from(fault).into_response(cut)),
        };
        let pieces = answer::response(&self.scenario, &mut uses, &request, &around);
        let pace = around.bytes_per_second.or(self.scenario.bytes_per_second);
        let manner = Manner {
            in_lines: answer::in_lines(self.scenario.style),
            gzip: self.scenario.gzip && accepts_gzip(headers),
            bytes_per_second: pace.map(core::num::NonZeroU64::get),
            cut_after: around.cut_after,
        };
        let length = answer::length(&pieces, manner.in_lines);
        let mut response = Response::new(ResponseBody::new(pieces, manner, cut));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(pages::XML));
        if manner.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        } else if self.scenario.framing == Framing::ContentLength {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Ok(response)
    }

    /// The headers of recorded responses that tell which servers a request went through.
    fn with_headers(
        &self,
        mut response: Response<ResponseBody>,
        request: &HeaderMap,
    ) -> Response<ResponseBody> {
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let mut set = |name: &'static str, value: &str| {
            if let (Ok(value), false) = (value.parse(), response.headers().contains_key(name)) {
                response.headers_mut().insert(name, value);
            }
        };
        set("cache-control", "private");
        set(
            "request-id",
            &format!("00000000-0000-4000-8000-{number:012x}"),
        );
        let wants = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"true");
        if request.get("return-client-request-id").is_some_and(wants) {
            if let Some(Ok(id)) = request.get("client-request-id").map(HeaderValue::to_str) {
                set("client-request-id", id);
            }
        }
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

/// Reads a body as UTF-8.
fn read(body: &[u8], style: Style) -> Result<ExportItems, Fault> {
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
    Plain::from(Fault {
        status: answer.status,
        code: answer.code.clone(),
        message: message.unwrap_or_else(|| message_of(&answer.code).to_owned()),
        details: Detail::values(answer.back_off_ms, answer.inner_code.as_deref(), None),
    })
}

/// RFC 9110 12.5.3, as far as Exchange reads it: `gzip` in the list, unless it weighs nothing.
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

/// A response that is not a stream of items.
struct Plain {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Plain {
    fn status(status: u16) -> Self {
        Self {
            // INVARIANT: `Scenario::validate` has seen a scenario's statuses.
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    fn into_response(self, cut: Arc<Cut>) -> Response<ResponseBody> {
        let length = self.body.len();
        let mut response = Response::new(ResponseBody::text(self.body, cut));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
        response
    }
}

impl From<Fault> for Plain {
    fn from(fault: Fault) -> Self {
        Self::status(fault.status)
            .header("content-type", pages::XML)
            .body(&fault.to_xml())
    }
}

impl From<HttpAnswer> for Plain {
    fn from(answer: HttpAnswer) -> Self {
        let mut plain = Self::status(answer.status).body(&answer.body);
        if !answer.body.is_empty() {
            plain = plain.header("content-type", pages::HTML);
        }
        for (name, value) in &answer.headers {
            let name = header::HeaderName::try_from(name);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                plain.headers.insert(name, value);
            }
        }
        plain
    }
}
