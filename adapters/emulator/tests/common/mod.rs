//! A minimal client: sends one request, and returns the response unchanged.

#![allow(dead_code)] // each test binary uses its part

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};

pub(crate) fn start(scenario: &str) -> Emulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Returns the id of the item with this seed and size in the default mailbox.
pub(crate) fn id(seed: u64, size: u64) -> String {
    item_id(DEFAULT_MAILBOX, seed, size)
}

/// Returns the request for `ids`, each with the text after its `Id` attribute.
pub(crate) fn envelope(ids: &[(&str, &str)]) -> String {
    let ids = ids.iter().fold(String::new(), |ids, (id, more)| {
        ids + &format!(r#"<t:ItemId Id="{id}"{more}/>"#)
    });
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2010_SP1"/></s:Header><s:Body><m:ExportItems><m:ItemIds>{ids}</m:ItemIds></m:ExportItems></s:Body></s:Envelope>"#
    )
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The head in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended according to its framing.
    pub(crate) complete: bool,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Returns the response messages, each from its start tag to its end tag.
    pub(crate) fn messages(&self) -> Vec<String> {
        let text = self.text();
        let parts = text.split("<m:ExportItemsResponseMessage ").skip(1);
        parts
            .map(|part| {
                part.split("</m:ExportItemsResponseMessage>")
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// Returns the `ResponseCode` of each message.
    pub(crate) fn codes(&self) -> Vec<String> {
        let messages = self.messages();
        messages
            .iter()
            .map(|m| between(m, "<m:ResponseCode>", "</m:ResponseCode>"))
            .collect()
    }
}

pub(crate) fn between(text: &str, start: &str, end: &str) -> String {
    let after = text.split_once(start).map_or("", |(_, after)| after);
    after.split(end).next().unwrap().to_owned()
}

/// Returns the decoded bytes of a message's `Data`.
pub(crate) fn data(message: &str) -> Vec<u8> {
    let mut text = between(message, "<m:Data>", "</m:Data>");
    text.retain(|c| !c.is_ascii_whitespace());
    BASE64_STANDARD.decode(text).unwrap()
}

/// Sends `body` with `headers`, and reads to the end of the connection.
pub(crate) fn post(emulator: &Emulator, headers: &str, body: &str) -> Option<Response> {
    let head = format!("POST /EWS/Exchange.asmx HTTP/1.1\r\n{headers}");
    exchange(emulator, &head, body)
}

/// Requests items.
pub(crate) fn export(emulator: &Emulator, ids: &[&str]) -> Response {
    let ids: Vec<_> = ids.iter().map(|id| (*id, "")).collect();
    post(emulator, XML, &envelope(&ids)).unwrap()
}

pub(crate) const XML: &str = "Content-Type: text/xml; charset=utf-8\r\n";

/// Sends a request line with headers. Returns `None` if there is no response.
pub(crate) fn exchange(emulator: &Emulator, head: &str, body: &str) -> Option<Response> {
    let stream = TcpStream::connect(emulator.address()).unwrap();
    exchange_over(stream, head, body)
}

pub(crate) fn exchange_over(
    mut stream: impl Read + Write,
    head: &str,
    body: &str,
) -> Option<Response> {
    let length = body.len();
    write!(
        stream,
        "{head}Host: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut bytes = Vec::new();
    // Some streams report a cut connection as an error. The received bytes count nevertheless.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec())
        .unwrap()
        .to_ascii_lowercase();
    let rest = &bytes[end + 4..];
    let (body, complete) = if head.contains("transfer-encoding: chunked") {
        unchunk(rest)
    } else {
        let length: usize = between(&head, "content-length: ", "\r\n").parse().unwrap();
        (rest.to_vec(), rest.len() == length)
    };
    Some(Response {
        status: head[9..12].parse().unwrap(),
        head,
        body,
        complete,
    })
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|two| two == b"\r\n") else {
            return (body, false);
        };
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            return (body, rest == b"\r\n");
        }
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        match rest.get(size + 2..) {
            Some(after) => rest = after,
            None => return (body, false),
        }
    }
}
