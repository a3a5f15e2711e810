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
    /// [`NO_ELEMENT`].
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
#[cfg(test)]
pub(crate) const NO_ELEMENT: (LocalHash, Node) = (LocalHash::of(b""), Node::Foreign);

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::{Hooks, NO_ELEMENT};
    use crate::ews::reader::{Reader, Ready, LAST};
    use crate::ews::response::Node;
    use crate::ews::{Error, ErrorKind, Event, IntegrityPolicy, ItemError, Options, Summary};
    use crate::payload::Verdict;
    use crate::xml::hash::LocalHash;

    /// A second operation, to show what one takes: `UploadItems`, whose messages have an `ItemId` and no `Data`
    /// (`UploadItemsResponseMessageType`, Messages.xsd).
    #[derive(Debug)]
    struct UploadItems;

    impl Hooks for UploadItems {
        const RESPONSE: LocalHash = LocalHash::of(b"UploadItemsResponse");
        const MESSAGE: LocalHash = LocalHash::of(b"UploadItemsResponseMessage");
        const ELEMENTS: [(LocalHash, Node); 2] =
            [(LocalHash::of(b"ItemId"), Node::ItemId), NO_ELEMENT];
        const NEEDS_DATA: bool = false;

        type Data = ();
        const DATA: () = ();
        type Check = ();
        const CHECK: () = ();

        fn next_event<'s>(
            reader: &mut Reader<Self>,
            input: &mut &[u8],
            mode: u8,
            scratch: &'s mut [u8],
        ) -> Result<Option<Event<'s>>, Error> {
            reader.next_event(input, mode, scratch)
        }
        fn summary(reader: &Reader<Self>) -> Summary {
            reader.summary()
        }
        fn takes_data((): &()) -> bool {
            false
        }
        fn open_data(_: &mut Reader<Self>) {}
        fn data(_: &mut Reader<Self>, _: &mut &[u8], _: &mut [u8]) -> Ready {
            Ready::Nothing
        }
        fn data_char(_: &mut Reader<Self>, _: &[u8], _: u64, _: &mut [u8]) -> Ready {
            Ready::Nothing
        }
        fn skip_data((): &mut (), _: &[u8]) {}
        fn close_data(_: &mut Reader<Self>, _: &mut [u8]) -> Ready {
            Ready::Nothing
        }
        fn is_truncated((): &()) -> bool {
            false
        }
        fn verdict((): &(), _: IntegrityPolicy) -> Option<Verdict> {
            None
        }
    }

    /// The ids and errors of a response of `UploadItems`, and how it ended.
    fn read(
        messages: &str,
        items: u32,
        step: usize,
    ) -> (Vec<String>, Vec<Option<ItemError>>, Summary) {
        let document = format!(
            "<s:Envelope><s:Header/><s:Body><m:UploadItemsResponse><m:ResponseMessages>{messages}\
             </m:ResponseMessages></m:UploadItemsResponse></s:Body></s:Envelope>"
        );
        let mut reader = Reader::<UploadItems>::new(Options::new().items(items));
        let (mut ids, mut errors, mut summary) = (Vec::new(), Vec::new(), None);
        let mut scratch = [0; 64];
        let mut hear = |event: Event<'_>| match event {
            Event::ItemId(id) => ids.extend(id.id.value().map(String::from)),
            Event::Outcome(outcome) => errors.push(outcome.error),
            Event::End(end) => summary = Some(end),
            Event::Data(data) => unreachable!("{data:?}"),
            _ => {}
        };
        for mut piece in document.as_bytes().chunks(step) {
            while let Some(event) = reader.next_event(&mut piece, 0, &mut scratch).unwrap() {
                hear(event);
            }
        }
        while let Some(event) = reader.next_event(&mut &[][..], LAST, &mut scratch).unwrap() {
            hear(event);
        }
        (ids, errors, summary.unwrap())
    }

    #[test]
    fn another_operation_needs_a_table_and_no_data() {
        let messages = "\
            <m:UploadItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
            <m:ItemId Id='A' ChangeKey='B'/></m:UploadItemsResponseMessage>\
            <m:UploadItemsResponseMessage ResponseClass='Error'><m:MessageText>no</m:MessageText>\
            <m:ResponseCode>ErrorItemSave</m:ResponseCode></m:UploadItemsResponseMessage>\
            <m:UploadItemsResponseMessage ResponseClass='Success'><m:ResponseCode>ErrorItemSave</m:ResponseCode>\
            </m:UploadItemsResponseMessage>\
            <m:UploadItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
            <m:Data>not base64</m:Data></m:UploadItemsResponseMessage>\
            <m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
            <m:ItemId Id='C'/></m:ExportItemsResponseMessage>";
        for step in [1, 7, 4096] {
            let (ids, errors, summary) = read(messages, 6, step);
            assert_eq!(ids, ["A"]);
            assert_eq!(
                errors,
                [
                    None,
                    Some(ItemError::Refused),
                    Some(ItemError::Contradiction),
                    None, // `Data` is an unknown element there
                    Some(ItemError::Contradiction),
                    Some(ItemError::NotAnswered),
                ]
            );
            assert_eq!((summary.ok, summary.failed, summary.messages), (2, 4, 5));
        }
    }

    #[test]
    fn the_response_of_another_operation_is_not_expected() {
        let mut reader = Reader::<UploadItems>::new(Options::new());
        let document = b"<s:Envelope><s:Body><m:ExportItemsResponse>";
        let (mut input, mut scratch) = (&document[..], [0; 64]);
        let error = loop {
            match reader.next_event(&mut input, 0, &mut scratch) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, ErrorKind::UnexpectedOperation);
    }
}
