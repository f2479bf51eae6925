//! Whatever somebody without keys does to what two people send: a message opens at most once, only as it
//! was sent, and whenever it must; a refusal leaves no trace; and the two always understand each other.

#![no_main]

use evanesce_fuzz::conversation::beginning::Beginnings;
use evanesce_fuzz::conversation::event::Script;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BEGINNINGS: Beginnings = Beginnings::new();
}

fuzz_target!(|script: Script| BEGINNINGS.with(|beginnings| beginnings.run(&script)));
