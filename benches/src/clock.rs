//! Times of several ways to do the same, on a machine that does other things as well.

use std::time::Instant;

/// One way: a name, and what to time.
pub type Way<'a> = &'a mut dyn FnMut() -> u64;

/// The times of one way, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The shortest: what it takes when nothing interferes.
    pub min: f64,
    /// The one in the middle: what it takes here.
    pub median: f64,
}

impl Times {
    /// The times for so many times the work.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            min: self.min * factor,
            median: self.median * factor,
        }
    }
}

/// Times each way `rounds` times, in turn (A, B, A, B, …), so that what slows the machine down slows
/// all of them; a first round is not counted.
pub fn interleaved<const N: usize>(rounds: usize, mut ways: [Way<'_>; N]) -> [Times; N] {
    let mut seconds = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (way, seconds) in ways.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            std::hint::black_box(way());
            if round > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        Times {
            min: seconds[0],
            median: seconds[seconds.len() / 2],
        }
    })
}
