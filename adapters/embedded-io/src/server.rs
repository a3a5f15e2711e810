//! Whom a request is for, and from whom.

use exportitems::ExportItems;

use crate::authorization::Authorization;

/// The server at the other end of the connection.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Server<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    authorization: Option<Authorization<'a>>,
    anchor_mailbox: Option<&'a str>,
}

impl<'a> Server<'a> {
    /// The server that is called `host`, with a port where it is not the scheme's, at the path where Exchange is.
    pub const fn new(host: &'a str) -> Self {
        Self {
            host,
            path: ExportItems::ENDPOINT_PATH,
            authorization: None,
            anchor_mailbox: None,
        }
    }

    /// Another path than [`ExportItems::ENDPOINT_PATH`].
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

    /// The header fields of a request.
    pub(crate) fn headers(&self) -> Headers<'a> {
        let mut headers = Headers {
            fields: [("Content-Type", ExportItems::CONTENT_TYPE); 3],
            len: 1,
        };
        headers.push("Authorization", self.authorization.map(|it| it.value()));
        headers.push("X-AnchorMailbox", self.anchor_mailbox);
        headers
    }
}

/// Header fields, at most as many as there are.
pub(crate) struct Headers<'a> {
    fields: [(&'static str, &'a str); 3],
    len: usize,
}

impl<'a> Headers<'a> {
    fn push(&mut self, name: &'static str, value: Option<&'a str>) {
        if let (Some(slot), Some(value)) = (self.fields.get_mut(self.len), value) {
            *slot = (name, value);
            self.len += 1;
        }
    }

    pub(crate) fn fields(&self) -> &[(&str, &str)] {
        self.fields.get(..self.len).unwrap_or_default()
    }
}
