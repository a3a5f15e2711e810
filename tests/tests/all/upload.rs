//! Uploads against the encoder that writes the whole document at once.

use exportitems_testkit::oracle;

#[test]
fn uploads_are_those_of_a_naive_encoder() {
    let mut random = fastrand::Rng::with_seed(19);
    for _ in 0..500 {
        let mut input = vec![0; random.usize(0..1500)];
        random.fill(&mut input);
        oracle::upload(&input);
    }
}
