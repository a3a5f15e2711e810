//! The decoder: the reader and the caller's scratch.

use crate::ews::reader::{Reader, LAST, PUSHED};
use crate::ews::{Error, Event, IdMatch, Operation, Options, SinkCall, Summary};
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

    /// Whether [`Event::End`] has been emitted: until a [`reset`](Self::reset) there is nothing more to decode.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.reader.is_over()
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

    /// The next call of a [`Sink`] for `input`, which is moved forward over what has been consumed.
    ///
    /// [`feed`](Self::feed) is a loop over this function. It is for loops that do something else between two calls, such
    /// as waiting for an asynchronous sink. `Ok(None)` means that all of `input` was consumed.
    ///
    /// Call [`compare_id`](Self::compare_id) with the answer to a [`SinkCall::CompareId`], and
    /// [`reject_item`](Self::reject_item) if the sink fails.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_call(&mut self, input: &mut &[u8]) -> Result<Option<SinkCall<'_>>, Error> {
        O::next_call(&mut self.reader, input, PUSHED, self.scratch.as_mut())
    }

    /// The next call of a sink after the end of the input, as [`finish`](Self::finish).
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_call(&mut self) -> Result<Option<SinkCall<'_>>, Error> {
        let mode = PUSHED | LAST;
        O::next_call(&mut self.reader, &mut &[][..], mode, self.scratch.as_mut())
    }

    /// Makes one call of the sink; `None` if there is none.
    fn push<K: Sink + ?Sized>(
        &mut self,
        input: &mut &[u8],
        mode: u8,
        sink: &mut K,
    ) -> Result<Option<()>, FeedError<K::Error>> {
        let call = O::next_call(&mut self.reader, input, mode, self.scratch.as_mut())
            .map_err(FeedError::Response)?;
        let Some(call) = call else {
            return Ok(None);
        };
        match call.make(sink) {
            Ok(Some(answer)) => self.reader.compare_id(answer),
            Ok(None) => {}
            Err(error) => {
                self.reader.reject();
                return Err(FeedError::Sink(error));
            }
        }
        Ok(Some(()))
    }
}
