//! The operation `ExportItems`: the request, the data in its response, and where items go.

mod base64;
mod data;
mod request;
mod sink;
mod sinks;

pub use data::ExportItemsOperation;
pub use request::{Encoder, ExportItems};
pub use sink::{fail_all, FeedError, Sink};
pub use sinks::{Discard, SliceFull, SliceSink, Tee};
#[cfg(feature = "embedded-io")]
pub use sinks::{WriteError, WriteSink};
