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

/// Memory that is enough to read an HTTP response, in bytes, on every machine: for static memory.
pub const EXPORTITEMS_HTTP_RESPONSE_SIZE: usize = 128;

const _: () = assert!(size_of::<HttpResponse>() <= EXPORTITEMS_HTTP_RESPONSE_SIZE);

/// Writes the head of a `POST` request, any number of bytes at a time.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
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

/// The head of a `POST` request. What it points at is borrowed by the encoder; the structure itself is not.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpRequestHead {
    /// A path with an optional query: `/EWS/Exchange.asmx`.
    pub target: Text,
    /// A name or address with an optional port.
    pub host: Text,
    /// Headers in the order they are sent; `Host` and `Content-Length` are added.
    pub headers: *const HttpHeader,
    /// How many; may be 0.
    pub headers_len: usize,
    /// Bytes of body to follow: `exportitems_encoder_len`.
    pub content_length: u64,
}

/// Size in bytes of an encoder for so many headers. The largest number means more than any memory
/// holds.
#[no_mangle]
pub extern "C" fn exportitems_http_request_size(headers: usize) -> usize {
    size_of::<HttpRequest>().saturating_add(headers.saturating_mul(size_of::<(&str, &str)>()))
}

/// Alignment of an encoder of a request head in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_http_request_align() -> usize {
    align_of::<HttpRequest>()
}

/// Checks a request head, makes an encoder for it in `size` bytes of `memory`, and stores where it is in `request`.
///
/// # Safety
/// `memory` is valid for as long as the encoder is used, for nothing else; what `head` points at is valid for as
/// long and not changed; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_request_init(
    memory: *mut c_void,
    size: usize,
    head: *const HttpRequestHead,
    request: *mut *mut HttpRequest,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let head = unsafe { read(head) }?;
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<HttpRequest>(memory, size) }?;
        let mut rest = Rest::after(memory, size);
        // SAFETY: the caller's word.
        let headers = unsafe { slice(head.headers, head.headers_len) }?;
        let header = |header: HttpHeader| -> Result<(&'static str, &'static str), Status> {
            // SAFETY: the caller's word. An absent name is an empty one, which is refused.
            let name = unsafe { text(header.name) }?.unwrap_or_default();
            // SAFETY: the caller's word.
            let value = unsafe { text(header.value) }?.unwrap_or_default();
            Ok((name, value))
        };
        // SAFETY: the caller's word; after an object that holds pointers memory is aligned for them.
        let headers = unsafe { rest.convert(headers, header) }?;
        // SAFETY: the caller's word.
        let target = unsafe { text(head.target) }?.unwrap_or_default();
        // SAFETY: the caller's word.
        let host = unsafe { text(head.host) }?.unwrap_or_default();
        let head = RequestHead::new(target, host, headers, head.content_length)
            .map_err(Failure::HttpRequest)?;
        let object = HttpRequest {
            mark: <HttpRequest as crate::memory::Object>::MARK,
            encoder: HeadEncoder::new(head),
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, request) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Writes what comes next of the head to `out`, and stores in `written` how many bytes that was.
///
/// Fewer bytes than `len` mean that the head is done; the body comes next.
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
    let go_on = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let request = unsafe { object(request) }?;
        // SAFETY: the caller's word; before anything is written, so that a null pointer loses nothing.
        unsafe { write(written, 0) }?;
        // SAFETY: the caller's word.
        let out = unsafe { slice_mut(out, len) }?;
        let count = request.encoder.write(out);
        // SAFETY: the caller's word.
        unsafe { write(written, count) }?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(go_on(), error) }
}

/// Takes the framing off one HTTP response.
///
/// `exportitems_http_response_next` for each piece of input until it gives `EXPORTITEMS_STATUS_OK`, and
/// `exportitems_http_response_finish` when the connection ends.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
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

