//! What a caller may do at the wrong time: it costs one item, or nothing.

use std::convert::Infallible;

use exportitems::{
    Decoder, ErrorKind, Event, FeedError, ItemError, Options, Outcome, ResponseItemId, Sink,
    Summary,
};

/// Two payloads that differ: two records with one property.
const FIRST: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==";
const SECOND: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAABWQUxVRQ==";

fn document(data: &[&str]) -> String {
    let items = data.iter().map(|data| {
        format!(
            "<ExportItemsResponseMessage ResponseClass='Success'><ResponseCode>NoError</ResponseCode>\
             <ItemId Id='i'/><Data>{data}</Data></ExportItemsResponseMessage>"
        )
    });
    format!(
        "<Envelope><Body><ExportItemsResponse><ResponseMessages>{}</ResponseMessages></ExportItemsResponse></Body>\
         </Envelope>",
        items.collect::<String>()
    )
}

/// Keeps items by the contract of sinks, in which a `begin` may follow an item that had no end.
#[derive(Default)]
struct Keep {
    open: Option<(u32, Vec<u8>)>,
    kept: Vec<(u32, Vec<u8>)>,
    ended: Vec<(u32, Option<ItemError>)>,
}

impl Sink for Keep {
    type Error = Infallible;

    fn begin(&mut self, index: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        self.open = Some((index, Vec::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let (_, data) = self.open.as_mut().expect("begin");
        data.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        let (index, data) = self.open.take().expect("begin");
        assert_eq!((index, data.len() as u64), (outcome.index, outcome.bytes));
        self.kept.push((index, data));
        self.ended.push((outcome.index, None));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        let (index, _) = self.open.take().expect("begin");
        assert_eq!(index, outcome.index);
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        assert!(outcome.error.is_some(), "a good item that never began");
        self.ended.push((outcome.index, outcome.error));
    }
}

/// Feeds and pulls in turns, at every byte: no item is ever put together of two, and none is called good of which the
/// sink or the caller has a part only.
#[test]
fn pull_and_push_never_share_an_item() {
    let document = document(&[FIRST, SECOND, FIRST]);
    let payloads: Vec<Vec<u8>> = {
        let mut keep = Keep::default();
        let mut decoder: Decoder = Decoder::new(Options::new());
        decoder.feed(&mut document.as_bytes(), &mut keep).unwrap();
        decoder.finish_into(&mut keep).unwrap();
        keep.kept.into_iter().map(|(_, data)| data).collect()
    };
    assert_eq!(payloads.len(), 3);
    let mut shared = 0;
    for from in 0..document.len() {
        for len in [0, 1, 5, 60, 200, document.len()] {
            for push_outside in [true, false] {
                let to = document.len().min(from + len);
                let pieces = [&document[..from], &document[from..to], &document[to..]];
                let mut keep = Keep::default();
                let (mut pulled, mut open) = (Vec::new(), Vec::new());
                let mut decoder: Decoder = Decoder::new(Options::new().items(3));
                let mut note = |event: Event<'_>| match event {
                    Event::MessageStart { .. } => open.clear(),
                    Event::Data(bytes) => open.extend_from_slice(bytes),
                    Event::Outcome(outcome) => {
                        pulled.push((outcome.index, outcome.error, open.clone()));
                    }
                    _ => {}
                };
                for (n, piece) in pieces.into_iter().enumerate() {
                    let mut input = piece.as_bytes();
                    if push_outside == (n != 1) {
                        decoder.feed(&mut input, &mut keep).unwrap();
                    } else {
                        while let Some(event) = decoder.next_event(&mut input).unwrap() {
                            note(event);
                        }
                    }
                }
                let summary: Option<Summary> = match push_outside {
                    true => Some(decoder.finish_into(&mut keep).unwrap()),
                    false => {
                        let mut end = None;
                        while let Some(event) = decoder.finish().unwrap() {
                            if let Event::End(summary) = event {
                                end = Some(summary);
                            }
                            note(event);
                        }
                        end
                    }
                };
                let summary = summary.expect("an end");
                let mut outcomes = keep.ended.clone();
                for (index, data) in &keep.kept {
                    assert_eq!(*data, payloads[*index as usize], "{from}..{to}");
                }
                for (index, error, data) in pulled {
                    outcomes.push((index, error));
                    if error.is_none() {
                        assert_eq!(data, payloads[index as usize], "{from}..{to}");
                    }
                }
                outcomes.sort_by_key(|&(index, _)| index);
                assert!(outcomes.iter().map(|it| it.0).eq(0..3), "{outcomes:?}");
                let failed = outcomes.iter().filter(|it| it.1.is_some()).count();
                assert!(failed <= 2, "one for each change");
                assert!(outcomes
                    .iter()
                    .all(|it| matches!(it.1, None | Some(ItemError::Write))));
                assert_eq!(summary.failed as usize, failed);
                shared += failed;
            }
        }
    }
    assert!(shared > 0);
}

/// Issue 13.36: `begin 0, write, write, commit 1` was two items under one id.
#[test]
fn a_sink_is_not_given_half_of_another_item() {
    let document = document(&[FIRST, SECOND]);
    let cut = document.find("VhbHVl").map_or(300, |at| at);
    let mut decoder: Decoder = Decoder::new(Options::new());
    let mut keep = Keep::default();
    let (mut first, mut rest) = (&document.as_bytes()[..cut], &document.as_bytes()[cut..]);
    decoder.feed(&mut first, &mut keep).unwrap();
    while let Some(event) = decoder.next_event(&mut rest).unwrap() {
        if matches!(event, Event::MessageStart { index: 1, .. }) {
            break;
        }
    }
    decoder.feed(&mut rest, &mut keep).unwrap();
    let summary = decoder.finish_into(&mut keep).unwrap();
    assert_eq!(keep.kept, []);
    assert_eq!(keep.ended, [(1, Some(ItemError::Write))]);
    assert_eq!((summary.ok, summary.failed), (0, 2));
}

/// A commit can be rejected until the next event of another item; the end is final.
#[test]
fn what_was_emitted_at_the_end_stays() {
    let document = document(&[FIRST]);
    for at_outcome in [true, false] {
        let mut decoder: Decoder = Decoder::new(Options::new());
        let mut input = document.as_bytes();
        while decoder.next_event(&mut input).unwrap().is_some() {}
        let mut summary = None;
        while let Some(event) = decoder.finish().unwrap() {
            match event {
                Event::Outcome(_) if at_outcome => decoder.reject_item(),
                Event::End(reported) => summary = Some(reported),
                _ => {}
            }
        }
        let summary = summary.expect("an end");
        assert_eq!(summary.ok, u32::from(!at_outcome));
        assert_eq!(summary.failed, u32::from(at_outcome));
        for _ in 0..2 {
            decoder.reject_item();
            assert_eq!(decoder.finish(), Ok(None));
        }
        assert_eq!(decoder.finish_into(&mut Keep::default()), Ok(summary));
    }
}

/// Fails its first write, and keeps the items that are committed.
#[derive(Default)]
struct FailsOnce {
    failed: bool,
    ended: Vec<(u32, Option<ItemError>)>,
}

impl Sink for FailsOnce {
    type Error = ();

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), ()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), ()> {
        match core::mem::replace(&mut self.failed, true) {
            true => Ok(()),
            false => Err(()),
        }
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ()> {
        self.ended.push((outcome.index, None));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.ended.push((outcome.index, outcome.error));
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.abort(outcome);
    }
}

