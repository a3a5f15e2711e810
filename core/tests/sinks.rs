//! The ready sinks, with two good items around a broken one and a refused one.

use std::convert::Infallible;

use exportitems::{
    fail_all, Decoder, Discard, Event, FeedError, Options, Outcome, ResponseItemId, Sink,
    SliceSink, Summary, Tee,
};

const WHOLE: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";

fn response() -> String {
    let message = |data: &str| {
        format!(
            "<m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
             <m:Data>{data}</m:Data></m:ExportItemsResponseMessage>"
        )
    };
    let refused =
        "<m:ExportItemsResponseMessage ResponseClass='Error'><m:ResponseCode>ErrorItemNotFound\
         </m:ResponseCode></m:ExportItemsResponseMessage>";
    let broken = message("AQAAAAgAAAA*") + refused;
    let items = [message(WHOLE), broken, message(WHOLE)].concat();
    format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><m:ExportItemsResponse \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages'><m:ResponseMessages>{items}\
         </m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

/// Feeds the response, over every error of the sink; the number of items that were kept, and of errors.
fn run<K: Sink>(sink: &mut K) -> (u32, u32) {
    let response = response();
    let mut decoder: Decoder = Decoder::new(Options::new().items(4));
    let (mut input, mut errors) = (response.as_bytes(), 0);
    while let Err(FeedError::Sink(_)) = decoder.feed(&mut input, sink) {
        errors += 1;
    }
    loop {
        match decoder.finish_into(sink) {
            Ok(summary) => return (summary.ok, errors),
            Err(FeedError::Sink(_)) => errors += 1,
            Err(FeedError::Response(error)) => panic!("{error}"),
        }
    }
}

/// A digest of what was committed: the sum of its bytes.
#[derive(Default)]
struct Sum {
    running: u64,
    committed: u64,
}

impl Sink for Sum {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        self.running = 0;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.running += bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
        self.committed += self.running;
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, _: &Outcome) {}
}

/// Either of a [`Tee`] may know whose an id is; that it is another item's goes first.
#[test]
fn both_of_a_tee_compare_ids() {
    use exportitems::IdMatch::{self, Other, Same, Unknown};

    struct Says(IdMatch);

    impl Sink for Says {
        type Error = Infallible;

        fn compare_id(&mut self, _: u32, _: &ResponseItemId<'_>) -> IdMatch {
            self.0
        }

        fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
            Ok(())
        }

        fn write(&mut self, _: &[u8]) -> Result<(), Infallible> {
            Ok(())
        }

        fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
            Ok(())
        }

        fn abort(&mut self, _: &Outcome) {}

        fn failed(&mut self, _: &Outcome) {}
    }

    for (sink, observer, both) in [
        (Unknown, Unknown, Unknown),
        (Unknown, Same, Same),
        (Same, Unknown, Same),
        (Same, Same, Same),
        (Other, Same, Other),
        (Same, Other, Other),
        (Unknown, Other, Other),
    ] {
        let mut tee = Tee::new(Says(sink), Says(observer));
        assert_eq!(tee.compare_id(0, &ResponseItemId::default()), both);
    }
    assert_eq!(Discard.compare_id(0, &ResponseItemId::default()), Unknown);
}

#[test]
fn discard_counts_only() {
    assert_eq!(run(&mut Discard), (2, 0));
}

#[test]
fn a_slice_keeps_the_good_items_one_after_the_other() {
    let mut room = [0xFF; 64];
    let mut sink = SliceSink::new(&mut room);
    assert_eq!(run(&mut sink), (2, 0));
    assert_eq!(sink.committed().len(), 64);
    let (first, second) = sink.committed().split_at(32);
    assert_eq!(first, second);
    assert_eq!(&first[..8], [1, 0, 0, 0, 8, 0, 0, 0]);
}

#[test]
fn a_full_slice_costs_the_item_and_its_observer_does_not_see_it_committed() {
    let mut room = [0; 63];
    let mut tee = Tee::new(SliceSink::new(&mut room), Sum::default());
    assert_eq!(run(&mut tee), (1, 1));
    let kept: u64 = tee
        .sink
        .committed()
        .iter()
        .map(|&byte| u64::from(byte))
        .sum();
    assert_eq!(tee.observer.committed, kept);
    assert_eq!(tee.sink.committed().len(), 32);
}

/// Records its calls; refuses each commit with `refusal`, if there is one.
struct Notes<E> {
    refusal: Option<E>,
    reported: Vec<String>,
}

impl<E> Notes<E> {
    fn new(refusal: Option<E>) -> Self {
        let reported = Vec::new();
        Self { refusal, reported }
    }
}

impl<E: Copy> Sink for Notes<E> {
    type Error = E;

    fn begin(&mut self, index: u32, _: ResponseItemId<'_>) -> Result<(), E> {
        self.reported.push(format!("begin {index}"));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.reported.push(format!("write {bytes:?}"));
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), E> {
        self.reported.push(format!("commit {}", outcome.index));
        self.refusal.map_or(Ok(()), Err)
    }

    fn abort(&mut self, outcome: &Outcome) {
        let error = outcome.error.expect("an error");
        self.reported
            .push(format!("abort {} {error}", outcome.index));
    }

