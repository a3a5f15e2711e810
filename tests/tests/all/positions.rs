//! Whose payload it is: positions, counts, ids, and what makes a message contradict itself.

use exportitems::{
    Decoder, ErrorKind, Event, IdMatch, ItemError, Options, Outcome, ResponseItemId,
    ResponseOutcome, Sink, Summary, Verdict,
};
use exportitems_testkit::run::{Reported, Run, Value};

use crate::support::{
    data, envelope, good, message, refused, response, run, run_for, Findings as _, PAYLOAD,
};

const CONTRADICTION: Option<ItemError> = Some(ItemError::Contradiction);
const REFUSED: Option<ItemError> = Some(ItemError::Refused);

/// A payload that no check knows, and that is committed all the same.
const OPAQUE: &str = "T3BhcXVlIHBheWxvYWQ=";

/// "Every child element of `ResponseMessages` takes a position, whatever its name; one that is not an
/// ExportItemsResponseMessage fails that position."
#[test]
fn every_child_of_response_messages_takes_a_position() {
    let other = good().replace("m:ExportItems", "m:UploadItems");
    for foreign in [
        "<x/>",
        "<x></x>",
        "<a:b:c a='b'/>",
        "<m:exportItemsResponseMessage ResponseClass='Success'/>",
        "<x>text &amp; <![CDATA[more]]></x>",
        "<x><m:ExportItemsResponseMessage ResponseClass='Success'/></x>",
        &format!("<x><m:Data>{PAYLOAD}</m:Data></x>"),
        "<x><m:Data>?</m:Data></x>",
        "<x ResponseClass='Success'><m:MessageText>t</m:MessageText></x>",
        &other,
    ] {
        for at in 0..3 {
            let mut messages = [good(), good()].to_vec();
            messages.insert(at, foreign.to_owned());
            let run = run_for(3, response(&messages.concat()));
            let mut expected = [None; 3];
            expected[at] = CONTRADICTION;
            assert_eq!(run.errors(), expected, "{foreign} at {at}");
            assert_eq!(run.data()[at], [0_u8; 0], "{foreign}");
            assert_eq!(
                (run.summary().messages, run.summary().suspect),
                (3, 0),
                "{foreign}"
            );
        }
    }
    // What the server says of it is heard.
    for class in ["Error", "Warning"] {
        let foreign = message(class, "<m:ResponseCode>ErrorServerBusy</m:ResponseCode>")
            .replace("m:ExportItems", "m:SyncFolderItems");
        let run = run(response(&foreign));
        assert_eq!(run.errors(), [REFUSED]);
        let code = run.outcome().code.expect("a code");
        assert_eq!(code.to_string(), "ErrorServerBusy");
    }
}

/// "Duplicate attributes are not well-formed XML: contradiction, whichever order."
#[test]
fn an_attribute_that_is_there_twice_is_a_contradiction() {
    for (from, to) in [
        (
            "ResponseClass=\"Success\"",
            "ResponseClass=\"Error\" ResponseClass=\"Success\"",
        ),
        (
            "ResponseClass=\"Success\"",
            "ResponseClass=\"Success\" ResponseClass=\"Error\"",
        ),
        (
            "ResponseClass=\"Success\"",
            "ResponseClass=\"Success\" ResponseClass='Success'",
        ),
        (
            "ResponseClass=\"Success\"",
            "ResponseClass='' x='' ResponseClass='Success'",
        ),
        (
            "ResponseClass=\"Success\"",
            "ResponseClass=\"Error\" ResponseClass=\"Error\"",
        ),
        ("Id=\"AAMk\"", "Id=\"AAMk\" Id=\"AAMk\""),
        ("Id=\"AAMk\"", "Id=\"AAMk\" Id=\"other\""),
        ("Id=\"AAMk\"", "Id=\"\" Id=\"AAMk\""),
        ("ChangeKey=\"CQ\"", "ChangeKey=\"CQ\" ChangeKey=\"CR\""),
        (
            "<m:Data>",
            "<m:MessageXml><t:Value Name='a' Name='a'>1</t:Value></m:MessageXml><m:Data>",
        ),
        (
            "<m:Data>",
            "<m:MessageXml><t:x Name='a' y='' Name='b'/></m:MessageXml><m:Data>",
        ),
        (
            "<m:Data>",
            "<t:ItemId Id=\"AAMk\" ChangeKey=\"CQ\"/><m:Data>",
        ),
    ] {
        let bad = good().replace(from, to);
        assert_ne!(bad, good());
        let run = run(response(&(good() + &bad + &good())));
        assert_eq!(run.errors(), [None, CONTRADICTION, None], "{to}");
    }
    // Other names are other attributes.
    for (from, to) in [
        (
            "ResponseClass=",
            "x:ResponseClass='Error' responseclass='Error' ResponseClass=",
        ),
        ("Id=\"AAMk\"", "x:Id=\"x\" Id=\"AAMk\" y:Id='y'"),
    ] {
        assert_eq!(run(response(&good().replace(from, to))).errors(), [None]);
    }
    // Outside of the messages, it is the response that is broken.
    let header = |attributes| {
        let header = format!("<s:Header><t:ServerVersionInfo {attributes}/></s:Header><s:Body>");
        run(response(&good()).replace("<s:Body>", &header))
    };
    assert_eq!(header("Version='a' MajorVersion='1'").kind(), None);
    for attributes in [
        "Version='a' Version='a'",
        "MinorVersion='x' MinorVersion='1'",
    ] {
        let run = header(attributes);
        assert_eq!(run.kind(), Some(ErrorKind::DuplicateAttribute));
        assert_eq!(run.summary().response, ResponseOutcome::Malformed);
    }
    let fault = "<s:Fault><detail><t:MessageXml><t:Value Name='a' Name='a'>1</t:Value></t:MessageXml></detail></s:Fault>";
    let run = run(envelope(fault));
    assert_eq!(run.kind(), Some(ErrorKind::DuplicateAttribute));
}

