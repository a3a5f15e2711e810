//! The response: `xml` → `soap` → `base64` → [`Event`] → [`Sink`].

mod error;
mod event;
mod outcome;
mod sink;

pub use error::{Error, ErrorKind};
pub use event::{Attribute, Event, ItemIds, ServerVersion};
pub use outcome::{Fault, ItemError, Outcome, Response, ResponseClass, Summary};
pub use sink::{FeedError, Sink};
