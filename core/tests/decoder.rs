//! What a decoder must not get wrong again: each test is a response that once was.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use exportitems::{
    Attribute, Decoder, Error, ErrorKind, Event, FeedError, IntegrityPolicy, ItemError, Options,
    Outcome, ResponseCode, ResponseItemId, ResponseOutcome, Sink, Summary, MIN_SCRATCH,
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

/// Invariant 5: the work of a call is bounded by what it consumes, not by the length of its input.
#[test]
fn a_long_text_in_one_input_takes_linear_time() {
    let text = "x".repeat(1 << 20);
    for text in [text.clone(), format!("<![CDATA[{text}]]>")] {
        let message = format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:MessageText>{text}</m:MessageText>\
             </m:ExportItemsResponseMessage>"
        );
        let document = document(&message);
        let start = Instant::now();
        let reported = run_in(&document, options(), document.len(), 64);
        assert_eq!(reported.texts.len(), 1 << 20);
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
    }
}

/// Invariant 1: how much of an interrupted text is emitted depends on the document alone.
#[test]
fn an_interrupted_text_is_emitted_as_far_as_it_arrived() {
    let text = "0123456789".repeat(13);
    let message = |inner: &str| {
        let open = "<s:Envelope><s:Body><m:ExportItemsResponse><m:ResponseMessages>\
             <m:ExportItemsResponseMessage ResponseClass=\"Error\">";
        run(&format!("{open}{inner}"), options()).texts
    };
    for end in [
        "",
        "<",
        "&",
        "&nbsp;",
        "<!--",
        "</",
        "</m:x>",
        "<x>",
        "<m:a b='c'",
    ] {
        let reported = message(&format!("<m:MessageText>{text}{end}"));
        assert_eq!(reported, text, "{end}");
    }
    assert_eq!(
        message("<m:MessageText>a\u{20ac}\u{0}b"),
        "a\u{20ac}\u{fffd}b"
    );
    assert_eq!(message("<m:MessageText a='bcd"), "");
    assert_eq!(message("<m:MessageText a='bcd'"), "");
    assert_eq!(message("<m:MessageXml><t:Value Name='bcd'"), "");
}

#[test]
fn the_detail_of_a_fault_goes_before_its_faultcode() {
    let busy = "<e:ResponseCode>ErrorServerBusy</e:ResponseCode>";
    let cases = [
        (
            "a:ErrorInternalServerError",
            busy,
            Some(ResponseCode::ErrorServerBusy),
        ),
        ("soap:Client", busy, Some(ResponseCode::ErrorServerBusy)),
        ("a:ErrorServerBusy", "", Some(ResponseCode::ErrorServerBusy)),
        (
            "a:ErrorServerBusy",
            "<e:ResponseCode>ErrorNew</e:ResponseCode>",
            Some(ResponseCode::Other),
        ),
        ("soap:Client", "", None),
        // Its first 64 bytes end in another code.
        (&format!("{}:ErrorInvalidIdEmpty", "p".repeat(49)), "", None),
    ];
    for (faultcode, detail, code) in cases {
        let reported = run(
            &format!(
                "<s:Envelope><s:Body><s:Fault><faultcode>{faultcode}</faultcode>\
                 <detail>{detail}</detail></s:Fault></s:Body></s:Envelope>"
            ),
            options(),
        );
        let fault = reported.summary.expect("an end").fault.expect("a fault");
        assert_eq!(fault.code, code, "{faultcode} {detail}");
    }
}

/// A code or a number counts only if it is held as a whole, in a scratch of any size.
#[test]
fn short_texts_do_not_depend_on_the_scratch() {
    let spaces = " ".repeat(200);
    let message = |code: &str, back_off: &str| {
        let message = format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>{code}</m:ResponseCode>\
             <m:MessageXml><t:Value Name=\"BackOffMilliseconds\">{back_off}</t:Value></m:MessageXml>\
             <m:Data>QUJD</m:Data></m:ExportItemsResponseMessage>"
        );
        let reported = run(&document(&message), options());
        (reported.outcomes[0].code, reported.outcomes[0].back_off_ms)
    };
    let other = Some(ResponseCode::Other);
    assert_eq!(
        message("NoError", "5000"),
        (Some(ResponseCode::NoError), Some(5000))
    );
    assert_eq!(
        message(&format!("{spaces}NoError\n{spaces}"), " 5 "),
        (Some(ResponseCode::NoError), Some(5))
    );
    assert_eq!(message(&format!("NoError{spaces}But"), "").0, other);
    assert_eq!(message("NoError&#0;", "").0, other);
    assert_eq!(message(&format!("{}NoError", "x".repeat(600)), "").0, other);
    assert_eq!(message("", &format!("{spaces}5000")), (other, None));
    assert_eq!(
        message("", &format!("5{}", "0".repeat(30))).1,
        Some(u32::MAX)
    );
}

