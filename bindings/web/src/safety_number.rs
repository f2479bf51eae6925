//! What two people compare.

use evanesce::SafetyNumber;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::shapes::device;

#[wasm_bindgen]
pub struct RawSafetyNumber(pub(crate) SafetyNumber);

#[wasm_bindgen]
impl RawSafetyNumber {
    pub fn between(
        our_identity: &[u8],
        our_address: &[u8],
        their_identity: &[u8],
        their_address: &[u8],
    ) -> Result<Self, Refusal> {
        let our = device(our_identity, our_address)?;
        let their = device(their_identity, their_address)?;
        Ok(Self(SafetyNumber::between(&our, &their)))
    }

    pub fn digits(&self) -> String {
        self.0.digits()
    }

    pub fn matches(&self, digits: &str) -> bool {
        self.0.matches(digits)
    }

    pub fn scannable(&self) -> Vec<u8> {
        self.0.scannable().to_vec()
    }

    pub fn verify_scanned(&self, scanned: &[u8]) -> Result<(), Refusal> {
        Ok(self.0.verify_scanned(scanned)?)
    }
}
