//! The retry policy: what a client learns from a response, and when to send the next request.

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

/// Bytes of memory that are enough for an endpoint on every platform. Use it for static memory.
pub const EXPORTITEMS_ENDPOINT_SIZE: usize = 128;

/// Bytes of memory that are enough for an exchange on every platform. Use it for static memory.
pub const EXPORTITEMS_EXCHANGE_SIZE: usize = 192;

const _: () = assert!(size_of::<Endpoint>() <= EXPORTITEMS_ENDPOINT_SIZE);
const _: () = assert!(size_of::<Exchange>() <= EXPORTITEMS_EXCHANGE_SIZE);

/// The knowledge about a server, shared by all connections to it.
///
/// It contains no pointers, so its bytes can be copied to other memory with the right alignment.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct Endpoint {
    mark: u32,
    policy: core_api::Policy,
    core: core_api::Endpoint,
}

impl_object!(Endpoint, b"EIep");

/// One request and its response.
///
/// Report to it the HTTP response, each event of the decoder, and the loss of the connection; then call
/// `exportitems_endpoint_end`. Like an endpoint, it contains no pointers.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct Exchange {
    mark: u32,
    policy: core_api::Policy,
    core: core_api::Attempt,
}

impl_object!(Exchange, b"EIex");

/// The attempts that an item has taken so far. All zeros: none has failed yet.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Retry {
    /// Attempts, by the kind of failure.
    pub spent: [u8; 4],
}

/// What to do after the outcome of an item.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Advice {
    /// What can be done.
    pub disposition: Disposition,
    /// What the next request should do differently.
    pub relief: Relief,
    /// Request the item again after this number of milliseconds; -1: do not request it again.
    pub wait_ms: i64,
}

/// Returns the size of an endpoint in bytes, at most `EXPORTITEMS_ENDPOINT_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_endpoint_size() -> usize {
    size_of::<Endpoint>()
}

/// Returns the alignment of an endpoint in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_endpoint_align() -> usize {
    align_of::<Endpoint>()
}

/// Makes an endpoint in `size` bytes of `memory`, and stores its address in `endpoint`.
///
/// `limits` are upper limits for requests. `limits` and `policy` may be null for the defaults.
///
/// # Safety
/// `memory` is valid while the endpoint is used, and used for nothing else; the other pointers are null or valid.
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
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<Endpoint>(memory, size) }?;
        // SAFETY: `limits` is null or readable, and so is its text.
        let limits = unsafe { core_limits(limits) }?;
        // SAFETY: `policy` is null or readable.
        let policy = unsafe { core_policy(policy) }?;
        let object = Endpoint {
            mark: Endpoint::MARK,
            policy,
            core: core_api::Endpoint::new(limits),
        };
        // SAFETY: `memory` came from `vacate`, and `endpoint` is null or writable.
        unsafe { place(memory, object, endpoint) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Stores the current limits for requests to the server.
///
/// # Safety
/// `endpoint` came from `exportitems_endpoint_init`; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_endpoint_limits(
    endpoint: *mut Endpoint,
    limits: *mut Limits,
    error: *mut Error,
) -> Status {
    let store = || -> Result<Status, Failure> {
        // SAFETY: `endpoint` is null or came from its `init`, and no other call uses it now.
        let endpoint = unsafe { object(endpoint) }?;
        // SAFETY: `limits` is null or writable.
        unsafe { write(limits, endpoint.core.limits().into()) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(store(), error) }
}

/// Ends an exchange, and stores in `wait_ms` how many milliseconds to wait before the next one, or -1 if another request
/// would not help. The exchange cannot be used afterwards.
///
/// `elapsed_ms` is the time since the last exchange that exported an item, or since the start. `random` are 32 random
/// bits, so that clients which failed at the same time do not retry at the same time.
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
        // SAFETY: `endpoint` is null or came from its `init`, and no other call uses it now.
        let endpoint = unsafe { object(endpoint) }?;
        // SAFETY: `exchange` is null or came from its `init`, and no other call uses it now. Objects of two kinds
        // have different marks, so they are two objects.
        let exchange = unsafe { object(exchange) }?;
        check(wait_ms, usize::MAX, 0)?;
        let Endpoint { policy, core, .. } = endpoint;
        let wait = core.end(policy, exchange.core, elapsed_ms, random);
        exchange.mark = 0;
        // SAFETY: `wait_ms` is null or writable.
        unsafe { write(wait_ms, or_minus_one(wait)) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(end(), error) }
}

