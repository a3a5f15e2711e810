//! Where requests go.

use core::fmt;
use std::net::IpAddr;

use exportitems::ExportItems;
use http::uri::{InvalidUri, Uri};

/// A checked URL, in the parts that a connection and a request need.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) tls: bool,
    /// Name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// `host[:port]` as it was written.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Self, UrlError> {
        let uri: Uri = url.parse().map_err(UrlError::Syntax)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::Host)?;
        // They would end up in logs, with the URL; RFC 9110 §4.2.4 wants them refused.
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(UrlError::Host);
        }
        let target = match uri.path_and_query() {
            Some(path) if path.as_str() != "/" => path.as_str(),
            _ => ExportItems::ENDPOINT_PATH,
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            target: target.to_owned(),
        })
    }

    /// Whether what is sent stays on this machine. `localhost` does, by RFC 6761 §6.3.
    pub(super) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// The URL is not one to export from.
#[derive(Debug)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no URL.
    Syntax(InvalidUri),
    /// It begins with neither `https://` nor `http://`.
    Scheme,
    /// It names no host.
    Host,
    /// It holds a user or password.
    UserInfo,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "not a URL: {error}"),
            Self::Scheme => f.write_str("the URL begins with neither https:// nor http://"),
            Self::Host => f.write_str(
                "the URL names no host; write https://mail.example.com/EWS/Exchange.asmx",
            ),
            Self::UserInfo => {
                f.write_str("the URL holds a user or password; give credentials by their option")
            }
        }
    }
}

impl core::error::Error for UrlError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Syntax(error) => Some(error),
            Self::Scheme | Self::Host | Self::UserInfo => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_url() {
        for (url, expected) in [
            (
                "https://mail.example.com/EWS/Exchange.asmx",
                (true, "mail.example.com", 443, "/EWS/Exchange.asmx"),
            ),
            (
                "https://mail.example.com",
                (true, "mail.example.com", 443, "/EWS/Exchange.asmx"),
            ),
            ("http://[::1]:8080/x?y", (false, "::1", 8080, "/x?y")),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let parts = (
                endpoint.tls,
                endpoint.host.as_str(),
                endpoint.port,
                endpoint.target.as_str(),
            );
            assert_eq!(parts, expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_endpoint() {
        for (url, says) in [
            ("mail.example.com", "neither https"),
            ("ftp://mail.example.com/", "neither https"),
            ("https://user:secret@mail.example.com/", "user or password"),
            ("https:///EWS", "not a URL"),
            ("", "not a URL"),
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
