//! The decoder: the reader and the caller's scratch.

use crate::ews::reader::{Reader, LAST, PUSHED};
use crate::ews::{Error, Event, IdMatch, Operation, Options, ResponseItemId, Summary};
use crate::export_items::{ExportItemsOperation, FeedError, Sink};

pub use crate::ews::reader::MIN_SCRATCH;

/// Decodes the response to a request, incrementally, in the caller's memory.
///
/// `O` is the operation of the request: `ExportItems`, unless another is named.
///
/// `S` is the scratch, in which a token is assembled or base64 is decoded: `[u8; N]` or `&mut [u8]`, of at
/// least [`MIN_SCRATCH`] bytes. A larger one makes larger pieces, and fewer of them; a token, such as an id, takes
/// 65,535 bytes of it at most.
///
/// # Life cycle
/// ```text
///            next_event(input) / feed(input, sink)      any number of times, any split of the response
///  new ──►  reading ─────────────────────────────────►  finish / finish_into  ──►  over  ──► reset
/// ```
/// - **Pull**: [`next_event`](Self::next_event) until it gives `Ok(None)`, for each piece of input; then
///   [`finish`](Self::finish) until it gives `Ok(None)`.
/// - **Push**: [`feed`](Self::feed) for each piece of input, then [`finish_into`](Self::finish_into).
///
/// An error ends both. Before it is returned, every requested item has had its outcome, and
/// [`Event::End`] has been emitted.
///
/// Use one of the two for a response. The current item fails, when a caller changes from one to the other, with
/// [`ItemError::Write`](crate::ItemError::Write): neither the caller nor the sink has received all of it. Its outcome goes
/// to whichever is used then.
#[derive(Clone, Debug)]
pub struct Decoder<S = [u8; 512], O: Operation = ExportItemsOperation> {
    reader: Reader<O>,
    scratch: S,
}

/// A scratch of less than [`MIN_SCRATCH`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScratchTooSmall;

impl core::fmt::Display for ScratchTooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "a decoder needs at least {MIN_SCRATCH} bytes of scratch")
    }
}

impl core::error::Error for ScratchTooSmall {}

impl<const N: usize> Decoder<[u8; N]> {
    /// A decoder with its scratch inside. Fit for a `static`.
    ///
    /// Does not compile for `N` less than [`MIN_SCRATCH`].
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self::for_operation(options)
    }
}

impl<S: AsMut<[u8]>> Decoder<S> {
    /// A decoder over a scratch whose size is known at run time.
    ///
    /// # Errors
    /// If the scratch has less than [`MIN_SCRATCH`] bytes.
    pub fn with_scratch(options: Options, scratch: S) -> Result<Self, ScratchTooSmall> {
        Self::for_operation_with_scratch(options, scratch)
    }
}

impl<const N: usize, O: Operation> Decoder<[u8; N], O> {
    /// A decoder for the response of another operation, with its scratch inside. Fit for a `static`.
    ///
    /// Does not compile for `N` less than [`MIN_SCRATCH`].
    #[must_use]
    pub const fn for_operation(options: Options) -> Self {
        const { assert!(N >= MIN_SCRATCH, "scratch too small") };
        Self {
            reader: Reader::new(options),
            scratch: [0; N],
        }
    }
}

impl<S: AsMut<[u8]>, O: Operation> Decoder<S, O> {
    /// A decoder for the response of another operation, over a scratch whose size is known at run time.
    ///
    /// # Errors
    /// If the scratch has less than [`MIN_SCRATCH`] bytes.
    pub fn for_operation_with_scratch(
        options: Options,
        mut scratch: S,
    ) -> Result<Self, ScratchTooSmall> {
        if scratch.as_mut().len() < MIN_SCRATCH {
            return Err(ScratchTooSmall);
        }
        Ok(Self {
            reader: Reader::new(options),
            scratch,
        })
    }

    /// Makes the decoder ready for another response.
    ///
    /// A sink to which an item was being written receives no [`abort`](Sink::abort) for it: its next call is the `begin`
    /// or `failed` of the next response.
    pub fn reset(&mut self, options: Options) {
        self.reader = Reader::new(options);
    }

    /// How many bytes of the response have been consumed.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The next event of `input`, which is moved forward over what has been consumed.
    ///
    /// `Ok(None)` means that all of `input` was consumed: callers do not keep a rest of it.
    /// The work of a call is bounded by the bytes it consumes.
    ///
    /// # Errors
    /// The response is unusable from here on. All later calls return the same error, and the rest of the input is of no
    /// use.
    pub fn next_event(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error> {
        O::next_event(&mut self.reader, input, 0, self.scratch.as_mut())
    }

    /// [`next_event`](Self::next_event), and the index of the current item while more of it is wanted.
    ///
    /// An item is not wanted if it has failed, was [rejected](Self::reject_item) or was not requested: a sink gets no
    /// `begin` for it. [`feed`](Self::feed) does this on its own; this function is for a loop around an asynchronous sink.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_event_and_item(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<(Event<'_>, Option<u32>)>, Error> {
        let event = O::next_event(&mut self.reader, input, 0, self.scratch.as_mut())?;
        Ok(event.map(|event| (event, self.reader.wanted_item())))
    }

