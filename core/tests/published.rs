//! The documents of Microsoft's ExportItems page, as published and corrected, in every chunk size.

mod common;

use exportitems::{
    Decoder, Event, IntegrityPolicy, ItemError, Options, Outcome, ResponseClass, ResponseCode,
};

/// Outcomes, and all events as text, adjacent pieces joined.
fn decode(document: &[u8], step: usize) -> (Vec<Outcome>, Vec<String>) {
    let mut decoder =
        Decoder::<[u8; 512]>::new(Options::new().items(3).integrity(IntegrityPolicy::Report));
    let mut outcomes = Vec::new();
    let mut reported: Vec<String> = Vec::new();
    let mut open: Option<(&str, Vec<u8>)> = None;
    let mut report = |event: Event<'_>| {
        let (kind, bytes) = match event {
            Event::Data(bytes) => ("data", bytes),
            Event::MessageText(text) => ("text", text.as_bytes()),
            other => {
                if let Some((kind, bytes)) = open.take() {
                    reported.push(format!("{kind} {} {bytes:?}", bytes.len()));
                }
                reported.push(format!("{other:?}"));
                if let Event::Outcome(outcome) = other {
                    outcomes.push(outcome);
                }
                return;
            }
        };
        match &mut open {
            Some((open, joined)) if *open == kind => joined.extend_from_slice(bytes),
            _ => open = Some((kind, bytes.to_vec())),
        }
    };
    for mut input in document.chunks(step) {
        while let Some(event) = decoder.next_event(&mut input).expect("a good document") {
            report(event);
        }
        assert!(input.is_empty());
    }
    while let Some(event) = decoder.finish().expect("a whole document") {
        report(event);
    }
    (outcomes, reported)
}

fn published(name: &str) -> Option<Vec<u8>> {
    let path = common::data::path(&format!("samples/exportitems-page/{name}"))?;
    Some(std::fs::read(path).expect("a readable file"))
}

#[test]
fn success() {
    for name in [
        "02_response_success_http-ns.xml",
        "02_response_success_as-published_https-ns.xml",
    ] {
        let Some(document) = published(name) else {
            return;
        };
        let (outcomes, _) = decode(&document, document.len());
        let got: Vec<_> = outcomes
            .iter()
            .map(|o| (o.index, o.bytes, o.error))
            .collect();
        assert_eq!(
            got,
            [
                (0, 254, None),
                (1, 687, Some(ItemError::Base64)),
                (2, 480, None)
            ]
        );
    }
}

#[test]
fn errors() {
    for name in [
        "03_response_partial_errors_http-ns.xml",
        "03_response_partial_errors_as-published_https-ns.xml",
    ] {
        let Some(document) = published(name) else {
            return;
        };
        let (outcomes, events) = decode(&document, document.len());
        let got: Vec<_> = outcomes
            .iter()
            .map(|o| (o.class, o.code, o.error))
            .collect();
        let refused = (Some(ResponseClass::Error), Some(ItemError::Refused));
        assert_eq!(
            got,
            [
                (
                    Some(ResponseClass::Success),
                    Some(ResponseCode::NoError),
                    None
                ),
                (
                    refused.0,
                    Some(ResponseCode::ErrorInvalidChangeKey),
                    refused.1
                ),
                (
                    refused.0,
                    Some(ResponseCode::ErrorNonExistentMailbox),
                    refused.1
                ),
            ]
        );
        let guid = "MessageXml { name: \"MailboxGuid\", text: \"f3f6f699-2254-40ce-9994-388d9d98419e\", last: true }";
        assert!(events.iter().any(|event| event == guid), "{events:#?}");
    }
}

#[test]
fn every_chunk_size() {
    for name in [
        "02_response_success_http-ns.xml",
        "03_response_partial_errors_http-ns.xml",
    ] {
        let Some(document) = published(name) else {
            return;
        };
        let whole = decode(&document, document.len());
        for step in 1..document.len() {
            assert_eq!(decode(&document, step), whole, "{name} by {step}");
        }
    }
}