/// Returns the size of an exchange in bytes, at most `EXPORTITEMS_EXCHANGE_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_exchange_size() -> usize {
    size_of::<Exchange>()
}

/// Returns the alignment of an exchange in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_exchange_align() -> usize {
    align_of::<Exchange>()
}

/// Makes an exchange for a request of `items` items in `size` bytes of `memory`, and stores its address in `exchange`.
/// `items` must be within the endpoint's limits.
///
/// # Safety
/// `memory` is valid while the exchange is used, and used for nothing else; `endpoint` came from
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
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<Exchange>(memory, size) }?;
        // SAFETY: `endpoint` is null or came from its `init`, and no other call uses it now.
        let endpoint = unsafe { object(endpoint) }?;
        let object = Exchange {
            mark: Exchange::MARK,
            policy: endpoint.policy,
            core: endpoint.core.attempt(items),
        };
        // SAFETY: `memory` came from `vacate`, and `exchange` is null or writable.
        unsafe { place(memory, object, exchange) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Reports the status of the HTTP response and its headers `Retry-After`, in seconds or -1, and `Location`, which may be
/// absent.
///
/// They decide only if the body does not give a reason.
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
        // SAFETY: `exchange` is null or came from its `init`, and no other call uses it now.
        let exchange = unsafe { object(exchange) }?;
        let status = u16::try_from(status).or(Err(Status::InvalidValue))?;
        let retry_after_s =
            (retry_after_s >= 0).then(|| u32::try_from(retry_after_s).unwrap_or(u32::MAX));
        // SAFETY: the text `location` is readable for as long as it is used.
        let location = unsafe { text(location) }?;
        exchange.core.http(status, retry_after_s, location);
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(learn(), error) }
}

/// Reports that the connection could not be made, was lost or timed out. Report the decoder's events of it with
/// `exportitems_exchange_event` as well.
///
/// # Safety
/// `exchange` came from `exportitems_exchange_init`; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_exchange_cut(
    exchange: *mut Exchange,
    error: *mut Error,
) -> Status {
    let learn = || -> Result<Status, Failure> {
        // SAFETY: `exchange` is null or came from its `init`, and no other call uses it now.
        unsafe { object(exchange) }?.core.cut();
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(learn(), error) }
}

/// Reports the event that the decoder has just stored. Call it after each outcome, each fault and the end; after other
/// events it does nothing.
///
/// Returns `EXPORTITEMS_STATUS_EVENT` if the event was an outcome, and stores in `advice` what to do about it. Returns
/// `EXPORTITEMS_STATUS_OK` after any other event, and if the event was reported already.
///
/// `retry` belongs to the item that was requested at the outcome's index. If there is none, pass null; no further attempt
/// is advised then. `elapsed_ms` is the time since that item's first failure, and `random` are 32 random bits.
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
        // SAFETY: `exchange` is null or came from its `init`, and no other call uses it now.
        let exchange = unsafe { object(exchange) }?;
        // SAFETY: `decoder` is null or came from its `init`, and no other call uses it now. Objects of two kinds have
        // different marks, so they are two objects.
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
            // SAFETY: `retry` is null or points to an initialised value.
            let mut spent = core_api::Retry::from_bytes(unsafe { read(retry) }?.spent);
            wait = exchange.policy.next(&mut spent, found, elapsed_ms, random);
            let spent = spent.to_bytes();
            // SAFETY: `retry` is null or writable.
            unsafe { write(retry, Retry { spent }) }?;
        }
        let found = Advice {
            disposition: found.disposition.into(),
            relief: found.relief.map_or(Relief::None, Into::into),
            wait_ms: or_minus_one(wait),
        };
        // SAFETY: `advice` is null or writable.
        unsafe { write(advice, found) }?;
        Ok(Status::Event)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(learn(), error) }
}

/// Returns the name of a `Disposition`, such as `throttled`; absent for unknown numbers.
#[no_mangle]
pub extern "C" fn exportitems_disposition_name(code: u32) -> Text {
    Disposition::theirs(code)
        .map(core_api::Disposition::as_str)
        .into()
}
