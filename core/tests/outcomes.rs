//! The events of documents, case by case, in pieces of every size: the cases and their form are in `outcomes.txt`.
//! The test kit's oracles hold the same rules for every document that they can think of.

use std::fmt::Write as _;

use exportitems::{
    Attribute, Decoder, Event, IntegrityPolicy, ItemError, Options, Outcome, SinkCall, MAX_DEPTH,
    MIN_SCRATCH,
};

/// The abbreviations in the documents.
const SHORT: [(&str, &str); 8] = [
    (
        "{",
        "<Envelope><Body><ExportItemsResponse><ResponseMessages>",
    ),
    (
        "}",
        "</ResponseMessages></ExportItemsResponse></Body></Envelope>",
    ),
    ("[/]", "</ExportItemsResponseMessage>"),
    ("[", "<ExportItemsResponseMessage ResponseClass='"),
    ("]", "'>"),
    ("@OK", "<ResponseCode>NoError</ResponseCode>"),
    ("@GONE", "<ResponseCode>ErrorItemNotFound</ResponseCode>"),
    // A whole payload of 37 bytes: two records with one property.
    ("$", "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ=="),
];

/// The events of a document in pieces of this many bytes, by the smallest decoder, which was used before.
fn events_by(document: &[u8], options: Options, size: usize) -> String {
    let mut decoder = Decoder::with_scratch(Options::new(), [0; MIN_SCRATCH]).expect("enough");
    let _ = decoder.next_event(&mut &b"<Envelope><Header><ServerVersionInfo Version='"[..]);
    decoder.reset(options);
    let mut reported = Transcript::default();
    let mut consumed = 0;
    for mut piece in document.chunks(size) {
        assert_eq!(decoder.offset(), consumed);
        consumed += piece.len() as u64;
        loop {
            match decoder.next_event(&mut piece) {
                Ok(Some(event)) => reported.note(&event),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_event(&mut piece), Err(error), "an error stays");
                    return reported.text;
                }
            }
        }
    }
    while let Ok(Some(event)) = decoder.finish() {
        reported.note(&event);
    }
    let more = decoder.next_event(&mut &b"<x/>"[..]);
    assert!(more.is_err(), "the end was declared: {more:?}");
    reported.text
}

/// The events of a document, which are the same in pieces of every size.
fn reported(document: &str, options: Options) -> String {
    let whole = events_by(document.as_bytes(), options, usize::MAX);
    for size in [1, 2, 3, 7, 16, 61] {
        assert_eq!(
            events_by(document.as_bytes(), options, size),
            whole,
            "by {size}"
        );
    }
    whole
}

#[derive(Default)]
struct Transcript {
    text: String,
    /// What the last piece of text or data belongs to.
    open: Option<&'static str>,
}

impl Transcript {
    fn piece(&mut self, of: &'static str, piece: &str) {
        if self.open != Some(of) {
            self.text += of;
        }
        self.text += piece;
        self.open = Some(of);
    }

    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::MessageText(text) => return self.piece(" text:", text),
            Event::FaultString(text) => return self.piece(" string:", text),
            Event::Data(_) => return self.piece(" data", ""),
            Event::MessageXml { name, text, last } => {
                if self.open != Some(" value ") {
                    self.piece(" value ", name);
                    self.text += ":";
                }
                self.text += text;
                self.open = Some(" value ").filter(|_| !last);
                return;
            }
            _ => self.open = None,
        }
        let text = &mut self.text;
        let written = match event {
            Event::ServerVersion(version) => {
                let number = |part: Option<u32>| part.map_or("-".into(), |part| part.to_string());
                write!(
                    text,
                    "version {}.{}.{}.{} {}",
                    number(version.major),
                    number(version.minor),
                    number(version.major_build),
                    number(version.minor_build),
                    shown(version.version)
                )
            }
            Event::MessageStart { index, class } => {
                write!(
                    text,
                    "[{index} {}",
                    class.map_or("-", |class| class.as_str())
                )
            }
            Event::ResponseCode { text: code, .. } => write!(text, " {code}"),
            Event::DescriptiveLinkKey(key) => write!(text, " link:{key}"),
            Event::ItemId(ids) => write!(text, " id:{},{}", shown(ids.id), shown(ids.change_key)),
            Event::Outcome(outcome) => write!(text, " {}]", judged(outcome)),
            Event::FaultCode(code) => write!(text, " faultcode:{code}"),
            Event::Fault(fault) => write!(
                text,
                " fault({:?} {:?} {:?})",
                fault.code, fault.inner_code, fault.back_off_ms
            ),
            Event::End(summary) => {
                let error = summary.error.map(|error| (error.kind, error.offset));
                write!(
                    text,
                    " {} ok {} failed {} suspect {} {error:?}",
                    summary.ok, summary.failed, summary.suspect, summary.response
                )
                .and_then(|()| match summary.trailing {
                    0 => Ok(()),
                    bytes => write!(text, ", {bytes} trailing"),
                })
            }
            event => panic!("an event that is new: {event:?}"),
        };
        written.expect("a string");
    }
}

fn shown(attribute: Attribute<'_>) -> String {
    match attribute {
        Attribute::Absent => "-".to_owned(),
        Attribute::Value(text) => text.to_owned(),
        Attribute::Omitted { len } => format!("<{len}>"),
    }
}

fn judged(outcome: &Outcome) -> String {
    let error = outcome.error.map_or("ok", |error| error.as_str());
    let mut text = format!("{error} {}B@{}", outcome.bytes, outcome.offset);
    for (name, value) in [
        ("", outcome.integrity.map(|verdict| verdict.to_string())),
        ("", outcome.code.map(|code| format!("{code:?}"))),
        ("inner ", outcome.inner_code.map(|code| format!("{code:?}"))),
        ("wait ", outcome.back_off_ms.map(|wait| wait.to_string())),
        ("", outcome.text_replaced.then(|| "replaced".to_owned())),
    ] {
        if let Some(value) = value {
            text = text + ", " + name + &value;
        }
    }
    text
}

