//! Parses the head of a request with the rules of http.sys, which checks a request before IIS.

use core::fmt::Write as _;
use core::str::FromStr as _;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Uri};

/// The largest head in bytes: `MaxRequestBytes` of http.sys
/// (<https://learn.microsoft.com/troubleshoot/developer/webapps/iis/iisadmin-service-inetinfo/httpsys-registry-windows>).
const LARGEST_HEAD: usize = 16_384;
/// A limit on header fields that no real head of that size reaches.
const MOST_FIELDS: usize = 512;

/// The head of a request that http.sys accepts.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) length: Length,
    /// Whether the version is HTTP/1.1 rather than 1.0.
    pub(crate) is_1_1: bool,
    /// Whether the client wants to use the connection again.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
}

/// The length of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Bytes(u64),
    Chunked,
}

/// The reason why http.sys refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    title: &'static str,
    text: &'static str,
}

const fn bad_request(title: &'static str, text: &'static str) -> Refusal {
    Refusal {
        status: 400,
        title,
        text,
    }
}

const INVALID_HOST: Refusal = bad_request(
    "Bad Request - Invalid Hostname",
    "HTTP Error 400. The request hostname is invalid.",
);
const INVALID_HEADER: Refusal = bad_request(
    "Bad Request - Invalid Header",
    "HTTP Error 400. The request has an invalid header name.",
);
const INVALID_URL: Refusal = bad_request(
    "Bad Request - Invalid URL",
    "HTTP Error 400. The request URL is invalid.",
);
const INVALID_VERB: Refusal = bad_request(
    "Bad Request - Invalid Verb",
    "HTTP Error 400. The request verb is invalid.",
);
const TOO_LONG: Refusal = bad_request(
    "Bad Request - Request Too Long",
    "HTTP Error 400. The size of the request headers is too long.",
);
pub(crate) const INVALID_LENGTH: Refusal = bad_request(
    "Bad Request - Invalid Content Length",
    "HTTP Error 400. There is an invalid content length or chunk length in the request.",
);
const BAD_REQUEST: Refusal = bad_request(
    "Bad Request",
    "HTTP Error 400. The request is badly formed.",
);
const LENGTH_REQUIRED: Refusal = Refusal {
    status: 411,
    title: "Length Required",
    text: "HTTP Error 411. The request must be chunked or have a content length.",
};
const NOT_IMPLEMENTED: Refusal = Refusal {
    status: 501,
    title: "Not Implemented",
    text: "HTTP Error 501. The request transfer-encoding type is not supported.",
};
const VERSION: Refusal = Refusal {
    status: 505,
    title: "HTTP Version Not Supported",
    text: "HTTP Error 505. The HTTP version is not supported.",
};

impl Refusal {
    /// Returns the error page of http.sys.
    pub(crate) fn page(&self) -> String {
        let mut page = String::from(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\
             \"http://www.w3.org/TR/html4/strict.dtd\">\r\n<HTML><HEAD><TITLE>",
        );
        let reason = self.title.split(" - ").next().unwrap_or_default();
        let (title, text) = (self.title, self.text);
        // Writing into a String does not fail.
        let _ = write!(
            page,
            "{reason}</TITLE>\r\n<META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; \
             charset=us-ascii\"></HEAD>\r\n<BODY><h2>{title}</h2>\r\n<hr><p>{text}</p>\r\n\
             </BODY></HTML>\r\n"
        );
        page
    }
}

