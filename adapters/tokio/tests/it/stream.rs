//! Decoding a stream gives what pushing the same bytes gives, however they are split.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use exportitems_testkit::script::Script;
use exportitems_testkit::sink::{push, Checked};
use exportitems_testkit::wire;
use exportitems_tokio::{decode_stream, StreamError};
use futures_core::Stream;

use crate::common::{runtime, Waiting};

/// Pieces, each after a poll that is not ready.
struct Pieces {
    pieces: VecDeque<io::Result<Bytes>>,
    is_ready: bool,
}

impl Pieces {
    fn new(document: &[u8], len: usize) -> Self {
        let pieces = document.chunks(len).map(Bytes::copy_from_slice).map(Ok);
        Self {
            pieces: pieces.collect(),
            is_ready: false,
        }
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.is_ready ^= true;
        if self.is_ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop_front())
    }
}

#[test]
fn each_split_gives_what_pushing_gives() {
    let runtime = runtime();
    let (mut ok, mut failed) = (0, 0);
    for seed in 0..60 {
        let script = Script::from_seed(seed);
        let (document, setup) = (wire::write(&script).bytes, script.setup());
        let mut pushed = Checked::default();
        let expected = push(&[&document], setup, &mut pushed);
        // The scratch decides how data are cut into pieces, and the test kit's ids are compared by its own rule.
        if setup.compare_ids {
            continue;
        }
        for len in [1, 7, 1000, usize::MAX] {
            let mut sink = Checked::default();
            let pieces = Pieces::new(&document, len.min(document.len().max(1)));
            let mut waiting = Waiting(&mut sink);
            let decoded = decode_stream(pieces, setup.options(), &mut waiting);
            match (runtime.block_on(decoded), &expected) {
                (Ok(summary), Ok(expected)) => assert_eq!(summary, *expected, "seed {seed}"),
                (Err(StreamError::Response(error)), Err(expected)) => {
                    assert_eq!(error, *expected, "seed {seed}");
                }
                (found, expected) => panic!("seed {seed}: {found:?}, not {expected:?}"),
            }
            assert_eq!(sink.committed, pushed.committed, "seed {seed}");
            assert_eq!(sink.aborted, pushed.aborted, "seed {seed}");
            let outcomes: Vec<_> = sink.notes.outcomes().collect();
            let expected: Vec<_> = pushed.notes.outcomes().collect();
            assert_eq!(outcomes, expected, "seed {seed}");
        }
        match expected {
            Ok(_) => ok += 1,
            Err(_) => failed += 1,
        }
    }
    assert!(ok > 10 && failed > 2, "{ok} good, {failed} bad");
}

#[test]
fn a_stream_that_fails_is_named_unless_the_document_was_complete() {
    let script = (0..1000)
        .map(Script::from_seed)
        .find(|script| {
            let document = wire::write(script).bytes;
            push(&[&document], script.setup(), &mut Checked::default())
                .is_ok_and(|summary| summary.ok > 0 && summary.trailing == 0)
        })
        .unwrap();
    let document = wire::write(&script).bytes;
    for cut in [document.len() / 2, document.len()] {
        let mut pieces = Pieces::new(&document[..cut], 1000);
        let broken = io::Error::new(io::ErrorKind::ConnectionReset, "reset");
        pieces.pieces.push_back(Err(broken));
        let mut sink = Checked::default();
        let options = script.setup().options();
        let result = runtime().block_on(decode_stream(pieces, options, &mut Waiting(&mut sink)));
        match (result, cut == document.len()) {
            (Ok(_), true) => {}
            (Err(StreamError::Stream(error)), false) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            }
            (result, _) => panic!("{result:?} after {cut} bytes"),
        }
    }
}
