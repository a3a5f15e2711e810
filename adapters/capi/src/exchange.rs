//! What a server said, and when to ask again: the retry policy over a decoder and an HTTP answer.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems::policy as core_api;

use crate::codes::{Disposition, Relief};
use crate::decoder::{Decoder, News};
use crate::event::or_minus_one;
use crate::memory::{answer, check, impl_object, object, place, read, text, vacate, write, Object};
use crate::policy::{core_limits, core_policy, Limits, Policy};
use crate::status::{Error, Failure, Status};
use crate::text::Text;

/// Memory that is enough for an endpoint, in bytes, on every machine: for static memory.
pub const EXPORTITEMS_ENDPOINT_SIZE: usize = 128;

/// Memory that is enough for an exchange, in bytes, on every machine: for static memory.
pub const EXPORTITEMS_EXCHANGE_SIZE: usize = 192;

const _: () = assert!(size_of::<Endpoint>() <= EXPORTITEMS_ENDPOINT_SIZE);
const _: () = assert!(size_of::<Exchange>() <= EXPORTITEMS_EXCHANGE_SIZE);

/// What is known about a server: shared by all connections to it.
///
/// Holds no pointer: its bytes may be copied to other memory that is aligned for it.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
pub struct Endpoint {
    mark: u32,
    policy: core_api::Policy,
    core: core_api::Endpoint,
}

impl_object!(Endpoint, b"EIep");

/// One request and its answer.
///
/// Tell it what comes: the HTTP answer, each event of the decoder, the loss of the connection; then
/// `exportitems_endpoint_end`. Holds no pointer, as an endpoint.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
pub struct Exchange {
    mark: u32,
    policy: core_api::Policy,
    core: core_api::Attempt,
}

impl_object!(Exchange, b"EIex");

/// What an item has cost in attempts so far. All zeros: nothing has failed yet.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Retry {
    /// Attempts, by the kind of failure.
    pub spent: [u8; 4],
}

/// What to make of an item's outcome.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Advice {
    /// What can be done.
    pub disposition: Disposition,
    /// What the next request should do differently.
    pub relief: Relief,
    /// Ask for the item again after so many milliseconds; -1: do not.
    pub wait_ms: i64,
}

/// Size of an endpoint in bytes, at most `EXPORTITEMS_ENDPOINT_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_endpoint_size() -> usize {
    size_of::<Endpoint>()
}

/// Alignment of an endpoint in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_endpoint_align() -> usize {
    align_of::<Endpoint>()
}

/// Makes an endpoint about which nothing is known in `size` bytes of `memory`, and stores where it is in `endpoint`.
///
/// `limits` is what to ask of it at most. `limits` and `policy` may be null for the defaults.
///
/// # Safety
/// `memory` is valid for as long as the endpoint is used, for nothing else; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_endpoint_init(
    memory: *mut c_void,
    size: usize,
    limits: *const Limits,
    policy: *const Policy,
    endpoint: *mut *mut Endpoint,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<Endpoint>(memory, size) }?;
        // SAFETY: the caller's word.
        let limits = unsafe { core_limits(limits) }?;
        // SAFETY: the caller's word.
        let policy = unsafe { core_policy(policy) }?;
        let object = Endpoint {
            mark: Endpoint::MARK,
            policy,
            core: core_api::Endpoint::new(limits),
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, endpoint) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Stores how much to ask of the server now.
///
/// # Safety
/// `endpoint` came from `exportitems_endpoint_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_endpoint_limits(
    endpoint: *mut Endpoint,
    limits: *mut Limits,
    error: *mut Error,
) -> Status {
    let tell = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let endpoint = unsafe { object(endpoint) }?;
        // SAFETY: the caller's word.
        unsafe { write(limits, endpoint.core.limits().into()) }?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(tell(), error) }
}

/// Learns from an exchange that is over, and stores in `wait_ms` how many milliseconds to wait before the next one,
/// or -1: stop, the server would not answer any better. The exchange is no exchange any more.
///
/// `elapsed_ms` is the time since the last exchange that brought anything, or since the start; `random` any 32 random
/// bits, so that clients which failed together do not come back together.
///
/// # Safety
/// `endpoint` came from `exportitems_endpoint_init` and `exchange` from `exportitems_exchange_init`; the other
/// pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_endpoint_end(
    endpoint: *mut Endpoint,
    exchange: *mut Exchange,
    elapsed_ms: u64,
    random: u32,
    wait_ms: *mut i64,
    error: *mut Error,
) -> Status {
    let end = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let endpoint = unsafe { object(endpoint) }?;
        // SAFETY: the caller's word; objects of two kinds are never at one place.
        let exchange = unsafe { object(exchange) }?;
        check(wait_ms, usize::MAX, 0)?;
        let Endpoint { policy, core, .. } = endpoint;
        let wait = core.end(policy, exchange.core, elapsed_ms, random);
        exchange.mark = 0;
        // SAFETY: the caller's word.
        unsafe { write(wait_ms, or_minus_one(wait)) }?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(end(), error) }
}

