//! The way to the server: TLS, and a proxy.

use std::path::PathBuf;

use exportitems_std::client::{ClientBuilder, Proxy, TlsVersion};

use crate::status::Failure;

/// How the server is reached.
#[derive(Debug, clap::Args)]
#[allow(rustdoc::bare_urls)] // clap prints these lines as they are
pub(crate) struct NetworkOptions {
    /// Trust the certificate authorities in this PEM file too. May be given more than once.
    #[arg(long, value_name = "PEM")]
    ca_file: Vec<PathBuf>,
    /// Trust exactly the certificate with this SHA-256, whoever issued it, and no other: for a server with a
    /// self-signed certificate. Its names and dates are still checked. The SHA-256 is 64 hexadecimal digits,
    /// as `openssl x509 -noout -fingerprint -sha256` prints it.
    #[arg(long, value_name = "SHA256", value_parser = sha256, conflicts_with = "ca_file")]
    trust_certificate: Option<[u8; 32]>,
    /// The lowest version of TLS to accept.
    #[arg(long, value_name = "VERSION", value_enum, default_value_t)]
    tls_min: TlsMin,
    /// Present this client certificate, a PEM file with its chain.
    #[arg(long, value_name = "PEM", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The private key of the client certificate, a PEM file, not encrypted.
    #[arg(long, value_name = "PEM", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// Connect through this proxy, http://HOST:PORT, in place of the one that the environment variable
    /// https_proxy names. With "none" no proxy is used. A proxy that wants a user and a password gets them
    /// from https_proxy=http://USER:PASSWORD@HOST:PORT, since other users can read a command line.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Ask for compressed responses: fewer bytes, and more work for the server.
    #[arg(long)]
    gzip: bool,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum TlsMin {
    #[default]
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// 32 bytes in hexadecimal, with or without colons.
fn sha256(text: &str) -> Result<[u8; 32], &'static str> {
    const WRONG: &str = "not a SHA-256; write 64 hexadecimal digits, with or without colons";
    let mut digits = text.chars().filter(|&c| c != ':');
    let mut digest = [0; 32];
    for byte in &mut digest {
        let mut digit = || digits.next().and_then(|c| c.to_digit(16)).ok_or(WRONG);
        *byte = u8::try_from(digit()? * 16 + digit()?).map_err(|_| WRONG)?;
    }
    match digits.next() {
        None => Ok(digest),
        Some(_) => Err(WRONG),
    }
}

impl NetworkOptions {
    /// The builder with these options, for the server at `url`.
    pub(crate) fn apply(
        &self,
        mut builder: ClientBuilder,
        url: &str,
    ) -> Result<ClientBuilder, Failure> {
        for file in &self.ca_file {
            builder = builder.ca_file(file);
        }
        if let Some(sha256) = self.trust_certificate {
            builder = builder.trust_certificate(sha256);
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            builder = builder.client_certificate(certificate, key);
        }
        let lowest = match self.tls_min {
            TlsMin::Tls12 => TlsVersion::Tls12,
            TlsMin::Tls13 => TlsVersion::Tls13,
        };
        let proxy = self.proxy(url)?;
        Ok(builder.lowest_tls(lowest).proxy(proxy).gzip(self.gzip))
    }

    /// The builder for a token endpoint at `url`: what concerns the server's own certificate is left out.
    pub(crate) fn apply_to_tokens(
        &self,
        mut builder: ClientBuilder,
        url: &str,
    ) -> Result<ClientBuilder, Failure> {
        for file in &self.ca_file {
            builder = builder.ca_file(file);
        }
        Ok(builder.proxy(self.proxy(url)?))
    }

    fn proxy(&self, url: &str) -> Result<Option<Proxy>, Failure> {
        let Some(text) = &self.proxy else {
            return Proxy::from_environment(url).map_err(|error| {
                Failure::Usage(format!("the environment variable for the proxy: {error}"))
            });
        };
        if text == "none" {
            return Ok(None);
        }
        let proxy =
            Proxy::parse(text).map_err(|error| Failure::Usage(format!("--proxy: {error}")))?;
        if proxy.has_credentials() {
            return Err(Failure::Usage(
                "--proxy: other users of this machine can read a command line, and a configuration file holds no \
                 secrets; give the proxy's user and password in the environment variable https_proxy"
                    .to_owned(),
            ));
        }
        Ok(Some(proxy))
    }
}
