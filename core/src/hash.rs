//! Names by their hash, so that none of them has to be kept.

/// A hash of 32 bits, under way.
///
/// What this is compared with are the hashes of words that are known when it is compiled. Tests hold that no two of
/// those words have the same, and that no `ResponseCode` of the schema has that of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash {
    mixed: u32,
    /// Up to three bytes that are not mixed in yet, behind a one that tells how many they are.
    pending: u32,
}

/// An odd factor: multiplying by it loses nothing.
pub(crate) const FACTOR: u32 = 0x9E37_79B1;

const fn mix(word: u32) -> u32 {
    let word = word.wrapping_mul(FACTOR);
    word ^ word >> 15
}

impl Hash {
    pub(crate) const fn new() -> Self {
        Self {
            mixed: 0,
            pending: 1,
        }
    }

    #[allow(clippy::cast_lossless)] // `from` is not const
    pub(crate) const fn push(self, byte: u8) -> Self {
        let pending = self.pending << 8 | byte as u32;
        if pending >> 24 == 0 {
            return Self { pending, ..self };
        }
        Self {
            mixed: mix(self.mixed ^ pending),
            pending: 1,
        }
    }

    /// Three bytes at a time, where there are as many.
    pub(crate) fn extend(mut self, mut bytes: &[u8]) -> Self {
        while let [a, rest @ ..] = bytes {
            bytes = rest;
            match *rest {
                [b, c, ref rest @ ..] if self.pending == 1 => {
                    self.mixed = mix(self.mixed ^ u32::from_be_bytes([1, *a, b, c]));
                    bytes = rest;
                }
                _ => self = self.push(*a),
            }
        }
        self
    }

    pub(crate) const fn end(self) -> u32 {
        mix(self.mixed ^ self.pending)
    }
}

/// The hash of a whole word.
pub(crate) const fn hash(mut word: &[u8]) -> u32 {
    let mut hash = Hash::new();
    while let [byte, rest @ ..] = word {
        hash = hash.push(*byte);
        word = rest;
    }
    hash.end()
}

#[cfg(test)]
mod tests {
    use super::{hash, Hash};

    #[test]
    fn any_split_has_the_same_hash() {
        let word = b"ExportItemsResponseMessage";
        for at in 0..=word.len() {
            let (head, tail) = word.split_at(at);
            assert_eq!(Hash::new().extend(head).extend(tail).end(), hash(word));
        }
    }

    #[test]
    fn words_of_few_letters_differ() {
        // Each step of the mixing can be taken back, so words of one group cannot meet.
        let mut seen = std::collections::BTreeSet::new();
        for a in b'A'..=b'z' {
            assert!(seen.insert(hash(&[a])));
            for b in b'A'..=b'z' {
                assert!(seen.insert(hash(&[a, b])));
            }
        }
    }
}
