//! What an operation adds to the messages that all operations share.

use core::fmt;

use super::progress::Progress;
use super::response::{IntegrityPolicy, Node, OperationName};
use crate::payload::Verdict;
use crate::xml::hash::LocalHash;

/// The tags of a response message in the form in which Exchange writes them.
#[cfg(target_pointer_width = "64")]
#[derive(Debug)]
pub struct MessageTags {
    pub(crate) success: &'static str,
    pub(crate) error: &'static str,
    pub(crate) end: &'static str,
}

/// Makes [`MessageTags`] of the name.
#[cfg(target_pointer_width = "64")]
macro_rules! message_tags {
    ($name:literal) => {
        $crate::ews::hooks::MessageTags {
            success: concat!("<m:", $name, r#" ResponseClass="Success">"#),
            error: concat!("<m:", $name, r#" ResponseClass="Error">"#),
            end: concat!("</m:", $name, ">"),
        }
    };
}
#[cfg(target_pointer_width = "64")]
pub(crate) use message_tags;

/// The elements of an operation, and what becomes of its data. The value is the state of that.
pub trait Hooks: Sized + Clone + fmt::Debug + 'static {
    /// The operation.
    const NAME: OperationName;
    /// The element in the body.
    const RESPONSE: LocalHash;
    /// The response message.
    const MESSAGE: LocalHash;
    /// The tags of the response message.
    #[cfg(target_pointer_width = "64")]
    const TAGS: MessageTags;
    /// The elements of the message, other than those that all messages have: [`Node::ItemId`] and [`Node::Data`], or
    /// `NO_ELEMENT`.
    const ELEMENTS: [(LocalHash, Node); 2];
    /// Whether a message that reports success must have [`Node::Data`] that is not empty.
    const NEEDS_DATA: bool;
    /// The first state.
    const NEW: Self;

    /// Whether [`data`](Self::data) takes text of [`Node::Data`]; otherwise it is skipped.
    fn takes_data(&self) -> bool;
    /// The first `Data` of a message begins.
    fn open_data(&mut self);
    /// Takes text of `Data` from the front of `input`, up to what is markup or wrong. Returns the number of decoded bytes,
    /// which are at the start of the scratch.
    fn data(&mut self, progress: &mut Progress, input: &mut &[u8], scratch: &mut [u8]) -> usize;
    /// Takes a character of `Data` that was written as a reference, which ends at `offset`. Returns what
    /// [`data`](Self::data) does.
    fn data_char(
        &mut self,
        progress: &mut Progress,
        bytes: &[u8],
        offset: u64,
        scratch: &mut [u8],
    ) -> usize;
    /// Takes text of `Data` that is skipped.
    fn skip_data(&mut self, bytes: &[u8]);
    /// `Data` ends. Returns what [`data`](Self::data) does.
    fn close_data(&mut self, progress: &mut Progress, scratch: &mut [u8]) -> usize;
    /// Checks decoded data that is handed out.
    fn check(&mut self, bytes: &[u8]);
    /// Whether `Data` ends with the truncation marker so far.
    fn is_truncated(&self) -> bool;
    /// The verdict on the decoded data of the current message.
    fn verdict(&self, required: IntegrityPolicy) -> Option<Verdict>;
}

/// Fills [`Hooks::ELEMENTS`] where an operation has fewer.
#[cfg(feature = "upload")]
pub(crate) const NO_ELEMENT: (LocalHash, Node) = (LocalHash::of(b""), Node::Foreign);
