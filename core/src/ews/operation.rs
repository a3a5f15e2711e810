//! What an operation adds to the messages that all operations share.

use core::fmt;

use super::reader::{Reader, Ready};
use super::response::{Error, Event, IntegrityPolicy, Node, Summary};
use crate::payload::Verdict;
use crate::xml::hash::LocalHash;

/// An operation of EWS whose response a [`Decoder`](crate::Decoder) reads.
///
/// The operations are those of this crate: the trait is sealed. Each is a table of elements and a few hooks, dispatched
/// statically, so a program contains the reader only of the operations that it uses.
pub trait Operation: Hooks {}

/// What seals [`Operation`]: its elements, and what becomes of its data.
pub trait Hooks: Sized + 'static {
    /// The element in the body.
    const RESPONSE: LocalHash;
    /// The response message.
    const MESSAGE: LocalHash;
    /// The elements of the message, other than those that all messages have: [`Node::ItemId`] and [`Node::Data`], or
    /// `NO_ELEMENT`.
    const ELEMENTS: [(LocalHash, Node); 2];
    /// Whether a message that reports success must have [`Node::Data`] that is not empty.
    const NEEDS_DATA: bool;

    /// State of [`Node::Data`] while it arrives.
    type Data: Clone + fmt::Debug;
    /// Its first value.
    const DATA: Self::Data;
    /// State of what checks the decoded data.
    type Check: Clone + fmt::Debug;
    /// Its first value.
    const CHECK: Self::Check;

    /// [`Reader::next_event`], [`Reader::summary`] and so on, for this operation.
    ///
    /// An operation implements them by a call of the reader's function. So the reader is compiled in this crate, once for
    /// each operation, and its parts are optimised together. Compiled where a decoder is used, it would take up to 4 % more
    /// instructions.
    fn next_event<'s>(
        reader: &mut Reader<Self>,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<Event<'s>>, Error>;
    #[allow(missing_docs)] // see above
    fn summary(reader: &Reader<Self>) -> Summary;

    /// Whether [`data`](Self::data) takes text of [`Node::Data`]; otherwise it is skipped.
    fn takes_data(data: &Self::Data) -> bool;
    /// The first `Data` of a message begins.
    fn open_data(reader: &mut Reader<Self>);
    /// Takes text of `Data` from the front of `input`, up to what is markup or wrong.
    fn data(reader: &mut Reader<Self>, input: &mut &[u8], scratch: &mut [u8]) -> Ready;
    /// Takes a character of `Data` that was written as a reference, which ends at `offset`.
    fn data_char(reader: &mut Reader<Self>, bytes: &[u8], offset: u64, scratch: &mut [u8])
        -> Ready;
    /// Takes text of `Data` that is skipped.
    fn skip_data(data: &mut Self::Data, bytes: &[u8]);
    /// `Data` ends.
    fn close_data(reader: &mut Reader<Self>, scratch: &mut [u8]) -> Ready;
    /// Whether `Data` ends with the truncation marker so far.
    fn is_truncated(data: &Self::Data) -> bool;
    /// The verdict on the decoded data of the current message.
    fn verdict(check: &Self::Check, required: IntegrityPolicy) -> Option<Verdict>;
}

/// Fills [`Hooks::ELEMENTS`] where an operation has fewer.
#[cfg(feature = "upload")]
pub(crate) const NO_ELEMENT: (LocalHash, Node) = (LocalHash::of(b""), Node::Foreign);
