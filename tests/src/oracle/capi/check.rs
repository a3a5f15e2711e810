//! The payload check.

use core::mem::MaybeUninit;
use core::ptr::null_mut;

use arbitrary::Arbitrary;
use exportitems as core_api;
use exportitems_capi as capi;
use exportitems_capi::Status;

use super::memory::{lend, Memory, Strange};
use super::{Reported, Wrong};

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

    pub(super) fn call(&mut self, call: CheckCall, wrong: Wrong, reported: &mut Reported) {
        let object = self.strange.object(self.object, wrong);
        let misuse = wrong.object(self.core.is_some());
        match call {
            CheckCall::Init { again } => self.init(again, wrong, reported),
            CheckCall::Update { len } => {
                let piece = &self.left[..usize::from(len).min(self.left.len())];
                let input = lend(piece, wrong);
                // SAFETY: every pointer is null or valid, or refused by its length.
                let status = unsafe {
                    capi::exportitems_payload_check_update(
                        object,
                        input.ptr,
                        input.len,
                        reported.place(),
                    )
                };
                let misuse = misuse.or(wrong.input());
                reported.expect(status, misuse.unwrap_or(Status::Ok));
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
                        reported.place(),
                    )
                };
                let misuse = misuse.or(wrong.out());
                reported.expect(status, misuse.unwrap_or(Status::Ok));
                if let (None, Some(core)) = (misuse, &self.core) {
                    // SAFETY: the status says that it was written.
                    let found = unsafe { verdict.assume_init() };
                    let reported = format!("{:?}", found.verdict);
                    match core.verdict() {
                        core_api::Verdict::Broken { offset, reason } => {
                            let reason = format!("{reason:?}");
                            assert_eq!((&*reported, found.offset), ("Broken", offset));
                            assert_eq!(format!("{:?}", found.reason), reason);
                        }
                        verdict => assert_eq!(reported, format!("{verdict:?}")),
                    }
                    assert_eq!(found.reached_attachments, core.reached_attachments());
                }
            }
        }
    }

    fn init(&mut self, again: bool, wrong: Wrong, reported: &mut Reported) {
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
        // SAFETY: null, or as large as its size says; it lives as long as the check.
        let status = unsafe {
            capi::exportitems_payload_check_init(
                at,
                size,
                wrong.place(&raw mut made),
                reported.place(),
            )
        };
        let expected = wrong.memory().unwrap_or_else(|| {
            self.core = None;
            wrong.out().unwrap_or(Status::Ok)
        });
        reported.expect(status, expected);
        if expected == Status::Ok {
            self.core = Some(core_api::PayloadCheck::new());
            self.object = made;
        }
        self.memory = Some(memory);
    }
}
