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

/// Bytes of memory that are enough for a decoder on every platform. Use it for static memory.
pub const EXPORTITEMS_DECODER_SIZE: usize = 768;

const _: () = assert!(EXPORTITEMS_MIN_SCRATCH == MIN_SCRATCH);
const _: () = assert!(size_of::<Decoder>() <= EXPORTITEMS_DECODER_SIZE);

/// Decodes the response to an ExportItems request, incrementally.
///
/// For each piece of input, call `exportitems_decoder_next` until it returns `EXPORTITEMS_STATUS_OK`. At the end, call
/// `exportitems_decoder_finish` until it returns `EXPORTITEMS_STATUS_OK`.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct Decoder {
    mark: u32,
    core: exportitems::Decoder<&'static mut [u8]>,
    /// The latest event for the policy, if no exchange has learnt of it.
    news: Option<News>,
}

/// An event that an exchange learns from. This is the core's own value, since a C program may change its copy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Outcome(Outcome),
    Fault(Fault),
    Cut,
}

impl_object!(Decoder, b"EIde");

/// Options of a decoder. All zeros: any number of items, of any size, that are not broken.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Options {
    /// The number of requested items, at most 4294967294; 0 if it is not known.
    pub items: u32,
    /// An `Integrity`.
    pub integrity: u32,
    /// The most decoded bytes of one item, or 0 for no limit.
    pub max_item_bytes: u64,
    /// The most decoded bytes of the whole response, or 0 for no limit.
    pub max_total_bytes: u64,
}

/// Returns the size of a decoder in bytes, at most `EXPORTITEMS_DECODER_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_decoder_size() -> usize {
    size_of::<Decoder>()
}

/// Returns the alignment of a decoder in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_decoder_align() -> usize {
    align_of::<Decoder>()
}

/// Makes a decoder in `size` bytes of `memory`, and stores its address in `decoder`.
///
/// The scratch needs at least `EXPORTITEMS_MIN_SCRATCH` bytes. A larger one gives larger pieces; 512 bytes are enough
/// for the ids of items, and more than a few KiB do not make decoding faster. `options` may be null.
///
/// # Safety
/// `memory` and `scratch` are valid while the decoder is used, and used for nothing else; the other pointers are
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
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<Decoder>(memory, size) }?;
        // SAFETY: `options` is null or readable.
        let options = unsafe { core_options(options) }?;
        if scratch.is_null() {
            return Err(Status::Null.into());
        }
        // SAFETY: `scratch` is writable for `scratch_len` initialised bytes, which nothing else uses. The caller
        // keeps it while the object is used.
        let scratch = unsafe { slice_mut::<'static>(scratch, scratch_len) }?;
        let machine = exportitems::Decoder::with_scratch(options, scratch)
            .or(Err(Status::ScratchTooSmall))?;
        let object = Decoder {
            mark: <Decoder as crate::memory::Object>::MARK,
            core: machine,
            news: None,
        };
        // SAFETY: `memory` came from `vacate`, and `decoder` is null or writable.
        unsafe { place(memory, object, decoder) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Resets the decoder for another response.
///
/// If an item has begun, it gets no outcome, so discard what was stored of it. An exchange does not learn of the item
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
        // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
        let decoder = unsafe { object(decoder) }?;
        // SAFETY: `options` is null or readable.
        let options = unsafe { core_options(options) }?;
        decoder.core.reset(options);
        decoder.news = None;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(reset(), error) }
}

/// Consumes bytes from the front of `input` and stores the next event.
///
/// Returns `EXPORTITEMS_STATUS_EVENT` if an event was stored, and `EXPORTITEMS_STATUS_OK` if the input is used up and
/// can be freed. Returns less than 0 if the response is unusable, after an outcome for every item, or if the call is
/// wrong.
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
        // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
        let decoder = unsafe { object(decoder) }?;
        check_out(event)?;
        // SAFETY: `input` is null or readable, and its bytes stay readable during this call.
        let mut left = unsafe { self::input(input) }?;
        let next = decoder.core.next_event(&mut left);
        // SAFETY: `input` was read above, so it is not null, and it is writable too.
        unsafe { advance(input, left) }?;
        // SAFETY: `event` is null or writable.
        unsafe { store(next, &mut decoder.news, event) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(next(), error) }
}

