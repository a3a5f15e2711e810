//! The framing of HTTP responses.

use core::mem::MaybeUninit;
use core::ptr::null_mut;

use arbitrary::Arbitrary;
use exportitems_capi as capi;
use exportitems_capi::{HttpEventKind, Status};
use exportitems_http1 as http1;

use super::memory::{lend, Memory, Strange};
use super::same::{bytes, text};
use super::{Reported, Wrong};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum HttpCall {
    Init { scratch: u16, again: bool },
    Next { len: u16, times: u8 },
    Finish,
    IsComplete,
    CanReuse { left: bool },
}

/// A reader of an HTTP response of each side.
pub(super) struct Http<'a> {
    strange: &'a Strange,
    left: &'a [u8],
    object: *mut capi::HttpResponse,
    memory: Option<(Memory, Vec<u8>)>,
    core: Option<Part>,
    /// What the core's head borrows.
    window: Memory,
}

enum Part {
    Head(http1::HeadDecoder<'static>),
    Body(http1::BodyDecoder),
}

impl<'a> Http<'a> {
    pub(super) fn new(strange: &'a Strange, response: &'a [u8]) -> Self {
        Self {
            strange,
            left: response,
            object: null_mut(),
            memory: None,
            core: None,
            window: Memory::new(1),
        }
    }

    pub(super) fn call(&mut self, call: HttpCall, wrong: Wrong, reported: &mut Reported) {
        let object = self.strange.object(self.object, wrong);
        let misuse = wrong.object(self.core.is_some());
        let body = match &self.core {
            Some(Part::Body(body)) if misuse.is_none() => Some(body),
            _ => None,
        };
        match call {
            HttpCall::Init { scratch, again } => {
                self.init((scratch % 2048).into(), again, wrong, reported);
            }
            HttpCall::Next { len, times } => {
                for _ in 0..=times {
                    if !self.next(len.into(), wrong, reported) {
                        break;
                    }
                }
            }
            HttpCall::Finish => {
                // SAFETY: every pointer is null or valid.
                let status =
                    unsafe { capi::exportitems_http_response_finish(object, reported.place()) };
                let result = match (misuse, &mut self.core) {
                    (Some(misuse), _) => return reported.expect(status, misuse),
                    (None, Some(Part::Head(head))) => head.finish(),
                    (None, Some(Part::Body(body))) => body.finish(),
                    (None, None) => unreachable!("misuse"),
                };
                match result {
                    Ok(()) => reported.expect(status, Status::Ok),
                    Err(error) => reported.expect_named(status, &format!("Http{:?}", error.kind)),
                }
            }
            HttpCall::IsComplete => {
                // SAFETY: as above.
                let complete = unsafe { capi::exportitems_http_response_is_complete(object) };
                assert_eq!(complete, body.is_some_and(http1::BodyDecoder::is_complete));
            }
            HttpCall::CanReuse { left } => {
                // SAFETY: as above.
                let reuse =
                    unsafe { capi::exportitems_http_response_can_reuse(object, left.into()) };
                let rest: &[u8] = if left { b"x" } else { b"" };
                assert_eq!(reuse, body.is_some_and(|body| body.can_reuse(rest)));
            }
        }
    }

    fn init(&mut self, scratch: usize, again: bool, wrong: Wrong, reported: &mut Reported) {
        let mut kept = None;
        let old = self
            .memory
            .take()
            .filter(|_| again || wrong != Wrong::Nothing);
        let memory = match old {
            Some((memory, scratch)) => {
                kept = Some(scratch);
                memory
            }
            None => {
                self.core = None;
                self.object = null_mut();
                Memory::new(capi::exportitems_http_response_size())
            }
        };
        let (at, size) = memory.lend(wrong);
        let mut lines = vec![0; scratch];
        let (scratch_at, scratch_len) = match wrong {
            Wrong::NullInput => (null_mut(), scratch),
            Wrong::LongInput => (lines.as_mut_ptr(), usize::MAX),
            _ => (lines.as_mut_ptr(), lines.len()),
        };
        let mut made = null_mut();
        // SAFETY: null, or as large as its size says, or refused by its length; it lives as long as the response is read.
        let status = unsafe {
            capi::exportitems_http_response_init(
                at,
                size,
                scratch_at,
                scratch_len,
                wrong.place(&raw mut made),
                reported.place(),
            )
        };
        let expected = if let Some(misuse) = wrong.memory() {
            misuse
        } else {
            self.core = None;
            wrong.input().or(wrong.out()).unwrap_or(Status::Ok)
        };
        reported.expect(status, expected);
        if expected == Status::Ok {
            self.window = Memory::new(scratch);
            // SAFETY: as large as that, and not used for anything else before the head is dropped, just above or
            // with `self`, where `core` comes first.
            let window = unsafe { core::slice::from_raw_parts_mut(self.window.at(), scratch) };
            self.core = Some(Part::Head(http1::HeadDecoder::new(window)));
            self.object = made;
            self.memory = Some((memory, lines));
        } else {
            self.memory = Some((memory, kept.unwrap_or_default()));
        }
    }

