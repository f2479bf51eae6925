//! Whatever happens to six devices and their messages, nothing is shown twice, nothing refused changes
//! anything, no key is used twice, and after three days of ordinary use everybody hears everybody in one session.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/schedule.rs"]
#[allow(dead_code, reason = "the tests look at what comes out")]
mod schedule;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, events)) = bytes.split_first() else {
        return;
    };
    schedule::live(u64::from(*seed), &schedule::events_from(events));
});
