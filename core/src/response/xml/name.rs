//! Qualified names.

use crate::hash::{Hash, FACTOR};

/// Longest qualified name, in bytes. That of the longest element of the path,
/// `m:ExportItemsResponseMessage`, has 28.
pub const MAX_NAME_LEN: usize = 64;

/// The name of an element or attribute, under assembly or whole: not its bytes, but their hash.
#[derive(Clone, Copy, Debug)]
pub(in crate::response) struct Name {
    local: Hash,
    /// Hash of the prefix, zero without one.
    prefix: u32,
    len: u8,
}

/// Bytes of a name.
pub(super) struct Taken<'i> {
    pub(super) len: usize,
    /// Those of the local part, as far as it is known.
    pub(super) local: &'i [u8],
    /// The local part begins here.
    pub(super) begins: bool,
}

impl Name {
    pub(super) const fn new() -> Self {
        Self {
            local: Hash::new(),
            prefix: 0,
            len: 0,
        }
    }

    /// Takes a name off the front of `bytes`, or as much of it as lies there or may be as long as that.
    pub(super) fn take<'i>(&mut self, bytes: &'i [u8]) -> Taken<'i> {
        let room = MAX_NAME_LEN - usize::from(self.len);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let len = bytes.iter().position(|&byte| !is_name(byte));
        let name = len.and_then(|len| bytes.get(..len)).unwrap_or(bytes);
        let mut taken = Taken {
            len: name.len(),
            local: name,
            begins: self.len == 0,
        };
        self.len += u8::try_from(name.len()).unwrap_or_default();
        let colon = name.iter().position(|&byte| byte == b':');
        if let (Some(colon), 0) = (colon, self.prefix) {
            let (prefix, local) = name.split_at_checked(colon).unwrap_or_default();
            self.prefix = self.local.extend(prefix).end() | 1;
            self.local = Hash::new();
            taken.local = local.get(1..).unwrap_or_default();
            taken.begins = true;
        }
        self.local = self.local.extend(taken.local);
        taken
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hash of the name as it stands in the document; without a prefix, that of the local part.
    pub(in crate::response) const fn qualified(&self) -> u32 {
        self.local() ^ self.prefix.wrapping_mul(FACTOR)
    }

    /// Hash of the part behind the prefix.
    pub(in crate::response) const fn local(&self) -> u32 {
        self.local.end()
    }
}

/// Whether a byte may begin a name: a letter, `_`, `:`, or a part of a character beyond ASCII
/// (XML 1.0 §2.3, not told apart any further).
pub(super) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..)
}

/// Whether a byte may stand in a name.
pub(super) fn is_name(byte: u8) -> bool {
    let word = NAME_BYTES.get(usize::from(byte >> 5));
    word.map_or(true, |word| word >> (byte & 31) & 1 != 0)
}

/// A bit for each byte of ASCII that may stand in a name.
#[allow(clippy::indexing_slicing)] // at compile time
const NAME_BYTES: [u32; 4] = {
    let mut bits = [0; 4];
    let mut byte = 0_u8;
    while byte < 0x80 {
        if starts_name(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.') {
            bits[byte as usize / 32] |= 1 << (byte % 32);
        }
        byte += 1;
    }
    bits
};
