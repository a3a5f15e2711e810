//! The sink: hashes each item, and prints the digest if the item is complete.

use core::convert::Infallible;
use core::fmt;

use exportitems::policy::{Advice, Disposition};
use exportitems::{Outcome, ResponseItemId, Sink};
use semihosting::println;
use sha2::{Digest, Sha256};

/// The most items in one request.
pub const BATCH: usize = 8;

/// The results of one request.
pub struct Digests {
    digest: Sha256,
    /// The number of each item in the plan.
    numbers: [u32; BATCH],
    /// The items that need not be requested again, one bit for each.
    pub settled: u64,
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Digests {
    pub fn new(numbers: [u32; BATCH]) -> Self {
        Self {
            digest: Sha256::new(),
            numbers,
            settled: 0,
        }
    }

    fn number(&self, outcome: &Outcome) -> u32 {
        self.numbers
            .get(outcome.index as usize)
            .copied()
            .unwrap_or(u32::MAX)
    }
}

impl Sink for Digests {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        self.digest.reset();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.digest.update(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        let (number, bytes) = (self.number(outcome), outcome.bytes);
        println!("ok {number} {bytes} {}", Hex(&self.digest.finalize_reset()));
        self.settled |= 1 << number;
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        let number = self.number(outcome);
        if let Some(error) = outcome.error {
            println!("failed {number} {error}");
        }
        if Advice::of_outcome(outcome).disposition == Disposition::Permanent {
            self.settled |= 1 << number;
        }
    }
}