/// Size of an exchange in bytes, at most `EXPORTITEMS_EXCHANGE_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_exchange_size() -> usize {
    size_of::<Exchange>()
}

/// Alignment of an exchange in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_exchange_align() -> usize {
    align_of::<Exchange>()
}

/// Starts a request for so many items within the endpoint's limits, in `size` bytes of `memory`, and stores where the
/// exchange is in `exchange`.
///
/// # Safety
/// `memory` is valid for as long as the exchange is used, for nothing else; `endpoint` came from
/// `exportitems_endpoint_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_exchange_init(
    memory: *mut c_void,
    size: usize,
    endpoint: *mut Endpoint,
    items: usize,
    exchange: *mut *mut Exchange,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<Exchange>(memory, size) }?;
        // SAFETY: the caller's word.
        let endpoint = unsafe { object(endpoint) }?;
        let object = Exchange {
            mark: Exchange::MARK,
            policy: endpoint.policy,
            core: endpoint.core.attempt(items),
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, exchange) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// The HTTP answer's status and its headers `Retry-After`, in seconds or -1, and `Location`, which may be absent.
///
/// Counts where the body does not say more.
///
/// # Safety
/// `exchange` came from `exportitems_exchange_init`; `location` is valid; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_exchange_http(
    exchange: *mut Exchange,
    status: u32,
    retry_after_s: i64,
    location: Text,
    error: *mut Error,
) -> Status {
    let learn = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let exchange = unsafe { object(exchange) }?;
        let status = u16::try_from(status).or(Err(Status::InvalidValue))?;
        let retry_after_s =
            (retry_after_s >= 0).then(|| u32::try_from(retry_after_s).unwrap_or(u32::MAX));
        // SAFETY: the caller's word.
        let location = unsafe { text(location) }?;
        exchange.core.http(status, retry_after_s, location);
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(learn(), error) }
}

/// The connection could not be made, was lost or timed out. What the decoder says of it comes by
/// `exportitems_exchange_event`.
///
/// # Safety
/// `exchange` came from `exportitems_exchange_init`; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_exchange_cut(
    exchange: *mut Exchange,
    error: *mut Error,
) -> Status {
    let learn = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        unsafe { object(exchange) }?.core.cut();
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(learn(), error) }
}

/// Learns from the event that the decoder has just stored; to be called after each outcome, each fault and the end,
/// and after every other event without harm.
///
/// `EXPORTITEMS_STATUS_EVENT`: it was an outcome, and what to make of it is in `advice`. `retry` belongs to the item
/// that was asked for at the outcome's index; it is null where none was, and no attempt is granted then. `elapsed_ms`
/// is the time since that item's first failure, and `random` any 32 random bits. `EXPORTITEMS_STATUS_OK`: nothing to
/// decide; an event counts once.
///
/// # Safety
/// `exchange` came from `exportitems_exchange_init` and `decoder` from `exportitems_decoder_init`; the other pointers
/// are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_exchange_event(
    exchange: *mut Exchange,
    decoder: *mut Decoder,
    retry: *mut Retry,
    elapsed_ms: u64,
    random: u32,
    advice: *mut Advice,
    error: *mut Error,
) -> Status {
    let learn = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let exchange = unsafe { object(exchange) }?;
        // SAFETY: the caller's word; objects of two kinds are never at one place.
        let decoder = unsafe { object(decoder) }?;
        check(advice, usize::MAX, 0)?;
        let outcome = match decoder.take_news() {
            None => return Ok(Status::Ok),
            Some(News::Fault(fault)) => {
                exchange.core.fault(&fault);
                return Ok(Status::Ok);
            }
            Some(News::Cut) => {
                exchange.core.cut();
                return Ok(Status::Ok);
            }
            Some(News::Outcome(outcome)) => outcome,
        };
        let found = exchange.core.item(&outcome);
        let mut wait = None;
        if !retry.is_null() {
            // SAFETY: the caller's word.
            let mut spent = core_api::Retry::from_bytes(unsafe { read(retry) }?.spent);
            wait = exchange.policy.next(&mut spent, found, elapsed_ms, random);
            let spent = spent.to_bytes();
            // SAFETY: the caller's word.
            unsafe { write(retry, Retry { spent }) }?;
        }
        let found = Advice {
            disposition: found.disposition.into(),
            relief: found.relief.map_or(Relief::None, Into::into),
            wait_ms: or_minus_one(wait),
        };
        // SAFETY: the caller's word.
        unsafe { write(advice, found) }?;
        Ok(Status::Event)
    };
    // SAFETY: the caller's word.
    unsafe { answer(learn(), error) }
}

/// The name of a `Disposition`, such as `throttled`; absent for a number that is none.
#[no_mangle]
pub extern "C" fn exportitems_disposition_name(code: u32) -> Text {
    Disposition::theirs(code)
        .map(core_api::Disposition::as_str)
        .into()
}