/// Stores the next event after the end of the input: the outcome of the last item, the outcomes of items without an
/// answer, the end. Returns `EXPORTITEMS_STATUS_OK` if there are no more events, and less than 0 if the document is
/// incomplete or the call is wrong.
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
        // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
        let decoder = unsafe { object(decoder) }?;
        check_out(event)?;
        // SAFETY: `event` is null or writable.
        unsafe { store(decoder.core.finish(), &mut decoder.news, event) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(finish(), error) }
}

/// Reports how the ids of the last event `EXPORTITEMS_EVENT_KIND_ITEM_IDS` compare with those that were requested at its
/// position: `answer` is an `IdMatch`.
///
/// `EXPORTITEMS_ID_MATCH_OTHER` fails the item: its outcome will be `EXPORTITEMS_ITEM_ERROR_CONTRADICTION` or a graver error,
/// and no more of its data is returned. Use it only if the id certainly belongs to another item, for example because it
/// was requested at another position. Servers encode ids anew, so a different id may belong to the same item.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_compare_id(
    decoder: *mut Decoder,
    answer: u32,
) -> Status {
    // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
    match (unsafe { object(decoder) }, IdMatch::theirs(answer)) {
        (Err(misuse), _) => misuse,
        (_, None) => Status::InvalidValue,
        (Ok(decoder), Some(answer)) => {
            decoder.core.compare_id(answer);
            Status::Ok
        }
    }
}

/// Rejects the current item, for example because it cannot be stored. No more of its data is returned, and its outcome
/// will be `EXPORTITEMS_ITEM_ERROR_WRITE` unless the response has a graver error. Directly after an outcome that commits,
/// the call removes that item from the summary's `ok`. After the end of the response it changes nothing.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_reject_item(decoder: *mut Decoder) -> Status {
    // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
    match unsafe { object(decoder) } {
        Ok(decoder) => {
            decoder.core.reject_item();
            Status::Ok
        }
        Err(misuse) => misuse,
    }
}

/// Returns how many bytes of the response have been consumed; 0 if `decoder` is not a decoder.
///
/// # Safety
/// `decoder` is null or came from `exportitems_decoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_decoder_offset(decoder: *mut Decoder) -> u64 {
    // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now.
    unsafe { object(decoder) }.map_or(0, |decoder| decoder.core.offset())
}

/// Returns the name of an `ItemError`, such as `not-answered`; absent for `EXPORTITEMS_ITEM_ERROR_NONE` and unknown numbers.
#[no_mangle]
pub extern "C" fn exportitems_item_error_name(code: u32) -> Text {
    ItemError::theirs(code)
        .map(exportitems::ItemError::as_str)
        .into()
}

/// Returns the name of a `Response`, such as `not-soap`; absent for unknown numbers.
#[no_mangle]
pub extern "C" fn exportitems_response_name(code: u32) -> Text {
    Response::theirs(code)
        .map(exportitems::ResponseOutcome::as_str)
        .into()
}

/// Returns the name of a `Verdict`, such as `whole`; absent for `EXPORTITEMS_VERDICT_NONE` and unknown numbers.
#[no_mangle]
pub extern "C" fn exportitems_verdict_name(code: u32) -> Text {
    Verdict::name(code).into()
}

impl Decoder {
    /// Returns the latest event for the policy. Each is returned once.
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
    // SAFETY: `options` is null or points to an initialised value.
    let options = unsafe { read(options) }?;
    let integrity = Integrity::theirs(options.integrity).ok_or(Status::InvalidValue)?;
    let mut core = CoreOptions::new().integrity(integrity);
    // In the core, the largest number means that the number of items is not known.
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

/// Checks the pointer for a result before any input is consumed.
fn check_out<T>(out: *mut T) -> Result<(), Status> {
    crate::memory::check(out, usize::MAX, 0)
}

/// Stores an event, and keeps it for the policy if it concerns the policy.
///
/// # Safety
/// `out` is null or valid for writes.
unsafe fn store(
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
            // SAFETY: `out` is null or writable.
            unsafe { write(out, event.into()) }?;
            Ok(Status::Event)
        }
        Ok(None) => Ok(Status::Ok),
        Err(error) => Err(Failure::Response(error)),
    }
}
