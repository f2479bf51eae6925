//! Randomness: that of the browser, or, for known answers, out of a script.

use std::convert::Infallible;

use evanesce::rand_core::{TryCryptoRng, TryRng};

#[cfg(not(feature = "scripted"))]
use crate::values::host;

/// The one source of all draws.
pub(crate) struct Random;

impl TryRng for Random {
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

    /// What `ts/host.ts` has drawn for this call from `crypto.getRandomValues`, before it began. A call that draws must be made
    /// within `drawing` there.
    #[cfg(not(feature = "scripted"))]
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        host::randomize(out);
        Ok(())
    }

    #[cfg(feature = "scripted")]
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        script::draw(out);
        Ok(())
    }
}

impl TryCryptoRng for Random {}

/// Draws that were written down beforehand.
#[cfg(feature = "scripted")]
mod script {
    use std::cell::RefCell;

    use wasm_bindgen::prelude::wasm_bindgen;

    thread_local! {
        static DRAWS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    /// These bytes are drawn next, and no others.
    #[wasm_bindgen]
    pub fn script_draws(draws: &[u8]) {
        DRAWS.with_borrow_mut(|held| *held = draws.to_vec());
    }

    /// How many bytes of the script were not drawn.
    #[wasm_bindgen]
    pub fn draws_left() -> usize {
        DRAWS.with_borrow(Vec::len)
    }

    #[expect(clippy::panic, reason = "a test that draws more than its script has fails")]
    pub(super) fn draw(out: &mut [u8]) {
        DRAWS.with_borrow_mut(|held| {
            let Some((first, rest)) = held.split_at_checked(out.len()) else {
                panic!("more is drawn than the script has");
            };
            out.copy_from_slice(first);
            *held = rest.to_vec();
        });
    }
}
