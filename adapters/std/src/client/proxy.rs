//! HTTP proxies, with tunnels by CONNECT.

use core::fmt;
use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems_http1::{HeadDecoder, HeadEvent};
use exportitems_ntlm::Offers;
use url::Url;
use zeroize::Zeroizing;

use super::endpoint::Endpoint;

/// The largest number of bytes of a line in a proxy's head, and of all lines.
const LINE: usize = 8 * 1024;
const HEAD: u64 = 64 * 1024;

/// An HTTP proxy that a connection goes through, by CONNECT (RFC 9110 §9.3.6).
///
/// The proxy sees the host and port of the server. With TLS, it sees nothing else.
/// The user and password for the proxy are sent by Basic, without TLS. They are never printed.
#[derive(Clone)]
pub struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// `user:password` in base64.
    token: Option<Zeroizing<String>>,
}

impl Proxy {
    /// Parses the URL of a proxy: `http://host:port`, or `http://user:password@host:port`.
    ///
    /// The default scheme is `http`, and the default port is 80. Bytes of user and password may be
    /// percent-encoded.
    ///
    /// # Errors
    /// The URL is not that of an HTTP proxy. The error does not contain it.
    pub fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        let with_scheme = match text.contains("://") {
            true => Zeroizing::new(text.to_owned()),
            false => Zeroizing::new(format!("http://{text}")),
        };
        let url = Url::parse(&with_scheme).map_err(|_| ProxyUrlError::Syntax)?;
        if url.scheme() != "http" {
            return Err(ProxyUrlError::Scheme);
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(ProxyUrlError::Syntax),
        };
        let user = decode(url.username());
        let password = decode(url.password().unwrap_or_default());
        let token = (!user.is_empty() || url.password().is_some()).then(|| {
            let pair = Zeroizing::new([&user[..], b":", &password[..]].concat());
            Zeroizing::new(BASE64_STANDARD.encode(&*pair))
        });
        Ok(Self {
            host,
            port: url.port().unwrap_or(80),
            token,
        })
    }

    /// Returns whether there are a user and a password for the proxy.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.token.is_some()
    }

    /// Returns the proxy for a URL from the environment variables: `https_proxy` or `HTTPS_PROXY` for `https`, `http_proxy`
    /// for `http`, or else `all_proxy` or `ALL_PROXY`. There is none if `no_proxy` or `NO_PROXY` excludes the host.
    ///
    /// An element of `no_proxy` is a host, which also excludes its subdomains, an address, a range of
    /// addresses such as `10.0.0.0/8`, or `*`. A host or an address may have a port. This machine is always
    /// excluded.
    ///
    /// # Errors
    /// The variable does not contain the URL of an HTTP proxy.
    pub fn from_environment(url: &str) -> Result<Option<Self>, ProxyUrlError> {
        Self::of_variables(url, |name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    fn of_variables(
        url: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ProxyUrlError> {
        let Ok(endpoint) = Endpoint::parse(url) else {
            return Ok(None);
        };
        // In a CGI program, HTTP_PROXY is the header field `Proxy` of a request, so only the lower case is safe.
        let names: &[&str] = match endpoint.tls {
            true => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            false => &["http_proxy", "all_proxy", "ALL_PROXY"],
        };
        let Some(proxy) = names
            .iter()
            .find_map(|name| variable(name))
            .map(Zeroizing::new)
        else {
            return Ok(None);
        };
        let excluded = ["no_proxy", "NO_PROXY"]
            .iter()
            .find_map(|name| variable(name));
        let is_excluded = excluded.is_some_and(|list| {
            list.split([',', ' '])
                .any(|element| excludes(element, &endpoint))
        });
        if endpoint.is_loopback() || is_excluded {
            return Ok(None);
        }
        Self::parse(&proxy).map(Some)
    }

    /// Makes a tunnel to `endpoint` over a connection to the proxy.
    pub(super) fn tunnel(
        &self,
        socket: &mut TcpStream,
        endpoint: &Endpoint,
        left: impl Fn() -> io::Result<Duration>,
    ) -> Result<(), ProxyProblem> {
        let host = match endpoint.host.contains(':') {
            true => format!("[{}]:{}", endpoint.host, endpoint.port),
            false => format!("{}:{}", endpoint.host, endpoint.port),
        };
        let mut request = Zeroizing::new(format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n"));
        if let Some(token) = &self.token {
            request.reserve_exact(token.len() + 64);
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(token);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        socket
            .write_all(request.as_bytes())
            .map_err(ProxyProblem::Io)?;
        let (status, schemes) = answer(socket, left)?;
        match status {
            200..=299 => Ok(()),
            407 => Err(ProxyProblem::Authentication {
                schemes,
                sent: self.token.is_some(),
            }),
            status => Err(ProxyProblem::Refused { status }),
        }
    }
}

/// Reads the head of the proxy's response. Returns its status and the schemes of `Proxy-Authenticate`.
///
/// It reads byte by byte, so that it reads no byte of the tunnel.
fn answer(
    socket: &mut TcpStream,
    left: impl Fn() -> io::Result<Duration>,
) -> Result<(u16, Vec<String>), ProxyProblem> {
    let mut line = vec![0; LINE];
    let mut decoder = HeadDecoder::new(&mut line);
    let mut schemes = Vec::new();
    for _ in 0..HEAD {
        let mut byte = [0];
        loop {
            let read = left()
                .and_then(|left| socket.set_read_timeout(Some(left)))
                .and_then(|()| socket.read(&mut byte));
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ProxyProblem::Io(error)),
                Ok(0) => return Err(ProxyProblem::NotHttp),
                Ok(_) => break,
            }
        }
        let mut input = &byte[..];
        while let Some(event) = decoder
            .next(&mut input)
            .map_err(|_| ProxyProblem::NotHttp)?
        {
            match event {
                HeadEvent::Field(field) if field.is("Proxy-Authenticate") => {
                    schemes.extend(Offers::new(field.value).map(|offer| offer.scheme.to_owned()));
                    schemes.truncate(8);
                }
                HeadEvent::Head(head) => return Ok((head.status(), schemes)),
                _ => {}
            }
        }
    }
    Err(ProxyProblem::NotHttp)
}

/// Decodes percent-encoding.
fn decode(text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let mut ahead = bytes.clone();
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes = ahead;
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// Returns whether an element of `no_proxy` excludes this server.
fn excludes(element: &str, endpoint: &Endpoint) -> bool {
    let element = element.trim().to_ascii_lowercase();
    let host = endpoint.host.trim_end_matches('.').to_ascii_lowercase();
    if element == "*" {
        return true;
    }
    let address = host.parse::<IpAddr>().ok();
    if let (Some((network, length)), Some(address)) = (element.split_once('/'), address) {
        return match (network.parse(), length.parse()) {
            (Ok(network), Ok(length)) => is_in(address, network, length),
            _ => false,
        };
    }
    let bare = element.trim_matches(['[', ']']);
    let (name, port) = match element.rsplit_once(':') {
        // An IPv6 address contains colons.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name.trim_matches(['[', ']']), Some(port))
        }
        _ => (bare, None),
    };
    if port.is_some_and(|port| port.parse() != Ok(endpoint.port)) {
        return false;
    }
    if let Some(address) = address {
        return name.parse() == Ok(address);
    }
    let name = name.trim_start_matches("*.").trim_matches('.');
    let above = host.strip_suffix(name);
    !name.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Returns whether an address is in a network with a prefix of `length` bits.
fn is_in(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (one, other, bits) = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let rest = u32::saturating_sub(bits, length);
    let difference: u128 = one ^ other;
    difference.checked_shr(rest).unwrap_or(0) == 0
}

/// Does not print the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Prints `host:port`.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The error for the URL of a proxy. The texts do not contain it, because it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// It is not a URL with a host.
    Syntax,
    /// It has another scheme, such as `https` or `socks5`.
    Scheme,
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "the URL of the proxy cannot be read; write http://host:port",
            Self::Scheme => "only proxies with a URL that begins with http:// can be used; write http://host:port",
        })
    }
}

