//! Stamps: what one says, and another that says more.

use evanesce::expiry::Opens;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::shapes::{policy, stamp};
use crate::values::shown;

/// What a stamp says.
#[wasm_bindgen]
pub fn read_stamp(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(shown(&stamp(bytes)?))
}

/// The same with what is named: a policy of its kind, openings by their number, that it is a change.
#[wasm_bindgen]
pub fn change_stamp(
    bytes: &[u8],
    kind: u8,
    seconds: f64,
    opens: Option<u8>,
    change: bool,
) -> Result<Vec<u8>, Refusal> {
    let mut changed = stamp(bytes)?;
    if let Some(policy) = policy(kind, seconds)? {
        changed = changed.with_policy(policy);
    }
    match opens {
        None => {}
        Some(0) => changed = changed.with_opens(Opens::Unlimited),
        Some(1) => changed = changed.with_opens(Opens::Once),
        Some(_) => changed = changed.with_opens(Opens::Twice),
    }
    if change {
        changed = changed.announcing_change();
    }
    Ok(shown(&changed))
}
