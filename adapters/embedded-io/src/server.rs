//! The server, and the header fields of a request to it.

use exportitems_http1::{RequestError, RequestHead};

use crate::authorization::Authorization;
use crate::request_id::RequestId;

/// The name and the value of a header field.
type Field<'a> = (&'a str, &'a str);

/// The server at the other end of the connection.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Server<'a> {
    pub(crate) host: &'a str,
    path: &'a str,
    pub(crate) authorization: Option<Authorization<'a>>,
    anchor_mailbox: Option<&'a str>,
    headers: &'a [Field<'a>],
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
            headers: &[],
            request_id: RequestId([0; 16]),
        }
    }

    /// Sets the path, which is [`exportitems::ENDPOINT_PATH`] by default.
    pub const fn path(mut self, path: &'a str) -> Self {
        self.path = path;
        self
    }

    /// Sets the `Authorization` field. Without it, requests are anonymous.
    /// For NTLM, use [`Client::log_in`](crate::Client::log_in) instead.
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

    /// Sets further header fields, names and values, which are sent last in every request: `User-Agent`, `Cookie`,
    /// `X-PublicFolderMailbox`.
    ///
    /// A name or value that HTTP cannot send, and a name that decides where a request ends, are refused as
    /// [`Error::Header`](crate::Error::Header). A field that the client sends itself would be sent twice.
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
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

    /// Returns the header fields of a request. `request_id` is the text of its id.
    pub(crate) fn fields<'h>(&self, request_id: &'h [u8]) -> Fields<'h>
    where
        'a: 'h,
    {
        let request_id = core::str::from_utf8(request_id); // ASCII, see `RequestId::text`
        Fields {
            path: self.path,
            host: self.host,
            authorization: self.authorization.map(|it| ("Authorization", it.value())),
            own: [
                ("Content-Type", exportitems::CONTENT_TYPE),
                // Without this field the server may use any content coding (RFC 9110 §12.5.3), and none is removed
                // here.
                ("Accept-Encoding", "identity"),
                (RequestId::NAME, request_id.unwrap_or_default()),
                ("return-client-request-id", "true"),
            ],
            anchor_mailbox: self.anchor_mailbox.map(|it| ("X-AnchorMailbox", it)),
            headers: self.headers,
        }
    }
}

/// What the head of a request is made of.
pub(crate) struct Fields<'a> {
    path: &'a str,
    host: &'a str,
    authorization: Option<Field<'a>>,
    own: [Field<'a>; 4],
    anchor_mailbox: Option<Field<'a>>,
    headers: &'a [Field<'a>],
}

impl<'a> Fields<'a> {
    /// Sets the `Authorization` field.
    pub(crate) const fn authorize(&mut self, authorization: Authorization<'a>) {
        self.authorization = Some(("Authorization", authorization.value()));
    }

    /// Returns the fields in the order in which they are sent.
    pub(crate) fn groups(&self) -> [&[Field<'a>]; 4] {
        [
            self.authorization.as_slice(),
            &self.own,
            self.anchor_mailbox.as_slice(),
            self.headers,
        ]
    }

    /// Returns the head of a request with `length` bytes of body. `groups` are those of this value.
    pub(crate) fn head<'h>(
        &'h self,
        groups: &'h [&'h [Field<'h>]],
        length: u64,
    ) -> Result<RequestHead<'h>, RequestError> {
        RequestHead::new(self.path, self.host, groups, length)
    }
}
