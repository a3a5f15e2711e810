//! Parses the option `--header`.

/// A header that is sent with each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Words in the names of headers that carry secrets. A header whose name contains one is refused.
const SECRETS: &[&str] = &[
    "authorization",
    "cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "api-key",
    "apikey",
    "credential",
];

/// Authentication schemes. A value that begins with one is a credential.
const SCHEMES: &[&str] = &["basic", "bearer", "digest", "negotiate", "ntlm"];

/// Headers that the client sets, or that would change the framing or coding of the response.
const OWN: &[&str] = &[
    "accept",
    "accept-encoding",
    "client-request-id",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "return-client-request-id",
    "soapaction",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Parses `Name: value`.
///
/// The value may be a secret, so the errors do not repeat it. Clap's errors would, so this is not a clap value parser.
pub(crate) fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("there is no colon after the name; write NAME: VALUE")?;
    let value = value.trim_matches([' ', '\t']);
    // RFC 9110 §5.6.2
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("the name is not valid; use letters, digits and -".to_owned());
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("the value contains a control character; remove it".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    let scheme = value.split(' ').next().unwrap_or_default();
    let is_scheme = SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    if is_scheme || SECRETS.iter().any(|secret| lower.contains(secret)) {
        return Err(format!(
            "{name} carries a secret, and other users of this machine can read a command line; \
             use --password-file, --bearer-file or --bearer-env"
        ));
    }
    if OWN.contains(&lower.as_str()) {
        return Err(format!("the command sets {name} itself; leave it out"));
    }
    Ok(Header {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{header, Header};

    #[test]
    fn headers_are_read() {
        let read = |name: &str, value: &str| {
            Ok(Header {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        };
        assert_eq!(header("Prefer: a=b; c"), read("Prefer", "a=b; c"));
        assert_eq!(header("X-Empty:"), read("X-Empty", ""));
        assert_eq!(header("X-Time:12:30 "), read("X-Time", "12:30"));
        for (text, says) in [
            ("Prefer", "no colon"),
            ("X Y: 1", "name"),
            (": 1", "name"),
            ("X: a\r\nY: b", "control"),
            ("authorization: Basic s3cret", "carries a secret"),
            ("Proxy-Authorization: s3cret", "carries a secret"),
            ("Cookie: s3cret", "carries a secret"),
            ("X-Auth-Token: s3cret", "carries a secret"),
            ("HOST: s3cret", "sets HOST itself"),
            ("Content-Length: 1", "itself"),
            ("X-Forwarded-Access: Bearer s3cret", "carries a secret"),
        ] {
            let error = header(text).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