    /// The next event after the end of the input: the last item's outcome, the outcomes of items without a
    /// message, the end. `Ok(None)` means that there are no more.
    ///
    /// # Errors
    /// The document was not complete. All outcomes have been emitted before.
    pub fn finish(&mut self) -> Result<Option<Event<'_>>, Error> {
        O::next_event(&mut self.reader, &mut &[][..], LAST, self.scratch.as_mut())
    }

    /// Notes how the ids of the last [`Event::ItemId`] compare with those that were requested at its position.
    ///
    /// [`IdMatch::Other`] fails the item: its outcome will be
    /// [`ItemError::Contradiction`](crate::ItemError::Contradiction) or a graver error, and no more of its data is
    /// handed out. [`feed`](Self::feed) asks the sink.
    pub fn compare_id(&mut self, answer: IdMatch) {
        self.reader.compare_id(answer);
    }

    /// Notes that the caller could not keep the current item: its outcome will be
    /// [`ItemError::Write`](crate::ItemError::Write) unless the response is to blame, and no more of its data is handed
    /// out. The limits count the rest of it all the same.
    ///
    /// After an outcome that commits, and before the next message and [`Event::End`], it takes that item out of the
    /// summary's `ok`. Later it does nothing. [`feed`](Self::feed) calls it when the sink fails.
    pub fn reject_item(&mut self) {
        self.reader.reject();
    }

    /// The encoding that the XML declaration names, after it made the response fail with
    /// [`ErrorKind::Encoding`](crate::ErrorKind::Encoding).
    ///
    /// `None` after any other error, and where no encoding was declared: UTF-16 is recognised by its first bytes. A name
    /// longer than the scratch is cut off.
    pub fn declared_encoding(&mut self) -> Option<&str> {
        self.reader.declared_encoding(self.scratch.as_mut())
    }

    /// Decodes all of `input` into `sink`.
    ///
    /// # Errors
    /// [`FeedError::Response`] when the response is unusable from here on; [`FeedError::Sink`] when the sink
    /// failed, in which case `input` is moved forward so that the same call can be repeated to continue
    /// without the item.
    pub fn feed<K: Sink + ?Sized>(
        &mut self,
        input: &mut &[u8],
        sink: &mut K,
    ) -> Result<(), FeedError<K::Error>> {
        while self.push(input, PUSHED, sink)?.is_some() {}
        Ok(())
    }

    /// Ends the response: the remaining outcomes go to `sink`.
    ///
    /// # Errors
    /// As [`feed`](Self::feed). After a [`FeedError::Sink`] it is called again.
    pub fn finish_into<K: Sink + ?Sized>(
        &mut self,
        sink: &mut K,
    ) -> Result<Summary, FeedError<K::Error>> {
        while self.push(&mut &[][..], PUSHED | LAST, sink)?.is_some() {}
        Ok(O::summary(&self.reader))
    }

    /// Passes one event to the sink; `None` if there is none.
    fn push<K: Sink + ?Sized>(
        &mut self,
        input: &mut &[u8],
        mode: u8,
        sink: &mut K,
    ) -> Result<Option<()>, FeedError<K::Error>> {
        let event = O::next_event(&mut self.reader, input, mode, self.scratch.as_mut())
            .map_err(FeedError::Response)?;
        let Some(event) = event else {
            return Ok(None);
        };
        let done = match event {
            Event::ItemId(ids) => {
                let answer = sink.compare_id(self.reader.index(), &ids);
                self.reader.compare_id(answer);
                begin(sink, self.reader.wanted_item(), &mut self.reader, ids)
            }
            // Data is emitted only if it is wanted; the item may fail with this piece.
            Event::Data(bytes) => begin(
                sink,
                self.reader.item(),
                &mut self.reader,
                ResponseItemId::default(),
            )
            .and_then(|()| sink.write(bytes)),
            Event::Outcome(outcome) => match (self.reader.has_begun(), outcome.error) {
                (true, None) => sink.commit(&outcome),
                // Only where a message has no data.
                (false, None) if !O::NEEDS_DATA => begin(
                    sink,
                    Some(outcome.index),
                    &mut self.reader,
                    ResponseItemId::default(),
                )
                .and_then(|()| sink.commit(&outcome)),
                (true, Some(_)) => {
                    sink.abort(&outcome);
                    Ok(())
                }
                (false, _) => {
                    sink.failed(&outcome);
                    Ok(())
                }
            },
            Event::End(summary) => {
                sink.end(&summary);
                Ok(())
            }
            note => {
                sink.note(&note);
                Ok(())
            }
        };
        done.map(Some).map_err(|error| {
            self.reader.reject();
            FeedError::Sink(error)
        })
    }
}

/// Calls the sink's `begin`, unless that was done.
fn begin<O: Operation, K: Sink + ?Sized>(
    sink: &mut K,
    item: Option<u32>,
    reader: &mut Reader<O>,
    ids: ResponseItemId<'_>,
) -> Result<(), K::Error> {
    let Some(index) = item.filter(|_| !reader.has_begun()) else {
        return Ok(());
    };
    sink.begin(index, ids)?;
    reader.begin_in_sink();
    Ok(())
}
