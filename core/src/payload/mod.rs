//! What an exported item contains: is the payload whole, and which properties are in it?
//!
//! `Success` is on the wire before a server has produced an item's data, and when it fails then,
//! the response may look perfect and the payload be short. What a payload says about itself is the
//! only evidence that is left. [`PayloadCheck`] reads it, in two layers:
//!
//! 1. FX records: a length before every piece of data (`records`).
//! 2. The [MS-OXCFXICS] atoms inside: properties with their lengths, markers that open and close
//!    recipients, attachments and embedded messages (`atoms`).
//!
//! [`PayloadReader`] walks through the same two layers, and returns what it finds as [`PayloadEvent`]s.
//!
//! [MS-OXCFXICS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcfxics/

mod atoms;
mod event;
mod nesting;
mod reader;
mod records;
mod tags;
mod verdict;

use atoms::Atoms;
use records::{Records, Step};

pub use event::{
    Element, FixedValue, Guid, PayloadEvent, Place, ProducerVersion, Property, PropertyName,
    PropertyTag,
};
pub use reader::PayloadReader;
pub use verdict::{BrokenReason, Verdict};

/// Distinguishes a whole payload of `ExportItems` from one that was cut, as its bytes arrive.
///
/// Works on the decoded bytes alone, so it serves for a `Data` element of EWS, for `data` of
/// Microsoft Graph's `exportItems` and for a file that was written long ago.
/// Any partition of the payload into calls of [`update`](Self::update) gives the same verdict.
/// The bodies of values are passed over, not read.
///
/// ```
/// use exportitems::{PayloadCheck, Verdict};
///
/// let payload = [
///     // record 1 Config, 8 bytes
///     &[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0][..],
///     // record 2 TransferBuffer, 14 bytes
///     &[2, 0, 0, 0, 14, 0, 0, 0],
///     // PidTagSubject, a PtypString8 of 6 bytes
///     &[0x1E, 0, 0x37, 0, 6, 0, 0, 0, b'H', b'e', b'l', b'l', b'o', 0],
/// ]
/// .concat();
///
/// let mut check = PayloadCheck::new();
/// for piece in payload.chunks(5) {
///     check.update(piece);
/// }
/// assert_eq!(check.verdict(), Verdict::Whole);
///
/// check.reset();
/// check.update(&payload[..30]);
/// assert_eq!(
///     check.verdict().to_string(),
///     "broken at byte 16: the payload ends inside a record",
/// );
/// ```
///
/// # What it can prove
/// [`Verdict::Broken`] is proof: no server means to send that. Every cut is found that
/// - falls inside a record; or
/// - leaves the records clean and falls inside a property or marker, or while a recipient, an
///   attachment or an embedded message is open.
///
/// # What it cannot prove
/// [`Verdict::Whole`] is not proof of the opposite: **a payload that stops at the end of a record,
/// between two properties of the item itself, two of its recipients or two of its attachments, is
/// indistinguishable from a smaller item**, because the format has no mark at an item's end.
/// [`reached_attachments`](Self::reached_attachments) is a hint there, no more.
/// The values themselves are not judged either; a flipped bit in a body text is not seen.
#[derive(Clone, Debug)]
#[repr(C)] // in this order what is at hand most has the short offsets that short instructions have
pub struct PayloadCheck {
    records: Records,
    atoms: Atoms,
}

impl PayloadCheck {
    /// A check at the start of a payload.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: Records::START,
            atoms: Atoms::START,
        }
    }

    /// Back to the start, for the next payload.
    pub fn reset(&mut self) {
        self.records = Records::START;
        self.atoms = Atoms::START;
    }

    /// Takes the next bytes of the payload.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if !self.records.extend(bytes) {
            return;
        }
        while !bytes.is_empty() {
            match self.records.step(&mut bytes) {
                Some(Step::On | Step::Body(_)) => {}
                Some(Step::Stream(stream)) => {
                    let end = self.records.position().wrapping_sub(bytes.len() as u64);
                    self.atoms.update(stream, end);
                }
                Some(Step::Foreign) => self.atoms.stop(),
                None => return,
            }
        }
    }

    /// The verdict, as if the payload ended here.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        verdict(&self.records, &self.atoms)
    }

    /// Whether the item came as far as its attachments: its `MetaTagFXDelProp` with
    /// `PidTagMessageAttachments` was seen.
    ///
    /// A hint, never an error. The known complete payloads have that tag after the last recipient
    /// whether there are attachments or not, so a payload that is [`Verdict::Whole`] without it
    /// probably lost its end; but no specification says that a server must write it, and after
    /// [`Verdict::Framed`] it may not have been looked for.
    #[must_use]
    pub const fn reached_attachments(&self) -> bool {
        self.atoms.reached_attachments()
    }
}