/// `Summary::suspect` counts committed items; one that the caller could not keep is none, nor is one that is whole.
#[test]
fn a_rejected_commit_is_no_suspect() {
    const WHOLE: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==";
    for (rejected, other, suspect) in [
        ("QUJDREVGR0g=", "QUJDREVGR0g=", 1),
        ("QUJDREVGR0g=", WHOLE, 0),
        (WHOLE, "QUJDREVGR0g=", 1),
        (WHOLE, WHOLE, 0),
    ] {
        let messages = [rejected, other, other].map(data).concat();
        let document = document(&(messages + "=== Truncated Data ==="));
        let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
        let mut input = document.as_bytes();
        let mut reported = None;
        while let Ok(Some(event)) = decoder.next_event(&mut input) {
            match event {
                Event::Outcome(Outcome { index: 0, .. }) => {
                    decoder.reject_item();
                    decoder.reject_item(); // there is nothing more to reject
                }
                Event::End(summary) => {
                    reported = Some((summary.ok, summary.failed, summary.suspect));
                }
                _ => {}
            }
        }
        assert_eq!(reported, Some((1, 2, suspect)), "{rejected} {other}");
    }
}

/// An id that is not UTF-8 is left out with its length, and the item continues; such a code is unknown.
#[test]
fn what_is_not_utf_8_is_left_out() {
    let message =
        "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>No?Error \
         </m:ResponseCode><t:ItemId Id=\"AA?A\" ChangeKey=\"K\"/></m:ExportItemsResponseMessage>";
    let mut document = document(message).into_bytes();
    for byte in &mut document {
        if *byte == b'?' {
            *byte = 0xFF;
        }
    }
    let mut decoder = Decoder::<[u8; 512]>::new(options());
    let mut input = &document[..];
    let (mut ids, mut codes) = (0, 0);
    while let Some(event) = decoder.next_event(&mut input).unwrap() {
        match event {
            Event::ItemId(reported) => {
                assert_eq!(reported.id, Attribute::Omitted { len: 4 });
                assert_eq!(reported.change_key, Attribute::Value("K"));
                ids += 1;
            }
            Event::ResponseCode { code, text } => {
                assert_eq!((code, text), (ResponseCode::Other, "No"));
                codes += 1;
            }
            _ => {}
        }
    }
    assert_eq!((ids, codes), (1, 1));
}

/// An id that does not fit after the one before it is left out with its length, and hides no other.
#[test]
fn an_id_that_does_not_fit_is_left_out() {
    let (id, key, long) = ("I".repeat(40), "K".repeat(25), "L".repeat(100));
    let omitted = |len| Attribute::Omitted { len };
    for (ids, (reported_id, reported_key)) in [
        (
            [("Id", "I"), ("ChangeKey", &*long)],
            (Attribute::Value("I"), omitted(100)),
        ),
        (
            [("Id", &long), ("ChangeKey", "K")],
            (omitted(100), Attribute::Value("K")),
        ),
        (
            [("Id", &id), ("ChangeKey", &key)],
            (Attribute::Value(&id), omitted(25)),
        ),
        (
            [("Id", &long), ("ChangeKey", &key)],
            (omitted(100), Attribute::Value(&key)),
        ),
        (
            [("Id", &long), ("ChangeKey", &long)],
            (omitted(100), omitted(100)),
        ),
    ] {
        let ids = ids
            .map(|(name, value)| format!(" {name}=\"{value}\""))
            .concat();
        let document = document(&format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ItemId{ids}/>\
             </m:ExportItemsResponseMessage>"
        ));
        let mut decoder = Decoder::with_scratch(options(), [0; MIN_SCRATCH]).expect("enough");
        let mut input = document.as_bytes();
        let mut count = 0;
        while let Some(event) = decoder.next_event(&mut input).unwrap() {
            if let Event::ItemId(reported) = event {
                assert_eq!(
                    (reported.id, reported.change_key),
                    (reported_id, reported_key),
                    "{ids}"
                );
                count += 1;
            }
        }
        assert_eq!(count, 1);
    }
}

#[test]
fn a_long_name_of_a_value_is_no_text() {
    let message = format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:MessageXml>\
         <t:Value Name=\"{}\">value</t:Value></m:MessageXml></m:ExportItemsResponseMessage>",
        "N".repeat(600),
    );
    assert_eq!(run(&document(&message), options()).texts, "value");
}

