//! One exported function for each public entry point of default core, for `scripts/check-panic-free`.
//!
//! Arguments and results pass through the signatures, so that the optimiser can neither guess the former nor drop the latter.
#![no_std]

use core::fmt::{self, Display, Write};

use exportitems::{
    Encoder, Error, ExchangeImpersonation, ExportItems, ItemError, RequestError,
    RequestServerVersion, Response, ResponseCode,
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
