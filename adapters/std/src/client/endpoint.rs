//! The parts of the server's URL.

use core::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The parts of a valid URL that a connection and a request need.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) tls: bool,
    /// The name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of the field `Host`, `host[:port]`.
    pub(super) authority: String,
    /// The path and the query.
    pub(super) target: String,
}

impl Endpoint {
    /// Parses a URL.
    ///
    /// The `url` crate parses URLs like a browser, so it accepts typing errors: one slash instead of two, spaces,
    /// backslashes. Such URLs are refused first.
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let rest = ["https://", "http://"].into_iter().find_map(|scheme| {
            let start = text.get(..scheme.len())?;
            let rest = text.get(scheme.len()..)?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let rest = rest.ok_or(UrlError::Scheme)?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(UrlError::Character);
        }
        let written = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // They would appear in logs together with the URL. RFC 9110 §4.2.4 requires recipients to treat them as errors.
        if written.contains('@') {
            return Err(UrlError::UserInfo);
        }
        if written.is_empty() || written.starts_with(':') {
            return Err(UrlError::Host);
        }
        let url = Url::parse(text).map_err(UrlError::Syntax)?;
        if written.ends_with(':') || url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        let host = match url.host().ok_or(UrlError::Host)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or(UrlError::Port)?;
        let target = match (url.path(), url.query()) {
            ("" | "/", None) => exportitems::ENDPOINT_PATH.to_owned(),
            (path, None) => path.to_owned(),
            (path, Some(query)) => format!("{path}?{query}"),
        };
        Ok(Self {
            tls: url.scheme() == "https",
            host,
            port,
            authority: url.authority().to_owned(),
            target,
        })
    }

    /// Returns whether the host is this machine. `localhost` is, by RFC 6761 §6.3.
    pub(super) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// The error for a URL that cannot be used. No connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not a URL.
    Syntax(url::ParseError),
    /// It begins with neither `https://` nor `http://`.
    Scheme,
    /// It names no host.
    Host,
    /// There is a colon after the host, but no port from 1 to 65535.
    Port,
    /// It contains a user or a password.
    UserInfo,
    /// It contains a fragment, which cannot be part of a request.
    Fragment,
    /// It contains white space, a control character or a backslash.
    Character,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax(url::ParseError::InvalidPort) | Self::Port => {
                "the port in the URL is not a number from 1 to 65535; correct it, or leave it out with its colon"
            }
            Self::Syntax(url::ParseError::EmptyHost) | Self::Host => {
                "the URL names no host; write https://mail.example.com/EWS/Exchange.asmx"
            }
            Self::Syntax(error) => return write!(f, "the URL cannot be read: {error}; correct it"),
            Self::Scheme => {
                "the URL does not begin with https:// (or http://); \
                 begin with https://, as in https://mail.example.com/EWS/Exchange.asmx"
            }
            Self::UserInfo => {
                "the URL contains a user or password; remove it and give the credentials separately"
            }
            Self::Fragment => "the URL contains a fragment; remove it from the # on",
            Self::Character => {
                "the URL contains white space, a control character or a back-slash; \
                 remove it, or write a space of the path as %20"
            }
        })
    }
}

impl core::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_url() {
        for (url, host, parts) in [
            (
                "https://mail.example.com/EWS/Exchange.asmx",
                "mail.example.com",
                (true, "mail.example.com", 443, "/EWS/Exchange.asmx"),
            ),
            (
                "HTTPS://Mail.Example.Com",
                "mail.example.com",
                (true, "mail.example.com", 443, "/EWS/Exchange.asmx"),
            ),
            (
                "https://mail.example.com:443/",
                "mail.example.com",
                (true, "mail.example.com", 443, "/EWS/Exchange.asmx"),
            ),
            (
                "http://[::1]:8080/x?y",
                "[::1]:8080",
                (false, "::1", 8080, "/x?y"),
            ),
            (
                "https://192.0.2.7:65535/a%20b",
                "192.0.2.7:65535",
                (true, "192.0.2.7", 65535, "/a%20b"),
            ),
            (
                "https://post.b\u{fc}cher.example/\u{e4}",
                "post.xn--bcher-kva.example",
                (true, "post.xn--bcher-kva.example", 443, "/%C3%A4"),
            ),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let found = (
                endpoint.tls,
                endpoint.host.as_str(),
                endpoint.port,
                endpoint.target.as_str(),
            );
            assert_eq!(found, parts, "{url}");
            assert_eq!(endpoint.authority, host, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused() {
        for (url, says) in [
            ("mail.example.com", "begin with https://"),
            ("mail.example.com:443/EWS", "begin with https://"),
            ("//mail.example.com/", "begin with https://"),
            ("ftp://mail.example.com/", "begin with https://"),
            ("https:/mail.example.com/", "begin with https://"),
            ("https:mail.example.com", "begin with https://"),
            ("<https://mail.example.com>", "begin with https://"),
            (" https://mail.example.com", "begin with https://"),
            ("", "begin with https://"),
            ("https://user:secret@mail.example.com/", "user or password"),
            (
                "https://user:secret@mail.example.com:99999/",
                "user or password",
            ),
            ("https://@mail.example.com/", "user or password"),
            ("https:///EWS", "names no host"),
            ("https://", "names no host"),
            ("https://:443/", "names no host"),
            ("https://mail.example.com:65536/", "from 1 to 65535"),
            ("https://mail.example.com:44300000/", "from 1 to 65535"),
            ("https://mail.example.com:-1/", "from 1 to 65535"),
            ("https://mail.example.com:0/", "from 1 to 65535"),
            ("https://mail.example.com:/", "from 1 to 65535"),
            ("https://mail.example.com:", "from 1 to 65535"),
            ("https://[::1]:/", "from 1 to 65535"),
            ("https://mail.example.com:port/", "from 1 to 65535"),
            ("https://mail.example.com/EWS#top", "fragment"),
            ("https://mail.example.com/EWS/ Exchange.asmx", "white space"),
            ("https://mail. example.com/", "white space"),
            ("https://mail.example.com/\n", "white space"),
            ("https://mail.example.com\\EWS", "back-slash"),
            ("https://[::1/", "cannot be read"),
            ("https://[::g]/", "cannot be read"),
            ("https://256.1.1.1/", "cannot be read"),
            ("https://ma^il.example.com/", "cannot be read"),
        ] {
            let error = Endpoint::parse(url).unwrap_err().to_string();
            assert!(error.contains(says), "{url}: {error}");
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn loopback() {
        for (url, loopback) in [
            ("http://127.8.9.1/", true),
            ("http://0x7f.1/", true),
            ("http://[::1]/", true),
            ("http://LOCALHOST/", true),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(
                Endpoint::parse(url).unwrap().is_loopback(),
                loopback,
                "{url}"
            );
        }
    }
}