/// Issue 13.40: with a limit on all items, the room for later ones does not depend on how much of a lost item came in
/// one piece.
#[test]
fn what_is_left_after_a_lost_item_does_not_depend_on_pieces() {
    let document = document(&[FIRST, SECOND, FIRST]);
    for (total, item) in [
        (37, 37),
        (73, 37),
        (74, 37),
        (80, 99),
        (110, 37),
        (111, 37),
        (200, 36),
    ] {
        let mut all = Vec::new();
        for size in 1..document.len() {
            let options = Options::new().max_total_bytes(total).max_item_bytes(item);
            let mut decoder: Decoder = Decoder::new(options);
            let mut sink = FailsOnce::default();
            for mut piece in document.as_bytes().chunks(size) {
                while let Err(FeedError::Sink(())) = decoder.feed(&mut piece, &mut sink) {}
            }
            let summary = decoder.finish_into(&mut sink).expect("a whole document");
            all.push((sink.ended, summary.ok, summary.failed));
        }
        all.dedup();
        assert_eq!(all.len(), 1, "{total}: {all:?}");
    }
}

/// [`Decoder::reset`] in the middle of an item: the sink's next call is another item's.
#[test]
fn a_reset_leaves_an_item_without_an_end() {
    let document = document(&[FIRST, SECOND]);
    let mut keep = Keep::default();
    let mut decoder: Decoder = Decoder::new(Options::new());
    let cut = document.find("AgEJEAUA").expect("data") + 4;
    decoder
        .feed(&mut &document.as_bytes()[..cut], &mut keep)
        .unwrap();
    assert!(keep.open.is_some());
    decoder.reset(Options::new());
    decoder.feed(&mut document.as_bytes(), &mut keep).unwrap();
    decoder.finish_into(&mut keep).unwrap();
    assert_eq!(keep.ended, [(0, None), (1, None)]);
    assert!(keep.kept.iter().all(|(_, data)| data.len() == 37));
}

/// The name of an encoding that is refused, as far as the scratch holds it.
#[test]
fn the_declared_encoding_can_be_named() {
    let named = |declaration: &str| {
        let mut decoder = Decoder::with_scratch(Options::new(), [0; 64]).expect("enough");
        let document = format!("{declaration}<Envelope/>");
        let mut kind = None;
        for byte in document.as_bytes() {
            if let Err(error) = decoder.feed(&mut &[*byte][..], &mut Keep::default()) {
                let error = match error {
                    FeedError::Response(error) => error,
                    FeedError::Sink(never) => match never {},
                };
                kind = Some(error.kind);
                break;
            }
        }
        (kind, decoder.declared_encoding().map(str::to_owned))
    };
    let refused = |name: &str| (Some(ErrorKind::Encoding), Some(name.to_owned()));
    assert_eq!(
        named("<?xml version='1.0' encoding='UTF-16'?>"),
        refused("UTF-16")
    );
    assert_eq!(named("<?xml encoding=\"x-&#65;\"?>"), refused("x-A"));
    let long = "n".repeat(100);
    assert_eq!(
        named(&format!("<?xml encoding='{long}'?>")),
        refused(&long[..64])
    );
    assert_eq!(
        named("<?xml encoding=''?>"),
        (Some(ErrorKind::Encoding), None)
    );
    assert_eq!(named("\u{fffe}").1, None);
    assert_eq!(named("\0<\0?").0, Some(ErrorKind::Encoding));
    assert_eq!(
        named("<?xml encoding='utf-8'?><!DOCTYPE x>"),
        (Some(ErrorKind::Dtd), None)
    );
    assert_eq!(named("<?xml encoding='us-ascii'?>").1, None);
}
