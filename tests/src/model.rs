//! What must come of a [`Script`], from what was put into it: the rules of design.md, *Outcomes*.

use exportitems::{
    Error, ErrorKind, IdMatch, ItemError, OperationName, Outcome, ResponseClass, ResponseCode,
    ResponseOutcome, Summary, Verdict,
};

use crate::payload_reference::judge;
use crate::run::{compare_id, Reported, Run};
use crate::script::{
    Answer, Class, Code, Data, Ending, Fault, Flaw, Ids, Junk, Message, Name, Note, Payload,
    Script, Words,
};
use crate::wire::{self, code_text, Wire, INNER_CODES};

/// design.md, *Outcomes*: the gravest first.
pub const PRECEDENCE: [ItemError; 14] = [
    ItemError::Unrequested,
    ItemError::NotAnswered,
    ItemError::Refused,
    ItemError::Truncated,
    ItemError::Malformed,
    ItemError::Cut,
    ItemError::Duplicate,
    ItemError::Base64,
    ItemError::TooLarge,
    ItemError::Contradiction,
    ItemError::MissingData,
    ItemError::EmptyData,
    ItemError::Payload,
    ItemError::Write,
];

/// The gravest of several errors.
#[must_use]
pub fn gravest(errors: &[ItemError]) -> Option<ItemError> {
    PRECEDENCE.into_iter().find(|error| errors.contains(error))
}

/// Compares a run of a script with what the script says.
///
/// # Panics
/// When they differ.
pub fn check(script: &Script, wire: &Wire, run: &Run) {
    let end = end(script, wire);
    let summary = run.summary();
    check_end(end, run.error, summary);
    let outcomes: Vec<&Outcome> = run.outcomes().collect();
    let messages: &[Message] = match &script.answer {
        Answer::Items(messages) => messages,
        Answer::Fault(fault) => {
            check_fault(fault, end, run);
            &[]
        }
    };
    let mut parts: Vec<Option<&Message>> = messages.iter().map(Some).collect();
    let mut sent = wire.starts.len();
    if let (Ending::After(n, junk), Answer::Items(_)) = (script.ending, &script.answer) {
        let at = match messages.len() {
            0 => 0,
            len => usize::from(n) % len + 1,
        };
        if junk.is_message() {
            parts.insert(at, None);
        }
        if matches!(end, End::Error(_)) {
            // Nothing after the junk is read.
            sent = at + usize::from(junk.is_message());
        }
    }
    let data = run.data();
    assert_eq!(data.len(), sent, "messages that were sent");
    for (index, outcome) in outcomes.iter().enumerate() {
        let Some(&message) = parts.get(index).filter(|_| index < sent) else {
            assert_eq!(outcome.error, Some(ItemError::NotAnswered), "item {index}");
            assert_eq!((outcome.class, outcome.code), (None, None), "item {index}");
            continue;
        };
        let is_last = index + 1 == sent;
        let id_match = match message.filter(|_| script.compare_ids) {
            Some(message) if message.name == Name::ExportItems => {
                let position = messages.iter().position(|it| core::ptr::eq(it, message));
                let id = wire::id_text(position.expect("one of them"), message.ids);
                compare_id(outcome.index, id.as_deref())
            }
            _ => IdMatch::Unknown,
        };
        let mut errors = message.map_or(vec![ItemError::Contradiction], faults);
        if id_match == IdMatch::Other {
            errors.push(ItemError::Contradiction);
        }
        if (script.setup().items).is_some_and(|items| index >= items as usize) {
            errors.push(ItemError::Unrequested);
        }
        if end == End::Cut && is_last {
            // How much of it arrived is not known here, so the rest of it is not judged.
            let error = outcome.error.expect("a cut item fails");
            let possible = match error {
                ItemError::Cut => true,
                ItemError::Refused => {
                    message.is_some_and(|it| matches!(it.class, Class::Error | Class::Warning))
                }
                error => errors.contains(&error) && error < ItemError::Cut,
            };
            assert!(possible, "item {index}: {error} of {message:?}");
            continue;
        }
        if let (End::Error(kind), true) = (end, is_last) {
            errors.push(match kind {
                ErrorKind::Truncated => ItemError::Truncated,
                ErrorKind::UnexpectedEnd => ItemError::Cut,
                _ => ItemError::Malformed,
            });
        }
        assert_eq!(outcome.error, gravest(&errors), "item {index}: {message:?}");
        assert_eq!(outcome.id_match, id_match, "item {index}: {message:?}");
        let Some(message) = message else {
            assert_eq!((outcome.class, outcome.code), (None, None), "item {index}");
            continue;
        };
        assert_eq!(outcome.class, class(message.class), "item {index}");
        assert_eq!(
            outcome.code,
            code_text(message.code).map(ResponseCode::from_text),
            "item {index}"
        );
        assert_eq!(outcome.back_off_ms, message.note.back_off_ms);
        let inner = (message.note.values == Some(Words::Plain)).then_some(INNER_CODES[0]);
        assert_eq!(outcome.inner_code, inner.map(ResponseCode::from_text));
        let note = &message.note;
        let is_replaced =
            |words: Option<Words>| words.is_some_and(|words| words.meaning().contains('\u{fffd}'));
        let replaced = is_replaced(note.text) || is_replaced(note.values);
        // In a flawed `Data` there may be others.
        let judged = outcome.error.is_none() || replaced;
        assert!(
            !judged || outcome.text_replaced == replaced,
            "item {index}: {note:?}"
        );
        if outcome.error.is_none() {
            let payload = message.data[0].payload.bytes();
            assert_eq!(data[index], payload, "payload of item {index}");
            assert_eq!(outcome.integrity, Some(judge(&payload)), "item {index}");
        }
    }
    check_summary(wire, end, sent, summary, &outcomes);
    check_texts(&parts, sent, run);
}

