//! Qualified names.

/// Longest qualified name, in bytes. That of the longest element of the path,
/// `m:ExportItemsResponseMessage`, has 28.
pub const MAX_NAME_LEN: usize = 64;

/// The name of an element or attribute, under assembly or whole.
#[derive(Clone, Copy, Debug)]
pub(in crate::response) struct Name {
    bytes: [u8; MAX_NAME_LEN],
    len: u8,
}

impl Name {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; MAX_NAME_LEN],
            len: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends as many of `bytes` as fit, and says how many.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        let free = (self.bytes.get_mut(usize::from(self.len)..)).unwrap_or_default();
        let mut taken = 0;
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
            taken += 1;
        }
        self.len += taken;
        usize::from(taken)
    }

    /// The name as it stands in the document.
    pub(in crate::response) fn qualified(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The prefix with its colon, or nothing, and the local part.
    pub(in crate::response) fn parts(&self) -> (&[u8], &[u8]) {
        let name = self.qualified();
        let local = name
            .iter()
            .position(|&byte| byte == b':')
            .map_or(0, |colon| colon + 1);
        name.split_at_checked(local).unwrap_or((&[], name))
    }
}

/// Whether a byte may begin a name: a letter, `_`, `:`, or a part of a character beyond ASCII
/// (XML 1.0 §2.3, not told apart any further).
pub(super) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..)
}

/// Whether a byte may stand in a name.
pub(super) const fn is_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
}
