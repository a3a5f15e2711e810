//! Ready sinks.

use core::convert::Infallible;
use core::fmt;

use super::sink::Sink;
use crate::ews::{Event, IdMatch, ItemError, Outcome, ResponseItemId, Summary};

/// Keeps nothing: for a response of which only the [`Summary`] is of interest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    type Error = Infallible;

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

/// Keeps committed items in a slice of fixed size, one after the other; an item that fails leaves no trace.
#[derive(Debug)]
pub struct SliceSink<'a> {
    slice: &'a mut [u8],
    /// INVARIANT: `committed <= written <= slice.len()`.
    committed: usize,
    written: usize,
}

/// An item does not fit into what is left of the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SliceFull;

impl<'a> SliceSink<'a> {
    /// A sink into `slice`.
    pub fn new(slice: &'a mut [u8]) -> Self {
        Self {
            slice,
            committed: 0,
            written: 0,
        }
    }

    /// The committed items; [`Outcome::bytes`] is the length of each.
    #[must_use]
    pub fn committed(&self) -> &[u8] {
        self.slice.get(..self.committed).unwrap_or_default()
    }
}

impl Sink for SliceSink<'_> {
    type Error = SliceFull;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), SliceFull> {
        self.written = self.committed;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SliceFull> {
        let end = self.written.checked_add(bytes.len()).ok_or(SliceFull)?;
        let room = self.slice.get_mut(self.written..end).ok_or(SliceFull)?;
        room.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), SliceFull> {
        self.committed = self.written;
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, _: &Outcome) {}
}

impl fmt::Display for SliceFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the item does not fit into what is left of the slice")
    }
}

impl core::error::Error for SliceFull {}

/// A sink, and an observer of it that cannot fail: a digest, a progress bar, a table of outcomes.
///
/// The observer is called after the sink, and a commit reaches it only if the sink has made it.
/// Both may compare ids; if one of them answers [`IdMatch::Other`], that counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tee<K, O> {
    /// The sink.
    pub sink: K,
    /// The observer.
    pub observer: O,
}

impl<K: Sink, O: Sink<Error = Infallible>> Tee<K, O> {
    /// Both of them.
    pub const fn new(sink: K, observer: O) -> Self {
        Self { sink, observer }
    }
}

fn observe(result: Result<(), Infallible>) {
    match result {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

impl<K: Sink, O: Sink<Error = Infallible>> Sink for Tee<K, O> {
    type Error = K::Error;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let by_sink = self.sink.compare_id(index, ids);
        match (by_sink, self.observer.compare_id(index, ids)) {
            (IdMatch::Other, _) | (_, IdMatch::Other) => IdMatch::Other,
            (IdMatch::Same, _) | (_, IdMatch::Same) => IdMatch::Same,
            (IdMatch::Unknown, IdMatch::Unknown) => IdMatch::Unknown,
        }
    }

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), K::Error> {
        self.sink.begin(index, ids)?;
        observe(self.observer.begin(index, ids));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.sink.write(bytes)?;
        observe(self.observer.write(bytes));
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), K::Error> {
        if let Err(error) = self.sink.commit(outcome) {
            let failed = Outcome {
                error: Some(ItemError::Write),
                ..*outcome
            };
            self.observer.abort(&failed);
            return Err(error);
        }
        observe(self.observer.commit(outcome));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.sink.abort(outcome);
        self.observer.abort(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.sink.failed(outcome);
        self.observer.failed(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.sink.note(event);
        self.observer.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        self.sink.end(summary);
        self.observer.end(summary);
    }
}

/// Writes the payload of one item after the other to an [`embedded_io::Write`], and flushes to commit.
///
/// Nothing can be removed from a stream: when an item fails, a part of it has been written. The reader of the stream
/// needs the outcomes as well. With one item for each request, the result of the export is enough.
#[cfg(feature = "embedded-io")]
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteSink<W>(pub W);

/// Why a [`WriteSink`] failed.
#[cfg(feature = "embedded-io")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WriteError<E> {
    /// The writer accepted no bytes (`Ok(0)`): it is full or closed.
    WriteZero,
    /// The writer failed.
    Other(E),
}

#[cfg(feature = "embedded-io")]
impl<E: fmt::Debug> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteZero => f.write_str("the writer took no bytes: it is full or closed"),
            Self::Other(error) => write!(f, "the writer failed: {error:?}"),
        }
    }
}

#[cfg(feature = "embedded-io")]
impl<E: fmt::Debug> core::error::Error for WriteError<E> {}

#[cfg(feature = "embedded-io")]
impl<E: embedded_io::Error> embedded_io::Error for WriteError<E> {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::WriteZero => embedded_io::ErrorKind::WriteZero,
            Self::Other(error) => error.kind(),
        }
    }
}

#[cfg(feature = "embedded-io")]
impl<W: embedded_io::Write> Sink for WriteSink<W> {
    type Error = WriteError<W::Error>;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        // Not `write_all`, which panics on `Ok(0)`.
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.0.write(rest) {
                Ok(0) => return Err(WriteError::WriteZero),
                Ok(n) => rest.get(n..).unwrap_or_default(),
                Err(error) => return Err(WriteError::Other(error)),
            };
        }
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> {
        self.0.flush().map_err(WriteError::Other)
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, _: &Outcome) {}
}
