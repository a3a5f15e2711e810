//! The content of long values, which can be computed at any offset.

/// `SplitMix64`'s increment (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// `SplitMix64`'s output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A small generator of choices.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Makes a separate generator for each `purpose` of a seed.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        Self(mix(seed ^ purpose.wrapping_mul(GOLDEN)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Returns a number below `bound`. `bound` is much smaller than 2^64, so the bias does not matter.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The content of a long value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filler {
    /// Random bytes, like those of a compressed attachment.
    Noise(u64),
    /// Repeated HTML text.
    Html,
}

const HTML: &[u8] = b"<p>The figures of the third quarter are attached; please check the totals \
in column F before Thursday.</p>\r\n";

impl Filler {
    /// Writes the bytes at `offset` of the value.
    pub(super) fn copy(self, offset: u64, out: &mut [u8]) {
        match self {
            Self::Noise(key) => noise(key, offset, out),
            Self::Html => {
                let start = usize::try_from(offset % HTML.len() as u64).unwrap_or_default();
                for (byte, &source) in out.iter_mut().zip(HTML.iter().cycle().skip(start)) {
                    *byte = source;
                }
            }
        }
    }
}

/// Writes noise. Its word `i` is `mix(key + i * GOLDEN)`, little-endian, so it needs no state at any offset.
fn noise(key: u64, offset: u64, out: &mut [u8]) {
    let word = |i: u64| mix(key.wrapping_add(i.wrapping_mul(GOLDEN))).to_le_bytes();
    let mut i = offset / 8;
    let within = (offset % 8) as usize;
    let head = if within == 0 {
        0
    } else {
        (8 - within).min(out.len())
    };
    let (first, rest) = out.split_at_mut(head);
    if head > 0 {
        first.copy_from_slice(&word(i)[within..within + head]);
        i += 1;
    }
    let mut words = rest.chunks_exact_mut(8);
    for chunk in &mut words {
        chunk.copy_from_slice(&word(i));
        i += 1;
    }
    let last = words.into_remainder();
    let n = last.len();
    last.copy_from_slice(&word(i)[..n]);
}
