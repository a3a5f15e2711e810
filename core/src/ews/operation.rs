//! The operations, each with a reader of its own.

use super::hooks::Hooks;
use super::reader::{Reader, SinkCall};
use super::response::{Error, Event, Summary};

/// An operation of EWS whose response a [`Decoder`](crate::Decoder) reads.
///
/// The operations are those of this crate: the trait is sealed. Each is a table of elements and a few hooks, dispatched
/// statically, so a program contains the reader only of the operations that it uses.
pub trait Operation: Entries {}

impl<O: Entries> Operation for O {}

/// What seals [`Operation`]: the entries to the reader of an operation, which [`operation!`](crate::ews::operation)
/// implements.
///
/// So the reader is compiled in this crate, once for each operation, and its parts are optimised together. Compiled where
/// a decoder is used, it would take up to 4 % more instructions.
pub trait Entries: Hooks {
    /// [`Reader::next_event`]
    fn next_event<'s>(
        reader: &mut Reader<Self>,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<Event<'s>>, Error>;
    /// [`Reader::next_call`]
    fn next_call<'s>(
        reader: &mut Reader<Self>,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<SinkCall<'s>>, Error>;
    /// [`Reader::summary`]
    fn summary(reader: &Reader<Self>) -> Summary;
}

/// Makes an [`Operation`] of a type that has [`Hooks`].
macro_rules! operation {
    ($operation:ty) => {
        impl $crate::ews::operation::Entries for $operation {
            fn next_event<'s>(
                reader: &mut $crate::ews::reader::Reader<Self>,
                input: &mut &[u8],
                mode: u8,
                scratch: &'s mut [u8],
            ) -> Result<Option<$crate::Event<'s>>, $crate::Error> {
                reader.next_event(input, mode, scratch)
            }

            fn next_call<'s>(
                reader: &mut $crate::ews::reader::Reader<Self>,
                input: &mut &[u8],
                mode: u8,
                scratch: &'s mut [u8],
            ) -> Result<Option<$crate::SinkCall<'s>>, $crate::Error> {
                reader.next_call(input, mode, scratch)
            }

            fn summary(reader: &$crate::ews::reader::Reader<Self>) -> $crate::Summary {
                reader.summary()
            }
        }
    };
}
pub(crate) use operation;
