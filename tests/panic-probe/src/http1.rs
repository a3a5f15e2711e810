//! The entry points of `exportitems-http1`.

use exportitems_http1::{
    BodyDecoder, Error, Field, HeadDecoder, HeadEncoder, HeadEvent, RequestError, RequestHead,
    ResponseHead, RetryAfter,
};

#[no_mangle]
pub fn probe_http1_request_head<'a>(
    target: &'a str,
    host: &'a str,
    headers: &'a [(&'a str, &'a str)],
    content_length: u64,
) -> Result<RequestHead<'a>, RequestError> {
    RequestHead::new(target, host, headers, content_length)
}

#[no_mangle]
pub fn probe_http1_encoder_new(head: RequestHead<'_>) -> HeadEncoder<'_> {
    HeadEncoder::new(head)
}

#[no_mangle]
pub fn probe_http1_encoder_encoded_len(encoder: &HeadEncoder<'_>) -> usize {
    encoder.encoded_len()
}

#[no_mangle]
pub fn probe_http1_encoder_write(encoder: &mut HeadEncoder<'_>, out: &mut [u8]) -> usize {
    encoder.write(out)
}

#[no_mangle]
pub fn probe_http1_head_new(scratch: &mut [u8]) -> HeadDecoder<'_> {
    HeadDecoder::new(scratch)
}

#[no_mangle]
pub fn probe_http1_head_next<'d>(
    decoder: &'d mut HeadDecoder<'_>,
    input: &mut &[u8],
) -> Result<Option<HeadEvent<'d>>, Error> {
    decoder.next(input)
}

#[no_mangle]
pub fn probe_http1_head_finish(decoder: &HeadDecoder<'_>) -> Result<(), Error> {
    decoder.finish()
}

#[no_mangle]
pub fn probe_http1_retry_after<'a>(field: &Field<'a>) -> Option<RetryAfter<'a>> {
    field.retry_after()
}

#[no_mangle]
pub fn probe_http1_retry_after_seconds(field: &Field<'_>) -> Option<u64> {
    field.retry_after_seconds()
}

#[no_mangle]
pub fn probe_http1_body_new(head: &ResponseHead) -> BodyDecoder {
    BodyDecoder::new(head)
}

#[no_mangle]
pub fn probe_http1_body_next<'i>(
    decoder: &mut BodyDecoder,
    input: &mut &'i [u8],
) -> Result<Option<&'i [u8]>, Error> {
    decoder.next(input)
}

#[no_mangle]
pub fn probe_http1_body_finish(decoder: &mut BodyDecoder, rest: &[u8]) -> Result<bool, Error> {
    decoder.finish()?;
    Ok(decoder.can_reuse(rest))
}

#[no_mangle]
pub fn probe_http1_error_display(error: Error) -> u8 {
    crate::last_byte(&error)
}

#[no_mangle]
pub fn probe_http1_request_error_display(error: RequestError) -> u8 {
    crate::last_byte(&error)
}
