//! Responses that no memory holds: they are made as they are read, in time that grows with them.
//!
//! Full size in release builds (`cargo test --release`); a hundredth or so with debug assertions.

use std::time::{Duration, Instant};

use exportitems::{
    Decoder, ErrorKind, Event, ItemError, Options, ResponseOutcome, Summary, MAX_DEPTH,
};

use crate::support::{good, refused, response};

const GIB: u64 = if cfg!(debug_assertions) {
    2 << 20
} else {
    1 << 30
};
const MILLION: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    1_000_000
};

/// What came of a response that was not kept.
#[derive(Debug, Default)]
struct Findings {
    ok: u64,
    refused: u64,
    other: u64,
    text: u64,
    data: u64,
    summary: Option<Summary>,
    error: Option<ErrorKind>,
}

impl Findings {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::Outcome(outcome) => match outcome.error {
                None => self.ok += 1,
                Some(ItemError::Refused) => self.refused += 1,
                Some(_) => self.other += 1,
            },
            Event::MessageText(text) => self.text += text.len() as u64,
            Event::MessageXml { text, .. } => self.text += text.len() as u64,
            Event::Data(bytes) => self.data += bytes.len() as u64,
            Event::End(summary) => self.summary = Some(summary),
            _ => {}
        }
    }
}

/// Reads `before`, `times` times `unit`, and `after`.
fn read(before: &str, unit: &str, times: u64, after: &str) -> Findings {
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
    let mut findings = Findings::default();
    // Slices as large as a transport's, so that work that depends on them shows.
    let per_slice = (1 << 16) / unit.len() as u64 + 1;
    let slice = unit.repeat(usize::try_from(per_slice).expect("a small number"));
    let mut left = times;
    let units = std::iter::from_fn(|| {
        let n = left.min(per_slice);
        left -= n;
        let len = usize::try_from(n).expect("a small number") * unit.len();
        (n > 0).then(|| &slice.as_bytes()[..len])
    });
    for mut input in std::iter::once(before.as_bytes())
        .chain(units)
        .chain([after.as_bytes()])
    {
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => findings.note(event),
                Ok(None) => break,
                Err(error) => {
                    findings.error = Some(error.kind);
                    return findings;
                }
            }
        }
    }
    loop {
        match decoder.finish() {
            Ok(Some(event)) => findings.note(event),
            Ok(None) => return findings,
            Err(error) => {
                findings.error = Some(error.kind);
                return findings;
            }
        }
    }
}

/// [`read`], a sixteenth of it first: sixteen times as much takes not much more than sixteen times as long.
fn read_in_linear_time(before: &str, unit: &str, times: u64, after: &str) -> Findings {
    let start = Instant::now();
    read(before, unit, times / 16, after);
    let small = start.elapsed();
    let start = Instant::now();
    let findings = read(before, unit, times, after);
    let large = start.elapsed();
    // Quadratic would be 256 times; other programs run at the same time.
    let limit = small * 64 + Duration::from_secs(1);
    assert!(large < limit, "{large:?} after {small:?}");
    findings
}

/// The document around a place.
fn around(document: &str, place: &str) -> (String, String) {
    let (before, after) = document.split_once(place).expect("a place");
    (before.to_owned(), after.to_owned())
}

/// A response of any size takes this memory, which is that of the decoder.
#[test]
fn memory_is_bounded() {
    assert!(size_of::<Decoder<[u8; 512]>>() <= 512 + 256);
}

#[test]
fn a_million_refused_items() {
    let (before, after) = around(&response("HERE"), "HERE");
    let found = read_in_linear_time(&before, &refused(""), MILLION, &after);
    assert_eq!((found.ok, found.refused, found.other), (0, MILLION, 0));
    assert_eq!(
        found.summary.expect("an end").response,
        ResponseOutcome::Complete
    );
}

#[test]
fn a_million_nested_elements() {
    let good = good().replace("</m:Data>", "</m:Data>HERE");
    let (before, after) = around(&response(&good), "HERE");
    let found = read(&before, "<x>", MILLION, &after);
    assert_eq!(found.error, Some(ErrorKind::TooDeep));
    assert_eq!((found.ok, found.other), (0, 1));
    assert!(u64::from(MAX_DEPTH) < MILLION);
}

