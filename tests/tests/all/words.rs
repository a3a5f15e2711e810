//! Words that leave the program: names in JSON and manifests, which are an interface (design.md), and error texts.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;

use exportitems::policy::Disposition;
use exportitems::{
    BrokenReason, Decoder, Error, ErrorKind, Event, FeedError, ItemError, OperationName, Options,
    Outcome, RequestError, RequestField, RequestServerVersion, ResponseClass, ResponseItemId,
    ResponseOutcome, ScratchTooSmall, Sink, SliceFull, Summary, Verdict,
};

use crate::support::{good, refused, response};

#[test]
fn names() {
    for (error, name) in [
        (ItemError::Unrequested, "unrequested"),
        (ItemError::NotAnswered, "not-answered"),
        (ItemError::Refused, "refused"),
        (ItemError::Truncated, "truncated"),
        (ItemError::Malformed, "malformed"),
        (ItemError::Cut, "cut"),
        (ItemError::Duplicate, "duplicate"),
        (ItemError::Base64, "base64"),
        (ItemError::TooLarge, "too-large"),
        (ItemError::Contradiction, "contradiction"),
        (ItemError::MissingData, "missing-data"),
        (ItemError::EmptyData, "empty-data"),
        (ItemError::Payload, "payload"),
        (ItemError::Write, "write"),
    ] {
        assert_eq!((error.as_str(), &*error.to_string()), (name, name));
    }
    for (response, name) in [
        (ResponseOutcome::Complete, "complete"),
        (ResponseOutcome::Truncated, "truncated"),
        (ResponseOutcome::Cut, "cut"),
        (ResponseOutcome::Fault, "fault"),
        (ResponseOutcome::Malformed, "malformed"),
        (ResponseOutcome::NotSoap, "not-soap"),
    ] {
        assert_eq!((response.as_str(), &*response.to_string()), (name, name));
    }
    for (disposition, name) in [
        (Disposition::Done, "done"),
        (Disposition::Permanent, "permanent"),
        (Disposition::Auth, "auth"),
        (Disposition::Throttled, "throttled"),
        (Disposition::Transient, "transient"),
        (Disposition::Truncated, "truncated"),
        (Disposition::UnsupportedVersion, "version"),
    ] {
        assert_eq!(
            (disposition.as_str(), &*disposition.to_string()),
            (name, name)
        );
    }
    for (class, name) in [
        (ResponseClass::Success, "Success"),
        (ResponseClass::Warning, "Warning"),
        (ResponseClass::Error, "Error"),
    ] {
        assert_eq!(class.as_str(), name);
    }
    for (verdict, name) in [
        (Verdict::Whole, "whole"),
        (Verdict::Framed, "framed"),
        (Verdict::Unknown, "unknown"),
    ] {
        assert_eq!((verdict.as_str(), &*verdict.to_string()), (name, name));
    }
}

/// style.md: lower-case fragments without a full stop, that say what and where.
#[test]
fn error_texts() {
    let kinds = [
        ErrorKind::UnexpectedEnd,
        ErrorKind::Truncated,
        ErrorKind::NotSoap,
        ErrorKind::UnexpectedOperation(OperationName::ExportItems),
        ErrorKind::Encoding,
        ErrorKind::Dtd,
        ErrorKind::UnexpectedText,
        ErrorKind::UnexpectedByte,
        ErrorKind::MismatchedEndTag,
        ErrorKind::DuplicateAttribute,
        ErrorKind::UnknownEntity,
        ErrorKind::TooDeep,
        ErrorKind::NameTooLong,
        ErrorKind::Finished,
    ];
    let reasons = [
        BrokenReason::TooShort,
        BrokenReason::RecordCut,
        BrokenReason::Opcode,
        BrokenReason::RecordLength,
        BrokenReason::EmptyTransferBuffer,
        BrokenReason::NoTransferBuffer,
        BrokenReason::SecondConfig,
        BrokenReason::AtomCut,
        BrokenReason::Misplaced,
        BrokenReason::Open,
    ];
    let mut texts: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    texts.extend(reasons.iter().map(ToString::to_string));
    texts.extend([ScratchTooSmall.to_string(), SliceFull.to_string()]);
    for (at, text) in texts.iter().enumerate() {
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        let first = text.split(' ').next().expect("a word");
        let acronym = first.chars().all(char::is_uppercase);
        assert!(acronym || text.starts_with(char::is_lowercase), "{text}");
        assert!(!texts[..at].contains(text), "twice: {text}");
    }

    let error = Error {
        kind: ErrorKind::UnexpectedEnd,
        offset: 7,
    };
    assert_eq!(
        error.to_string(),
        "the response ended before the document did (at byte 7)"
    );
    let of_response: FeedError<Error> = FeedError::Response(error);
    assert_eq!(
        of_response.to_string(),
        "the response cannot be decoded any further"
    );
    assert_eq!(
        of_response.source().map(ToString::to_string),
        Some(error.to_string())
    );
    let of_sink = FeedError::Sink(ScratchTooSmall);
    assert_eq!(of_sink.to_string(), "the sink could not keep the item");
    assert_eq!(
        of_sink.source().map(ToString::to_string),
        Some(ScratchTooSmall.to_string())
    );
    let broken = Verdict::Broken {
        offset: 16,
        reason: BrokenReason::RecordCut,
    };
    assert_eq!(broken.as_str(), "broken");
    assert_eq!(
        broken.to_string(),
        "broken at byte 16: the payload ends inside a record"
    );
    assert!(Decoder::with_scratch(Options::default(), [0; 63]).is_err());
}

