//! Requests: the envelope with its headers around what an operation adds.

mod envelope;
mod error;
mod headers;
mod item_id;
mod roles;
mod version;
mod writer;

pub(crate) use envelope::{document, ends, only, text, Document, Row, Slot, AROUND};
pub use error::{RequestError, RequestField};
pub use headers::RequestHeaders;
#[cfg(feature = "upload")]
pub use item_id::FolderId;
pub use item_id::ItemId;
pub use roles::{ExchangeImpersonation, ManagementRole};
pub use version::{RequestServerVersion, VersionError};
pub(crate) use writer::Writer;

/// The path of EWS on a server: requests are posted to it.
///
/// Source: [EWS URL](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-set-the-ews-service-url-by-using-the-ews-managed-api).
pub const ENDPOINT_PATH: &str = "/EWS/Exchange.asmx";

/// The `Content-Type` of a request: SOAP 1.1 over HTTP ([SOAP 1.1 §6](https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383526)).
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
