//! What comes in: the decoder, the framing of HTTP, the payload check.

use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use exportitems as core_api;
use exportitems_capi as capi;
use exportitems_capi::{Bytes, HttpEventKind, Status};
use exportitems_http1 as http1;

use super::memory::{Memory, Strange};
use super::same::{bytes, same, text};
use super::{Told, Wrong};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum DecoderCall {
    /// With a scratch of four times as many bytes; in the memory of the decoder before, or in other memory.
    Init {
        scratch: u8,
        options: Option<Options>,
        again: bool,
    },
    Next {
        len: u16,
        times: u8,
    },
    Finish {
        times: u8,
    },
    Reset(Option<Options>),
    Reject,
    Offset,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Options {
    items: u8,
    integrity: u8,
    max_item_bytes: u16,
    max_total_bytes: u16,
}

impl Options {
    fn for_c(self) -> capi::Options {
        capi::Options {
            items: (self.items % 8).into(),
            integrity: (self.integrity % 6).into(),
            max_item_bytes: self.max_item_bytes.into(),
            max_total_bytes: self.max_total_bytes.into(),
        }
    }

    /// `None`: there is no such integrity.
    fn for_rust(self) -> Option<core_api::Options> {
        let or_most = |most: u16| if most == 0 { u64::MAX } else { most.into() };
        let mut options = core_api::Options::new()
            .max_item_bytes(or_most(self.max_item_bytes))
            .max_total_bytes(or_most(self.max_total_bytes))
            .integrity(match self.integrity % 6 {
                0 => core_api::Integrity::Accept,
                1 => core_api::Integrity::Require,
                2 => core_api::Integrity::Report,
                3 => core_api::Integrity::Off,
                _ => return None,
            });
        if self.items % 8 > 0 {
            options = options.items((self.items % 8).into());
        }
        Some(options)
    }
}

/// Options for both sides: a pointer for C, and what the core is told, if it can be.
fn both(options: Option<Options>) -> (Option<capi::Options>, Option<core_api::Options>) {
    match options {
        None => (None, Some(core_api::Options::new())),
        Some(options) => (Some(options.for_c()), options.for_rust()),
    }
}

fn pointer<T>(value: Option<&T>) -> *const T {
    value.map_or(null(), core::ptr::from_ref)
}

/// The input of a call, or a wrong one.
fn lend(piece: &[u8], wrong: Wrong) -> Bytes {
    match wrong {
        Wrong::NullInput => Bytes {
            ptr: null(),
            len: piece.len().max(1),
        },
        Wrong::LongInput => Bytes {
            ptr: piece.as_ptr(),
            len: isize::MAX.unsigned_abs() + 1,
        },
        _ => Bytes {
            ptr: piece.as_ptr(),
            len: piece.len(),
        },
    }
}

/// An event that the policy is to hear of.
pub(super) enum News {
    Outcome(core_api::Outcome),
    Fault(core_api::Fault),
    Cut,
}

/// A decoder of each side.
pub(super) struct Decoding<'a> {
    strange: &'a Strange,
    left: &'a [u8],
    object: *mut capi::Decoder,
    memory: Option<(Memory, Vec<u8>)>,
    core: Option<core_api::Decoder<Vec<u8>>>,
    news: Option<News>,
}

impl<'a> Decoding<'a> {
    pub(super) fn new(strange: &'a Strange, document: &'a [u8]) -> Self {
        Self {
            strange,
            left: document,
            object: null_mut(),
            memory: None,
            core: None,
            news: None,
        }
    }

    pub(super) fn object(&self, wrong: Wrong) -> *mut capi::Decoder {
        self.strange.object(self.object, wrong)
    }

    pub(super) fn is_live(&self) -> bool {
        self.core.is_some()
    }

    pub(super) fn take_news(&mut self) -> Option<News> {
        self.news.take()
    }