/// The figures of the summary, and the rule for suspects, written down once more.
fn check_summary(wire: &Wire, end: End, sent: usize, summary: Summary, outcomes: &[&Outcome]) {
    assert_eq!(summary.messages as usize, sent);
    let tail = wire.bytes.get(wire.end..).unwrap_or_default();
    let trailing = tail.iter().filter(|byte| !b" \t\r\n".contains(byte));
    let trailing = match end {
        End::Error(ErrorKind::Truncated) => 0, // nothing but the marker is there, if it is there
        _ => trailing.count(),
    };
    assert_eq!(summary.trailing, trailing as u64);
    let miscounted = summary.expected.is_some_and(|n| n as usize != sent);
    let suspects = (0..sent).zip(outcomes).filter(|(index, outcome)| {
        let may_be_half = outcome.integrity != Some(Verdict::Whole);
        let is_suspect = match summary.response {
            ResponseOutcome::Complete => {
                (miscounted && outcome.id_match != IdMatch::Same)
                    || (may_be_half && trailing > 0 && index + 1 == sent)
            }
            _ => may_be_half,
        };
        outcome.error.is_none() && is_suspect
    });
    assert_eq!(summary.suspect as usize, suspects.count());
}

/// Errors of a message that came in full.
fn faults(message: &Message) -> Vec<ItemError> {
    let no_error = match message.code {
        Code::NoError | Code::Padded => Some(true),
        Code::Known(_) | Code::Unknown => Some(false),
        Code::Absent => None,
    };
    let mut faults = Vec::new();
    // Neither data nor ids of another operation's message are read.
    let is_other = message.name != Name::ExportItems;
    let data = if is_other { &[] } else { &message.data[..] };
    match (message.class, no_error) {
        (Class::Unknown | Class::Absent | Class::Twice(_) | Class::ErrorSuccess, _)
        | (Class::Success, Some(false))
        | (Class::Error, Some(true)) => faults.push(ItemError::Contradiction),
        (Class::Warning, _) if !data.is_empty() => faults.push(ItemError::Contradiction),
        (Class::Error | Class::Warning, _) => faults.push(ItemError::Refused),
        (Class::Success, _) => {}
    }
    faults.extend(data.iter().filter_map(flaw));
    match data {
        [] => faults.push(ItemError::MissingData),
        [data] => faults.extend(payload(&data.payload)),
        _ => faults.push(ItemError::Duplicate),
    }
    let is_bad = matches!(message.ids, Ids::Twice | Ids::TwoAttributes(_));
    if is_bad || is_other {
        faults.push(ItemError::Contradiction);
    }
    faults
}

fn flaw(data: &Data) -> Option<ItemError> {
    data.flaw.map(|flaw| match flaw {
        Flaw::Marker(_) | Flaw::MarkerInside(_) | Flaw::MarkerAfter(_) => ItemError::Truncated,
        _ => ItemError::Base64,
    })
}

fn payload(payload: &Payload) -> Option<ItemError> {
    let bytes = payload.bytes();
    match judge(&bytes) {
        _ if bytes.is_empty() => Some(ItemError::EmptyData),
        Verdict::Broken { .. } => Some(ItemError::Payload),
        _ => None,
    }
}

fn class(class: Class) -> Option<ResponseClass> {
    match class {
        Class::Success => Some(ResponseClass::Success),
        Class::Warning => Some(ResponseClass::Warning),
        Class::Error => Some(ResponseClass::Error),
        // Of two, neither counts.
        Class::Unknown | Class::Absent | Class::Twice(_) | Class::ErrorSuccess => None,
    }
}

/// How a document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole {
        fault: bool,
    },
    Error(ErrorKind),
    /// By a cut, or by a marker in the `Data` that the cut left open.
    Cut,
}

fn end(script: &Script, wire: &Wire) -> End {
    let fault = matches!(script.answer, Answer::Fault(_));
    match script.ending {
        Ending::Cut(_) if wire.bytes.len() < wire.end => End::Cut,
        Ending::After(_, junk) => junk_error(junk, fault).map_or(End::Whole { fault }, End::Error),
        Ending::Trailing(Junk::Marker) => End::Error(ErrorKind::Truncated),
        _ => End::Whole { fault },
    }
}

