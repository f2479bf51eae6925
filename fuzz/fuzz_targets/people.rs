//! Whatever somebody's device that holds the keys of a session puts before the stamp of its messages: the body is delivered,
//! who is listed changes by what owners signed and by nothing else, what is kept stays within its bounds and is what is
//! reported, and a refusal leaves no trace.

#![no_main]

use evanesce::fuzzing::encrypt_content;
use evanesce_fuzz::hostile_device::event::Script;
use evanesce_fuzz::hostile_device::visit::Visits;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static VISITS: Visits = Visits::new(encrypt_content);
}

fuzz_target!(|script: Script| VISITS.with(|visits| visits.run(&script)));
