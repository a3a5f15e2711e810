//! The payload check on its own.

use exportitems::{PayloadCheck, Verdict};

use crate::last_byte;

#[no_mangle]
pub fn probe_payload_update(check: &mut PayloadCheck, bytes: &[u8]) {
    check.update(bytes);
}

#[no_mangle]
pub fn probe_payload_verdict(check: &PayloadCheck) -> Verdict {
    check.verdict()
}

#[no_mangle]
pub fn probe_payload_reset(check: &mut PayloadCheck) -> bool {
    check.reset();
    check.reached_attachments()
}

#[no_mangle]
pub fn probe_verdict_display(verdict: Verdict) -> u8 {
    last_byte(&verdict)
}
