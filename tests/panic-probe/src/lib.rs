//! One exported function for each public entry point of default core and of http1, for `scripts/check-panic-free`.
//!
//! Arguments and results pass through the signatures, so that the optimiser can neither guess the former nor drop the latter.
#![no_std]

mod embedded_io;
mod http1;
mod ntlm;
mod payload;

use core::fmt::{self, Display, Write};

use exportitems::policy::{Advice, Endpoint, Exchange, Policy, Retry};
use exportitems::{
    Decoder, Discard, Encoder, Error, Event, ExchangeImpersonation, ExportItems, Fault, FeedError,
    ItemError, ItemIds, Options, Outcome, RequestError, RequestServerVersion, Response,
    ResponseCode, Sink, SliceFull, SliceSink, Summary, Tee,
};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    extern "C" {
        /// Defined nowhere: where a panic is reachable the link fails.
        fn PANIC_IS_REACHABLE() -> !;
    }
    // SAFETY: never runs; no program with this call can be linked.
    unsafe { PANIC_IS_REACHABLE() }
}

/// Panics for an empty slice: the check must see it.
#[no_mangle]
pub fn control_index(bytes: &[u8]) -> u8 {
    bytes[0]
}

#[no_mangle]
pub fn probe_response_code_from_text(text: &str) -> ResponseCode {
    ResponseCode::from_text(text)
}

#[no_mangle]
pub fn probe_response_code_as_str(code: ResponseCode) -> Option<&'static str> {
    code.as_str()
}

#[no_mangle]
pub fn probe_decoder_next_event<'d>(
    decoder: &'d mut Decoder,
    input: &mut &[u8],
) -> Result<Option<Event<'d>>, Error> {
    decoder.next_event(input)
}

#[no_mangle]
pub fn probe_decoder_next_event_and_item<'d>(
    decoder: &'d mut Decoder,
    input: &mut &[u8],
) -> Result<Option<(Event<'d>, Option<u32>)>, Error> {
    decoder.next_event_and_item(input)
}

#[no_mangle]
pub fn probe_decoder_borrowed<'d>(
    decoder: &'d mut Decoder<&mut [u8]>,
    input: &mut &[u8],
) -> Result<Option<Event<'d>>, Error> {
    decoder.next_event(input)
}

#[no_mangle]
pub fn probe_decoder_with_scratch(options: Options, scratch: &mut [u8]) -> bool {
    Decoder::with_scratch(options, scratch).is_ok()
}

#[no_mangle]
pub fn probe_decoder_finish(decoder: &mut Decoder) -> Result<Option<Event<'_>>, Error> {
    decoder.finish()
}

#[no_mangle]
pub fn probe_decoder_feed(
    decoder: &mut Decoder,
    input: &mut &[u8],
    sink: &mut Counter,
) -> Result<(), FeedError<()>> {
    decoder.feed(input, sink)
}

#[no_mangle]
pub fn probe_decoder_finish_into(
    decoder: &mut Decoder,
    sink: &mut Counter,
) -> Result<Summary, FeedError<()>> {
    decoder.finish_into(sink)
}

#[no_mangle]
pub fn probe_slice_sink(
    decoder: &mut Decoder,
    input: &mut &[u8],
    sink: &mut Tee<SliceSink<'_>, Discard>,
) -> Result<(), FeedError<SliceFull>> {
    decoder.feed(input, sink)
}

#[no_mangle]
pub fn probe_decoder_reject_item(decoder: &mut Decoder) {
    decoder.reject_item();
}

#[no_mangle]
pub fn probe_decoder_reset(decoder: &mut Decoder, options: Options) -> u64 {
    decoder.reset(options);
    decoder.offset()
}

/// Counts what it is told, and fails when the count is even.
pub struct Counter(u64);

impl Counter {
    fn count(&mut self, by: u64) -> Result<(), ()> {
        self.0 = self.0.wrapping_add(by);
        if self.0 & 1 == 0 {
            Err(())
        } else {
            Ok(())
        }
    }
}

impl Sink for Counter {
    type Error = ();

    fn begin(&mut self, index: u32, ids: ItemIds<'_>) -> Result<(), ()> {
        let id = ids.id.value().map_or(0, str::len);
        self.count(u64::from(index) + id as u64)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.count(bytes.len() as u64)
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ()> {
        self.count(outcome.bytes)
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.0 ^= outcome.offset;
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.0 ^= outcome.offset;
    }
}

#[no_mangle]
pub fn probe_error_display(error: Error) -> u8 {
    last_byte(&error)
}

#[no_mangle]
pub fn probe_item_error_display(error: ItemError) -> u8 {
    last_byte(&error)
}

#[no_mangle]
pub fn probe_response_display(response: Response) -> u8 {
    last_byte(&response)
}

#[no_mangle]
pub fn probe_encoder_new<'a>(request: &ExportItems<'a>) -> Result<Encoder<'a>, RequestError> {
    request.encoder()
}

#[no_mangle]
pub fn probe_encoder_write(encoder: &mut Encoder<'_>, out: &mut [u8]) -> usize {
    encoder.write(out)
}

#[no_mangle]
pub fn probe_version_from_text(text: &str) -> Result<RequestServerVersion, RequestError> {
    text.parse()
}

#[no_mangle]
pub fn probe_version_older(version: RequestServerVersion) -> Option<RequestServerVersion> {
    version.older()
}

#[no_mangle]
pub fn probe_impersonation_from_text(
    text: &str,
) -> Result<ExchangeImpersonation<'_>, RequestError> {
    ExchangeImpersonation::from_text(text)
}

#[no_mangle]
pub fn probe_request_error_display(error: RequestError) -> u8 {
    last_byte(&error)
}

#[no_mangle]
pub fn probe_exchange_item(exchange: &mut Exchange, outcome: &Outcome) -> Advice {
    exchange.item(outcome)
}

#[no_mangle]
pub fn probe_exchange_fault(exchange: &mut Exchange, fault: &Fault) {
    exchange.fault(fault);
}

#[no_mangle]
pub fn probe_exchange_http(
    exchange: &mut Exchange,
    status: u16,
    retry_after_s: Option<u32>,
    location: Option<&str>,
) {
    exchange.http(status, retry_after_s, location);
}

#[no_mangle]
pub fn probe_policy_next(
    policy: &Policy,
    retry: &mut Retry,
    advice: Advice,
    elapsed_ms: u64,
    random: u32,
) -> Option<u32> {
    policy.next(retry, advice, elapsed_ms, random)
}

#[no_mangle]
pub fn probe_retry_bytes(retry: Retry) -> Retry {
    Retry::from_bytes(retry.to_bytes())
}

#[no_mangle]
pub fn probe_endpoint_end(
    endpoint: &mut Endpoint,
    policy: &Policy,
    exchange: &Exchange,
    elapsed_ms: u64,
    random: u32,
) -> Option<u32> {
    endpoint.end(policy, *exchange, elapsed_ms, random)
}

/// Formats `value` in a way that cannot be left out.
fn last_byte(value: &dyn Display) -> u8 {
    struct Last(u8);

    impl Write for Last {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = text.as_bytes().last().copied().unwrap_or(self.0);
            Ok(())
        }
    }

    let mut last = Last(0);
    let _ = write!(last, "{value}");
    last.0
}
