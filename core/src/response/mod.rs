//! The response: `xml` → `soap` → `base64` → [`Event`] → [`Sink`].

mod assembly;
mod attributes;
mod base64;
mod bytes;
mod cursor;
mod decoder;
mod error;
mod event;
mod item;
mod machine;
mod marker;
mod options;
mod outcome;
mod sink;
mod sinks;
mod soap;
mod xml;

pub use decoder::{Decoder, ScratchTooSmall, MIN_SCRATCH};
pub use error::{Error, ErrorKind};
pub use event::{Attribute, Event, ResponseItemId, ServerVersion};
pub use options::{IntegrityPolicy, Options};
pub use outcome::{Fault, IdMatch, ItemError, Outcome, ResponseClass, ResponseOutcome, Summary};
pub use sink::{FeedError, Sink};
pub use sinks::{Discard, SliceFull, SliceSink, Tee};
#[cfg(feature = "embedded-io")]
pub use sinks::{WriteError, WriteSink};
pub use soap::MAX_DEPTH;
pub use xml::MAX_NAME_LEN;
