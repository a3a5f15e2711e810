//! Deterministic item payloads of any size, which are generated while they are read.
//!
//! A payload is the decoded content of `m:Data`: a sequence of records
//! `opcode:u32le length:u32le body`, whose `TransferBuffer` bodies, joined, are one
//! `FastTransfer` stream (MS-OXCFXICS 2.2.4).
//! The stream is a message like those of Exchange, with properties, recipients, attachments, and sometimes an embedded
//! message. Nearly all bytes are in the data of attachments.
//!
//! The memory does not depend on the size of the payload, except for the list of attachments, one per GiB.

mod filler;
mod message;
mod records;
mod rich;
mod stream;

use core::fmt;
use std::io::{self, Read};

pub(crate) use filler::Rng;
pub use rich::{rich_items, RichItem};

use records::Records;
use stream::Atom;

/// The records before the first `TransferBuffer`: `Config` (no flags, `CopyTo`), `IsInterfaceOk`
/// (`IMessage`) and `TellPartnerVersion`, here of 15.2.1748.10.
///
/// The bytes are those of every `ExportItems` sample that Microsoft has published.
const PRELUDE: [u8; 62] = [
    0x01, 0, 0, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, // Config
    0x03, 0, 0, 0, 0x18, 0, 0, 0, 0x01, 0, 0, 0, 0x07, 0x03, 0x02, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0,
    0, 0, 0x46, 0, 0x24, 0, 0x80, // IsInterfaceOk
    0x04, 0, 0, 0, 0x06, 0, 0, 0, 0x02, 0x0F, 0xD4, 0x86, 0x0A, 0, // TellPartnerVersion
];

/// Returns `PidTagSearchKey` of the item with this seed. An update changes only the upper bits of the seed.
pub(crate) fn search_key(seed: u64) -> [u8; 16] {
    let mut key = *b"search--\0\0\0\0\0\0\0\0";
    key[8..].copy_from_slice(&(seed & u64::from(u32::MAX)).to_be_bytes());
    key
}

/// The header of a record: opcode and length.
const RECORD_HEADER: usize = 8;

/// Opcode of the record that carries the `FastTransfer` stream.
const TRANSFER_BUFFER: u32 = 2;

/// The bytes of one item, which are generated while they are read.
///
/// The same `seed` and `size` give the same bytes, for any sizes of reads. Another `seed` or `size` gives other bytes.
///
/// ```
/// use std::io::Read;
/// use exportitems_emulator::Payload;
///
/// let mut bytes = Vec::new();
/// Payload::new(7, 100_000)?.read_to_end(&mut bytes)?;
/// assert_eq!(bytes.len(), 100_000);
/// assert_eq!(bytes, exportitems_emulator::payload(7, 100_000)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Payload {
    size: u64,
    left: u64,
    records: Records,
    atoms: Vec<Atom>,
    stream_len: u64,
    /// The atom that contains the next byte of the stream, and the offset of the atom.
    atom: usize,
    atom_start: u64,
    /// The position in the stream, and the end of the current record.
    stream_at: u64,
    record_end: u64,
    /// The sum of the nominal record lengths so far; see [`Payload::boundary`].
    nominal_end: u64,
    /// The unread bytes of the first records or of a record header are `frame[frame_at..]`.
    frame: [u8; PRELUDE.len()],
    frame_at: usize,
}

impl Payload {
    /// The size of the smallest payload in bytes: the first records, and a message with a class, a subject and a body.
    pub const MIN_SIZE: u64 = 256;
    /// The size of the largest payload in bytes: 48 bits, the size field of an id.
    pub const MAX_SIZE: u64 = (1 << 48) - 1;

