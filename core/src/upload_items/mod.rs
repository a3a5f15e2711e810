//! The operation `UploadItems`: the request with its data, and the response.

mod base64;
mod item;
mod request;
mod response;

pub use item::{CreateAction, UploadItem};
pub use request::{UploadEncoder, UploadItems, WantedData};
pub use response::UploadItemsOperation;
