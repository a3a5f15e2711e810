//! Whom a request is for, and from whom.

use core::ops::Range;

use exportitems_http1::{RequestError, RequestHead};

use crate::authorization::Authorization;
use crate::request_id::RequestId;

/// The server at the other end of the connection.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Server<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    authorization: Option<Authorization<'a>>,
    anchor_mailbox: Option<&'a str>,
    pub(crate) request_id: RequestId,
}

impl<'a> Server<'a> {
    /// The server that is called `host`, with a port where it is not the scheme's, at the path where Exchange is.
    pub const fn new(host: &'a str) -> Self {
        Self {
            host,
            path: exportitems::ENDPOINT_PATH,
            authorization: None,
            anchor_mailbox: None,
            request_id: RequestId([0; 16]),
        }
    }

    /// Another path than [`exportitems::ENDPOINT_PATH`].
    pub const fn path(mut self, path: &'a str) -> Self {
        self.path = path;
        self
    }

    /// Who asks.
    pub const fn authorization(mut self, authorization: Authorization<'a>) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// `X-AnchorMailbox`: the mailbox whose server is to answer. Exchange wants it
    /// [with impersonation](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/impersonation-and-ews-in-exchange).
    pub const fn anchor_mailbox(mut self, smtp_address: &'a str) -> Self {
        self.anchor_mailbox = Some(smtp_address);
        self
    }

    /// The `client-request-id` of the first request, the bytes of a GUID; every further request of a
    /// [`Client`](crate::Client) adds one to it.
    ///
    /// A response that echoes another id is refused as
    /// [`Error::OtherRequest`](crate::Error::OtherRequest).
    /// The ids of one connection differ by themselves; where connections pass through a proxy that could mix them
    /// up, give each connection random bytes. They also find a request in the server's logs.
    /// Zeros by default.
    pub const fn client_request_id(mut self, guid: [u8; 16]) -> Self {
        self.request_id = RequestId(guid);
        self
    }

    /// The head of a request, with these header fields and so many bytes of body.
    pub(crate) fn head<'h>(
        &self,
        headers: &'h [(&'h str, &'h str)],
        length: u64,
    ) -> Result<RequestHead<'h>, RequestError>
    where
        'a: 'h,
    {
        RequestHead::new(self.path, self.host, headers, length)
    }

    /// The header fields of a request, whose id has this text.
    pub(crate) fn headers<'h>(&self, request_id: &'h [u8]) -> Headers<'h>
    where
        'a: 'h,
    {
        let authorization = self.authorization.map(|it| it.value());
        let request_id = core::str::from_utf8(request_id); // ASCII, see `RequestId::text`
        Headers {
            fields: [
                ("Authorization", authorization.unwrap_or_default()),
                ("Content-Type", exportitems::CONTENT_TYPE),
                // No content coding is removed here; without this field a server may use any (RFC 9110 §12.5.3).
                ("Accept-Encoding", "identity"),
                (RequestId::NAME, request_id.unwrap_or_default()),
                ("return-client-request-id", "true"),
                ("X-AnchorMailbox", self.anchor_mailbox.unwrap_or_default()),
            ],
            used: usize::from(authorization.is_none())
                ..5 + usize::from(self.anchor_mailbox.is_some()),
        }
    }
}

/// Header fields, at most as many as there are.
pub(crate) struct Headers<'a> {
    /// Those that may be missing are at the ends, so that the rest is a range.
    fields: [(&'static str, &'a str); 6],
    used: Range<usize>,
}

impl Headers<'_> {
    pub(crate) fn fields(&self) -> &[(&str, &str)] {
        self.fields.get(self.used.clone()).unwrap_or_default()
    }
}
