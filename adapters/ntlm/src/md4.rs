//! MD4 (RFC 1320) over UTF-16LE, by our own hand.
//!
//! The crate md4 keeps a reachable panic where it is compiled for size, since its rounds index by a
//! variable; it judges this in the tests instead.

use zeroize::Zeroize as _;

/// An MD4 that is fed units of UTF-16, two of which are a word of its block.
///
/// State and block are overwritten with zeros when it is dropped.
pub(crate) struct Md4 {
    state: [u32; 4],
    block: [u32; 16],
    units: u64,
}

impl Md4 {
    pub(crate) const fn new() -> Self {
        Self {
            state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            block: [0; 16],
            units: 0,
        }
    }

    pub(crate) fn update(&mut self, unit: u16) {
        let at = self.units % 32;
        if let Some(word) = self.block.get_mut((at / 2) as usize) {
            // The words are little-endian, as the units are.
            *word |= u32::from(unit) << (at % 2 * 16);
        }
        self.units = self.units.wrapping_add(1);
        if at == 31 {
            self.compress();
            self.block.zeroize();
        }
    }

    pub(crate) fn finish(mut self, out: &mut [u8; 16]) {
        let bits = self.units.wrapping_mul(16);
        self.update(0x0080);
        while self.units % 32 != 28 {
            self.update(0);
        }
        for two in bits.to_le_bytes().chunks_exact(2) {
            if let &[low, high] = two {
                self.update(u16::from_le_bytes([low, high]));
            }
        }
        for (to, from) in out.chunks_exact_mut(4).zip(&self.state) {
            for (to, from) in to.iter_mut().zip(from.to_le_bytes()) {
                *to = from;
            }
        }
    }

    /// RFC 1320 §3.4
    fn compress(&mut self) {
        let [x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15] = self.block;
        let mut state = self.state;
        round(
            &mut state,
            |x, y, z| (x & y) | (!x & z),
            &[
                x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15,
            ],
            0,
            [3, 7, 11, 19],
        );
        round(
            &mut state,
            |x, y, z| (x & y) | (x & z) | (y & z),
            &[
                x0, x4, x8, x12, x1, x5, x9, x13, x2, x6, x10, x14, x3, x7, x11, x15,
            ],
            0x5a82_7999,
            [3, 5, 9, 13],
        );
        round(
            &mut state,
            |x, y, z| x ^ y ^ z,
            &[
                x0, x8, x4, x12, x2, x10, x6, x14, x1, x9, x5, x13, x3, x11, x7, x15,
            ],
            0x6ed9_eba1,
            [3, 9, 11, 15],
        );
        for (to, from) in self.state.iter_mut().zip(state) {
            *to = to.wrapping_add(from);
        }
    }
}

impl Drop for Md4 {
    fn drop(&mut self) {
        self.state.zeroize();
        self.block.zeroize();
    }
}

/// Sixteen steps: the words in the order in which they are used, four to a turn of the state.
fn round(
    state: &mut [u32; 4],
    mix: impl Fn(u32, u32, u32) -> u32,
    words: &[u32; 16],
    constant: u32,
    shifts: [u32; 4],
) {
    for four in words.chunks_exact(4) {
        for (word, shift) in four.iter().zip(shifts) {
            let [a, b, c, d] = *state;
            let sum = a
                .wrapping_add(mix(b, c, d))
                .wrapping_add(*word)
                .wrapping_add(constant);
            // What was computed for a is b of the next step: a b c d, d a b c, c d a b, b c d a.
            *state = [d, sum.rotate_left(shift), b, c];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::md4::{Digest as _, Md4 as Judge};

    /// Every length from nothing to more than two blocks.
    #[test]
    fn as_the_crate_md4_has_it() {
        let mut seed = 1_u16;
        let units: std::vec::Vec<u16> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(25_173).wrapping_add(13_849);
            seed
        })
        .take(80)
        .collect();
        for len in 0..=units.len() {
            let mut md4 = Md4::new();
            let mut judge = Judge::new();
            for unit in &units[..len] {
                md4.update(*unit);
                judge.update(unit.to_le_bytes());
            }
            let mut hash = [0; 16];
            md4.finish(&mut hash);
            assert_eq!(hash[..], judge.finalize()[..], "{len} units");
        }
    }
}