    fn failed(&mut self, outcome: &Outcome) {
        let error = outcome.error.expect("an error");
        self.reported
            .push(format!("failed {} {error}", outcome.index));
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Event::ResponseCode { text, .. } = event {
            self.reported.push((*text).to_owned());
        }
    }

    fn end(&mut self, summary: &Summary) {
        self.reported
            .push(format!("{} of {}", summary.ok, summary.items));
    }
}

#[test]
fn an_observer_gets_the_calls_of_the_sink() {
    let mut tee = Tee::new(
        Notes::<Infallible>::new(None),
        Notes::<Infallible>::new(None),
    );
    assert_eq!(run(&mut tee), (2, 0));
    assert_eq!(tee.sink.reported, tee.observer.reported);
    let reported = tee
        .sink
        .reported
        .iter()
        .filter(|call| !call.starts_with("write"));
    assert!(reported.eq(&[
        "NoError",
        "begin 0",
        "commit 0",
        "NoError",
        "begin 1",
        "abort 1 base64",
        "ErrorItemNotFound",
        "failed 2 refused",
        "NoError",
        "begin 3",
        "commit 3",
        "2 of 4"
    ]));
}

/// "of a commit only if the sink has made it"
#[test]
fn an_observer_hears_of_an_abort_where_the_sink_could_not_commit() {
    let mut tee = Tee::new(
        Notes::new(Some("disk full")),
        Notes::<Infallible>::new(None),
    );
    assert_eq!(run(&mut tee), (0, 2));
    let committed = |reported: &[String]| reported.iter().any(|call| call.starts_with("commit"));
    assert!(committed(&tee.sink.reported) && !committed(&tee.observer.reported));
    for index in [0, 3] {
        assert!(tee
            .observer
            .reported
            .contains(&format!("abort {index} write")));
    }
}

#[cfg(feature = "embedded-io")]
#[test]
fn a_writer_gets_what_came() {
    let mut room = [0; 80];
    let mut sink = exportitems::WriteSink(&mut room[..]);
    assert_eq!(run(&mut sink).0, 2);
    assert_eq!(sink.0.len(), 80 - 32 - 6 - 32);
}

/// A writer that takes no more bytes fails the item: `embedded_io::Write::write_all` would panic.
#[cfg(feature = "embedded-io")]
#[test]
fn a_writer_that_is_full_fails_the_item() {
    use exportitems::WriteError;

    /// Takes bytes one at a time, as far as it has room.
    struct Full {
        room: usize,
        error: Option<embedded_io::ErrorKind>,
    }

    impl embedded_io::ErrorType for Full {
        type Error = embedded_io::ErrorKind;
    }

    impl embedded_io::Write for Full {
        fn write(&mut self, _: &[u8]) -> Result<usize, Self::Error> {
            match (self.room, self.error) {
                (0, Some(error)) => Err(error),
                (0, None) => Ok(0),
                (room, _) => {
                    self.room = room - 1;
                    Ok(1)
                }
            }
        }

        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    let other = embedded_io::ErrorKind::Other;
    for (error, expected) in [
        (None, WriteError::WriteZero),
        (Some(other), WriteError::Other(other)),
    ] {
        let mut sink = exportitems::WriteSink(Full { room: 40, error });
        let response = response();
        let mut decoder: Decoder = Decoder::new(Options::new());
        let mut input = response.as_bytes();
        let failed = decoder.feed(&mut input, &mut sink);
        assert_eq!(failed, Err(FeedError::Sink(expected)));
        assert!(!expected.to_string().is_empty());
    }
    let kind = embedded_io::Error::kind(&WriteError::<Infallible>::WriteZero);
    assert_eq!(kind, embedded_io::ErrorKind::WriteZero);
}

/// "flushes to commit": once for each item that is kept, after its last byte.
#[cfg(feature = "embedded-io")]
#[test]
fn a_writer_is_flushed_to_commit() {
    #[derive(Default)]
    struct Buffered {
        written: usize,
        flushed_at: Vec<usize>,
    }

    impl embedded_io::ErrorType for Buffered {
        type Error = Infallible;
    }

    impl embedded_io::Write for Buffered {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            self.written += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            self.flushed_at.push(self.written);
            Ok(())
        }
    }

    let mut sink = exportitems::WriteSink(Buffered::default());
    assert_eq!(run(&mut sink), (2, 0));
    assert_eq!(sink.0.flushed_at, [32, 32 + 6 + 32]);
}

/// Items of a request without a response fail as those of an empty response do.
#[test]
fn without_a_response_every_item_is_not_answered() {
    #[derive(Default)]
    struct Failed(Vec<Outcome>);

    impl Sink for Failed {
        type Error = Infallible;

        fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
            unreachable!()
        }
        fn write(&mut self, _: &[u8]) -> Result<(), Infallible> {
            unreachable!()
        }
        fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
            unreachable!()
        }
        fn abort(&mut self, _: &Outcome) {
            unreachable!()
        }
        fn failed(&mut self, outcome: &Outcome) {
            self.0.push(*outcome);
        }
    }

    for items in [0, 1, 3] {
        let (mut all, mut empty) = (Failed::default(), Failed::default());
        fail_all(&mut all, items);
        let mut decoder = Decoder::<[u8; 64]>::new(Options::new().items(items));
        assert!(decoder.finish_into(&mut empty).is_err());
        assert_eq!(all.0, empty.0);
        assert_eq!(all.0.len(), items as usize);
    }
}
