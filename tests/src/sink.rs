//! A sink that knows the contract of sinks.

use core::fmt;

use exportitems::{
    Decoder, Error, Event, FeedError, IdMatch, Outcome, ResponseItemId, Sink, Summary,
};

use crate::run::{compare_id, Reported, Run, Setup};

/// A sink that panics when it is not called as the documentation of [`Sink`] says, keeps what it is
/// given, and fails when the test says so.
#[derive(Debug, Default)]
pub struct Checked {
    /// What was noted besides items, outcomes among it.
    pub notes: Run,
    /// Items that were committed: index and payload.
    pub committed: Vec<(u32, Vec<u8>)>,
    /// Items that began and were aborted.
    pub aborted: Vec<u32>,
    /// The item under way.
    open: Option<(u32, Vec<u8>)>,
    next: u32,
    compare_ids: bool,
    failing: Failing,
    ended: bool,
}

/// When a sink fails.
#[derive(Debug, Default)]
struct Failing {
    /// Calls that may fail, counted down.
    calls_left: Option<u32>,
    /// The next commit fails.
    next_commit: bool,
    /// The item that failed.
    item: Option<u32>,
    /// It failed to be committed.
    in_commit: bool,
}

/// The sink failed because the test said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink failed because it was reported to")
    }
}

impl core::error::Error for Failed {}

impl Checked {
    /// A sink whose `n`th call that can fail does, counted from 0.
    #[must_use]
    pub fn failing_at(n: u32) -> Self {
        Self {
            failing: Failing {
                calls_left: Some(n),
                ..Failing::default()
            },
            ..Self::default()
        }
    }

    /// A sink whose first `commit` fails.
    #[must_use]
    pub fn failing_to_commit() -> Self {
        Self {
            failing: Failing {
                next_commit: true,
                ..Failing::default()
            },
            ..Self::default()
        }
    }

    /// The item that failed because the sink did.
    #[must_use]
    pub fn failed_item(&self) -> Option<u32> {
        self.failing.item
    }

    /// Whether that was when it was committed.
    #[must_use]
    pub fn failed_to_commit(&self) -> bool {
        self.failing.in_commit
    }

    fn may_fail(&mut self, item: u32) -> Result<(), Failed> {
        match &mut self.failing.calls_left {
            Some(0) => {
                self.failing.calls_left = None;
                self.failing.item = Some(item);
                Err(Failed)
            }
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        assert!(!self.ended, "an outcome after the end");
        assert_eq!(outcome.index, self.next, "outcomes come in order, once");
        self.next += 1;
        self.notes.reported.push(Reported::Outcome(*outcome));
    }
}

impl Sink for Checked {
    type Error = Failed;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        assert_eq!(index, self.next, "the ids of another item");
        match self.compare_ids {
            true => compare_id(index, ids.id.value()),
            false => IdMatch::Unknown,
        }
    }

    fn begin(&mut self, index: u32, _: ResponseItemId<'_>) -> Result<(), Failed> {
        assert_eq!(self.open, None, "begin of an item in an item");
        assert_eq!(index, self.next, "begin of another item");
        assert_ne!(self.failing.item, Some(index), "begin of a lost item");
        self.may_fail(index)?;
        self.open = Some((index, Vec::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let (index, data) = self.open.as_mut().expect("write after begin");
        let index = *index;
        assert!(!bytes.is_empty(), "write of nothing");
        assert_ne!(self.failing.item, Some(index), "write to a lost item");
        data.extend_from_slice(bytes);
        self.may_fail(index)
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Failed> {
        let (index, data) = self.open.take().expect("commit after begin");
        assert_eq!(outcome.index, index);
        assert_eq!(outcome.error, None, "commit of a failed item");
        assert_eq!(outcome.bytes, data.len() as u64);
        assert_ne!(self.failing.item, Some(index), "commit of a lost item");
        self.outcome(outcome);
        if core::mem::take(&mut self.failing.next_commit) {
            self.failing.calls_left = Some(0);
        }
        self.may_fail(index)
            .inspect_err(|_| self.failing.in_commit = true)?;
        self.committed.push((index, data));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        let (index, _) = self.open.take().expect("abort after begin");
        assert_eq!(outcome.index, index);
        assert_ne!(outcome.error, None, "abort of a good item");
        self.aborted.push(index);
        self.outcome(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        assert_eq!(self.open, None, "failed after begin");
        assert_ne!(outcome.error, None, "a good item that never began");
        self.outcome(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        assert!(
            !matches!(
                event,
                Event::ItemId(_) | Event::Data(_) | Event::Outcome(_) | Event::End(_)
            ),
            "a note of {event:?}"
        );
        assert!(!self.ended, "a note after the end");
        self.notes.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        assert!(!self.ended, "two ends");
        assert_eq!(self.open, None, "the end of an item in an item");
        self.ended = true;
        self.notes.reported.push(Reported::End(*summary));
    }
}

/// Pushes a response through a decoder. It continues after a failure of the sink, as documented.
///
/// # Panics
/// When the sink is not called as documented, or input is left over.
pub fn push(pieces: &[&[u8]], setup: Setup, sink: &mut Checked) -> Result<Summary, Error> {
    let mut scratch = vec![0x5A; setup.scratch];
    sink.compare_ids = setup.compare_ids;
    let mut decoder =
        Decoder::with_scratch(setup.options(), &mut scratch[..]).expect("scratch enough");
    for &piece in pieces {
        let mut input = piece;
        loop {
            match decoder.feed(&mut input, sink) {
                Ok(()) => break,
                Err(FeedError::Sink(Failed)) => {}
                Err(FeedError::Response(error)) => {
                    assert!(sink.ended, "an error before the end was reported");
                    assert_eq!(
                        decoder.finish_into(sink),
                        Err(FeedError::Response(error)),
                        "an error stays"
                    );
                    return Err(error);
                }
            }
        }
        assert!(input.is_empty(), "input left over");
    }
    loop {
        match decoder.finish_into(sink) {
            Ok(summary) => {
                assert!(sink.ended, "finished before the end was reported");
                return Ok(summary);
            }
            Err(FeedError::Sink(Failed)) => {}
            Err(FeedError::Response(error)) => {
                assert!(sink.ended, "an error before the end was reported");
                return Err(error);
            }
        }
    }
}
