//! Random numbers that depend on who draws and on how often: the same history gives the same state.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Draws {
    actor: u8,
    made: u8,
}

impl Draws {
    pub fn of(actor: u8) -> Self {
        Self { actor, made: 0 }
    }

    /// How often it has drawn.
    pub fn made(&self) -> u8 {
        self.made
    }

    /// What one call of the library draws from.
    pub fn next(&mut self) -> ChaCha20Rng {
        self.made = self.made.checked_add(1).expect("few draws within the bounds of a model");
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&[self.actor, self.made]);
        ChaCha20Rng::from_seed(seed)
    }
}