impl Default for PayloadCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// The verdict of the two layers, as if the payload ended here.
fn verdict(records: &Records, atoms: &Atoms) -> Verdict {
    let broken = |offset, reason| Verdict::Broken { offset, reason };
    let end = atoms.end();
    // No atom is read after a broken record, so a misplaced marker came first.
    if end == atoms::End::Misplaced {
        return broken(atoms.at(), BrokenReason::Misplaced);
    }
    match records.end() {
        records::End::Unknown => return Verdict::Unknown,
        records::End::Broken { offset, reason } => return broken(offset, reason),
        records::End::Clean => {}
    }
    match end {
        atoms::End::Clean => Verdict::Whole,
        atoms::End::Foreign => Verdict::Framed,
        atoms::End::Misplaced => broken(atoms.at(), BrokenReason::Misplaced),
        atoms::End::Cut => broken(atoms.at(), BrokenReason::AtomCut),
        atoms::End::Open => broken(records.position(), BrokenReason::Open),
    }
}

/// Takes as many bytes off the input as `count` says, or as there are, and off `count` those that it took.
#[inline]
#[allow(clippy::cast_possible_truncation)] // no more than `count`
fn take<'i>(count: &mut u32, input: &mut &'i [u8]) -> &'i [u8] {
    let most = usize::try_from(*count).unwrap_or(usize::MAX);
    let (taken, rest) = input.split_at(input.len().min(most));
    *count = count.wrapping_sub(taken.len() as u32);
    *input = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::{BrokenReason, PayloadCheck, Verdict};
    use std::vec;

    const CONFIG: [u8; 16] = [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];

    /// The verdict, which is the same for the payload in these pieces, in one and in single bytes.
    fn verdict(pieces: &[&[u8]]) -> Verdict {
        let whole = pieces.concat();
        let [as_given, at_once, bytewise] =
            [pieces.to_vec(), vec![&whole[..]], whole.chunks(1).collect()].map(|pieces| {
                let mut check = PayloadCheck::default();
                for piece in pieces {
                    check.update(piece);
                }
                check.verdict()
            });
        assert_eq!((at_once, bytewise), (as_given, as_given), "{whole:02X?}");
        as_given
    }

    fn broken(offset: u64, reason: BrokenReason) -> Verdict {
        Verdict::Broken { offset, reason }
    }

    /// The memory of a microcontroller is spent on this for every open connection.
    #[test]
    fn state_is_small() {
        assert!(size_of::<PayloadCheck>() <= 44);
    }

    #[test]
    fn fits_a_static() {
        static CHECK: PayloadCheck = PayloadCheck::new();
        assert_eq!(CHECK.verdict(), broken(0, BrokenReason::TooShort));
    }

    #[test]
    fn rules_of_the_records() {
        use BrokenReason::{
            EmptyTransferBuffer, NoTransferBuffer, Opcode, RecordCut, RecordLength, SecondConfig,
            TooShort,
        };
        let priority: &[u8] = &[2, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0x26, 0, 0, 0, 0, 0];
        let cases: &[(&[&[u8]], Verdict)] = &[
            (&[], broken(0, TooShort)),
            (&[&[0]], broken(0, TooShort)),
            (&[&CONFIG[..7]], broken(0, TooShort)),
            (&[&CONFIG[..8]], broken(0, RecordCut)),
            (&[&CONFIG], broken(16, NoTransferBuffer)),
            (&[b"\xFF\xD8\xFF\xE0\x00\x10JFIF"], Verdict::Unknown),
            (&[&[2, 0, 0, 0, 8, 0, 0, 0]], Verdict::Unknown),
            (&[&[1, 0, 0, 0, 9, 0, 0, 0]], Verdict::Unknown),
            (&[&CONFIG, priority], Verdict::Whole),
            (&[&CONFIG, priority, &[0x0B]], broken(32, RecordCut)),
            (
                &[&CONFIG, priority, &[4, 0, 0, 0, 6]],
                broken(32, RecordCut),
            ),
            (
                &[&CONFIG, priority, &[4, 0, 0, 0, 1, 0, 0, 0]],
                broken(32, RecordCut),
            ),
            (
                &[&CONFIG, priority, &[4, 0, 0, 0, 1, 0, 0, 0, 9]],
                Verdict::Whole,
            ),
            (
                &[&CONFIG, priority, &[4, 0, 0, 0, 6, 0, 0, 0, 9, 9]],
                broken(32, RecordCut),
            ),
            (
                &[&CONFIG, &[2, 0, 0, 0, 0, 0, 0, 0]],
                broken(16, EmptyTransferBuffer),
            ),
            (
                &[&CONFIG, priority, &[2, 0, 0, 0, 0, 0, 0, 0], &[9; 99]],
                broken(32, EmptyTransferBuffer),
            ),
            (
                &[&CONFIG, priority, &[2, 0, 0, 0, 0, 0, 0, 0x80]],
                broken(32, RecordLength),
            ),
            (
                &[&CONFIG, priority, &[2, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]],
                broken(32, RecordCut),
            ),
            (&[&CONFIG, priority, &[0; 8]], broken(32, Opcode)),
            (
                &[&CONFIG, priority, &[0, 1, 0, 0, 0, 0, 0, 0]],
                broken(32, Opcode),
            ),
            (
                &[&CONFIG, priority, &[11, 0, 0, 0, 1, 0, 0, 0, 9]],
                Verdict::Framed,
            ),
            (
                &[&CONFIG, priority, &[11, 0, 0, 0, 1, 0, 0, 0]],
                broken(32, RecordCut),
            ),
            (
                &[&CONFIG, &[0xFF, 0, 0, 0, 0, 0, 0, 0]],
                broken(24, NoTransferBuffer),
            ),
            // a payload after a payload
            (&[&CONFIG, priority, &CONFIG], broken(32, SecondConfig)),
            (
                &[&CONFIG, priority, &CONFIG, priority],
                broken(32, SecondConfig),
            ),
            (&[&CONFIG, &CONFIG, priority], Verdict::Whole),
        ];
        for (pieces, expected) in cases {
            assert_eq!(verdict(pieces), *expected, "{pieces:02X?}");
        }
    }

    #[test]
    fn rules_of_the_atoms() {
        use BrokenReason::{AtomCut, Misplaced, Open};
        const RECIP: [u8; 4] = [3, 0, 3, 0x40];
        const END_RECIP: [u8; 4] = [3, 0, 4, 0x40];
        const ATTACH: [u8; 4] = [3, 0, 0, 0x40];
        const END_ATTACH: [u8; 4] = [3, 0, 0x0E, 0x40];
        const EMBED: [u8; 4] = [3, 0, 1, 0x40];
        const END_EMBED: [u8; 4] = [3, 0, 2, 0x40];
        let guid: &[u8] = &[0x20; 16];
        let cases: &[(&[&[u8]], Verdict)] = &[
            // every shape of value
            (&[&[2, 0, 1, 0, 9, 9]], Verdict::Whole),
            (&[&[0x0B, 0, 1, 0, 9, 9]], Verdict::Whole),
            (&[&[0x48, 0, 1, 0], guid], Verdict::Whole),
            (&[&[0x1F, 0, 1, 0, 0, 0, 0, 0]], Verdict::Whole),
            (&[&[0x0D, 0, 1, 0, 2, 0, 0, 0, 9, 9]], Verdict::Whole),
            (&[&[0xE9, 0xFD, 1, 0, 2, 0, 0, 0, 9, 9]], Verdict::Whole),
            (&[&[2, 0x10, 1, 0, 2, 0, 0, 0, 9, 9, 9, 9]], Verdict::Whole),
            (&[&[2, 1, 1, 0, 0, 0, 0, 0]], Verdict::Whole),
            (&[&[2, 0x11, 1, 0, 0, 0, 0, 0]], Verdict::Whole),
            (
                &[&[2, 0x11, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9]],
                Verdict::Whole,
            ),
            (
                &[&[2, 0x11, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0]],
                broken(24, AtomCut),
            ),
            (
                &[&[2, 0, 0, 0x80], guid, &[0, 9, 9, 9, 9, 9, 9]],
                Verdict::Whole,
            ),
            (
                &[&[2, 0, 0, 0x80], guid, &[1, b'x', 0, 0, 1, 0, 0, 9, 9]],
                Verdict::Whole,
            ),
            (
                &[&[2, 0, 0, 0x80], guid, &[1, b'x', 0, 0, 0, 9]],
                broken(24, AtomCut),
            ),
            (&[&[2, 0, 0, 0x80], guid, &[2, 0, 0]], Verdict::Framed),
            // a string without its NUL is none of our business: the server only SHOULD write it
            (&[&[0x1E, 0, 1, 0, 1, 0, 0, 0, b'x']], Verdict::Whole),
            // cuts of which nothing but zero bytes is there
            (&[&[0]], broken(24, AtomCut)),
            (&[&[2, 0, 1, 0, 9, 9], &[0, 0]], broken(30, AtomCut)),
            (&[&[0x1F, 0, 1, 0, 0]], broken(24, AtomCut)),
            // types and markers that are not understood
            (&[&[0, 0, 1, 0]], Verdict::Framed),
            (&[&[0x0B, 0x10, 1, 0, 0, 0, 0, 0]], Verdict::Framed),
            (&[&[3, 0, 0x18, 0x40]], Verdict::Framed),
            (&[&RECIP, &[3, 0, 0x0C, 0x40]], Verdict::Framed),
            (&[&[3, 0, 0x3A, 0x40, 1, 0, 0, 0]], Verdict::Framed),
            (&[&[3, 0, 0x3B, 0x40, 1, 0, 0, 0]], Verdict::Framed),
            (&[&[0x0B, 0, 0x74, 0x40, 1, 0]], Verdict::Framed),
            (&[&[0x0B, 0, 0x75, 0x40, 1, 0]], Verdict::Framed),
            (&[&[2, 1, 0x7B, 0x40, 0, 0, 0, 0]], Verdict::Framed),
            (&[&[3, 0, 0x7D, 0x40, 1, 0, 0, 0]], Verdict::Framed),
            // those that look like markers, and are not
            (&[&[3, 0, 0x0F, 0x40, 1, 0, 0, 0]], Verdict::Whole),
            (&[&[3, 0, 0x19, 0x40, 1, 0, 0, 0]], Verdict::Whole),
            (&[&[0x1E, 0, 8, 0x40, 0, 0, 0, 0]], Verdict::Whole),
            // nesting
            (&[&RECIP, &END_RECIP], Verdict::Whole),
            (&[&RECIP], broken(28, Open)),
            (&[&RECIP, &RECIP], broken(28, Misplaced)),
            (&[&RECIP, &END_ATTACH], broken(28, Misplaced)),
            (&[&ATTACH, &RECIP], broken(28, Misplaced)),
            (&[&ATTACH, &END_EMBED], broken(28, Misplaced)),
            (&[&EMBED], broken(24, Misplaced)),
            (&[&END_EMBED], broken(24, Misplaced)),
            (&[&ATTACH, &EMBED, &END_EMBED], broken(36, Open)),
            (&[&ATTACH, &EMBED, &END_ATTACH], broken(32, Misplaced)),
            (
                &[&ATTACH, &EMBED, &RECIP, &END_RECIP, &END_EMBED, &END_ATTACH],
                Verdict::Whole,
            ),
        ];
        for (stream, expected) in cases {
            let stream = stream.concat();
            let header = [2, 0, 0, 0, u8::try_from(stream.len()).unwrap(), 0, 0, 0];
            assert_eq!(
                verdict(&[&CONFIG, &header, &stream]),
                *expected,
                "{stream:02X?}"
            );
        }
    }

    /// A misplaced marker is reported although a broken record follows it.
    #[test]
    fn what_came_first_wins() {
        let marker: &[u8] = &[2, 0, 0, 0, 4, 0, 0, 0, 3, 0, 4, 0x40];
        let first = broken(24, BrokenReason::Misplaced);
        assert_eq!(verdict(&[&CONFIG, marker, &[0; 8]]), first);
        assert_eq!(
            verdict(&[&CONFIG, marker, &[11, 0, 0, 0, 0, 0, 0, 0]]),
            first
        );
    }

    /// 255 embedded messages are counted; the next one ends the judgement, never the item.
    #[test]
    fn nesting_has_a_bound() {
        let nested = |levels| {
            let open: &[u8] = &[3, 0, 0, 0x40, 3, 0, 1, 0x40];
            let close: &[u8] = &[3, 0, 2, 0x40, 3, 0, 0x0E, 0x40];
            let record: &[u8] = &[2, 0, 0, 0, 8, 0, 0, 0];
            let mut check = PayloadCheck::new();
            check.update(&CONFIG);
            for bytes in [open, close] {
                for _ in 0..levels {
                    check.update(record);
                    check.update(bytes);
                }
            }
            check.verdict()
        };
        assert_eq!(nested(255), Verdict::Whole);
        assert_eq!(nested(256), Verdict::Framed);
    }

    #[test]
    fn attachments_are_reached_at_the_top_only() {
        let tag: &[u8] = &[
            2, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0x16, 0x40, 0x0D, 0, 0x13, 0x0E,
        ];
        let embedded: &[u8] = &[2, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0x40, 3, 0, 1, 0x40];
        let mut check = PayloadCheck::new();
        for step in [1, 99] {
            let mut reached = |pieces: &[&[u8]]| {
                check.reset();
                for piece in pieces.concat().chunks(step) {
                    check.update(piece);
                }
                (check.reached_attachments(), check.verdict())
            };
            let (inside, _) = reached(&[&CONFIG, embedded, tag]);
            assert!(!inside);
            assert_eq!(reached(&[&CONFIG, tag]), (true, Verdict::Whole));
        }
    }
}