#[test]
fn a_scratch_has_a_least_size() {
    assert!(Decoder::with_scratch(Options::new(), [0; MIN_SCRATCH - 1]).is_err());
}

/// [`Decoder::next_call`]: no data of an item is written once it has failed, was rejected or was not requested.
#[test]
fn an_item_is_written_until_it_fails() {
    let good = "[Success]@OK<Data>$</Data>[/]";
    let broken = "[Success]@OK<Data>QUJD?REVG</Data>[/]";
    let (document, options) = parse(&format!("items=3 {{{good}{broken}{good}{good}}}"));
    let mut decoder = Decoder::<[u8; 64]>::new(options);
    let mut input = document.as_bytes();
    let mut calls = Vec::new();
    while let Some(call) = decoder.next_call(&mut input).expect("well-formed") {
        let (name, reject) = match call {
            SinkCall::Note(Event::MessageStart { index, .. }) => ("start", index == 2),
            SinkCall::Begin(..) => ("begin", false),
            SinkCall::Write(_) => ("write", false),
            SinkCall::Commit(_) => ("commit", false),
            SinkCall::Abort(_) => ("abort", false),
            SinkCall::Failed(_) => ("failed", false),
            _ => continue,
        };
        calls.push(name);
        if reject {
            decoder.reject_item();
        }
    }
    while let Some(call) = decoder.finish_call().expect("well-formed") {
        calls.extend(matches!(call, SinkCall::Failed(_)).then_some("failed"));
    }
    let expected = [
        &["start", "begin", "write", "write", "commit"][..],
        &["start", "begin", "write", "abort"], // as far as it is good
        &["start", "failed", "start", "failed"],
    ];
    assert_eq!(calls, expected.concat());
}

/// An item whose `begin` failed has not begun.
#[test]
fn an_item_that_could_not_begin_fails_alone() {
    for id in ["", "<ItemId Id='A'/>"] {
        let (document, options) = parse(&format!("{{[Success]@OK{id}<Data>$</Data>[/]}}"));
        let mut decoder = Decoder::<[u8; 64]>::new(options);
        let mut input = document.as_bytes();
        while let Some(call) = decoder.next_call(&mut input).expect("well-formed") {
            match call {
                SinkCall::Begin(..) => decoder.reject_item(),
                SinkCall::Note(_) | SinkCall::CompareId(..) => {}
                other => panic!("{other:?}"),
            }
        }
        let failed = decoder.finish_call().expect("well-formed");
        assert!(
            matches!(failed, Some(SinkCall::Failed(outcome)) if outcome.error == Some(ItemError::Write))
        );
    }
}

/// Unknown elements, next to and inside of each other, after a good message.
#[test]
fn elements_are_nested_as_deep_as_is_documented() {
    let ends = |depth: usize| {
        let nested = "<x>".repeat(depth) + &"</x>".repeat(depth);
        let case = format!("{{[Success]@OK<Data>$</Data>[/]{nested}<y/>{nested}}}");
        let (document, options) = parse(&case);
        reported(&document, options)
    };
    // Envelope to ResponseMessages are four.
    let most = MAX_DEPTH as usize - 4;
    assert!(ends(most).ends_with("complete None"));
    assert!(ends(most + 1).contains("malformed Some((TooDeep,"));
}

/// Brackets are counted up to the third that could close the section.
#[test]
fn any_number_of_brackets_is_text_of_a_section() {
    let brackets = "]".repeat(300);
    let case = "{[Error]<MessageText><![CDATA[HERE]]></MessageText>@GONE[/]}";
    let (document, options) = parse(case);
    let reported = reported(&document.replace("HERE", &brackets), options);
    assert!(
        reported.contains(&format!(" text:{brackets} ErrorItemNotFound")),
        "{reported}"
    );
}

/// The document and the options of a case.
fn parse(case: &str) -> (String, Options) {
    let mut options = Options::new();
    let mut document = case;
    while let Some((option, rest)) = document.split_once(' ') {
        options = match option {
            "items=0" => options.items(0),
            "items=1" => options.items(1),
            "items=3" => options.items(3),
            "item-bytes=36" => options.max_item_bytes(36),
            "total-bytes=40" => options.max_total_bytes(40),
            "require" => options.integrity(IntegrityPolicy::Require),
            "report" => options.integrity(IntegrityPolicy::Report),
            "off" => options.integrity(IntegrityPolicy::Off),
            _ => break,
        };
        document = rest;
    }
    // Brackets that are no message's.
    let kept = [
        ("![CDATA[", "\u{1}"),
        ("\\[", "\u{2}"),
        ("\\]", "\u{3}"),
        ("]]>", "\u{4}"),
    ];
    let mut document = document.to_owned();
    for (text, place) in kept {
        document = document.replace(text, place);
    }
    for (short, long) in SHORT {
        document = document.replace(short, long);
    }
    for (text, place) in kept {
        document = document.replace(place, text.trim_start_matches('\\'));
    }
    let document = document.replace("\\n", "\n").replace("\\bom", "\u{feff}");
    (document, options)
}

#[test]
fn every_case_has_the_events_that_are_written() {
    let lines = include_str!("outcomes.txt").lines();
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    while let Some(case) = lines.next() {
        let expected = lines.next().expect("what is reported").trim();
        let (document, options) = parse(case);
        let reported = reported(&document, options);
        if reported.trim() != expected {
            writeln!(wrong, "{case}\n  {}\nnot\n  {expected}", reported.trim()).expect("a string");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
