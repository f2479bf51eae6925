//! Messages that wait for something that is missing.

use evanesce::group::{HeldMessages, Kept};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::groups::{group_refusal, unblocks};
use crate::shapes::time;
use crate::storage::stored;
use crate::values::{Big, Out, Shown, object, shown};

/// Which messages of a group wait.
#[wasm_bindgen]
pub struct RawHeldMessages(HeldMessages);

stored!(RawHeldMessages, HeldMessages);

#[wasm_bindgen]
impl RawHeldMessages {
    pub fn none() -> Self {
        Self(HeldMessages::new())
    }

    /// A refusal by its code; of one that names what is missing, with that.
    pub fn refused(
        &mut self,
        code: &str,
        missing: Option<Vec<u8>>,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.refused(&group_refusal(code, missing)?, time(now))))
    }

    pub fn due(&self, packed: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(numbers(&self.0.due(&unblocks(packed)?)))
    }

    pub fn opened(&mut self, number: u64) {
        self.0.opened(number);
    }

    pub fn refused_again(
        &mut self,
        number: u64,
        code: &str,
        missing: Option<Vec<u8>>,
    ) -> Result<bool, Refusal> {
        Ok(self.0.refused_again(number, &group_refusal(code, missing)?))
    }

    pub fn maintain(&mut self, now: f64) -> Vec<u8> {
        numbers(&self.0.maintain(time(now)))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn bigs(numbers: &[u64]) -> Vec<Big> {
    numbers.iter().map(|number| Big(*number)).collect()
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    shown(&bigs(numbers))
}

impl Shown for Kept {
    fn show(&self, out: &mut Out) {
        object!(out, number: self.number.map(Big), dropped: bigs(&self.dropped));
    }
}
