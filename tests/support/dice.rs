//! Chance with a seed that can be told: failing trials are repeated with `LINESHAFT_TEST_SEED`.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Returns the seed of this run: the one that was given, else always the same.
pub fn seed() -> u64 {
    match std::env::var("LINESHAFT_TEST_SEED") {
        Ok(text) => text.parse().expect("LINESHAFT_TEST_SEED is a number"),
        Err(_) => 20_261_122,
    }
}

/// Values of strategies, from a seed.
pub struct Dice(TestRunner);

impl Dice {
    /// Starts from the seed of this run and a name, so that trials do not depend on each other's order.
    pub fn of(name: &str) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed().to_le_bytes());
        for (at, byte) in name.bytes().enumerate() {
            bytes[8 + at % 24] ^= byte.rotate_left(u32::try_from(at / 24).unwrap());
        }
        Self(TestRunner::new_with_rng(
            Config::default(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
        ))
    }

    /// Throws a value that can be made simpler.
    pub fn tree<S: Strategy>(&mut self, strategy: &S) -> S::Tree {
        strategy.new_tree(&mut self.0).unwrap()
    }

    /// Throws a value.
    pub fn value<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        self.tree(strategy).current()
    }
}
