//! The response decoder.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems::{Event as CoreEvent, Fault, Options as CoreOptions, Outcome, MIN_SCRATCH};

use crate::codes::{IdMatch, Integrity, ItemError, Response, Verdict};
use crate::event::Event;
use crate::memory::{
    advance, answer, impl_object, input, object, place, read, slice_mut, vacate, write,
};
use crate::status::{Error, Failure, Status};
use crate::text::{Bytes, Text};

/// Smallest scratch of a decoder, in bytes.
pub const EXPORTITEMS_MIN_SCRATCH: usize = 64;

/// Memory that is enough for a decoder, in bytes, on every machine: for static memory.
pub const EXPORTITEMS_DECODER_SIZE: usize = 768;

const _: () = assert!(EXPORTITEMS_MIN_SCRATCH == MIN_SCRATCH);
const _: () = assert!(size_of::<Decoder>() <= EXPORTITEMS_DECODER_SIZE);

/// Decodes the response to an ExportItems request, incrementally.
///
/// `exportitems_decoder_next` for each piece of input until it gives `EXPORTITEMS_STATUS_OK`; at the end
/// `exportitems_decoder_finish` until it gives `EXPORTITEMS_STATUS_OK`.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
pub struct Decoder {
    mark: u32,
    core: exportitems::Decoder<&'static mut [u8]>,
    /// What the policy is to hear of, the latest that it has not heard.
    news: Option<News>,
}

/// An event that an exchange learns from. As the core has it: what C has of it is the caller's to change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Outcome(Outcome),
    Fault(Fault),
    Cut,
}

impl_object!(Decoder, b"EIde");

/// What is expected of a response. All zeros: any number of items, of any size, that are not broken.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Options {
    /// How many items were asked for, or 0 if that is not known; at most 4294967294, the largest number but one.
    pub items: u32,
    /// An `Integrity`.
    pub integrity: u32,
    /// Most decoded bytes of one item, or 0 for no limit.
    pub max_item_bytes: u64,
    /// Most decoded bytes of the whole response, or 0 for no limit.
    pub max_total_bytes: u64,
}

/// Size of a decoder in bytes, at most `EXPORTITEMS_DECODER_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_decoder_size() -> usize {
    size_of::<Decoder>()
}

/// Alignment of a decoder in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_decoder_align() -> usize {
    align_of::<Decoder>()
}

/// Makes a decoder in `size` bytes of `memory`, and stores where it is in `decoder`.
///
/// The scratch takes at least `EXPORTITEMS_MIN_SCRATCH` bytes. A larger one makes larger pieces; 512 bytes hold
/// the ids of items, and more than a few KiB do not make it faster. `options` may be null.
///
/// # Safety
/// `memory` and `scratch` are valid for as long as the decoder is used, for nothing else; the other pointers are
/// null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_init(
    memory: *mut c_void,
    size: usize,
    scratch: *mut u8,
    scratch_len: usize,
    options: *const Options,
    decoder: *mut *mut Decoder,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<Decoder>(memory, size) }?;
        // SAFETY: the caller's word.
        let options = unsafe { core_options(options) }?;
        if scratch.is_null() {
            return Err(Status::Null.into());
        }
        // SAFETY: the caller's word, for as long as the decoder is used.
        let scratch = unsafe { slice_mut::<'static>(scratch, scratch_len) }?;
        let machine = exportitems::Decoder::with_scratch(options, scratch)
            .or(Err(Status::ScratchTooSmall))?;
        let object = Decoder {
            mark: <Decoder as crate::memory::Object>::MARK,
            core: machine,
            news: None,
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, decoder) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Makes the decoder ready for another response.
///
/// In the middle of an item: it gets no outcome, so discard what was stored of it. An exchange does not learn of it
/// either.
///
/// # Safety
/// `decoder` came from `exportitems_decoder_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_reset(
    decoder: *mut Decoder,
    options: *const Options,
    error: *mut Error,
) -> Status {
    let reset = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let decoder = unsafe { object(decoder) }?;
        // SAFETY: the caller's word.
        let options = unsafe { core_options(options) }?;
        decoder.core.reset(options);
        decoder.news = None;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(reset(), error) }
}

/// Stores the next event of `input`, which is moved forward over what has been consumed.
///
/// `EXPORTITEMS_STATUS_EVENT`: an event was stored. `EXPORTITEMS_STATUS_OK`: the input is used up; nothing of it needs to be kept.
/// Less than 0: the response is unusable from here on, or the call was; before the former, every item has had
/// its outcome.
///
/// # Safety
/// `decoder` came from `exportitems_decoder_init`; `input` describes valid memory, outside of the decoder's; the
/// other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_next(
    decoder: *mut Decoder,
    input: *mut Bytes,
    event: *mut Event,
    error: *mut Error,
) -> Status {
    let next = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let decoder = unsafe { object(decoder) }?;
        check_out(event)?;
        // SAFETY: the caller's word.
        let mut left = unsafe { self::input(input) }?;
        let next = decoder.core.next_event(&mut left);
        // SAFETY: `input` was read from just now, and the caller lends it for writing too.
        unsafe { advance(input, left) }?;
        // SAFETY: the caller's word.
        unsafe { tell(next, &mut decoder.news, event) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(next(), error) }
}

