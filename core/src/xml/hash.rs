//! Hashes of names and of other words, so that no name has to be kept.
//!
//! A hash is only ever compared with hashes of words that are known at compile time, or with the hash of a name that is
//! still open. Tests check that no two of the known words share a hash, and that no `ResponseCode` of the schema is
//! taken for another.
//!
//! Names have three kinds of hash, which must not be compared with one another: each has its own type.

/// The hash of a local name: what follows the colon, or the whole name if it has no prefix.
///
/// Elements are recognised by it, since servers choose prefixes freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalHash(u32);

/// The hash of a prefix with its colon; zero if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PrefixHash(u32);

/// The hash of a name as it is in the document, with its prefix.
///
/// End tags are compared with start tags by it. Attributes are recognised by it: an attribute with a prefix is never one
/// that EWS defines, since an attribute without a prefix is in no namespace (Namespaces in XML 1.0 §6.2), and so are all
/// attributes of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QualifiedHash(u32);

impl LocalHash {
    /// The hash of this name.
    pub(crate) const fn of(name: &[u8]) -> Self {
        Self(hash(name))
    }

    /// The hash that [`extend`] computed.
    pub(crate) const fn from_hash(hash: u32) -> Self {
        Self(hash)
    }

    /// The hash of an element's name together with the number of its parent, which is less than 32.
    pub(crate) const fn inside(self, parent: u32) -> u32 {
        self.0 ^ parent << 27
    }
}

impl PrefixHash {
    /// The hash that [`extend`] computed.
    pub(crate) const fn from_hash(hash: u32) -> Self {
        Self(hash)
    }
}

impl QualifiedHash {
    /// No name.
    pub(crate) const NONE: Self = Self(0);

    /// The hash of a name without a prefix.
    pub(crate) const fn unprefixed(name: &[u8]) -> Self {
        Self(hash(name))
    }

    /// The hash of the name in a tag that begins with these bytes, which has a prefix.
    #[cfg(target_pointer_width = "64")]
    pub(crate) const fn of_tag(mut tag: &[u8]) -> Self {
        let (mut prefix, mut local) = (0, EMPTY);
        while let [byte, rest @ ..] = tag {
            tag = rest;
            match *byte {
                b'<' | b'/' => {}
                b' ' | b'>' => break,
                b':' => {
                    prefix = extend(local, b':');
                    local = EMPTY;
                }
                byte => local = extend(local, byte),
            }
        }
        Self::new(PrefixHash(prefix), LocalHash(local))
    }

    /// The hash of a name of two parts. Without a prefix, it is that of the local part.
    pub(crate) const fn new(prefix: PrefixHash, local: LocalHash) -> Self {
        Self(local.0 ^ prefix.0.wrapping_mul(FACTOR))
    }

    /// The hash of an attribute's name together with the number of its element, which is less than 32.
    pub(crate) const fn inside(self, element: u32) -> u32 {
        self.0 ^ element << 27
    }

    /// The hash as a number, for the hash of all names that are open.
    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }
}

/// An odd factor that scatters: multiplying by it is invertible.
pub(crate) const FACTOR: u32 = 0x9E37_79B1;

/// The hash of the empty word. It is not 0, so that leading NUL bytes change the hash.
pub(crate) const EMPTY: u32 = 1;

/// The hash of a word that `byte` is appended to.
///
/// The hash is the word as a number to the base 257 with a leading 1, modulo 2³². It takes a shift and two additions for
/// each byte and no multiplication, which is slow on the smallest cores. Words of equal length that differ in one or two
/// bytes never have the same hash.
#[allow(clippy::cast_lossless)] // `from` is not const
pub(crate) const fn extend(hash: u32, byte: u8) -> u32 {
    (hash << 8).wrapping_add(hash.wrapping_add(byte as u32))
}

/// The hash of a whole word.
pub(crate) const fn hash(mut word: &[u8]) -> u32 {
    let mut hash = EMPTY;
    while let [byte, rest @ ..] = word {
        hash = extend(hash, *byte);
        word = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::hash;

    /// Changes of two bytes at most 63 apart never cancel out.
    #[test]
    fn words_that_differ_in_two_bytes_differ() {
        let mut power = 1_u32;
        for _ in 1..64 {
            power = power.wrapping_mul(257);
            for change in 1..=255_u32 {
                let changed = change.wrapping_mul(power);
                assert!(changed.wrapping_add(255) > 510, "{change}");
            }
        }
    }

    #[test]
    fn words_of_few_letters_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for a in b'A'..=b'z' {
            assert!(seen.insert(hash(&[a])));
            assert!(seen.insert(hash(&[0, a])));
            for b in b'A'..=b'z' {
                assert!(seen.insert(hash(&[a, b])));
            }
        }
    }
}
