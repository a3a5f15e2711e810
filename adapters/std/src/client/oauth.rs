//! OAuth 2.0 client credentials (RFC 6749 §4.4): access tokens of an application with a secret.

use core::fmt;
use std::sync::{Mutex, PoisonError};

use exportitems_http1::{HeadEncoder, RequestHead};
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use super::auth::{BoxError, Issued};
use super::block_on::block_on;
use super::body::Body;
use super::exchange::pass;
use super::head::Head;
use super::response::Fields;
use super::session::Session;
use super::transport::{Connector, Transport as _};
use super::{AccessToken, BuildError, Client, ClientError, Credentials};

/// The largest length of a response from a token endpoint.
const LONGEST: usize = 64 * 1024;

/// An application in Microsoft Entra with a client secret, which is never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct Application {
    /// The request's body.
    form: Zeroizing<String>,
}

impl Application {
    /// Makes an application from its id and its secret. `scope` is `https://outlook.office365.com/.default` for Exchange
    /// Online.
    #[must_use]
    pub fn new(client_id: &str, secret: &str, scope: &str) -> Self {
        // The capacity is large enough, because a string that grows leaves copies of its content in memory.
        let len = 128 + 3 * (client_id.len() + secret.len() + scope.len());
        let mut form = Zeroizing::new(String::with_capacity(len));
        form.push_str("grant_type=client_credentials");
        for (name, value) in [
            ("&client_id=", client_id),
            ("&client_secret=", secret),
            ("&scope=", scope),
        ] {
            form.push_str(name);
            form.extend(byte_serialize(value.as_bytes()));
        }
        Self { form }
    }

    /// Returns the URL of a tenant's token endpoint. `authority` is `https://login.microsoftonline.com`, except in
    /// national clouds, and `tenant` is a GUID or a domain.
    #[must_use]
    pub fn token_url(authority: &str, tenant: &str) -> String {
        let tenant: String = byte_serialize(tenant.as_bytes()).collect();
        format!(
            "{}/{tenant}/oauth2/v2.0/token",
            authority.trim_end_matches('/')
        )
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Makes credentials from access tokens that an application requests with its secret: now, before a token expires, and
    /// once after a 401.
    ///
    /// `endpoint` is a client for the [token endpoint](Application::token_url), without credentials.
    ///
    /// # Errors
    /// [`BuildError::PlaintextCredentials`] if the endpoint is on another machine and has no TLS, and
    /// [`BuildError::TokenSource`] if it returns no token.
    pub fn application(endpoint: Client, application: Application) -> Result<Self, BuildError> {
        if !(endpoint.0.route.endpoint.tls || endpoint.0.route.endpoint.is_loopback()) {
            return Err(BuildError::PlaintextCredentials {
                host: endpoint.0.route.endpoint.host,
            });
        }
        let endpoint = Mutex::new(endpoint);
        Self::bearer_tokens(move || {
            let mut endpoint = endpoint.lock().unwrap_or_else(PoisonError::into_inner);
            request(&mut endpoint, &application)
        })
    }
}

fn request(endpoint: &mut Client, application: &Application) -> Result<AccessToken, BoxError> {
    let (status, body) = block_on(endpoint.0.post_form(&application.form))?;
    let issued: Option<Issued> = serde_json::from_slice(&body).ok();
    let token = issued.as_ref().and_then(Issued::token);
    match (token, issued) {
        (Some(token), _) if status == 200 => Ok(token?),
        (
            _,
            Some(Issued {
                error: Some(error),
                error_description,
                ..
            }),
        ) => {
            let description = error_description.unwrap_or_default();
            let line = description.lines().next().unwrap_or_default();
            let line: String = line.chars().take(300).collect();
            let text = format!("the token endpoint refused the application: {error}: {line}");
            Err(text.replace(char::is_control, "\u{fffd}").into())
        }
        _ => Err(format!(
            "the token endpoint answered HTTP {status} without a token; check the tenant and the authority"
        )
        .into()),
    }
}

impl<C: Connector> Session<C> {
    /// Sends a form over a new connection. Returns the status and the body of the response.
    async fn post_form(&mut self, form: &str) -> Result<(u16, Zeroizing<Vec<u8>>), ClientError> {
        let mut connection = self.connect().await?;
        let mut headers = vec![
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ];
        let own = self.headers.iter();
        headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
        let groups = [&headers[..]];
        let head = RequestHead::new(
            &self.route.endpoint.target,
            &self.route.endpoint.authority,
            &groups,
            form.len() as u64,
        )
        .map_err(ClientError::Header)?;
        let mut encoder = HeadEncoder::new(head);
        let mut request = Zeroizing::new(Vec::with_capacity(16 * 1024 + form.len()));
        let mut piece = [0; 1024];
        loop {
            let filled = encoder.write(&mut piece);
            request.extend_from_slice(&piece[..filled]);
            if filled < piece.len() {
                break;
            }
        }
        request.extend_from_slice(form.as_bytes());
        connection.transport.begin_exchange();
        let fields = Fields::new(String::new());
        let buffers = &mut self.buffers;
        let mut response = Head::new(
            &mut buffers.line,
            &mut buffers.receive,
            &mut self.cookies,
            fields,
        );
        let sent = pass(&mut connection.transport, &request, &mut response)
            .await
            .map_err(|failed| failed.error)?;
        let answered = response
            .finish(connection, sent)
            .await
            .map_err(|failed| failed.error)?;
        let status = answered.status();
        let mut body = Body::new(
            answered.connection,
            &answered.head,
            &mut self.buffers.receive,
            answered.rest,
        );
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
        while let Some(piece) = body.next().await? {
            if bytes.len() + piece.len() > LONGEST {
                break;
            }
            bytes.extend_from_slice(piece);
        }
        Ok((status, bytes))
    }
}
