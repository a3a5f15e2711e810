//! The server, and the header fields of a request to it.

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
    /// Returns the server `host`, with the path of Exchange. Append the port to `host` unless it is the default of the
    /// scheme.
    pub const fn new(host: &'a str) -> Self {
        Self {
            host,
            path: exportitems::ENDPOINT_PATH,
            authorization: None,
            anchor_mailbox: None,
            request_id: RequestId([0; 16]),
        }
    }

    /// Sets the path, which is [`exportitems::ENDPOINT_PATH`] by default.
    pub const fn path(mut self, path: &'a str) -> Self {
        self.path = path;
        self
    }

    /// Sets the `Authorization` field. Without it, requests are anonymous.
    pub const fn authorization(mut self, authorization: Authorization<'a>) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// Sets `X-AnchorMailbox`: the request is routed to the server of this mailbox. Exchange requires it
    /// [with impersonation](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/impersonation-and-ews-in-exchange).
    pub const fn anchor_mailbox(mut self, smtp_address: &'a str) -> Self {
        self.anchor_mailbox = Some(smtp_address);
        self
    }

    /// Sets the `client-request-id` of the first request, the bytes of a GUID. It is all zeros by default. A
    /// [`Client`](crate::Client) adds one for each further request.
    ///
    /// A response that echoes another id is refused as
    /// [`Error::OtherRequest`](crate::Error::OtherRequest).
    /// The requests of one connection always have different ids. If connections share a proxy that could mix them up,
    /// use random bytes for each connection. With the id, a request can also be found in the server's logs.
    pub const fn client_request_id(mut self, guid: [u8; 16]) -> Self {
        self.request_id = RequestId(guid);
        self
    }

    /// Returns the head of a request with these header fields and `length` bytes of body.
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

    /// Returns the header fields of a request. `request_id` is the text of its id.
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
                // Without this field the server may use any content coding (RFC 9110 §12.5.3), and none is removed
                // here.
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

/// The header fields of a request.
pub(crate) struct Headers<'a> {
    /// The optional fields are at the ends, so that the fields in use are a range.
    fields: [(&'static str, &'a str); 6],
    used: Range<usize>,
}

impl Headers<'_> {
    pub(crate) fn fields(&self) -> &[(&str, &str)] {
        self.fields.get(self.used.clone()).unwrap_or_default()
    }
}
