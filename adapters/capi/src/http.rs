//! HTTP/1.1 framing of one request and its response.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems_http1::{
    BodyDecoder, Error as HttpError, Framing as CoreFraming, HeadDecoder, HeadEncoder, HeadEvent,
    RequestHead,
};

use crate::codes::{Framing, HttpEventKind};
use crate::memory::{
    advance, answer, check, impl_object, input, object, place, read, slice, slice_mut, text,
    vacate, write, Rest,
};
use crate::status::{Error, Failure, Status};
use crate::text::{Bytes, Text};

/// Bytes of memory that are enough to read an HTTP response on every platform. Use it for static memory.
pub const EXPORTITEMS_HTTP_RESPONSE_SIZE: usize = 128;

const _: () = assert!(size_of::<HttpResponse>() <= EXPORTITEMS_HTTP_RESPONSE_SIZE);

/// Writes the head of a `POST` request, any number of bytes at a time.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct HttpRequest {
    mark: u32,
    encoder: HeadEncoder<'static>,
}

impl_object!(HttpRequest, b"EIhq");

/// A header of the request.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpHeader {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Text,
}

/// The head of a `POST` request. The encoder borrows what the structure points to, but not the structure itself.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpRequestHead {
    /// A path with an optional query: `/EWS/Exchange.asmx`.
    pub target: Text,
    /// A name or address with an optional port.
    pub host: Text,
    /// Headers in the order they are sent; `Host` and `Content-Length` are added.
    pub headers: *const HttpHeader,
    /// Number of headers; may be 0.
    pub headers_len: usize,
    /// Length in bytes of the body that follows: `exportitems_encoder_len`.
    pub content_length: u64,
}

/// Returns the size in bytes of an encoder for this number of headers. `SIZE_MAX` means that no memory is large enough.
#[no_mangle]
pub extern "C" fn exportitems_http_request_size(headers: usize) -> usize {
    let headers = headers.saturating_mul(size_of::<(&str, &str)>());
    size_of::<HttpRequest>()
        .saturating_add(headers)
        .saturating_add(size_of::<&[(&str, &str)]>()) // the one group
}

/// Returns the alignment in bytes of an encoder of a request head, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_http_request_align() -> usize {
    align_of::<HttpRequest>()
}

/// Checks a request head, makes an encoder for it in `size` bytes of `memory`, and stores its address in `request`.
///
/// # Safety
/// `memory` is valid while the encoder is used, and used for nothing else; what `head` points to is valid and not changed
/// for as long; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_request_init(
    memory: *mut c_void,
    size: usize,
    head: *const HttpRequestHead,
    request: *mut *mut HttpRequest,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: `head` is null or points to an initialised value.
        let head = unsafe { read(head) }?;
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<HttpRequest>(memory, size) }?;
        let mut rest = Rest::after(memory, size);
        // SAFETY: `head.headers` is readable for `head.headers_len` elements.
        let headers = unsafe { slice(head.headers, head.headers_len) }?;
        let header = |header: HttpHeader| -> Result<(&'static str, &'static str), Status> {
            // SAFETY: the text `header.name` is readable for as long as it is used. Without a name it is empty, which
            // is refused.
            let name = unsafe { text(header.name) }?.unwrap_or_default();
            // SAFETY: the text `header.value` is readable for as long as it is used.
            let value = unsafe { text(header.value) }?.unwrap_or_default();
            Ok((name, value))
        };
        // SAFETY: `rest` is memory after an object with pointers: unused, and aligned for pointers.
        let headers = unsafe { rest.convert(headers, header) }?;
        // SAFETY: as above; texts are aligned like pointers, so the rest still is.
        let headers = unsafe { rest.convert(&[headers], Ok) }?;
        // SAFETY: the text `head.target` is readable for as long as it is used.
        let target = unsafe { text(head.target) }?.unwrap_or_default();
        // SAFETY: the text `head.host` is readable for as long as it is used.
        let host = unsafe { text(head.host) }?.unwrap_or_default();
        let head = RequestHead::new(target, host, headers, head.content_length)
            .map_err(Failure::HttpRequest)?;
        let object = HttpRequest {
            mark: <HttpRequest as crate::memory::Object>::MARK,
            encoder: HeadEncoder::new(head),
        };
        // SAFETY: `memory` came from `vacate`, and `request` is null or writable.
        unsafe { place(memory, object, request) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Writes the next bytes of the head to `out`, and stores their number in `written`.
///
/// If it is less than `len`, the head is complete. Send the body next.
///
/// # Safety
/// `request` came from `exportitems_http_request_init`; `out` is valid for writes of `len` bytes, and initialised;
/// the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_request_write(
    request: *mut HttpRequest,
    out: *mut u8,
    len: usize,
    written: *mut usize,
    error: *mut Error,
) -> Status {
    let next = || -> Result<Status, Failure> {
        // SAFETY: `request` is null or came from its `init`, and no other call uses it now.
        let request = unsafe { object(request) }?;
        // SAFETY: `written` is null or writable. It is written first, so that a null pointer loses no bytes.
        unsafe { write(written, 0) }?;
        // SAFETY: `out` is writable for `len` initialised bytes, which nothing else uses.
        let out = unsafe { slice_mut(out, len) }?;
        let count = request.encoder.write(out);
        // SAFETY: `written` is null or writable.
        unsafe { write(written, count) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(next(), error) }
}

/// Reads one HTTP response and removes its framing.
///
/// For each piece of input, call `exportitems_http_response_next` until it returns `EXPORTITEMS_STATUS_OK`. Call
/// `exportitems_http_response_finish` when the connection ends.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct HttpResponse {
    mark: u32,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Head(HeadDecoder<'static>),
    Body(BodyDecoder),
}

impl_object!(HttpResponse, b"EIhr");

/// One step of an HTTP response. `name` and the value of a field are valid until the next call with the same response.
/// `data` of the body points into the input.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpEvent {
    /// Which of the other fields are set.
    pub kind: HttpEventKind,
    /// Status code of an interim response or of the response.
    pub status: u32,
    /// How the end of the body is known.
    pub framing: Framing,
    /// Whether `Content-Encoding` names a coding, such as gzip. The body is not XML then. Send `Accept-Encoding: identity`
    /// in the request to rule codings out.
    pub coded: bool,
    /// Length of the body in bytes, if it is framed by its length.
    pub content_length: u64,
    /// A field's name, as the server wrote it.
    pub name: Text,
    /// A field's value, or bytes of the body.
    pub data: Bytes,
}