    /// Makes the payload of `size` bytes for `seed`.
    ///
    /// # Errors
    /// If `size` is not between [`Payload::MIN_SIZE`] and [`Payload::MAX_SIZE`].
    pub fn new(seed: u64, size: u64) -> Result<Self, SizeError> {
        let rich = rich::atoms(seed, size);
        if rich.is_none() && !(Self::MIN_SIZE..=Self::MAX_SIZE).contains(&size) {
            return Err(SizeError { size });
        }
        let left = size - PRELUDE.len() as u64;
        let records = match rich {
            Some(_) => rich::records(left),
            None => Records::new(seed, left),
        };
        let stream_len: u64 = records.clone().sum();
        Ok(Self {
            size,
            left: size,
            records,
            atoms: rich.unwrap_or_else(|| message::message(seed, stream_len)),
            stream_len,
            atom: 0,
            atom_start: 0,
            stream_at: 0,
            record_end: 0,
            nominal_end: 0,
            frame: PRELUDE,
            frame_at: 0,
        })
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the end of the first `TransferBuffer` that ends at the payload offset `at` or later, or the size of the payload
    /// if there is none.
    ///
    /// A payload that is cut there consists of whole records.
    #[must_use]
    pub fn record_end(&self, at: u64) -> u64 {
        let mut end = PRELUDE.len() as u64;
        let mut nominal = 0;
        let mut previous = 0;
        for length in Records::new(self.records.seed(), self.size - end) {
            nominal += length;
            let boundary = self.boundary(0, 0, nominal);
            end += RECORD_HEADER as u64 + boundary - previous;
            previous = boundary;
            if end >= at {
                break;
            }
        }
        end
    }

    /// Writes the next bytes to `out` and returns their number. It is 0 only at the end of the payload or if `out` is
    /// empty.
    pub fn fill(&mut self, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() && self.left > 0 {
            let n = self.fill_some(&mut out[done..]);
            done += n;
            self.left -= n as u64;
        }
        done
    }

    /// Copies bytes of a record header or of one atom.
    fn fill_some(&mut self, out: &mut [u8]) -> usize {
        if self.frame_at < self.frame.len() {
            let n = out.len().min(self.frame.len() - self.frame_at);
            out[..n].copy_from_slice(&self.frame[self.frame_at..][..n]);
            self.frame_at += n;
            return n;
        }
        if self.stream_at == self.record_end {
            self.open_record();
            return 0;
        }
        let atom = &self.atoms[self.atom];
        let offset = self.stream_at - self.atom_start;
        let room = (atom.len() - offset).min(self.record_end - self.stream_at);
        let n = usize::try_from(room).map_or(out.len(), |room| room.min(out.len()));
        atom.copy(offset, &mut out[..n]);
        self.stream_at += n as u64;
        if offset + n as u64 == atom.len() {
            self.atom += 1;
            self.atom_start = self.stream_at;
        }
        n
    }

    /// Writes the header of the next `TransferBuffer` into `frame`.
    fn open_record(&mut self) {
        let length = self.records.next().unwrap_or_default();
        self.nominal_end += length;
        self.record_end = self.boundary(self.atom, self.atom_start, self.nominal_end);
        let length = u32::try_from(self.record_end - self.stream_at).unwrap_or_default();
        self.frame_at = self.frame.len() - RECORD_HEADER;
        self.frame[self.frame_at..][..4].copy_from_slice(&TRANSFER_BUFFER.to_le_bytes());
        self.frame[self.frame_at + 4..].copy_from_slice(&length.to_le_bytes());
    }

    /// Returns the end of the record whose nominal end in the stream is `nominal`: that position, or the start of the atom
    /// that would be cut there.
    ///
    /// A stream is split between atoms or inside a value of variable size only
    /// (MS-OXCFXICS R981, R982).
    /// Record lengths are chosen before the stream is laid out, because the length of the stream depends on their number.
    /// Moving an end does not change the number.
    fn boundary(&self, first_atom: usize, mut start: u64, nominal: u64) -> u64 {
        for atom in &self.atoms[first_atom..] {
            let end = start + atom.len();
            if nominal < end {
                return if atom.may_be_split() { nominal } else { start };
            }
            start = end;
        }
        self.stream_len
    }
}

impl Read for Payload {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.fill(out))
    }
}

/// Returns the whole payload of `size` bytes for `seed`.
///
/// # Errors
/// Like [`Payload::new`].
pub fn payload(seed: u64, size: u64) -> Result<Vec<u8>, SizeError> {
    let mut payload = Payload::new(seed, size)?;
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| SizeError { size })?];
    payload.fill(&mut bytes);
    Ok(bytes)
}

/// A payload of this size cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeError {
    /// The requested size in bytes.
    pub size: u64,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an item of {} bytes cannot be made: choose {} to {}",
            self.size,
            Payload::MIN_SIZE,
            Payload::MAX_SIZE
        )
    }
}

impl core::error::Error for SizeError {}

#[cfg(test)]
mod tests;