#[test]
fn an_item_without_an_answer_fails_where_the_response_ended() {
    for (document, offset) in [
        (document(""), document("").len()),
        (
            document("<!-- -->  text"),
            document("").find("</m:Resp").unwrap() + 10,
        ),
        (document("<x").split_at(60).0.to_owned(), 60),
    ] {
        let reported = run(&document, options().items(2));
        for outcome in reported.outcomes {
            assert_eq!(
                (outcome.error, outcome.offset),
                (Some(ItemError::NotAnswered), offset as u64)
            );
        }
    }
}

/// An item that the caller rejects fails for that, not for what it therefore lacks.
#[test]
fn a_rejected_item_fails_for_being_rejected() {
    // Two records and a property; by the first 48 bytes of it, a cut payload.
    let payload = format!(
        "AQAAAAgAAAAAAAAAAQAAAAIAAACIAAAAAgEJEIAAAAA{}==",
        "A".repeat(171)
    );
    let document = document(&data(&payload));
    for reject_at_start in [true, false] {
        let mut decoder = Decoder::<[u8; 64]>::new(Options::new());
        let mut input = document.as_bytes();
        let outcome = loop {
            let event = match decoder.next_event(&mut input) {
                Ok(None) => decoder.finish(),
                event => event,
            };
            match event.expect("a good document").expect("an outcome") {
                Event::MessageStart { .. } if reject_at_start => decoder.reject_item(),
                Event::Data(_) => decoder.reject_item(),
                Event::Outcome(outcome) => break outcome,
                _ => {}
            }
        };
        assert_eq!(outcome.error, Some(ItemError::Write));
        assert_eq!(outcome.integrity, None);
    }
    assert_eq!(run_in(&document, Options::new(), 64, 64).errors(), [None]);
}

/// The marker truncates the response if it is in place of the end tags; a response that is cut after an
/// item that it truncated is cut.
#[test]
fn a_cut_after_a_truncated_item_is_a_cut() {
    let whole = document(&data(&format!("QUJD{MARKER}")));
    let marker_end = whole.find(MARKER).unwrap() + MARKER.len();
    for (end, response) in [
        (marker_end, ResponseOutcome::Truncated),
        (marker_end + "</m:Data".len(), ResponseOutcome::Truncated),
        (marker_end + "</m:Data>".len(), ResponseOutcome::Cut),
        (whole.len() - 1, ResponseOutcome::Cut),
        (whole.len(), ResponseOutcome::Complete),
    ] {
        let reported = run(&whole[..end], options());
        assert_eq!(reported.errors(), [Some(ItemError::Truncated)]);
        assert_eq!(reported.response(), response, "cut at {end}");
    }
}

/// A replacement after a fault is not in a text of the fault: it is noted for the message without an outcome.
#[test]
fn an_illegal_character_after_a_fault_is_not_part_of_it() {
    let message = document(&data("QUJD"));
    for (after, replaced) in [
        ("<s:Fault/>&#1;", true),
        ("<s:Fault/>x", false),
        ("<s:Fault><faultstring>&#1;</faultstring></s:Fault>", false),
    ] {
        let reported = run(
            &message.replace("</s:Body>", &format!("{after}</s:Body>")),
            options(),
        );
        assert_eq!(reported.outcomes[0].text_replaced, replaced, "{after}");
    }
}

/// XML 1.0 §2.6: a processing instruction has a target. Readers differ on where one without it ends.
#[test]
fn an_instruction_without_a_target_is_refused() {
    for instruction in ["<?>?>", "<??>", "<? x?>"] {
        let reported = run(&document(instruction), options());
        let kind = reported.error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::UnexpectedByte), "{instruction}");
    }
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

#[test]
fn the_largest_number_of_items_is_no_unknown_one() {
    for (items, more) in [
        (Some(u32::MAX), true),
        (Some(2), true),
        (Some(1), false),
        (None, false),
    ] {
        let document = document(&data("AQID"));
        let options = items.map_or(options(), |items| options().items(items));
        let mut decoder: Decoder<[u8; 64]> = Decoder::new(options);
        let mut input = document.as_bytes();
        while decoder.next_event(&mut input).unwrap().is_some() {}
        // The outcome of an item that is not answered, or the end.
        let next = loop {
            match decoder.finish().unwrap() {
                Some(Event::Outcome(outcome)) if outcome.index == 0 => {}
                Some(Event::Outcome(outcome)) => break outcome.error,
                Some(Event::End(_)) => break None,
                event => assert!(event.is_some()),
            }
        };
        assert_eq!(next, more.then_some(ItemError::NotAnswered), "{items:?}");
    }
}