impl HttpEvent {
    const fn new(kind: HttpEventKind) -> Self {
        Self {
            kind,
            status: 0,
            framing: Framing::Empty,
            coded: false,
            content_length: 0,
            name: Text::ABSENT,
            data: Bytes {
                ptr: core::ptr::null(),
                len: 0,
            },
        }
    }
}

/// Returns the size in bytes of an HTTP response object, at most `EXPORTITEMS_HTTP_RESPONSE_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_http_response_size() -> usize {
    size_of::<HttpResponse>()
}

/// Returns the alignment in bytes of an HTTP response object, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_http_response_align() -> usize {
    align_of::<HttpResponse>()
}

/// Makes an object that reads one response in `size` bytes of `memory`, and stores its address in `response`.
///
/// The size of the scratch limits the length of a line of the head that is reported; 256 bytes are enough for all fields
/// that Exchange sends, except cookies and the challenges of `WWW-Authenticate`. The scratch is free again after the event
/// `EXPORTITEMS_HTTP_EVENT_KIND_HEAD`.
///
/// # Safety
/// `memory` and `scratch` are valid while they are used, and used for nothing else; the other pointers are null or
/// valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_init(
    memory: *mut c_void,
    size: usize,
    scratch: *mut u8,
    scratch_len: usize,
    response: *mut *mut HttpResponse,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<HttpResponse>(memory, size) }?;
        if scratch.is_null() {
            return Err(Status::Null.into());
        }
        // SAFETY: `scratch` is writable for `scratch_len` initialised bytes, which nothing else uses. The caller
        // keeps it while the object is used.
        let scratch = unsafe { slice_mut::<'static>(scratch, scratch_len) }?;
        let object = HttpResponse {
            mark: <HttpResponse as crate::memory::Object>::MARK,
            part: Part::Head(HeadDecoder::new(scratch)),
        };
        // SAFETY: `memory` came from `vacate`, and `response` is null or writable.
        unsafe { place(memory, object, response) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Consumes bytes from the front of `input` and stores the next event.
///
/// Returns `EXPORTITEMS_STATUS_EVENT` if an event was stored, and `EXPORTITEMS_STATUS_OK` if the input is used up or the
/// body is complete. Returns less than 0 if the response is unusable or the call is wrong.
///
/// # Safety
/// `response` came from `exportitems_http_response_init`; `input` describes valid memory; the other pointers are
/// null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_next(
    response: *mut HttpResponse,
    input: *mut Bytes,
    event: *mut HttpEvent,
    error: *mut Error,
) -> Status {
    let next = || -> Result<Status, Failure> {
        // SAFETY: `response` is null or came from its `init`, and no other call uses it now.
        let response = unsafe { object(response) }?;
        check(event, usize::MAX, 0)?;
        // SAFETY: `input` is null or readable, and its bytes stay readable during this call.
        let mut left = unsafe { self::input(input) }?;
        let next = response.next(&mut left);
        // SAFETY: `input` was read above, so it is not null, and it is writable too.
        unsafe { advance(input, left) }?;
        let Some(found) = next.map_err(Failure::Http)? else {
            return Ok(Status::Ok);
        };
        // SAFETY: `event` is null or writable.
        unsafe { write(event, found) }?;
        Ok(Status::Event)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(next(), error) }
}

/// Checks that the response is complete. Call this when the connection has ended.
///
/// # Safety
/// `response` came from `exportitems_http_response_init`; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_finish(
    response: *mut HttpResponse,
    error: *mut Error,
) -> Status {
    let finish = || -> Result<Status, Failure> {
        // SAFETY: `response` is null or came from its `init`, and no other call uses it now.
        let response = unsafe { object(response) }?;
        match &mut response.part {
            Part::Head(head) => head.finish(),
            Part::Body(body) => body.finish(),
        }
        .map_err(Failure::Http)?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(finish(), error) }
}

