//! The lengths of the `TransferBuffer` records of a payload.

use super::filler::Rng;
use super::RECORD_HEADER;

/// Lengths that servers have sent: 8210, 8246, 9073 (2010 SP1), 31680 (Online).
const SHORTEST: u64 = 8_210;
const LONGEST: u64 = 31_680;

/// The nominal body lengths of the records that fill `left` bytes, including headers.
#[derive(Clone, Debug)]
pub(super) struct Records {
    seed: u64,
    rng: Rng,
    left: u64,
}

impl Records {
    pub(super) fn new(seed: u64, left: u64) -> Self {
        Self {
            seed,
            rng: Rng::new(seed, 1),
            left,
        }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }
}

impl Iterator for Records {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        const HEADER: u64 = RECORD_HEADER as u64;
        // INVARIANT: `left` is 0 or more than a header, so no body is empty. A server treats an empty TransferBuffer as
        // corrupt data.
        self.left = self.left.checked_sub(HEADER)?;
        let body = SHORTEST + self.rng.below(LONGEST - SHORTEST + 1);
        let body = if self.left > body + HEADER {
            body
        } else {
            self.left
        };
        self.left -= body;
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_behind_a_record_is_none_or_a_record() {
        let first = Records::new(1, u64::MAX).next().unwrap();
        for more in 0..20 {
            let left = RECORD_HEADER as u64 + first + more;
            let bodies: Vec<u64> = Records::new(1, left).collect();
            assert!(bodies.iter().all(|&body| body > 0), "{bodies:?}");
            let framed: u64 = bodies.iter().map(|body| RECORD_HEADER as u64 + body).sum();
            assert_eq!(framed, left);
        }
    }
}
