//! What a decoder must not get wrong again: each test is a response that once was.

use std::fmt::Write as _;

use exportitems::{Decoder, Error, Event, ItemError, Options, Outcome, Summary};

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
struct Told {
    texts: String,
    outcomes: Vec<Outcome>,
    summary: Option<Summary>,
    error: Option<Error>,
}

impl Told {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::MessageText(text) | Event::FaultString(text) => self.texts += text,
            Event::MessageXml { name, text, .. } => write!(self.texts, "{name}={text}").unwrap(),
            Event::Outcome(outcome) => self.outcomes.push(outcome),
            Event::End(summary) => self.summary = Some(summary),
            _ => {}
        }
    }

    fn errors(&self) -> Vec<Option<ItemError>> {
        self.outcomes.iter().map(|outcome| outcome.error).collect()
    }
}

/// What is told of a document in pieces of `step` bytes, in this much scratch.
fn run_in(document: &str, options: Options, step: usize, scratch: usize) -> Told {
    let mut scratch = vec![0; scratch];
    let mut decoder = Decoder::with_scratch(options, &mut scratch[..]).expect("enough scratch");
    let mut told = Told::default();
    for mut input in document.as_bytes().chunks(step) {
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => told.note(event),
                Ok(None) => break,
                Err(error) => {
                    told.error = Some(error);
                    return told;
                }
            }
        }
    }
    loop {
        match decoder.finish() {
            Ok(Some(event)) => told.note(event),
            Ok(None) => return told,
            Err(error) => {
                told.error = Some(error);
                return told;
            }
        }
    }
}

/// What is told of a document, the same in pieces of every size and in scratches of several.
fn run(document: &str, options: Options) -> Told {
    let whole = run_in(document, options, document.len(), 512);
    for scratch in [64, 65, 100, 512] {
        for step in 1..=document.len() {
            let told = run_in(document, options, step, scratch);
            assert_eq!(told, whole, "by {step} in {scratch}: {document}");
        }
    }
    whole
}

#[test]
fn data_goes_on_behind_a_comment_or_cdata_in_the_same_input() {
    let cases = [
        "QUJD<!-- -->REVG",
        "QUJD<?pi?>REVG",
        "<![CDATA[QUJD]]>REVG",
        "QUJD<![CDATA[REVG]]>",
        "QU<!-- -->JDRE<![CDATA[V]]>G",
    ];
    for content in cases {
        let told = run(&document(&data(content)), Options::new());
        assert_eq!((told.errors(), told.outcomes[0].bytes), (vec![None], 6));
    }
}
