//! The request: [`ExportItems`] → [`Encoder`] → transport.

mod encoder;
mod error;
mod header;
mod parts;
mod version;

pub use encoder::Encoder;
pub use error::{RequestError, RequestField};
pub use header::{ExchangeImpersonation, ManagementRole};
pub use version::RequestServerVersion;

/// One item to export, by what `FindItem` or `SyncFolderItems` told about it.
///
/// Source: [ItemId](https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ItemId<'a> {
    /// `Id`: opaque, case-sensitive, never empty.
    pub id: &'a str,
    /// `ChangeKey`: only this version of the item will do. `None` exports whatever the item is now.
    pub change_key: Option<&'a str>,
}

impl<'a> ItemId<'a> {
    /// The item as it is now, whatever its version.
    #[must_use]
    pub const fn new(id: &'a str) -> Self {
        Self {
            id,
            change_key: None,
        }
    }
}

/// An `ExportItems` request: which items, and the SOAP headers that are bound to the operation.
///
/// It borrows all of its texts and is `Copy`: keep one with the headers and give it each batch by
/// [`items`](Self::items).
///
/// Source: [ExportItems operation](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation),
/// [MS-OXWSBTRF 3.1.4.1](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
///
/// ```
/// use exportitems::{ExchangeImpersonation, ExportItems, ItemId};
///
/// let items = [
///     ItemId::new("AAMkAGYz+NAA="),
///     ItemId { id: "AAMkAGYz+OAA=", change_key: Some("CQAAABYA") },
/// ];
/// let mut encoder = ExportItems::new(&items)
///     .impersonation(ExchangeImpersonation::PrimarySmtpAddress("user@example.com"))
///     .encoder()?;
/// let content_length = encoder.encoded_len();
///
/// let mut sent = Vec::new();
/// let mut out = [0; 64]; // any size will do, down to one byte
/// while !encoder.is_done() {
///     let len = encoder.write(&mut out);
///     sent.extend_from_slice(&out[..len]);
/// }
///
/// assert_eq!(sent.len() as u64, content_length);
/// let sent = String::from_utf8(sent)?;
/// assert!(sent.contains(r#"<t:ItemId Id="AAMkAGYz+OAA=" ChangeKey="CQAAABYA"/>"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use]
pub struct ExportItems<'a> {
    items: &'a [ItemId<'a>],
    server_version: RequestServerVersion,
    impersonation: Option<ExchangeImpersonation<'a>>,
    mailbox_culture: Option<&'a str>,
    management_role: Option<ManagementRole<'a>>,
}

impl<'a> ExportItems<'a> {
    /// The path that requests are posted to.
    ///
    /// Source: [EWS URL](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-set-the-ews-service-url-by-using-the-ews-managed-api).
    pub const ENDPOINT_PATH: &'static str = "/EWS/Exchange.asmx";

    /// `Content-Type` of the request: SOAP 1.1 over HTTP ([SOAP 1.1 §6](https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383526)).
    pub const CONTENT_TYPE: &'static str = "text/xml; charset=utf-8";

    /// URI of the optional `SOAPAction` header; on the wire it stands between quotes.
    ///
    /// Source: MS-OXWSBTRF 3.1.4.1, R38. (The prose of 3.1.4.1.1.1 drops the last letter, R45; the binding counts.)
    pub const SOAP_ACTION: &'static str =
        "http://schemas.microsoft.com/exchange/services/2006/messages/ExportItems";

    /// Exports these items, in this order, as the answers will be.
    ///
    /// Microsoft recommends at most 100 items a request, and a server stops
    /// [a request that takes more than a minute](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange),
    /// so large items want fewer.
    pub const fn new(items: &'a [ItemId<'a>]) -> Self {
        Self {
            items,
            server_version: RequestServerVersion::Exchange2013_SP1,
            impersonation: None,
            mailbox_culture: None,
            management_role: None,
        }
    }

    /// The same request for other items.
    pub const fn items(mut self, items: &'a [ItemId<'a>]) -> Self {
        self.items = items;
        self
    }

    /// The schema version that the request is written for; `Exchange2013_SP1` if not told otherwise.
    pub const fn server_version(mut self, version: RequestServerVersion) -> Self {
        self.server_version = version;
        self
    }

    /// Act as this user: the owner of the mailbox, as a rule.
    pub const fn impersonation(mut self, who: ExchangeImpersonation<'a>) -> Self {
        self.impersonation = Some(who);
        self
    }

    /// The language for the server's texts, a tag like `en-US`.
    ///
    /// Source: [MailboxCulture](https://learn.microsoft.com/exchange/client-developer/web-service-reference/mailboxculture).
    pub const fn mailbox_culture(mut self, language: &'a str) -> Self {
        self.mailbox_culture = Some(language);
        self
    }

    /// The roles to act in, from Exchange 2013 on.
    pub const fn management_role(mut self, role: ManagementRole<'a>) -> Self {
        self.management_role = Some(role);
        self
    }

    /// Checks the request and starts to write it.
    ///
    /// # Errors
    /// Everything that a server would refuse in the request as a whole, before a byte is sent: see
    /// [`RequestError`].
    pub fn encoder(&self) -> Result<Encoder<'a>, RequestError> {
        Encoder::new(self)
    }
}
