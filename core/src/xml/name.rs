//! Qualified names, by their hash.

use super::hash::{extend, LocalHash, PrefixHash, QualifiedHash, EMPTY};
use super::word::Word;
use crate::bytes::{is_alphanumeric, is_name};

/// Longest qualified name, in bytes. That of the longest element of the path,
/// `m:ExportItemsResponseMessage`, has 28.
pub const MAX_NAME_LEN: usize = 64;

impl Word {
    /// Reads a part of a name from the start of `bytes`, and returns its length.
    ///
    /// It stops after the colon of a prefix, and where the name becomes too long.
    pub(crate) fn take_name(&mut self, bytes: &[u8]) -> usize {
        let room = MAX_NAME_LEN.wrapping_sub(self.len.into());
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let prefixed = self.has_prefix();
        let mut local = self.value;
        let mut taken: u8 = 0;
        for &byte in bytes {
            if !is_alphanumeric(byte) {
                if !is_name(byte) {
                    break;
                }
                if byte == b':' && !prefixed {
                    self.prefix = extend(local, byte);
                    local = EMPTY;
                    taken = taken.wrapping_add(1);
                    break;
                }
            }
            taken = taken.wrapping_add(1);
            local = extend(local, byte);
        }
        self.value = local;
        self.len = self.len.wrapping_add(taken);
        usize::from(taken)
    }

    pub(crate) const fn has_prefix(&self) -> bool {
        self.prefix != 0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hash of the name as it is in the document, with its prefix.
    pub(crate) const fn qualified(&self) -> QualifiedHash {
        QualifiedHash::new(PrefixHash::from_hash(self.prefix), self.local())
    }

    /// Hash of the part after the prefix.
    pub(crate) const fn local(&self) -> LocalHash {
        LocalHash::from_hash(self.value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::format;
    use std::string::String;

    use super::{QualifiedHash, Word};

    fn qualified(name: &str) -> u32 {
        qualified_hash(name).to_bits()
    }

    fn qualified_hash(name: &str) -> QualifiedHash {
        let mut hash = Word::NAME;
        let mut rest = name.as_bytes();
        while let taken @ 1.. = hash.take_name(rest) {
            rest = &rest[taken..];
        }
        assert!(rest.is_empty());
        hash.qualified()
    }

    #[test]
    fn a_name_without_a_prefix_has_the_hash_of_its_local_part_alone() {
        let unprefixed = QualifiedHash::unprefixed(b"Id");
        assert_eq!(qualified_hash("Id"), unprefixed);
        for prefixed in ["t:Id", "xml:Id", ":Id", "Id:Id", "t:t:Id"] {
            assert_ne!(qualified_hash(prefixed), unprefixed, "{prefixed}");
        }
    }

    #[test]
    fn names_of_short_prefixes_differ() {
        let letters = || ('A'..='Z').chain('a'..='z').map(String::from);
        let prefixes =
            letters().chain(letters().flat_map(|a| letters().map(move |b| a.clone() + &b)));
        let mut seen = BTreeSet::from([qualified("Data"), qualified("Date")]);
        for prefix in prefixes
            .map(|prefix| prefix + ":")
            .chain([String::from(":")])
        {
            assert!(seen.insert(qualified(&format!("{prefix}Data"))), "{prefix}");
            assert!(seen.insert(qualified(&format!("{prefix}Date"))), "{prefix}");
        }
    }
}