    pub(super) fn call(&mut self, call: DecoderCall, wrong: Wrong, told: &mut Told) {
        match call {
            DecoderCall::Init {
                scratch,
                options,
                again,
            } => self.init(usize::from(scratch) * 4, options, again, wrong, told),
            DecoderCall::Next { len, times } => {
                for _ in 0..=times {
                    if !self.next(len.into(), wrong, told) {
                        break;
                    }
                }
            }
            DecoderCall::Finish { times } => {
                for _ in 0..=times {
                    if !self.finish(wrong, told) {
                        break;
                    }
                }
            }
            DecoderCall::Reset(options) => self.reset(options, wrong, told),
            DecoderCall::Reject => {
                // SAFETY: the object is null, or memory that is initialised.
                let status = unsafe { capi::exportitems_decoder_reject_item(self.object(wrong)) };
                let expected = wrong.object(self.is_live());
                assert_eq!(status, expected.unwrap_or(Status::Ok));
                if let (None, Some(core)) = (expected, &mut self.core) {
                    core.reject_item();
                }
            }
            DecoderCall::Offset => {
                // SAFETY: as above.
                let offset = unsafe { capi::exportitems_decoder_offset(self.object(wrong)) };
                let core = self.core.as_ref().filter(|_| wrong.object(true).is_none());
                assert_eq!(offset, core.map_or(0, core_api::Decoder::offset));
            }
        }
    }

    fn init(
        &mut self,
        scratch: usize,
        options: Option<Options>,
        again: bool,
        wrong: Wrong,
        told: &mut Told,
    ) {
        let (for_c, for_rust) = both(options);
        let old = self
            .memory
            .take()
            .filter(|_| again || wrong != Wrong::Nothing);
        let mut kept = None;
        let memory = match old {
            Some((memory, scratch)) => {
                kept = Some(scratch);
                memory
            }
            None => {
                self.core = None;
                self.object = null_mut();
                Memory::new(capi::exportitems_decoder_size())
            }
        };
        let (at, size) = memory.lend(wrong);
        let mut window = vec![0; scratch];
        let space = lend(&window, wrong);
        let (scratch_at, scratch_len) = match wrong {
            Wrong::NullInput | Wrong::LongInput => (space.ptr.cast_mut(), space.len),
            _ => (window.as_mut_ptr(), window.len()),
        };
        let mut made = null_mut();
        // SAFETY: null, or as large as told, or refused by its length; it lives as long as the decoder.
        let status = unsafe {
            capi::exportitems_decoder_init(
                at,
                size,
                scratch_at,
                scratch_len,
                pointer(for_c.as_ref()),
                wrong.place(&mut made),
                told.place(),
            )
        };
        let expected = if let Some(misuse) = wrong.memory() {
            misuse
        } else {
            // What was there is gone, come what may.
            self.core = None;
            self.news = None;
            match for_rust {
                None => Status::InvalidValue,
                Some(_) if wrong.input().is_some() => wrong.input().unwrap_or(Status::Ok),
                Some(_) if scratch < core_api::MIN_SCRATCH => Status::ScratchTooSmall,
                Some(options) => wrong.out().unwrap_or_else(|| {
                    let core = core_api::Decoder::with_scratch(options, vec![0; scratch]);
                    self.core = core.ok();
                    Status::Ok
                }),
            }
        };
        told.expect(status, expected);
        if expected == Status::Ok {
            assert!(!made.is_null());
            self.object = made;
            self.memory = Some((memory, window));
        } else {
            assert!(made.is_null());
            self.memory = Some((memory, kept.unwrap_or_default()));
        }
    }

    /// Whether there was an event.
    fn next(&mut self, len: usize, wrong: Wrong, told: &mut Told) -> bool {
        let piece = &self.left[..len.min(self.left.len())];
        let mut input = lend(piece, wrong);
        let null_input = wrong == Wrong::NullInput && len % 2 == 0;
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid, or refused by its length.
        let status = unsafe {
            capi::exportitems_decoder_next(
                self.object(wrong),
                if null_input { null_mut() } else { &mut input },
                wrong.place(event.as_mut_ptr()),
                told.place(),
            )
        };
        let misuse = (wrong.object(self.is_live()))
            .or(wrong.out())
            .or(wrong.input());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            told.expect(status, misuse.expect("no decoder"));
            return false;
        };
        let mut left = piece;
        let next = core.next_event(&mut left);
        assert_eq!((input.ptr, input.len), (left.as_ptr(), left.len()));
        self.left = &self.left[piece.len() - left.len()..];
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        compare(next, event.as_ref(), status, &mut self.news, told)
    }

    fn finish(&mut self, wrong: Wrong, told: &mut Told) -> bool {
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_decoder_finish(
                self.object(wrong),
                wrong.place(event.as_mut_ptr()),
                told.place(),
            )
        };
        let misuse = wrong.object(self.is_live()).or(wrong.out());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            told.expect(status, misuse.expect("no decoder"));
            return false;
        };
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        compare(core.finish(), event.as_ref(), status, &mut self.news, told)
    }

    fn reset(&mut self, options: Option<Options>, wrong: Wrong, told: &mut Told) {
        let (for_c, for_rust) = both(options);
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_decoder_reset(
                self.object(wrong),
                pointer(for_c.as_ref()),
                told.place(),
            )
        };
        let expected = match (wrong.object(self.is_live()), for_rust, &mut self.core) {
            (Some(misuse), ..) => misuse,
            (None, None, _) => Status::InvalidValue,
            (None, Some(options), core) => {
                core.as_mut().expect("a decoder").reset(options);
                self.news = None;
                Status::Ok
            }
        };
        told.expect(status, expected);
    }
}

