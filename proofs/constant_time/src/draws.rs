//! A random source that repeats itself and conceals what it gives.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::measure::Conceal;

/// Its bytes are the same in each draw, and others in the next.
pub struct Draws {
    conceal: Conceal,
    drawn: u8,
}

impl Draws {
    pub fn new(conceal: Conceal) -> Self {
        Self { conceal, drawn: 0 }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.drawn = self.drawn.wrapping_add(1);
        bytes.fill(self.drawn);
        (self.conceal)(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
