//! The decoder.

use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use exportitems as core_api;
use exportitems_capi as capi;
use exportitems_capi::Status;

use super::memory::{lend, Memory, Strange};
use super::same::{error_name, same};
use super::{Reported, Wrong};

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
    CompareId(u8),
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
                0 => core_api::IntegrityPolicy::Accept,
                1 => core_api::IntegrityPolicy::Require,
                2 => core_api::IntegrityPolicy::Report,
                3 => core_api::IntegrityPolicy::Off,
                _ => return None,
            });
        if !self.items.is_multiple_of(8) {
            options = options.items((self.items % 8).into());
        }
        Some(options)
    }
}

/// Options for both sides: a pointer for C, and the same for the core, if it can be expressed.
fn both(options: Option<Options>) -> (Option<capi::Options>, Option<core_api::Options>) {
    match options {
        None => (None, Some(core_api::Options::new())),
        Some(options) => (Some(options.for_c()), options.for_rust()),
    }
}

fn pointer<T>(value: Option<&T>) -> *const T {
    value.map_or(null(), core::ptr::from_ref)
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

    pub(super) fn call(&mut self, call: DecoderCall, wrong: Wrong, reported: &mut Reported) {
        match call {
            DecoderCall::Init {
                scratch,
                options,
                again,
            } => self.init(usize::from(scratch) * 4, options, again, wrong, reported),
            DecoderCall::Next { len, times } => {
                for _ in 0..=times {
                    if !self.next(len.into(), wrong, reported) {
                        break;
                    }
                }
            }
            DecoderCall::Finish { times } => {
                for _ in 0..=times {
                    if !self.finish(wrong, reported) {
                        break;
                    }
                }
            }
            DecoderCall::Reset(options) => self.reset(options, wrong, reported),
            DecoderCall::Reject => {
                // SAFETY: the object is null, or memory that is initialised.
                let status = unsafe { capi::exportitems_decoder_reject_item(self.object(wrong)) };
                let expected = wrong.object(self.is_live());
                assert_eq!(status, expected.unwrap_or(Status::Ok));
                if let (None, Some(core)) = (expected, &mut self.core) {
                    core.reject_item();
                }
            }
            DecoderCall::CompareId(answer) => {
                let answer = u32::from(answer % 4);
                // SAFETY: as above.
                let status =
                    unsafe { capi::exportitems_decoder_compare_id(self.object(wrong), answer) };
                let for_core = match answer {
                    0 => Some(core_api::IdMatch::Unknown),
                    1 => Some(core_api::IdMatch::Same),
                    2 => Some(core_api::IdMatch::Other),
                    _ => None,
                };
                let expected = wrong.object(self.is_live());
                let expected = expected.or(for_core.is_none().then_some(Status::InvalidValue));
                assert_eq!(status, expected.unwrap_or(Status::Ok));
                if let (None, Some(answer), Some(core)) = (expected, for_core, &mut self.core) {
                    core.compare_id(answer);
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
        reported: &mut Reported,
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
        // SAFETY: null, or as large as its size says, or refused by its length; it lives as long as the decoder.
        let status = unsafe {
            capi::exportitems_decoder_init(
                at,
                size,
                scratch_at,
                scratch_len,
                pointer(for_c.as_ref()),
                wrong.place(&raw mut made),
                reported.place(),
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
        reported.expect(status, expected);
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
    pub(super) fn next(&mut self, len: usize, wrong: Wrong, reported: &mut Reported) -> bool {
        let piece = &self.left[..len.min(self.left.len())];
        let mut input = lend(piece, wrong);
        let null_input = wrong == Wrong::NullInput && len.is_multiple_of(2);
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid, or refused by its length.
        let status = unsafe {
            capi::exportitems_decoder_next(
                self.object(wrong),
                if null_input {
                    null_mut()
                } else {
                    &raw mut input
                },
                wrong.place(event.as_mut_ptr()),
                reported.place(),
            )
        };
        let misuse = (wrong.object(self.is_live()))
            .or(wrong.out())
            .or(wrong.input());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            reported.expect(status, misuse.expect("no decoder"));
            return false;
        };
        let mut left = piece;
        let next = core.next_event(&mut left);
        self.left = &self.left[piece.len() - left.len()..];
        assert_eq!((input.ptr, input.len), (self.left.as_ptr(), left.len()));
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        compare(next, event.as_ref(), status, &mut self.news, reported)
    }

    pub(super) fn finish(&mut self, wrong: Wrong, reported: &mut Reported) -> bool {
        let mut event = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_decoder_finish(
                self.object(wrong),
                wrong.place(event.as_mut_ptr()),
                reported.place(),
            )
        };
        let misuse = wrong.object(self.is_live()).or(wrong.out());
        let (None, Some(core)) = (misuse, &mut self.core) else {
            reported.expect(status, misuse.expect("no decoder"));
            return false;
        };
        // SAFETY: written, where the status says so.
        let event = (status == Status::Event).then(|| unsafe { event.assume_init() });
        compare(
            core.finish(),
            event.as_ref(),
            status,
            &mut self.news,
            reported,
        )
    }

    fn reset(&mut self, options: Option<Options>, wrong: Wrong, reported: &mut Reported) {
        let (for_c, for_rust) = both(options);
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_decoder_reset(
                self.object(wrong),
                pointer(for_c.as_ref()),
                reported.place(),
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
        reported.expect(status, expected);
    }
}

/// Compares the results of both sides.
fn compare(
    next: Result<Option<core_api::Event<'_>>, core_api::Error>,
    event: Option<&capi::Event>,
    status: Status,
    news: &mut Option<News>,
    reported: &mut Reported,
) -> bool {
    match next {
        Ok(Some(expected)) => {
            same(event.expect("an event"), expected);
            match expected {
                core_api::Event::Outcome(outcome) => *news = Some(News::Outcome(outcome)),
                core_api::Event::Fault(fault) => *news = Some(News::Fault(fault)),
                core_api::Event::End(end) => {
                    *news = (end.response == core_api::ResponseOutcome::Cut).then_some(News::Cut);
                }
                _ => {}
            }
            reported.expect(status, Status::Event);
            true
        }
        Ok(None) => {
            reported.expect(status, Status::Ok);
            false
        }
        Err(error) => {
            if reported.wanted {
                assert_eq!(reported.error.offset, error.offset);
            }
            reported.expect_named(status, &error_name(error.kind));
            false
        }
    }
}