/// style.md: what, where and what to do next.
#[test]
fn request_errors() {
    let empty = |field| RequestError::Empty { field };
    let character = RequestError::Character {
        field: RequestField::Id { index: 3 },
        offset: 5,
        character: '\u{1f}',
    };
    let version = RequestServerVersion::Exchange2010_SP2;
    let mut texts = Vec::new();
    for (error, says) in [
        (RequestError::NoItems, ["no items", "at least one"]),
        (character, ["Id of item 3", "U+001F at byte 5"]),
        (
            empty(RequestField::ChangeKey { index: 7 }),
            ["ChangeKey of item 7", "leave it out"],
        ),
        (
            empty(RequestField::ExchangeImpersonation),
            ["ExchangeImpersonation", "empty"],
        ),
        (
            empty(RequestField::MailboxCulture),
            ["MailboxCulture", "empty"],
        ),
        (
            empty(RequestField::ManagementRole),
            ["ManagementRole", "empty"],
        ),
        (
            empty(RequestField::UserRole { index: 2 }),
            ["UserRoles entry 2", "empty"],
        ),
        (
            empty(RequestField::ApplicationRole { index: 1 }),
            ["ApplicationRoles entry 1", "empty"],
        ),
        (
            RequestError::MailboxCulture { offset: 2 },
            ["at byte 2", "en-US"],
        ),
        (
            RequestError::ManagementRole { version },
            ["Exchange2010_SP2", "Exchange2013"],
        ),
    ] {
        let text = error.to_string();
        assert!(says.iter().all(|words| text.contains(words)), "{text}");
        assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
        assert!(!texts.contains(&text), "twice: {text}");
        texts.push(text);
    }
}

/// A sink by reference is the same sink, notes and all; a decoder that is reset is as new.
#[test]
fn sinks_by_reference_and_decoders_again() {
    #[derive(Default)]
    struct Calls(String);

    impl Sink for Calls {
        type Error = Infallible;

        fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Infallible> {
            let id = ids.id.value().unwrap_or("-");
            write!(self.0, "begin {index} {id},").expect("a string");
            Ok(())
        }

        fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
            write!(self.0, "write {},", bytes.len()).expect("a string");
            Ok(())
        }

        fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
            write!(self.0, "commit {},", outcome.index).expect("a string");
            Ok(())
        }

        fn abort(&mut self, outcome: &Outcome) {
            write!(self.0, "abort {},", outcome.index).expect("a string");
        }

        fn failed(&mut self, outcome: &Outcome) {
            write!(self.0, "failed {},", outcome.index).expect("a string");
        }

        fn note(&mut self, event: &Event<'_>) {
            if let Event::MessageStart { index, .. } = event {
                write!(self.0, "start {index},").expect("a string");
            }
        }

        fn end(&mut self, summary: &Summary) {
            write!(self.0, "end {}", summary.items).expect("a string");
        }
    }

    let broken = good()
        .replace("<t:ItemId Id=\"AAMk\" ChangeKey=\"CQ\"/>", "")
        .replace("</m:Data>", "?</m:Data>");
    let document = response(&(good() + &refused("") + &broken));
    let mut decoder = Decoder::<[u8; 64]>::new(Options::new());
    for _ in 0..2 {
        let mut calls = Calls::default();
        let mut input = document.as_bytes();
        let mut sink = &mut calls;
        decoder
            .feed(&mut input, &mut sink)
            .expect("a good document");
        decoder.finish_into(&mut sink).expect("a whole document");
        assert_eq!(
            calls.0,
            "start 0,begin 0 AAMk,write 36,write 1,commit 0,start 1,failed 1,start 2,begin 2 -,write 36,abort 2,end 3"
        );
        decoder.reset(Options::new());
        assert_eq!(decoder.offset(), 0);
    }
}
