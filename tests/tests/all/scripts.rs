//! Random responses, good and spoilt, from fixed seeds.

use exportitems_testkit::chunks::Chunking;
use exportitems_testkit::oracle;
use exportitems_testkit::script::Script;
use exportitems_testkit::wire;

const SEEDS: u64 = if cfg!(debug_assertions) { 600 } else { 50_000 };

#[test]
fn scripts_come_to_what_the_model_says() {
    for seed in 0..SEEDS {
        oracle::structured(&Script::from_seed(seed), &Chunking::Random(seed));
    }
}

/// design.md, invariant 3.
#[test]
fn scripts_cut_at_every_byte() {
    for seed in 0..SEEDS / 50 {
        let script = Script::from_seed(seed);
        oracle::cut_everywhere(&wire::write(&script).bytes, script.setup());
    }
}
