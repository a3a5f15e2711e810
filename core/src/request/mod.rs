//! The request: [`ExportItems`] → [`Encoder`] → transport.

mod encoder;
mod error;
mod header;
mod headers;
mod parts;
mod version;

pub use encoder::Encoder;
pub use error::{RequestError, RequestField};
pub use header::{ExchangeImpersonation, ManagementRole};
pub use headers::RequestHeaders;
pub use version::RequestServerVersion;

/// The path of EWS on a server: requests are posted to it.
///
/// Source: [EWS URL](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-set-the-ews-service-url-by-using-the-ews-managed-api).
pub const ENDPOINT_PATH: &str = "/EWS/Exchange.asmx";

/// The `Content-Type` of a request: SOAP 1.1 over HTTP ([SOAP 1.1 §6](https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383526)).
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// An item to export, by the ids that `FindItem` or `SyncFolderItems` returned for it.
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

/// An `ExportItems` request: the items, and the [headers](RequestHeaders) of the message.
///
/// It borrows all of its texts and is `Copy`.
///
/// Source: [ExportItems operation](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation),
/// [MS-OXWSBTRF 3.1.4.1](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
///
/// ```
/// use exportitems::{ExchangeImpersonation, ExportItems, ItemId, RequestHeaders};
///
/// let items = [
///     ItemId::new("AAMkAGYz+NAA="),
///     ItemId { id: "AAMkAGYz+OAA=", change_key: Some("CQAAABYA") },
/// ];
/// let user = ExchangeImpersonation::PrimarySmtpAddress("user@example.com");
/// let mut encoder = ExportItems::new(&items)
///     .headers(RequestHeaders::new().impersonation(user))
///     .encoder()?;
/// let content_length = encoder.encoded_len();
///
/// let mut sent = Vec::new();
/// let mut out = [0; 64]; // of any size, down to one byte
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
    headers: RequestHeaders<'a>,
}

impl<'a> ExportItems<'a> {
    /// URI of the optional `SOAPAction` header, which is sent between quotes.
    ///
    /// Source: MS-OXWSBTRF 3.1.4.1, R38. (The prose of 3.1.4.1.1.1 drops the last letter, R45; the binding counts.)
    pub const SOAP_ACTION: &'static str =
        "http://schemas.microsoft.com/exchange/services/2006/messages/ExportItems";

    /// Exports these items; the response has them in the same order.
    ///
    /// Microsoft recommends at most 100 items for each request, and a server stops
    /// [a request that takes more than a minute](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange),
    /// so request fewer at once where items are large.
    pub const fn new(items: &'a [ItemId<'a>]) -> Self {
        Self {
            items,
            headers: RequestHeaders::new(),
        }
    }

    /// Sends these headers in place of the default ones.
    pub const fn headers(mut self, headers: RequestHeaders<'a>) -> Self {
        self.headers = headers;
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
