//! Whatever somebody without keys does to what two people send: a message opens at most once, only as it
//! was sent, and whenever it must; a refusal leaves no trace; and the two always understand each other.

#![no_main]

use evanesce_fuzz::conversation::beginning::Beginning;
use evanesce_fuzz::conversation::event::Script;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BEGINNING: Beginning = Beginning::new();
}

fuzz_target!(|script: Script| BEGINNING.with(|beginning| beginning.run(&script)));
