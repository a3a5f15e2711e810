//! Options for the connection to the server: TLS, a proxy and compression.

use std::path::PathBuf;

use exportitems_std::client::{ClientBuilder, Proxy, TlsVersion};

use crate::status::Failure;

/// The options for the connection to the server.
#[derive(Debug, clap::Args)]
#[allow(rustdoc::bare_urls)] // clap prints these lines as they are
pub(crate) struct NetworkOptions {
    /// Trust the certificate authorities in this PEM file too. May be given more than once.
    #[arg(long, value_name = "PEM")]
    ca_file: Vec<PathBuf>,
    /// Trust only the certificate with this SHA-256, from any issuer, for example a self-signed one. Its names and
    /// dates are still checked. The SHA-256 has 64 hexadecimal digits; `exportitems doctor` and `openssl x509 -noout
    /// -fingerprint -sha256` print it.
    #[arg(long, value_name = "SHA256", value_parser = sha256, conflicts_with = "ca_file")]
    trust_certificate: Option<[u8; 32]>,
    /// The lowest version of TLS to accept.
    #[arg(long, value_name = "VERSION", value_enum, default_value_t)]
    tls_min: TlsMin,
    /// Send this client certificate, a PEM file with its chain.
    #[arg(long, value_name = "PEM", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The private key of the client certificate, an unencrypted PEM file.
    #[arg(long, value_name = "PEM", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// Connect through this proxy, http://HOST:PORT, instead of that in the environment variable https_proxy. With
    /// "none", no proxy is used. Give a user and a password for the proxy in the variable,
    /// https_proxy=http://USER:PASSWORD@HOST:PORT, because other users can read a command line.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Request compressed responses, which are smaller but cost the server more work.
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

/// Parses 32 bytes in hexadecimal, with or without colons.
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
    /// Adds these options to the builder of a client for the server at `url`.
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
        let proxy = self.proxy(url)?;
        let lowest = self.lowest_tls();
        Ok(builder.lowest_tls(lowest).proxy(proxy).gzip(self.gzip))
    }

    /// Adds the options that also apply to a token endpoint, at `url`. Trust in the certificate of the server and the
    /// client certificate do not.
    pub(crate) fn apply_to_tokens(
        &self,
        mut builder: ClientBuilder,
        url: &str,
    ) -> Result<ClientBuilder, Failure> {
        for file in &self.ca_file {
            builder = builder.ca_file(file);
        }
        let proxy = self.proxy(url)?;
        Ok(builder.lowest_tls(self.lowest_tls()).proxy(proxy))
    }

    const fn lowest_tls(&self) -> TlsVersion {
        match self.tls_min {
            TlsMin::Tls12 => TlsVersion::Tls12,
            TlsMin::Tls13 => TlsVersion::Tls13,
        }
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
                "--proxy: other users of this machine can read a command line, and a configuration file must not contain \
                 secrets; give the proxy's user and password in the environment variable https_proxy"
                    .to_owned(),
            ));
        }
        Ok(Some(proxy))
    }
}
