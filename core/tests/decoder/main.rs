//! Regressions of the decoder. Each test is a response that it once processed wrongly.

mod outcomes;
mod texts;

use std::convert::Infallible;
use std::fmt::Write as _;

use exportitems::{
    Decoder, Error, ErrorKind, Event, FeedError, IntegrityPolicy, ItemError, Options, Outcome,
    ResponseItemId, ResponseOutcome, Sink, Summary,
};

/// Any number of items; payloads here are none.
fn options() -> Options {
    Options::new().integrity(IntegrityPolicy::Off)
}

/// A response with these messages.
fn document(messages: &str) -> String {
    format!(
        "<s:Envelope><s:Body><m:ExportItemsResponse><m:ResponseMessages>{messages}\
         </m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

/// A good message around this content of its `Data`.
fn data(content: &str) -> String {
    format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
         <m:Data>{content}</m:Data></m:ExportItemsResponseMessage>"
    )
}

#[derive(Default, Debug, PartialEq)]
struct Reported {
    texts: String,
    outcomes: Vec<Outcome>,
    summary: Option<Summary>,
    error: Option<Error>,
}

impl Reported {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::MessageText(text) | Event::FaultString(text) => self.texts += text,
            Event::MessageXml { name, text, last } => {
                self.texts += text;
                if last {
                    self.texts += name;
                }
            }
            Event::Outcome(outcome) => self.outcomes.push(outcome),
            Event::End(summary) => self.summary = Some(summary),
            _ => {}
        }
    }

    fn errors(&self) -> Vec<Option<ItemError>> {
        self.outcomes.iter().map(|outcome| outcome.error).collect()
    }

    fn response(&self) -> ResponseOutcome {
        self.summary.expect("an end").response
    }
}

/// The events of a document in pieces of `step` bytes, with this much scratch.
fn run_in(document: &str, options: Options, step: usize, scratch: usize) -> Reported {
    let mut scratch = vec![0; scratch];
    let mut decoder = Decoder::with_scratch(options, &mut scratch[..]).expect("enough scratch");
    let mut reported = Reported::default();
    for mut input in document.as_bytes().chunks(step) {
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => reported.note(event),
                Ok(None) => break,
                Err(error) => {
                    reported.error = Some(error);
                    return reported;
                }
            }
        }
    }
    loop {
        match decoder.finish() {
            Ok(Some(event)) => reported.note(event),
            Ok(None) => return reported,
            Err(error) => {
                reported.error = Some(error);
                return reported;
            }
        }
    }
}

/// The events of a document, which are the same in pieces of many sizes and with several sizes of scratch.
fn run(document: &str, options: Options) -> Reported {
    let whole = run_in(document, options, document.len(), 512);
    for scratch in [64, 65, 100, 512] {
        for step in (1..=20).chain([61, document.len() - 1]) {
            let reported = run_in(document, options, step, scratch);
            assert_eq!(reported, whole, "by {step} in {scratch}: {document}");
        }
    }
    whole
}

#[test]
fn data_continues_after_a_comment_or_cdata_in_the_same_input() {
    let cases = [
        "QUJD<!-- -->REVG",
        "QUJD<?pi?>REVG",
        "<![CDATA[QUJD]]>REVG",
        "QUJD<![CDATA[REVG]]>",
        "QU<!-- -->JDRE<![CDATA[V]]>G",
    ];
    for content in cases {
        let reported = run(&document(&data(content)), options());
        assert_eq!(
            (reported.errors(), reported.outcomes[0].bytes),
            (vec![None], 6)
        );
    }
}

const MARKER: &str = "=== Truncated Data ===";

/// design.md, Outcomes: inside `Data` that item is truncated, and the response may still be complete.
#[test]
fn a_marker_inside_data_takes_nothing_of_what_follows() {
    let cases = [
        data(MARKER),
        data(&format!("QUJDRE{MARKER}")),
        data(&format!("QUI={MARKER}\n")),
        data(&format!("<![CDATA[QUJD{MARKER}]]>")),
        data(&format!("QUJD{MARKER}<!-- end -->")),
        data(&format!("QUJD{MARKER}&#10;")),
        data(&format!("QUJD{MARKER} and more")),
    ];
    for first in cases {
        let reported = run(&document(&(first + &data("QUJD"))), options().items(2));
        assert_eq!(reported.errors(), [Some(ItemError::Truncated), None]);
        assert_eq!(reported.response(), ResponseOutcome::Complete);
    }
}

/// design.md, Outcomes: truncated goes before duplicate, base64 and too-large, and no check stops decoding.
#[test]
fn a_marker_inside_data_is_found_after_other_faults() {
    let cases = [
        data(&format!("QUJD!QUJD{MARKER}")),
        data(&format!("QUJD\u{20ac}&#0;{MARKER}")),
        data(&format!("QUJD=={MARKER}")),
        data(&format!("QQ==QUJD{MARKER}")),
        data("QUJD!&#61;=&#x3d; Truncated Data ==<!-- -->="),
        data(&format!("QUJDREVGR0hJ{MARKER}")),
        data(&format!("QUJD</m:Data><m:Data>{MARKER}")),
        data(&format!("QUJD<m:x/>{MARKER}")),
    ];
    for first in cases {
        let options = options().items(2).max_item_bytes(4);
        let reported = run(&document(&(first + &data("QUJD"))), options);
        assert_eq!(reported.errors(), [Some(ItemError::Truncated), None]);
        assert_eq!(reported.response(), ResponseOutcome::Complete);
    }
}

/// The calls of a sink, by first letters.
#[derive(Default)]
struct Calls(String);

impl Sink for Calls {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        self.0.push('b');
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        write!(self.0, "{}", bytes.len()).unwrap();
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
        self.0.push('c');
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {
        self.0.push('a');
    }

    fn failed(&mut self, _: &Outcome) {
        self.0.push('f');
    }
}

#[test]
fn an_item_that_goes_beyond_the_limit_with_its_first_data_has_begun() {
    let document = document(&data("QUJDREVG"));
    let mut decoder = Decoder::<[u8; 512]>::new(options().max_item_bytes(4));
    let mut calls = Calls::default();
    let mut input = document.as_bytes();
    decoder
        .feed(&mut input, &mut calls)
        .expect("a good document");
    decoder.finish_into(&mut calls).expect("a whole document");
    assert_eq!(calls.0, "b4a");
}

/// A caller who forgets to reset must not take the summary of the response before for that of the next one.
#[test]
fn input_after_the_end_is_an_error_that_stays() {
    let document = document(&data("AQID"));
    let mut decoder: Decoder<[u8; 64]> = Decoder::new(options());
    let sink = &mut exportitems::Discard;
    let mut input = document.as_bytes();
    decoder.feed(&mut input, sink).unwrap();
    let summary = decoder.finish_into(sink).unwrap();
    assert_eq!(decoder.finish_into(sink), Ok(summary));
    let finished = FeedError::Response(Error {
        kind: ErrorKind::Finished,
        offset: document.len() as u64,
    });
    for _ in 0..2 {
        let mut input = document.as_bytes();
        assert_eq!(decoder.feed(&mut input, sink), Err(finished));
        assert_eq!(decoder.finish_into(sink), Err(finished));
        assert_eq!(decoder.offset(), document.len() as u64);
    }
    decoder.reset(options());
    let mut input = document.as_bytes();
    decoder.feed(&mut input, sink).unwrap();
    assert_eq!(decoder.finish_into(sink), Ok(summary));
}