impl core::error::Error for ProxyUrlError {}

/// The cause of a failed connection through a proxy.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// The proxy has no address.
    Resolve(io::Error),
    /// The proxy cannot be reached.
    Connect(io::Error),
    /// 407: the proxy requires credentials, or refuses those that were sent.
    Authentication {
        /// The schemes that the proxy offers.
        schemes: Vec<String>,
        /// Whether a user and a password were sent.
        sent: bool,
    },
    /// The status is not successful.
    Refused {
        /// The status.
        status: u16,
    },
    /// The response is not HTTP, or is incomplete.
    NotHttp,
    /// The connection to the proxy failed.
    Io(io::Error),
}

impl ProxyProblem {
    pub(super) const fn source(&self) -> Option<&io::Error> {
        match self {
            Self::Resolve(error) | Self::Connect(error) | Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Completes "no connection through the proxy HOST:PORT: ".
impl fmt::Display for ProxyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(_) => f.write_str("its host is not found; check the name of the proxy"),
            Self::Connect(_) => f.write_str("it cannot be reached; check the host and port of the proxy"),
            Self::Authentication { schemes, sent } => {
                let takes_basic = schemes.is_empty()
                    || schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
                let offered = match schemes.is_empty() {
                    true => String::new(),
                    false => format!("; it offers {}", schemes.join(", ")),
                };
                match (takes_basic, sent) {
                    (false, _) => write!(
                        f,
                        "it requires a login that this client does not support{offered}; use a proxy that accepts \
                         Basic, or one without a login"
                    ),
                    (true, true) => write!(f, "it refuses the user or the password (407){offered}"),
                    (true, false) => write!(f, "it requires a user and a password (407){offered}"),
                }
            }
            Self::Refused { status: 403 | 405 } => f.write_str(
                "it does not allow connections to this server; have its administrator allow the host and the port",
            ),
            Self::Refused { status } => write!(
                f,
                "it answers HTTP {status}; check that it can reach the server"
            ),
            Self::NotHttp => f.write_str("it is not an HTTP proxy; check the host and port of the proxy"),
            Self::Io(_) => f.write_str("the connection to it broke"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_proxies() {
        for (text, expected) in [
            (
                "http://proxy.example.com:3128",
                Ok(("proxy.example.com", 3128, None)),
            ),
            (
                "proxy.example.com:3128",
                Ok(("proxy.example.com", 3128, None)),
            ),
            ("http://[::1]/", Ok(("::1", 80, None))),
            (
                "http://pat:p%40ss@proxy:8080",
                Ok(("proxy", 8080, Some("cGF0OnBAc3M="))),
            ),
            ("http://pat@proxy", Ok(("proxy", 80, Some("cGF0Og==")))),
            ("https://proxy:3128", Err(ProxyUrlError::Scheme)),
            ("socks5://proxy", Err(ProxyUrlError::Scheme)),
            ("http://", Err(ProxyUrlError::Syntax)),
            ("http://a b", Err(ProxyUrlError::Syntax)),
        ] {
            let proxy = Proxy::parse(text);
            let found = proxy.as_ref().map(|proxy| {
                let token = proxy.token.as_ref().map(|token| token.as_str());
                (proxy.host.as_str(), proxy.port, token)
            });
            assert_eq!(found.map_err(|error| *error), expected, "{text}");
        }
        let proxy = Proxy::parse("http://pat:s3cret@proxy:8080").unwrap();
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "proxy:8080 Proxy { host: \"proxy\", port: 8080, .. }"
        );
    }

    #[test]
    fn the_environment_names_a_proxy() {
        let (https, http) = ("https://mail.example.com", "http://mail.example.com");
        for (url, variables, expected) in [
            (https, &[][..], None),
            (
                https,
                &[("https_proxy", "a:1"), ("all_proxy", "b:2")][..],
                Some("a:1"),
            ),
            (https, &[("HTTPS_PROXY", "a:1")], Some("a:1")),
            (https, &[("all_proxy", "b:2")], Some("b:2")),
            (https, &[("http_proxy", "c:3")], None),
            (http, &[("http_proxy", "c:3")], Some("c:3")),
            (http, &[("HTTP_PROXY", "c:3")], None),
            ("https://127.0.0.1/", &[("https_proxy", "a:1")], None),
            (https, &[("https_proxy", "a:1"), ("no_proxy", "*")], None),
            (
                https,
                &[("https_proxy", "a:1"), ("NO_PROXY", "x.test, example.com")],
                None,
            ),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let proxy = Proxy::of_variables(url, variable).unwrap();
            let found = proxy.map(|proxy| proxy.to_string());
            assert_eq!(found.as_deref(), expected, "{url} {variables:?}");
        }
    }

    #[test]
    fn hosts_without_a_proxy() {
        for (element, url, expected) in [
            ("example.com", "https://mail.example.com", true),
            (".example.com", "https://mail.example.com", true),
            ("*.example.com", "https://mail.example.com", true),
            ("MAIL.example.com.", "https://mail.example.com", true),
            ("mail.example.com:443", "https://mail.example.com", true),
            ("mail.example.com:444", "https://mail.example.com", false),
            ("ample.com", "https://mail.example.com", false),
            ("", "https://mail.example.com", false),
            (".", "https://mail.example.com", false),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.30", false),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/16", "https://10.1.2.3", false),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://mail.example.com", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]", true),
            ("fd12::/16", "https://10.1.2.3", false),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(excludes(element, &endpoint), expected, "{element} {url}");
        }
    }
}
