//! A little-endian field that may arrive in pieces.

/// Up to three bytes of a field that the input ended in, and above them how many they are.
#[derive(Clone, Debug)]
pub(super) struct Field(u32);

impl Field {
    pub(super) const EMPTY: Self = Self(0);

    /// How many bytes of an unfinished field have arrived.
    #[allow(clippy::cast_possible_truncation)] // it is at most 3
    pub(super) const fn have(&self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// Takes a field of `width` bytes (1, 2 or 4) off the input, or, where that is too short, all
    /// of the input and the rest in a later call with the same `width`.
    #[inline]
    pub(super) fn take(&mut self, width: u8, input: &mut &[u8]) -> Option<u32> {
        if self.have() == 0 {
            if let (Some(word), Some(rest)) = (input.first_chunk(), input.get(width.into()..)) {
                *input = rest;
                let word = u32::from_le_bytes(*word);
                return Some(match width {
                    1 => word & 0xFF,
                    2 => word & 0xFFFF,
                    _ => word,
                });
            }
        }
        self.take_bytewise(width, input)
    }

    #[inline(never)]
    fn take_bytewise(&mut self, width: u8, input: &mut &[u8]) -> Option<u32> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            let have = self.have();
            let word = self.0 & 0x00FF_FFFF | u32::from(byte) << (8 * have);
            if have + 1 == width {
                self.0 = 0;
                return Some(word);
            }
            self.0 = word | u32::from(have + 1) << 24;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn every_width_at_every_split() {
        let bytes = [0x11, 0x22, 0x33, 0x44, 0x55];
        for (width, expected) in [(1, 0x11), (2, 0x2211), (4, 0x4433_2211)] {
            for end in usize::from(width)..=bytes.len() {
                for split in 0..usize::from(width) {
                    let mut field = Field::EMPTY;
                    let (mut first, mut second) = bytes[..end].split_at(split);
                    assert_eq!(field.take(width, &mut first), None);
                    assert_eq!(usize::from(field.have()), split);
                    assert_eq!(field.take(width, &mut second), Some(expected));
                    assert_eq!(second, &bytes[usize::from(width)..end]);
                    assert_eq!(field.have(), 0);
                }
            }
        }
    }
}