fn junk_error(junk: Junk, in_body: bool) -> Option<ErrorKind> {
    Some(match junk {
        Junk::Marker => ErrorKind::Truncated,
        Junk::HalfMarker | Junk::Text => ErrorKind::UnexpectedText,
        Junk::EndTag => ErrorKind::MismatchedEndTag,
        Junk::Entity => ErrorKind::UnknownEntity,
        Junk::Dtd => ErrorKind::Dtd,
        Junk::LongName => ErrorKind::NameTooLong,
        // The body has one child; elsewhere unknown elements are skipped.
        Junk::Html | Junk::Deep | Junk::BrokenTag if in_body => {
            ErrorKind::UnexpectedOperation(OperationName::ExportItems)
        }
        Junk::Html => return None,
        Junk::Deep => ErrorKind::TooDeep,
        Junk::BrokenTag => ErrorKind::UnexpectedByte,
    })
}

fn check_end(end: End, error: Option<Error>, summary: Summary) {
    let kind = error.map(|error| error.kind);
    let response = match kind {
        None if summary.fault.is_some() => ResponseOutcome::Fault,
        None => ResponseOutcome::Complete,
        Some(ErrorKind::Truncated) => ResponseOutcome::Truncated,
        Some(ErrorKind::UnexpectedEnd) => ResponseOutcome::Cut,
        Some(ErrorKind::UnexpectedOperation(_)) => ResponseOutcome::NotSoap,
        Some(_) => ResponseOutcome::Malformed,
    };
    assert_eq!(summary.response, response);
    match end {
        End::Whole { fault } => {
            assert_eq!((kind, summary.fault.is_some()), (None, fault));
        }
        End::Error(expected) => assert_eq!(kind, Some(expected)),
        End::Cut => assert!(
            matches!(kind, Some(ErrorKind::UnexpectedEnd | ErrorKind::Truncated)),
            "{kind:?}"
        ),
    }
}

fn check_fault(fault: &Fault, end: End, run: &Run) {
    if end == End::Cut {
        return;
    }
    let reported = run.summary().fault.expect("a fault");
    let detail = fault.detail.and_then(code_text);
    let code = match (detail, fault.faultcode) {
        (Some(text), _) => Some(ResponseCode::from_text(text)),
        (None, Some(n)) => code_text(Code::Known(n)).map(ResponseCode::from_text),
        (None, None) => None,
    };
    assert_eq!(reported.code, code);
    assert_eq!(reported.back_off_ms, fault.detail.and(fault.back_off_ms));
    // A fault code after a `ResponseCode` is neither noted nor emitted.
    let counts = !(fault.detail_first && detail.is_some());
    let senders = fault.soap_12 || fault.faultcode.is_none();
    assert_eq!(reported.is_senders_fault, counts && senders);
    let codes = run.reported.iter();
    let codes = codes.filter(|reported| matches!(reported, Reported::FaultCode(_)));
    let subcode = fault.soap_12 && fault.faultcode.is_some();
    let expected = usize::from(counts) * (1 + usize::from(subcode));
    assert_eq!(codes.count(), expected);
    let text = run.reported.iter().find_map(|reported| match reported {
        Reported::FaultString(text) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(text.unwrap_or_default(), fault.text.meaning());
}

/// The values of a `MessageXml`: name, text, and whether the text is complete.
type Values<'m> = Vec<(&'m str, &'m str, bool)>;

/// The texts of messages that came in full.
fn check_texts(messages: &[Option<&Message>], sent: usize, run: &Run) {
    let Some(whole) = sent.checked_sub(1) else {
        return;
    };
    let mut texts: Vec<(String, Values<'_>)> = Vec::new();
    for reported in &run.reported {
        if let Reported::MessageStart(..) = reported {
            texts.push(Default::default());
        }
        let Some((whole, values)) = texts.last_mut() else {
            continue;
        };
        match reported {
            Reported::MessageText(text) => *whole += text,
            Reported::MessageXml(name, text, last) => {
                values.push((name, text, *last));
            }
            _ => {}
        }
    }
    for (message, (text, values)) in messages.iter().zip(&texts).take(whole) {
        let note = message.map(|message| &message.note);
        let words = note.and_then(|note| note.text);
        assert_eq!(*text, words.map_or(String::new(), Words::meaning));
        let expected = note.map_or(Vec::new(), values_of);
        let expected: Vec<_> = (expected.iter())
            .map(|(name, text)| (*name, text.as_str(), true))
            .collect();
        assert_eq!(*values, expected);
    }
}

/// The values of `MessageXml`, in the order in which they are written.
fn values_of(note: &Note) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    if let Some(wait) = note.back_off_ms {
        values.push(("BackOffMilliseconds", wait.to_string()));
        if note.values.is_some() {
            values.push(("BackOffMilliseconds", (wait / 2).to_string()));
        }
    }
    if let Some(words) = note.values {
        if words == Words::Plain {
            let inner = INNER_CODES.map(|code| ("InnerErrorResponseCode", code.to_owned()));
            values.extend(inner);
        }
        values.push(("LineNumber", "4".to_owned()));
        values.push(("MailboxGuid", words.meaning()));
        // A name that does not fit is left out.
        values.push(("", "long".to_owned()));
        values.push(("Policy", String::new()));
    }
    values
}
