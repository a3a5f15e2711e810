//! The `FastTransfer` stream of one message (MS-OXCFXICS 2.2.4.3.11, messageContent), as atoms.

use super::filler::Filler;

// Markers (MS-OXCFXICS 2.2.4.1.4).
pub(super) const START_EMBED: u32 = 0x4001_0003;
pub(super) const END_EMBED: u32 = 0x4002_0003;
pub(super) const START_RECIP: u32 = 0x4003_0003;
pub(super) const END_TO_RECIP: u32 = 0x4004_0003;
pub(super) const NEW_ATTACH: u32 = 0x4000_0003;
pub(super) const END_ATTACH: u32 = 0x400E_0003;

// Meta properties (MS-OXCFXICS 2.2.4.1.5).
const FX_DEL_PROP: u16 = 0x4016;

// Property types: MS-OXCDATA 2.11.1, and code page strings (0x8000 | code page).
pub(super) const INTEGER32: u16 = 0x0003;
pub(super) const BOOLEAN: u16 = 0x000B;
pub(super) const UNICODE: u16 = 0x001F;
pub(super) const SYSTIME: u16 = 0x0040;
pub(super) const BINARY: u16 = 0x0102;
pub(super) const MULTIPLE_UNICODE: u16 = 0x101F;
pub(super) const UTF16_STRING: u16 = 0x84B0;
pub(super) const WINDOWS_1252_STRING: u16 = 0x84E4;

/// The longest value that is never split between records, which have at least 8,210 bytes.
const LONGEST_ATOM: usize = 2_000;

/// A piece of the stream.
#[derive(Clone, Debug)]
pub(super) enum Atom {
    /// A marker, or a property with its value or its length.
    Fixed(Vec<u8>),
    /// A value that may be split between records.
    Bytes(Vec<u8>),
    /// The value of a property of variable size, which is generated.
    Value { len: u64, filler: Filler },
}

impl Atom {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Fixed(bytes) | Self::Bytes(bytes) => bytes.len() as u64,
            Self::Value { len, .. } => *len,
        }
    }

    pub(super) fn may_be_split(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Value { .. })
    }

    /// Writes the bytes at `offset`, which must not exceed the piece.
    pub(super) fn copy(&self, offset: u64, out: &mut [u8]) {
        match self {
            Self::Fixed(bytes) | Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(bytes.len());
                out.copy_from_slice(&bytes[start..][..out.len()]);
            }
            Self::Value { filler, .. } => filler.copy(offset, out),
        }
    }
}

/// The atoms that have been written.
#[derive(Default)]
pub(super) struct Stream(pub(super) Vec<Atom>);

impl Stream {
    pub(super) fn marker(&mut self, marker: u32) {
        self.0.push(Atom::Fixed(marker.to_le_bytes().to_vec()));
    }

    pub(super) fn del_prop(&mut self, tag: u32) {
        self.fixed(INTEGER32, FX_DEL_PROP, &tag.to_le_bytes());
    }

    pub(super) fn int(&mut self, id: u16, value: u32) {
        self.fixed(INTEGER32, id, &value.to_le_bytes());
    }

    /// 2025-07-05T16:14:59Z as FILETIME.
    pub(super) fn time(&mut self, id: u16) {
        self.fixed(SYSTIME, id, &133_962_056_990_000_000u64.to_le_bytes());
    }

    /// Writes a string in the form of all published samples, with code page 1200 (UTF-16) in its type.
    pub(super) fn string(&mut self, id: u16, text: &str) {
        self.var(UTF16_STRING, id, &utf16(text));
    }

    pub(super) fn binary(&mut self, id: u16, bytes: &[u8]) {
        self.var(BINARY, id, bytes);
    }

    pub(super) fn fixed(&mut self, kind: u16, id: u16, value: &[u8]) {
        let mut atom = tag(kind, id);
        atom.extend(value);
        self.0.push(Atom::Fixed(atom));
    }

    pub(super) fn var(&mut self, kind: u16, id: u16, value: &[u8]) {
        let mut atom = tag(kind, id);
        atom.extend(len32(value.len() as u64));
        if value.len() > LONGEST_ATOM {
            self.0.push(Atom::Fixed(atom));
            self.0.push(Atom::Bytes(value.to_vec()));
            return;
        }
        atom.extend(value);
        self.0.push(Atom::Fixed(atom));
    }

    /// Writes the head of a long value, whose bytes are generated when they are read.
    pub(super) fn value(&mut self, kind: u16, id: u16, len: u64, filler: Filler) {
        let mut atom = tag(kind, id);
        atom.extend(len32(len));
        self.0.push(Atom::Fixed(atom));
        self.0.push(Atom::Value { len, filler });
    }
}

/// Returns the type and the id in the order of the stream: two 16-bit numbers, the type first.
pub(super) fn tag(kind: u16, id: u16) -> Vec<u8> {
    [kind.to_le_bytes(), id.to_le_bytes()].concat()
}

pub(super) fn len32(len: u64) -> [u8; 4] {
    // INVARIANT: values are shorter than `LONGEST_VALUE` plus the number of attachments.
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Encodes UTF-16 with the terminating NUL, which readers require (MS-OXCFXICS R995).
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// A one-off `EntryID` (MS-OXCDATA 2.2.5.1): flags, provider, version, Unicode flag, three strings.
pub(super) fn one_off(name: &str, address: &str) -> Vec<u8> {
    const PROVIDER: [u8; 16] = [
        0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0, 0xDD, 0x01, 0x0F, 0x54, 0x02,
    ];
    let mut id = vec![0; 4];
    id.extend(PROVIDER);
    id.extend([0, 0, 0x01, 0x90]);
    for text in [name, "SMTP", address] {
        id.extend(utf16(text));
    }
    id
}