/// "A response that ended well with another number of messages than requested confirms only items whose answered id
/// is the same; all others of it are suspect. After a cut, a marker or a fault the messages that arrived keep their
/// positions."
#[test]
fn the_end_confirms_what_was_committed() {
    let two = good() + &good();
    let suspects = |items: u32, document: &str| run_for(items, document).summary().suspect;
    for (items, suspect) in [(1, 1), (2, 0), (3, 2)] {
        assert_eq!(suspects(items, &response(&two)), suspect);
    }
    let opaque = data(OPAQUE) + &data(OPAQUE);
    assert_eq!(suspects(2, &response(&opaque)), 0);
    // What follows the root makes the last one suspect, unless it is whole.
    for (messages, suspect) in [
        (two.clone(), 0),
        (opaque.clone(), 1),
        (data(OPAQUE) + &good(), 0),
        (good() + &data(OPAQUE), 1),
        (data(OPAQUE) + &refused(""), 0),
    ] {
        let run = run_for(2, response(&messages) + "<html>");
        let summary = run.summary();
        assert_eq!((summary.suspect, summary.trailing), (suspect, 6));
        assert_eq!(run.kind(), None);
    }
    // Half a response confirms what is whole.
    let broken = response(&(data(OPAQUE) + &good() + &good()));
    let end = broken.rfind("</m:ResponseMessages>").expect("an end");
    for end in ["", "=== Truncated Data ===", "</x>"].map(|junk| broken[..end].to_owned() + junk) {
        assert_eq!(suspects(5, &end), 1, "{end}");
    }
    let fault = "<s:Fault><faultcode>s:Server</faultcode></s:Fault></s:Body>";
    let faulty = response(&opaque).replace("</s:Body>", fault);
    assert_eq!(suspects(2, &faulty), 2);
}

/// Answers for each position, and what becomes of the items.
struct Ids<'a> {
    answers: &'a [IdMatch],
    asked: Vec<(u32, String)>,
    begun: Vec<u32>,
    committed: Vec<Outcome>,
    failed: Vec<Outcome>,
    summary: Option<Summary>,
}

impl Sink for Ids<'_> {
    type Error = core::convert::Infallible;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let id = ids.id.value().unwrap_or_default();
        self.asked.push((index, id.to_owned()));
        self.answers[index as usize]
    }

    fn begin(&mut self, index: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        self.begun.push(index);
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
        self.committed.push(*outcome);
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed.push(*outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.failed.push(*outcome);
    }

    fn end(&mut self, summary: &Summary) {
        self.summary = Some(*summary);
    }
}

fn with_answers<'a>(items: u32, document: &str, answers: &'a [IdMatch]) -> Ids<'a> {
    let mut sink = Ids {
        answers,
        asked: Vec::new(),
        begun: Vec::new(),
        committed: Vec::new(),
        failed: Vec::new(),
        summary: None,
    };
    let mut decoder: Decoder = Decoder::new(Options::new().items(items));
    // Through a reference, which forwards.
    decoder
        .feed(&mut document.as_bytes(), &mut &mut sink)
        .expect("a document");
    decoder.finish_into(&mut sink).expect("a whole document");
    sink
}

