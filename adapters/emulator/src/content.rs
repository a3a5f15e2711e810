//! Responses before they are sent.

use std::collections::BTreeMap;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::StatusCode;

use crate::answer::Piece;
use crate::body::{Manner, ResponseBody};
use crate::fault::Fault;
use crate::pages;
use crate::scenario::HttpAnswer;
use crate::service::Response;

/// A response that can be generated more than once.
pub(crate) struct Content {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) manner: Manner,
}

impl Content {
    pub(crate) fn response(&self) -> Response {
        Response {
            status: self.status,
            headers: self.headers.clone(),
            body: ResponseBody::new(self.pieces.clone(), self.manner),
            active: None,
        }
    }
}

/// A response that is not a stream of items.
pub(crate) struct Plain {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: String,
}

impl Plain {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            // INVARIANT: `Scenario::validate` has checked the scenario's statuses.
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Adds a field, and keeps other fields with the same name.
    pub(crate) fn append(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.append(name, value);
        }
    }

    /// Adds the headers of a scenario.
    pub(crate) fn with(mut self, headers: &BTreeMap<String, String>) -> Self {
        for (name, value) in headers {
            let name = HeaderName::try_from(name);
            // INVARIANT: `Scenario::validate` has checked the scenario's headers.
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                self.headers.insert(name, value);
            }
        }
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }
}

impl From<Plain> for Content {
    fn from(plain: Plain) -> Self {
        let mut headers = plain.headers;
        // RFC 9110 §8.6: a response without a body has no length, unless the scenario sets one.
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&plain.status);
        let framed = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
        if !bodiless && !framed.iter().any(|name| headers.contains_key(name)) {
            headers.insert(header::CONTENT_LENGTH, plain.body.len().into());
        }
        Self {
            status: plain.status,
            headers,
            pieces: vec![Piece::Text(plain.body.into())],
            manner: Manner::default(),
        }
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
        plain.with(&answer.headers)
    }
}