/// Returns whether the body is complete; `false` if `response` is not an HTTP response object.
///
/// # Safety
/// `response` is null or came from `exportitems_http_response_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_is_complete(
    response: *mut HttpResponse,
) -> bool {
    // SAFETY: `response` is null or came from its `init`, and no other call uses it now.
    match unsafe { object(response) } {
        Ok(response) => matches!(&response.part, Part::Body(body) if body.is_complete()),
        Err(_) => false,
    }
}

/// Returns whether the connection can carry another request. `left` is the number of bytes of input that were not consumed.
/// Returns `false` if `response` is not an HTTP response object.
///
/// A server can also send something while the connection is idle. Before you reuse a connection, check whether bytes or the
/// end of the stream are waiting, and compare the `client-request-id` that the next response echoes.
///
/// # Safety
/// `response` is null or came from `exportitems_http_response_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_can_reuse(
    response: *mut HttpResponse,
    left: usize,
) -> bool {
    // Only the difference between 0 and more matters.
    let rest: &[u8] = if left == 0 { &[] } else { &[0] };
    // SAFETY: `response` is null or came from its `init`, and no other call uses it now.
    match unsafe { object(response) } {
        Ok(response) => matches!(&response.part, Part::Body(body) if body.can_reuse(rest)),
        Err(_) => false,
    }
}

impl HttpResponse {
    fn next(&mut self, input: &mut &[u8]) -> Result<Option<HttpEvent>, HttpError> {
        let mut event = HttpEvent::new(HttpEventKind::Data);
        let head = match &mut self.part {
            Part::Body(body) => {
                let Some(data) = body.next(input)? else {
                    return Ok(None);
                };
                event.data = data.into();
                return Ok(Some(event));
            }
            Part::Head(head) => match head.next(input)? {
                None => return Ok(None),
                Some(HeadEvent::Interim(status)) => {
                    event.kind = HttpEventKind::Interim;
                    event.status = status.into();
                    return Ok(Some(event));
                }
                Some(HeadEvent::Field(field)) => {
                    event.kind = HttpEventKind::Field;
                    event.name = field.name.into();
                    event.data = field.value.into();
                    return Ok(Some(event));
                }
                Some(HeadEvent::FieldTooLong { name }) => {
                    event.kind = HttpEventKind::FieldTooLong;
                    event.name = name.into();
                    return Ok(Some(event));
                }
                Some(HeadEvent::Head(head)) => head,
            },
        };
        self.part = Part::Body(BodyDecoder::new(&head));
        event.kind = HttpEventKind::Head;
        event.status = head.status().into();
        event.coded = head.is_coded();
        (event.framing, event.content_length) = match head.framing() {
            CoreFraming::Empty => (Framing::Empty, 0),
            CoreFraming::Length(length) => (Framing::Length, length),
            CoreFraming::Chunked => (Framing::Chunked, 0),
            CoreFraming::UntilClose => (Framing::UntilClose, 0),
        };
        Ok(Some(event))
    }
}
