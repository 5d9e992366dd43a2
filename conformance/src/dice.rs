//! Chance with a seed that can be told: failing trials are repeated with `LINESHAFT_TEST_SEED`.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// The seed unless another one is given.
const USUAL: u64 = 20_261_122;

/// Returns the seed of this run: the number in `LINESHAFT_TEST_SEED`, else always the same.
#[must_use]
pub fn seed() -> u64 {
    let given = std::env::var("LINESHAFT_TEST_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(USUAL)
}

/// Values of strategies, from a seed.
pub struct Dice(TestRunner);

impl Dice {
    /// Starts from the seed of this run and a name, so that trials do not depend on each other's order.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed().to_le_bytes());
        for (at, byte) in name.bytes().enumerate() {
            bytes[8 + at % 24] ^= byte.rotate_left(u32::try_from(at / 24).unwrap_or_default());
        }
        Self(TestRunner::new_with_rng(
            Config::default(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
        ))
    }

    /// Throws a value that can be made simpler.
    #[expect(
        clippy::expect_used,
        reason = "the strategies of the trials leave nothing out, and so never give up"
    )]
    pub fn tree<S: Strategy>(&mut self, strategy: &S) -> S::Tree {
        strategy
            .new_tree(&mut self.0)
            .expect("a strategy that leaves nothing out has values")
    }

    /// Throws a value.
    pub fn value<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        self.tree(strategy).current()
    }
}
