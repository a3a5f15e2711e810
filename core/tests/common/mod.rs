//! What the integration tests share.

#[path = "../../../tests/src/data.rs"]
pub(crate) mod data;