/// Parses the head at the beginning of `bytes`, and returns it with its length, or `None` if it is incomplete.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let end = match request.parse(bytes) {
        Ok(httparse::Status::Complete(end)) if end <= LARGEST_HEAD => end,
        Ok(httparse::Status::Partial) if bytes.len() <= LARGEST_HEAD => return Ok(None),
        Ok(_) => return Err(TOO_LONG),
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => {
            return Err(INVALID_HEADER)
        }
        Err(httparse::Error::Token) => return Err(invalid_line(bytes)),
        Err(httparse::Error::Version) => return Err(VERSION),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LONG),
        Err(_) => return Err(BAD_REQUEST),
    };
    let mut headers = HeaderMap::new();
    for field in request.headers.iter() {
        let name = HeaderName::try_from(field.name).map_err(|_| INVALID_HEADER)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| INVALID_HEADER)?;
        headers.append(name, value);
    }
    let method = request.method.unwrap_or_default().to_owned();
    let target = Uri::from_str(request.path.unwrap_or_default()).map_err(|_| INVALID_URL)?;
    let is_1_1 = request.version == Some(1);
    if !host_is_good(&headers, is_1_1) {
        return Err(INVALID_HOST);
    }
    let head = Head {
        length: length(&headers, &method, is_1_1)?,
        keep_alive: is_1_1 && !has_token(&headers, &header::CONNECTION, "close"),
        expects_continue: is_1_1 && has_token(&headers, &header::EXPECT, "100-continue"),
        path: target.path().to_owned(),
        method,
        headers,
        is_1_1,
    };
    Ok(Some((head, end)))
}

/// Returns which part of the request line is not valid: the method before the first space, or the target.
fn invalid_line(bytes: &[u8]) -> Refusal {
    let method = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_token = !method.is_empty() && http::Method::from_bytes(method).is_ok();
    if is_token {
        INVALID_URL
    } else {
        INVALID_VERB
    }
}

/// Checks `Host`. RFC 9112 §3.2 demands exactly one valid `Host` in HTTP/1.1, and http.sys also demands a name in it.
fn host_is_good(headers: &HeaderMap, is_1_1: bool) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => !is_1_1,
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
    }
}

fn is_host(text: &str) -> bool {
    let Ok(authority) = Authority::from_str(text) else {
        return false;
    };
    let host = authority.host();
    let port = text.strip_prefix(host);
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    !host.is_empty()
        && port.is_some_and(|rest| rest.strip_prefix(':').map_or(rest.is_empty(), is_port))
}

/// Returns the length of the body.
///
/// Request smuggling needs a length together with a transfer coding, or two lengths. RFC 9112 §6.1 and §6.3 allow a
/// server to refuse such requests, and http.sys does so with `DisableRequestSmuggling` (ADV200008).
fn length(headers: &HeaderMap, method: &str, is_1_1: bool) -> Result<Length, Refusal> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (Some(_), Some(_)) => Err(BAD_REQUEST),
        (Some(text), None) => {
            let digits = text.as_bytes();
            let good = digits.iter().all(u8::is_ascii_digit) && lengths.next().is_none();
            let number = text.to_str().ok().and_then(|text| text.parse().ok());
            let number = number.filter(|_| good);
            number.map(Length::Bytes).ok_or(INVALID_LENGTH)
        }
        (None, Some(_)) if !is_1_1 => Err(BAD_REQUEST),
        (None, Some(coding)) => {
            let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            match chunked && codings.next().is_none() {
                true => Ok(Length::Chunked),
                false => Err(NOT_IMPLEMENTED),
            }
        }
        (None, None) if ["POST", "PUT"].contains(&method) => Err(LENGTH_REQUIRED),
        (None, None) => Ok(Length::Bytes(0)),
    }
}

