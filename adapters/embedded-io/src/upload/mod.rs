//! Uploads: requests whose items have data that the caller supplies while they are sent.

mod asynchronous;
mod blocking;
mod body;
mod error;

pub use error::UploadError;