/// Compares what both sides told.
fn compare(
    next: Result<Option<core_api::Event<'_>>, core_api::Error>,
    event: Option<&capi::Event>,
    status: Status,
    news: &mut Option<News>,
    told: &mut Told,
) -> bool {
    match next {
        Ok(Some(expected)) => {
            same(event.expect("an event"), expected);
            match expected {
                core_api::Event::Outcome(outcome) => *news = Some(News::Outcome(outcome)),
                core_api::Event::Fault(fault) => *news = Some(News::Fault(fault)),
                core_api::Event::End(end) => {
                    *news = (end.response == core_api::Response::Cut).then_some(News::Cut);
                }
                _ => {}
            }
            told.expect(status, Status::Event);
            true
        }
        Ok(None) => {
            told.expect(status, Status::Ok);
            false
        }
        Err(error) => {
            if told.wanted {
                assert_eq!(told.error.offset, error.offset);
            }
            told.expect_named(status, &format!("{:?}", error.kind));
            false
        }
    }
}

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

    pub(super) fn call(&mut self, call: HttpCall, wrong: Wrong, told: &mut Told) {
        let object = self.strange.object(self.object, wrong);
        let misuse = wrong.object(self.core.is_some());
        let body = match &self.core {
            Some(Part::Body(body)) if misuse.is_none() => Some(body),
            _ => None,
        };
        match call {
            HttpCall::Init { scratch, again } => {
                self.init((scratch % 2048).into(), again, wrong, told);
            }
            HttpCall::Next { len, times } => {
                for _ in 0..=times {
                    if !self.next(len.into(), wrong, told) {
                        break;
                    }
                }
            }
            HttpCall::Finish => {
                // SAFETY: every pointer is null or valid.
                let status =
                    unsafe { capi::exportitems_http_response_finish(object, told.place()) };
                let result = match (misuse, &mut self.core) {
                    (Some(misuse), _) => return told.expect(status, misuse),
                    (None, Some(Part::Head(head))) => head.finish(),
                    (None, Some(Part::Body(body))) => body.finish(),
                    (None, None) => unreachable!("misuse"),
                };
                match result {
                    Ok(()) => told.expect(status, Status::Ok),
                    Err(error) => told.expect_named(status, &format!("Http{:?}", error.kind)),
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

    fn init(&mut self, scratch: usize, again: bool, wrong: Wrong, told: &mut Told) {
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
        // SAFETY: null, or as large as told, or refused by its length; it lives as long as the response is read.
        let status = unsafe {
            capi::exportitems_http_response_init(
                at,
                size,
                scratch_at,
                scratch_len,
                wrong.place(&mut made),
                told.place(),
            )
        };
        let expected = if let Some(misuse) = wrong.memory() {
            misuse
        } else {
            self.core = None;
            wrong.input().or(wrong.out()).unwrap_or(Status::Ok)
        };
        told.expect(status, expected);
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

    fn next(&mut self, len: usize, wrong: Wrong, told: &mut Told) -> bool {
        let piece = &self.left[..len.min(self.left.len())];
        let mut input = lend(piece, wrong);
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid, or refused by its length.
        let status = unsafe {
            capi::exportitems_http_response_next(
                self.strange.object(self.object, wrong),
                &mut input,
                wrong.place(event.as_mut_ptr()),
                told.place(),
            )
        };
        let misuse = (wrong.object(self.core.is_some()))
            .or(wrong.out())
            .or(wrong.input());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            told.expect(status, misuse.expect("no response"));
            return false;
        };
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        let mut left = piece;
        let found = match core {
            Part::Head(head) => head.next(&mut left).map(|found| found.map(Found::Head)),
            Part::Body(body) => body.next(&mut left).map(|found| found.map(Found::Body)),
        };
        assert_eq!((input.ptr, input.len), (left.as_ptr(), left.len()));
        self.left = &self.left[piece.len() - left.len()..];
        let body = match found {
            Ok(Some(found)) => found.compare(event.as_ref().expect("an event")),
            Ok(None) => {
                told.expect(status, Status::Ok);
                return false;
            }
            Err(error) => {
                if told.wanted {
                    assert_eq!(told.error.offset, error.offset);
                }
                told.expect_named(status, &format!("Http{:?}", error.kind));
                return false;
            }
        };
        told.expect(status, Status::Event);
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
    /// Panics where C was told something else. The reader of the body, if the head is over.
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
                if let http1::Framing::Length(length) = head.framing() {
                    assert_eq!(event.content_length, length);
                }
                return Some(http1::BodyDecoder::new(&head));
            }
        }
        None
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum CheckCall {
    Init { again: bool },
    Update { len: u16 },
    Verdict,
}

/// A payload check of each side.
pub(super) struct Check<'a> {
    strange: &'a Strange,
    left: &'a [u8],
    object: *mut capi::PayloadCheck,
    memory: Option<Memory>,
    core: Option<core_api::PayloadCheck>,
}

impl<'a> Check<'a> {
    pub(super) fn new(strange: &'a Strange, payload: &'a [u8]) -> Self {
        Self {
            strange,
            left: payload,
            object: null_mut(),
            memory: None,
            core: None,
        }
    }

    pub(super) fn call(&mut self, call: CheckCall, wrong: Wrong, told: &mut Told) {
        let object = self.strange.object(self.object, wrong);
        let misuse = wrong.object(self.core.is_some());
        match call {
            CheckCall::Init { again } => self.init(again, wrong, told),
            CheckCall::Update { len } => {
                let piece = &self.left[..usize::from(len).min(self.left.len())];
                let input = lend(piece, wrong);
                // SAFETY: every pointer is null or valid, or refused by its length.
                let status = unsafe {
                    capi::exportitems_payload_check_update(
                        object,
                        input.ptr,
                        input.len,
                        told.place(),
                    )
                };
                let misuse = misuse.or(wrong.input());
                told.expect(status, misuse.unwrap_or(Status::Ok));
                if let (None, Some(core)) = (misuse, &mut self.core) {
                    core.update(piece);
                    self.left = &self.left[piece.len()..];
                }
            }
            CheckCall::Verdict => {
                let mut verdict = MaybeUninit::uninit();
                // SAFETY: every pointer is null or valid.
                let status = unsafe {
                    capi::exportitems_payload_check_verdict(
                        object,
                        wrong.place(verdict.as_mut_ptr()),
                        told.place(),
                    )
                };
                let misuse = misuse.or(wrong.out());
                told.expect(status, misuse.unwrap_or(Status::Ok));
                if let (None, Some(core)) = (misuse, &self.core) {
                    // SAFETY: the status says that it was written.
                    let found = unsafe { verdict.assume_init() };
                    let told = format!("{:?}", found.verdict);
                    match core.verdict() {
                        core_api::Verdict::Broken { offset, reason } => {
                            let reason = format!("{reason:?}");
                            assert_eq!((&*told, found.offset), ("Broken", offset));
                            assert_eq!(format!("{:?}", found.reason), reason);
                        }
                        verdict => assert_eq!(told, format!("{verdict:?}")),
                    }
                    assert_eq!(found.reached_attachments, core.reached_attachments());
                }
            }
        }
    }

    fn init(&mut self, again: bool, wrong: Wrong, told: &mut Told) {
        let old = self
            .memory
            .take()
            .filter(|_| again || wrong != Wrong::Nothing);
        let memory = old.unwrap_or_else(|| {
            self.core = None;
            self.object = null_mut();
            Memory::new(capi::exportitems_payload_check_size())
        });
        let (at, size) = memory.lend(wrong);
        let mut made = null_mut();
        // SAFETY: null, or as large as told; it lives as long as the check.
        let status = unsafe {
            capi::exportitems_payload_check_init(at, size, wrong.place(&mut made), told.place())
        };
        let expected = wrong.memory().unwrap_or_else(|| {
            self.core = None;
            wrong.out().unwrap_or(Status::Ok)
        });
        told.expect(status, expected);
        if expected == Status::Ok {
            self.core = Some(core_api::PayloadCheck::new());
            self.object = made;
        }
        self.memory = Some(memory);
    }
}
