//! What the proof does with the library.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Uses the library from end to end; true if every result is the expected one.
pub fn work() -> bool {
    let mut rng = CountingRng(7);
    evanesce::round_trip(&mut rng)
}

/// A source of numbers that repeats exactly. It is not random: the keys made here protect nothing.
struct CountingRng(u64);

impl TryRng for CountingRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [low, ..] = self.step();
        Ok(low)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let [low, high] = self.step();
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let [low, ..] = self.step();
            for (byte, value) in chunk.iter_mut().zip(low.to_le_bytes()) {
                *byte = value;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for CountingRng {}

impl CountingRng {
    /// SplitMix64: spreads a counter over all bits, so that the bytes look alive.
    fn step(&mut self) -> [u32; 2] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ mixed >> 31;
        [(mixed & 0xffff_ffff) as u32, (mixed >> 32) as u32]
    }
}
