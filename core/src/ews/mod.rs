//! What all operations of EWS share: the envelope, the headers, faults, response messages, and the reader of responses.

mod code;
pub(crate) mod hooks;
pub(crate) mod operation;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod request;
pub(crate) mod response;

pub use code::ResponseCode;
pub use operation::Operation;
pub use reader::SinkCall;
#[cfg(feature = "upload")]
pub use request::FolderId;
pub use request::{
    ExchangeImpersonation, ItemId, ManagementRole, RequestError, RequestField, RequestHeaders,
    RequestServerVersion, VersionError, CONTENT_TYPE, ENDPOINT_PATH,
};
pub use response::{
    Attribute, Error, ErrorKind, Event, Fault, IdMatch, IntegrityPolicy, ItemError, OperationName,
    Options, Outcome, ResponseClass, ResponseItemId, ResponseOutcome, ServerVersion, Summary,
    MAX_DEPTH,
};