/// Returns whether a list of tokens contains `token`, ignoring case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(head: &str) -> Result<Option<(Head, usize)>, Refusal> {
        read(head.as_bytes())
    }

    const GOOD: &str = "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

    #[test]
    fn a_good_head_is_read_once_it_is_whole() {
        for end in 0..GOOD.len() {
            assert!(judge(&GOOD[..end]).unwrap().is_none(), "{end}");
        }
        let (head, end) = judge(&format!("{GOOD}abc")).unwrap().unwrap();
        assert_eq!((head.method.as_str(), end), ("POST", GOOD.len()));
        assert_eq!(head.path, "/EWS/Exchange.asmx");
        assert_eq!(head.length, Length::Bytes(3));
        assert!(head.is_1_1 && head.keep_alive && !head.expects_continue);
        let more = GOOD.replace(
            "Host: a\r\n",
            "Host: a\r\nexpect: 100-Continue\r\nConnection: x, Close\r\n",
        );
        let (head, _) = judge(&more).unwrap().unwrap();
        assert!(!head.keep_alive && head.expects_continue);
        let old = GOOD.replace("1.1", "1.0").replace("Host: a\r\n", "");
        let (head, _) = judge(&old).unwrap().unwrap();
        assert!(!head.is_1_1 && !head.keep_alive);
        let absolute = GOOD.replace("/EWS", "http://a/EWS");
        assert_eq!(
            judge(&absolute).unwrap().unwrap().0.path,
            "/EWS/Exchange.asmx"
        );
    }

    #[test]
    fn hosts_are_judged() {
        let with = |host: &str| judge(&GOOD.replace("Host: a\r\n", host));
        for good in [
            "mail.example.com",
            "a:443",
            "a:",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8080",
        ] {
            assert!(with(&format!("Host: {good}\r\n")).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Host:\r\n",
            "Host: \r\n",
            "Host: a b\r\n",
            "Host: a/b\r\n",
            "Host: user@a\r\n",
            "Host: a:65536\r\n",
            "Host: a:x\r\n",
            "Host: :80\r\n",
            "Host: [::1\r\n",
            "Host: a\u{e4}\r\n",
            "Host: a\r\nHost: a\r\n",
        ] {
            assert_eq!(with(bad).unwrap_err(), INVALID_HOST, "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_judged() {
        let with = |length: &str| {
            let head = GOOD.replace("Content-Length: 3\r\n", length);
            judge(&head).map(|read| read.unwrap().0.length)
        };
        assert_eq!(with("Transfer-Encoding: Chunked\r\n"), Ok(Length::Chunked));
        for (length, refusal) in [
            ("", LENGTH_REQUIRED),
            (
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                BAD_REQUEST,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                BAD_REQUEST,
            ),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", INVALID_LENGTH),
            ("Content-Length: 3, 3\r\n", INVALID_LENGTH),
            ("Content-Length: +3\r\n", INVALID_LENGTH),
            ("Content-Length: -3\r\n", INVALID_LENGTH),
            ("Content-Length: 0x3\r\n", INVALID_LENGTH),
            ("Content-Length: \r\n", INVALID_LENGTH),
            ("Content-Length: 18446744073709551616\r\n", INVALID_LENGTH),
            ("Transfer-Encoding: gzip, chunked\r\n", NOT_IMPLEMENTED),
            ("Transfer-Encoding: identity\r\n", NOT_IMPLEMENTED),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                NOT_IMPLEMENTED,
            ),
        ] {
            assert_eq!(with(length), Err(refusal), "{length:?}");
        }
    }

    #[test]
    fn lines_are_judged() {
        let long = format!("X: {}\r\n", "x".repeat(LARGEST_HEAD));
        for (head, refusal) in [
            (GOOD.replace("Host", "H\u{e4}st"), INVALID_HEADER),
            (GOOD.replace("Host: a", "Host : a"), INVALID_HEADER),
            (
                GOOD.replace("Host: a", "Host: a\r\n folded"),
                INVALID_HEADER,
            ),
            (
                GOOD.replace("Host: a", "Host: a\r\nNo colon"),
                INVALID_HEADER,
            ),
            (
                GOOD.replace("Host: a", "Host: a\r\nX: \u{1}"),
                INVALID_HEADER,
            ),
            (GOOD.replace("Host: a", "Host: a\r\n: x"), INVALID_HEADER),
            (GOOD.replace("Host: a\r\n", &long), TOO_LONG),
            (GOOD.replace("HTTP/1.1", "HTTP/2.0"), VERSION),
            (GOOD.replace("HTTP/1.1", "HTTPS/1.1"), VERSION),
            (GOOD.replace("POST", "PO(ST"), INVALID_VERB),
            (GOOD.replace("/EWS", "/E\u{1}S"), INVALID_URL),
            (
                "\u{16}\u{3}\u{1}\u{2} TLS where there is none".to_owned(),
                INVALID_VERB,
            ),
        ] {
            assert_eq!(judge(&head).map(|_| ()), Err(refusal), "{head:?}");
        }
    }

    /// Public traces of this response have `Content-Length: 334`.
    #[test]
    fn the_page_has_the_length_of_the_real_one() {
        assert_eq!(INVALID_HOST.page().len(), 334);
    }
}
