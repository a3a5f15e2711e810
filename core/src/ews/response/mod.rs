//! Responses: the elements that are known, what is kept of them, and what is reported.

pub(crate) mod attributes;
pub(crate) mod element;
mod error;
mod event;
pub(crate) mod item;
mod marker;
mod options;
mod outcome;
mod path;

pub use error::{Error, ErrorKind, OperationName};
pub use event::{Attribute, Event, ResponseItemId, ServerVersion};
pub use options::{IntegrityPolicy, Options};
pub use outcome::{Fault, IdMatch, ItemError, Outcome, ResponseClass, ResponseOutcome, Summary};
pub use path::MAX_DEPTH;

pub(crate) use element::Node;
pub(crate) use marker::Marker;
pub(crate) use path::Path;
