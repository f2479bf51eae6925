//! Whatever is told to a scheduler of lives, and whatever the clocks say, it does what a naive model of it does.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/expiry_model.rs"]
#[allow(dead_code, reason = "the tests look at what comes out")]
mod expiry_model;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, events)) = bytes.split_first() else {
        return;
    };
    expiry_model::live(u64::from(*seed % 16), &expiry_model::events_from(events));
});