/// Stores the next event after the end of the input: the last item's outcome, the outcomes of items without an
/// answer, the end. `EXPORTITEMS_STATUS_OK`: that was all. Less than 0: the document was not whole, or the call was wrong.
///
/// # Safety
/// `decoder` came from `exportitems_decoder_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_finish(
    decoder: *mut Decoder,
    event: *mut Event,
    error: *mut Error,
) -> Status {
    let finish = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let decoder = unsafe { object(decoder) }?;
        check_out(event)?;
        // SAFETY: the caller's word.
        unsafe { tell(decoder.core.finish(), &mut decoder.news, event) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(finish(), error) }
}

/// Notes how the ids of the last event `EXPORTITEMS_EVENT_KIND_ITEM_IDS` compare with those that were requested at its
/// position: `answer` is an `IdMatch`.
///
/// `EXPORTITEMS_ID_MATCH_OTHER` fails the item: its outcome will be `EXPORTITEMS_ITEM_ERROR_CONTRADICTION` or a graver error,
/// and no more of its data is handed out. Give it only for an id that is certainly another item's, such as one that was
/// requested at another position: servers encode ids anew, so an id that differs may be the same item's.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_compare_id(
    decoder: *mut Decoder,
    answer: u32,
) -> Status {
    // SAFETY: the caller's word.
    match (unsafe { object(decoder) }, IdMatch::theirs(answer)) {
        (Err(misuse), _) => misuse,
        (_, None) => Status::InvalidValue,
        (Ok(decoder), Some(answer)) => {
            decoder.core.compare_id(answer);
            Status::Ok
        }
    }
}

/// The caller could not keep the current item: no more of its data is handed out, and its outcome will be
/// `EXPORTITEMS_ITEM_ERROR_WRITE` unless the server's answer is to blame already. Said right after an outcome that commits,
/// it takes that item out of the summary's `ok`. After the end of the response it changes nothing.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_reject_item(decoder: *mut Decoder) -> Status {
    // SAFETY: the caller's word.
    match unsafe { object(decoder) } {
        Ok(decoder) => {
            decoder.core.reject_item();
            Status::Ok
        }
        Err(misuse) => misuse,
    }
}

/// How many bytes of the response have been consumed; 0 where there is no decoder.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_offset(decoder: *mut Decoder) -> u64 {
    // SAFETY: the caller's word.
    unsafe { object(decoder) }.map_or(0, |decoder| decoder.core.offset())
}

/// The name of an `ItemError`, such as `not-answered`; absent for none and for a number that is no error.
#[no_mangle]
pub extern "C" fn exportitems_item_error_name(code: u32) -> Text {
    ItemError::theirs(code)
        .map(exportitems::ItemError::as_str)
        .into()
}

/// The name of a `Response`, such as `not-soap`; absent for a number that is none.
#[no_mangle]
pub extern "C" fn exportitems_response_name(code: u32) -> Text {
    Response::theirs(code)
        .map(exportitems::ResponseOutcome::as_str)
        .into()
}

/// The name of a `Verdict`, such as `whole`; absent for a number that is none.
#[no_mangle]
pub extern "C" fn exportitems_verdict_name(code: u32) -> Text {
    Verdict::name(code).into()
}

impl Decoder {
    /// What happened last that matters to a policy; each is returned once.
    pub(crate) fn take_news(&mut self) -> Option<News> {
        self.news.take()
    }
}

/// # Safety
/// `options` is null or valid for reads.
unsafe fn core_options(options: *const Options) -> Result<CoreOptions, Status> {
    if options.is_null() {
        return Ok(CoreOptions::new());
    }
    // SAFETY: the caller's word.
    let options = unsafe { read(options) }?;
    let integrity = Integrity::theirs(options.integrity).ok_or(Status::InvalidValue)?;
    let mut core = CoreOptions::new().integrity(integrity);
    // To the core the largest number would mean an unknown one.
    if options.items == u32::MAX {
        return Err(Status::InvalidValue);
    }
    if options.items > 0 {
        core = core.items(options.items);
    }
    if options.max_item_bytes > 0 {
        core = core.max_item_bytes(options.max_item_bytes);
    }
    if options.max_total_bytes > 0 {
        core = core.max_total_bytes(options.max_total_bytes);
    }
    Ok(core)
}

/// Checks a place for a result before anything is consumed for it.
fn check_out<T>(out: *mut T) -> Result<(), Status> {
    crate::memory::check(out, usize::MAX, 0)
}

/// # Safety
/// `out` is null or valid for writes.
unsafe fn tell(
    next: Result<Option<CoreEvent<'_>>, exportitems::Error>,
    news: &mut Option<News>,
    out: *mut Event,
) -> Result<Status, Failure> {
    match next {
        Ok(Some(event)) => {
            match &event {
                CoreEvent::Outcome(outcome) => *news = Some(News::Outcome(*outcome)),
                CoreEvent::Fault(fault) => *news = Some(News::Fault(*fault)),
                CoreEvent::End(end) if end.response == exportitems::ResponseOutcome::Cut => {
                    *news = Some(News::Cut);
                }
                CoreEvent::End(_) => *news = None,
                _ => {}
            }
            // SAFETY: the caller's word.
            unsafe { write(out, event.into()) }?;
            Ok(Status::Event)
        }
        Ok(None) => Ok(Status::Ok),
        Err(error) => Err(Failure::Response(error)),
    }
}