#[test]
fn a_million_unknown_elements() {
    let good = good().replace("</m:Data>", "</m:Data>HERE");
    let (before, after) = around(&response(&good), "HERE");
    let found = read_in_linear_time(&before, "<x y='z'><v/></x>", MILLION, &after);
    assert_eq!((found.ok, found.error), (1, None));
}

#[test]
fn a_gibibyte_of_attribute() {
    for place in ["ResponseClass=\"", "Id=\"", "xmlns:s=\""] {
        let document = response(&(good() + &good()));
        let (before, after) = around(&document, place);
        let before = before + place;
        let found = read_in_linear_time(&before, "0123456789abcdef", GIB / 16, &after);
        // The class is none of the three; an id that does not fit is left out; a namespace is not looked at.
        let ok = if place.starts_with("Resp") { 1 } else { 2 };
        assert_eq!(
            (found.ok, found.ok + found.other, found.error),
            (ok, 2, None),
            "{place}"
        );
    }
}

#[test]
fn a_gibibyte_of_message_text() {
    for unit in [
        "Access is denied. ",
        "\u{20ac}uro",
        "&#0;",
        "\0\u{1}",
        "<![CDATA[]]]]>",
    ] {
        let content = "<m:MessageText>HERE</m:MessageText>";
        let (before, after) = around(&response(&(refused(content) + &good())), "HERE");
        let times = GIB / unit.len() as u64 / 4;
        let found = read_in_linear_time(&before, unit, times, &after);
        assert_eq!(
            (found.ok, found.refused, found.error),
            (1, 1, None),
            "{unit}"
        );
        let reported = match unit {
            "&#0;" => 3,
            "\0\u{1}" => 6,
            "<![CDATA[]]]]>" => 2,
            _ => unit.len() as u64,
        };
        assert_eq!(found.text, reported * times, "{unit}");
    }
}

#[test]
fn a_gibibyte_in_one_message_text() {
    let (before, after) = around(
        &response(&(refused("<m:MessageText>HERE</m:MessageText>") + &good())),
        "HERE",
    );
    let unit = "0123456789abcdef";
    let found = read(&before, unit, GIB / 16, &after);
    assert_eq!((found.ok, found.text, found.error), (1, GIB, None));
}

#[test]
fn a_gibibyte_of_data_and_of_what_is_none() {
    let document = response(&(good().replace("<m:Data>", "<m:Data>HERE") + &good()));
    let (before, after) = around(&document, "HERE");
    // Opaque bytes before the payload, which make all of it opaque; bytes that are not base64; comments.
    let found = read_in_linear_time(&before, "QUJDREVG", GIB / 8, &after);
    assert_eq!((found.ok, found.error), (2, None));
    assert!(found.data > GIB / 4 * 3);
    let found = read_in_linear_time(&before, "?", GIB / 4, &after);
    assert_eq!((found.ok, found.other, found.error), (1, 1, None));
    let found = read_in_linear_time(&before, "<!-- QUJD -->", GIB / 52, &after);
    assert_eq!((found.ok, found.other, found.error), (2, 0, None));
}

#[test]
fn a_gibibyte_of_names_codes_and_space() {
    let document = response(
        &(refused("<m:MessageXml><t:Value Name=\"HERE\">5</t:Value></m:MessageXml>") + &good()),
    );
    let (before, after) = around(&document, "HERE");
    let found = read_in_linear_time(&before, "Name", GIB / 16, &after);
    assert_eq!((found.ok, found.refused, found.error), (1, 1, None));

    let document = response(&(good() + "HERE" + &good()));
    let (before, after) = around(&document, "HERE");
    let found = read_in_linear_time(&before, " \r\n\t", GIB / 16, &after);
    assert_eq!((found.ok, found.error), (2, None));

    let document = response(&good()).replace("NoError", "HERE");
    let (before, after) = around(&document, "HERE");
    let found = read_in_linear_time(&before, "NoError ", GIB / 64, &after);
    assert_eq!((found.other, found.error), (1, None));

    let found = read("<s:Envelope><", "name", GIB / 4, "/>");
    assert_eq!(found.error, Some(ErrorKind::NameTooLong));
}