/// One step of an HTTP response. What it points at stays until the next call with the same response, and data
/// as long as the input does.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpEvent {
    /// Which of the other fields count.
    pub kind: HttpEventKind,
    /// Status code of an interim response or of the response.
    pub status: u32,
    /// How the end of the body is known.
    pub framing: Framing,
    /// Whether `Content-Encoding` names a coding, such as gzip: then the body is no XML. Send `Accept-Encoding: identity`,
    /// so that a server has no reason to use one.
    pub coded: bool,
    /// Bytes of the body, where it is framed by its length.
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

/// Size in bytes of what reads a response, at most `EXPORTITEMS_HTTP_RESPONSE_SIZE`.
#[no_mangle]
pub extern "C" fn exportitems_http_response_size() -> usize {
    size_of::<HttpResponse>()
}

/// Alignment in bytes of what reads a response, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_http_response_align() -> usize {
    align_of::<HttpResponse>()
}

/// Makes ready to read one response, in `size` bytes of `memory`, and stores where it is in `response`.
///
/// The scratch takes the longest line of the head that the caller wants to see; 256 bytes are enough for all that
/// Exchange sends but cookies and the challenges of `WWW-Authenticate`. It is free again after the event
/// `EXPORTITEMS_HTTP_EVENT_KIND_HEAD`.
///
/// # Safety
/// `memory` and `scratch` are valid for as long as they are used, for nothing else; the other pointers are null or
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
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<HttpResponse>(memory, size) }?;
        if scratch.is_null() {
            return Err(Status::Null.into());
        }
        // SAFETY: the caller's word, for as long as the response is read.
        let scratch = unsafe { slice_mut::<'static>(scratch, scratch_len) }?;
        let object = HttpResponse {
            mark: <HttpResponse as crate::memory::Object>::MARK,
            part: Part::Head(HeadDecoder::new(scratch)),
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, response) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Stores the next event of `input`, which is moved forward over what has been consumed.
///
/// `EXPORTITEMS_STATUS_EVENT`: an event was stored. `EXPORTITEMS_STATUS_OK`: the input is used up, or the body is complete. Less than 0:
/// the response is unusable, or the call was.
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
        // SAFETY: the caller's word.
        let response = unsafe { object(response) }?;
        check(event, usize::MAX, 0)?;
        // SAFETY: the caller's word.
        let mut left = unsafe { self::input(input) }?;
        let next = response.next(&mut left);
        // SAFETY: `input` was read from just now, and the caller lends it for writing too.
        unsafe { advance(input, left) }?;
        let Some(found) = next.map_err(Failure::Http)? else {
            return Ok(Status::Ok);
        };
        // SAFETY: the caller's word.
        unsafe { write(event, found) }?;
        Ok(Status::Event)
    };
    // SAFETY: the caller's word.
    unsafe { answer(next(), error) }
}

/// To be called when the connection ended: says whether the response was whole.
///
/// # Safety
/// `response` came from `exportitems_http_response_init`; `error` is null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_finish(
    response: *mut HttpResponse,
    error: *mut Error,
) -> Status {
    let finish = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let response = unsafe { object(response) }?;
        match &mut response.part {
            Part::Head(head) => head.finish(),
            Part::Body(body) => body.finish(),
        }
        .map_err(Failure::Http)?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(finish(), error) }
}

/// Whether the whole body has been given out; `false` where there is no response.
///
/// # Safety
/// `response` is null or came from `exportitems_http_response_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_is_complete(
    response: *mut HttpResponse,
) -> bool {
    // SAFETY: the caller's word.
    match unsafe { object(response) } {
        Ok(response) => matches!(&response.part, Part::Body(body) if body.is_complete()),
        Err(_) => false,
    }
}

/// Whether the connection may carry another request, when `left` bytes of input were not consumed; `false` where
/// there is no response.
///
/// A response that answers no request may come later, while the connection is idle: before it is used again, look whether
/// bytes or its end are waiting, and compare the `client-request-id` that the next response echoes.
///
/// # Safety
/// `response` is null or came from `exportitems_http_response_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_http_response_can_reuse(
    response: *mut HttpResponse,
    left: usize,
) -> bool {
    // Only whether something is left matters.
    let rest: &[u8] = if left == 0 { &[] } else { &[0] };
    // SAFETY: the caller's word.
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
