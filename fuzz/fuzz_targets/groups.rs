//! Whatever members of a group make of its secrets, alone or with an admin: what opens was made as it has to be, by whom it
//! names; a refusal changes nothing; who is no recipient reads nothing; what is kept comes back and stays within bounds.

#![no_main]

use evanesce::fuzzing::{encrypt_content, sign};
use evanesce_fuzz::hostile_member::event::Script;
use evanesce_fuzz::hostile_member::visit::Visits;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static VISITS: Visits = Visits::new(encrypt_content, sign);
}

fuzz_target!(|script: Script| VISITS.with(|visits| visits.run(&script)));
