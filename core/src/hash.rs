//! Names by their hash, so that none of them has to be kept.
//!
//! What a hash is compared with are those of words that are known when this is compiled. Tests hold that no two of
//! those words have the same, and that no `ResponseCode` of the schema has that of another.

/// An odd factor that scatters: multiplying by it loses nothing.
pub(crate) const FACTOR: u32 = 0x9E37_79B1;

/// The hash of the empty word: not 0, lest zero bytes ahead of a word be left out of it.
pub(crate) const EMPTY: u32 = 1;

/// The hash of a word that goes on with `byte`.
///
/// The word is a number to the base 257, behind a one and modulo 2³²: a shift and two additions a byte, without a
/// multiplication, which the smallest cores do slowly. Words of one length that differ in one byte or two never meet.
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

    /// Changes of a byte and of another, up to 63 behind it, never make up for one another.
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