    fn next(&mut self, len: usize, wrong: Wrong, reported: &mut Reported) -> bool {
        let piece = &self.left[..len.min(self.left.len())];
        let mut input = lend(piece, wrong);
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid, or refused by its length.
        let status = unsafe {
            capi::exportitems_http_response_next(
                self.strange.object(self.object, wrong),
                &raw mut input,
                wrong.place(event.as_mut_ptr()),
                reported.place(),
            )
        };
        let misuse = (wrong.object(self.core.is_some()))
            .or(wrong.out())
            .or(wrong.input());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            reported.expect(status, misuse.expect("no response"));
            return false;
        };
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        let mut left = piece;
        let found = match core {
            Part::Head(head) => head.next(&mut left).map(|found| found.map(Found::Head)),
            Part::Body(body) => body.next(&mut left).map(|found| found.map(Found::Body)),
        };
        self.left = &self.left[piece.len() - left.len()..];
        assert_eq!((input.ptr, input.len), (self.left.as_ptr(), left.len()));
        let body = match found {
            Ok(Some(found)) => found.compare(event.as_ref().expect("an event")),
            Ok(None) => {
                reported.expect(status, Status::Ok);
                return false;
            }
            Err(error) => {
                if reported.wanted {
                    assert_eq!(reported.error.offset, error.offset);
                }
                reported.expect_named(status, &format!("Http{:?}", error.kind));
                return false;
            }
        };
        reported.expect(status, Status::Event);
        if let Some(body) = body {
            self.core = Some(Part::Body(body));
        }
        true
    }
}

enum Found<'f> {
    Head(http1::HeadEvent<'f>),
    Body(&'f [u8]),
}

impl Found<'_> {
    /// Panics if C got another result. Returns the reader of the body, if the head is over.
    fn compare(self, event: &capi::HttpEvent) -> Option<http1::BodyDecoder> {
        let is = |kind| assert_eq!(event.kind, kind);
        match self {
            Self::Body(data) => {
                is(HttpEventKind::Data);
                assert_eq!(bytes(event.data), data);
            }
            Self::Head(http1::HeadEvent::Interim(status)) => {
                is(HttpEventKind::Interim);
                assert_eq!(event.status, u32::from(status));
            }
            Self::Head(http1::HeadEvent::Field(field)) => {
                is(HttpEventKind::Field);
                assert_eq!(text(event.name), Some(field.name));
                assert_eq!(bytes(event.data), field.value);
            }
            Self::Head(http1::HeadEvent::FieldTooLong { name }) => {
                is(HttpEventKind::FieldTooLong);
                assert_eq!(text(event.name), Some(name));
            }
            Self::Head(http1::HeadEvent::Head(head)) => {
                is(HttpEventKind::Head);
                assert_eq!(event.status, u32::from(head.status()));
                let framing = match head.framing() {
                    http1::Framing::Length(_) => "Length".to_owned(),
                    other => format!("{other:?}"),
                };
                assert_eq!(format!("{:?}", event.framing), framing);
                assert_eq!(event.coded, head.is_coded());
                if let http1::Framing::Length(length) = head.framing() {
                    assert_eq!(event.content_length, length);
                }
                return Some(http1::BodyDecoder::new(&head));
            }
        }
        None
    }
}
