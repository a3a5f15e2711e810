//! The response: what the operation adds to the messages that all operations share.

#[cfg(target_pointer_width = "64")]
use crate::ews::hooks::{message_tags, MessageTags};
use crate::ews::hooks::{Hooks, NO_ELEMENT};
use crate::ews::operation::operation;
use crate::ews::progress::Progress;
use crate::ews::response::Node;
use crate::ews::{IntegrityPolicy, OperationName};
use crate::payload::Verdict;
use crate::xml::hash::LocalHash;

/// The operation `UploadItems`, whose response a [`Decoder`](crate::Decoder) reads that was made by
/// [`for_operation`](crate::Decoder::for_operation).
///
/// [`Event::ItemId`](crate::Event::ItemId) has the ids of the new item. An item is in the mailbox if its outcome has no error.
/// If the response was cut, an item without a message may be in the mailbox all the same.
///
/// ```
/// use exportitems::{Decoder, Event, Options, UploadItemsOperation};
///
/// let response = br#"<?xml version="1.0" encoding="utf-8"?><s:Envelope
/// xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:UploadItemsResponse
/// xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
/// xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>
/// <m:UploadItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
/// <m:ItemId Id="AAMkAGYz+NAA=" ChangeKey="CQAAABYA"/></m:UploadItemsResponseMessage>
/// </m:ResponseMessages></m:UploadItemsResponse></s:Body></s:Envelope>"#;
///
/// let mut decoder = Decoder::<[u8; 512], UploadItemsOperation>::for_operation(Options::new().items(1));
/// let (mut input, mut new_id) = (&response[..], None);
/// while let Some(event) = decoder.next_event(&mut input)? {
///     if let Event::ItemId(ids) = event {
///         new_id = ids.id.value().map(str::to_owned);
///     }
/// }
/// let mut stored = 0;
/// while let Some(event) = decoder.finish()? {
///     if let Event::Outcome(outcome) = event {
///         stored += u32::from(outcome.error.is_none());
///     }
/// }
/// assert_eq!((stored, new_id.as_deref()), (1, Some("AAMkAGYz+NAA=")));
/// # Ok::<(), exportitems::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadItemsOperation;

operation!(UploadItemsOperation);

impl Hooks for UploadItemsOperation {
    const NAME: OperationName = OperationName::UploadItems;
    const RESPONSE: LocalHash = LocalHash::of(b"UploadItemsResponse");
    const MESSAGE: LocalHash = LocalHash::of(b"UploadItemsResponseMessage");
    #[cfg(target_pointer_width = "64")]
    const TAGS: MessageTags = message_tags!("UploadItemsResponseMessage");
    // `UploadItemsResponseMessageType`, Messages.xsd.
    const ELEMENTS: [(LocalHash, Node); 2] = [(LocalHash::of(b"ItemId"), Node::ItemId), NO_ELEMENT];
    const NEEDS_DATA: bool = false;

    const NEW: Self = Self;

    fn takes_data(&self) -> bool {
        false
    }

    fn open_data(&mut self) {}

    fn data(&mut self, _: &mut Progress, _: &mut &[u8], _: &mut [u8]) -> usize {
        0
    }

    fn data_char(&mut self, _: &mut Progress, _: &[u8], _: u64, _: &mut [u8]) -> usize {
        0
    }

    fn skip_data(&mut self, _: &[u8]) {}

    fn close_data(&mut self, _: &mut Progress, _: &mut [u8]) -> usize {
        0
    }

    fn check(&mut self, _: &[u8]) {}

    fn is_truncated(&self) -> bool {
        false
    }

    fn verdict(&self, _: IntegrityPolicy) -> Option<Verdict> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::{String, ToString as _};
    use std::vec::Vec;

    use core::convert::Infallible;

    use super::UploadItemsOperation;
    use crate::ews::reader::{Reader, LAST};
    use crate::ews::{Event, ItemError, Options, Outcome, ResponseItemId, Summary};
    use crate::{Decoder, Sink};

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
        let mut reader = Reader::<UploadItemsOperation>::new(Options::new().items(items));
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
    fn messages_have_ids_and_no_data() {
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
        let mut reader = Reader::<UploadItemsOperation>::new(Options::new());
        let document = b"<s:Envelope><s:Body><m:ExportItemsResponse>";
        let (mut input, mut scratch) = (&document[..], [0; 64]);
        let error = loop {
            match reader.next_event(&mut input, 0, &mut scratch) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(
            error.to_string(),
            "not a response to UploadItems (at byte 20)"
        );
    }

    /// Counts what a sink receives.
    #[derive(Default)]
    struct Calls {
        begun: Vec<Option<String>>,
        committed: u32,
        failed: u32,
    }

    impl Sink for Calls {
        type Error = Infallible;

        fn begin(&mut self, _: u32, ids: ResponseItemId<'_>) -> Result<(), Infallible> {
            self.begun.push(ids.id.value().map(String::from));
            Ok(())
        }

        fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
            unreachable!("{bytes:?}")
        }

        fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
            self.committed += 1;
            Ok(())
        }

        fn abort(&mut self, _: &Outcome) {
            self.failed += 1;
        }

        fn failed(&mut self, _: &Outcome) {
            self.failed += 1;
        }
    }

    const STORED: &str = "<UploadItemsResponseMessage ResponseClass='Success'>\
        <ResponseCode>NoError</ResponseCode><ItemId Id='A'/></UploadItemsResponseMessage>";
    /// `ItemId` is optional in the schema.
    const WITHOUT_ID: &str = "<UploadItemsResponseMessage ResponseClass='Success'>\
        <ResponseCode>NoError</ResponseCode></UploadItemsResponseMessage>";

    fn document(messages: &str) -> String {
        format!(
            "<Envelope><Body><UploadItemsResponse><ResponseMessages>{messages}</ResponseMessages>\
             </UploadItemsResponse></Body></Envelope>"
        )
    }

    /// A decoder that has been given these bytes and their end, and what its sink received.
    fn push(bytes: &[u8]) -> (Calls, bool) {
        let mut decoder =
            Decoder::<[u8; 64], UploadItemsOperation>::for_operation(Options::new().items(3));
        let mut calls = Calls::default();
        let is_whole = decoder.feed(&mut &*bytes, &mut calls).is_ok()
            && decoder.finish_into(&mut calls).is_ok();
        (calls, is_whole)
    }

    #[test]
    fn a_sink_commits_what_is_stored() {
        let (calls, is_whole) = push(document(&[STORED, WITHOUT_ID].concat()).as_bytes());
        assert!(is_whole);
        assert_eq!(calls.begun, [Some(String::from("A")), None]);
        assert_eq!((calls.committed, calls.failed), (2, 1));
    }

    #[test]
    fn a_response_cut_at_any_byte_stores_only_what_is_followed() {
        let messages = [STORED, WITHOUT_ID, STORED].concat();
        let whole = document(&messages);
        let start = whole.find("<UploadItemsResponseMessage").unwrap();
        // An item counts once the start tag of the next message has been read.
        let tag = "<UploadItemsResponseMessage ResponseClass='Success'>".len();
        let counts = [STORED.len(), STORED.len() + WITHOUT_ID.len()].map(|at| start + at + tag);
        for cut in 0..whole.len() {
            let (calls, is_whole) = push(&whole.as_bytes()[..cut]);
            assert!(!is_whole, "{cut}");
            let expected = counts.iter().filter(|&&count| count <= cut).count();
            assert_eq!(calls.committed as usize, expected, "{cut}");
            assert_eq!(calls.committed + calls.failed, 3, "{cut}");
        }
    }
}