/// "When an answered id arrives, the sink can answer same, other or unknown; other makes the outcome contradiction, and
/// the item is not committed."
#[test]
fn a_sink_says_whose_ids_they_are() {
    use IdMatch::{Other, Same, Unknown};
    let item = |n: u32| good().replace("AAMk", &format!("id{n}"));
    let four = response(&(0..4).map(item).collect::<String>());
    let sink = with_answers(4, &four, &[Same, Other, Unknown, Same]);
    let asked: Vec<_> = (0..4).map(|n| (n, format!("id{n}"))).collect();
    assert_eq!(sink.asked, asked);
    assert_eq!(sink.begun, [0, 2, 3]);
    let [other] = sink.failed[..] else {
        panic!("{:?}", sink.failed)
    };
    assert_eq!((other.index, other.id_match), (1, Other));
    assert_eq!((other.error, other.bytes), (CONTRADICTION, 0));
    let summary = sink.summary.expect("an end");
    assert_eq!((summary.ok, summary.suspect), (3, 0));
    assert!(sink
        .committed
        .iter()
        .all(|outcome| summary.confirms(outcome)));
    assert!(!summary.confirms(&other));

    // One too few: only what has its own id is confirmed.
    let sink = with_answers(5, &four, &[Same, Other, Unknown, Same]);
    let summary = sink.summary.expect("an end");
    assert_eq!((summary.messages, summary.expected), (4, Some(5)));
    let confirmed = sink
        .committed
        .iter()
        .map(|outcome| summary.confirms(outcome));
    assert!(confirmed.eq([true, false, true]));
    assert_eq!(summary.suspect, 1);

    // An id after the data comes too late for the data, and not for the outcome.
    let late = message(
        "Success",
        &format!("<m:Data>{PAYLOAD}</m:Data><t:ItemId Id='x'/>"),
    );
    let sink = with_answers(1, &response(&late), &[Other]);
    assert_eq!((sink.begun.len(), sink.failed[0].error), (1, CONTRADICTION));

    // Graver errors stay.
    let refusal = message(
        "Error",
        "<t:ItemId Id='x'/><m:ResponseCode>ErrorItemNotFound</m:ResponseCode>",
    );
    let sink = with_answers(1, &response(&refusal), &[Other]);
    assert_eq!(
        (sink.failed[0].error, sink.failed[0].id_match),
        (REFUSED, Other)
    );
}

/// The same in pull; an answer without ids is about nothing.
#[test]
fn a_caller_says_whose_ids_they_are() {
    let document = response(&(good() + &good()));
    let mut decoder: Decoder = Decoder::new(Options::new());
    decoder.compare_id(IdMatch::Other);
    let mut input = document.as_bytes();
    let mut run = Run::default();
    while let Some(event) = decoder.next_event(&mut input).expect("a document") {
        run.note(&event);
        if let Event::ItemId(_) = event {
            let answer = match run.messages() {
                1 => IdMatch::Other,
                _ => IdMatch::Same,
            };
            decoder.compare_id(answer);
        }
    }
    while let Some(event) = decoder.finish().expect("a document") {
        run.note(&event);
    }
    assert_eq!(run.errors(), [CONTRADICTION, None]);
    assert_eq!(run.data()[0], [0_u8; 0]);
    let ids = Reported::ItemId(Value::Text("AAMk".to_owned()), Value::Text("CQ".to_owned()));
    assert_eq!(
        run.reported
            .iter()
            .filter(|reported| **reported == ids)
            .count(),
        2
    );
    let summary = run.summary();
    decoder.compare_id(IdMatch::Other);
    assert_eq!(decoder.finish(), Ok(None));
    assert_eq!((summary.ok, summary.failed), (1, 1));
}

/// [`Summary::confirms`] for each way to end, as its documentation says.
#[test]
fn confirms_follows_the_rule() {
    let run = run_for(1, response(&good()));
    let (outcome, summary) = (run.outcome(), run.summary());
    let outcome = |integrity, id_match, error| {
        let mut outcome = outcome;
        outcome.integrity = integrity;
        outcome.id_match = id_match;
        outcome.error = error;
        outcome
    };
    let whole = Some(Verdict::Whole);
    for response in [
        ResponseOutcome::Complete,
        ResponseOutcome::Truncated,
        ResponseOutcome::Cut,
        ResponseOutcome::Fault,
        ResponseOutcome::Malformed,
    ] {
        for (expected, counted) in [(None, true), (Some(1), true), (Some(2), false)] {
            for trailing in [0, 1] {
                for id in [IdMatch::Same, IdMatch::Unknown] {
                    for integrity in [whole, Some(Verdict::Framed), Some(Verdict::Unknown), None] {
                        let mut summary = summary;
                        summary.response = response;
                        summary.expected = expected;
                        summary.trailing = trailing;
                        let expected = match response {
                            ResponseOutcome::Complete => {
                                (counted || id == IdMatch::Same)
                                    && (trailing == 0 || integrity == whole)
                            }
                            _ => integrity == whole,
                        };
                        let confirmed = summary.confirms(&outcome(integrity, id, None));
                        assert_eq!(confirmed, expected, "{summary:?} {integrity:?} {id:?}");
                        let failed = outcome(integrity, id, Some(ItemError::Write));
                        assert!(!summary.confirms(&failed));
                    }
                }
            }
        }
    }
}
