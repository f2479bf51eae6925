//! Draws of known answers, to be used up exactly.

use std::convert::Infallible;

use rand_chacha::rand_core::{TryCryptoRng, TryRng};

/// Gives just these bytes, and fails when more are asked for.
pub struct GivenDraws(pub Vec<u8>);

impl GivenDraws {
    pub fn finish(self, place: &str) {
        assert!(self.0.is_empty(), "{place}: {} bytes were not drawn", self.0.len());
    }
}

impl TryRng for GivenDraws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        assert_eq!(out.len(), 32, "a draw is of 32 bytes");
        assert!(self.0.len() >= 32, "more is drawn than the protocol says");
        out.copy_from_slice(&self.0.drain(..32).collect::<Vec<u8>>());
        Ok(())
    }
}

impl TryCryptoRng for GivenDraws {}
