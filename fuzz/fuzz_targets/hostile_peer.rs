//! Whatever a peer that holds the keys of a session makes of them: nothing refused leaves a trace, what is delivered is
//! what was sealed, what is kept stays within its bounds, and the session heals as soon as the peer lets it.

#![no_main]

use evanesce_fuzz::hostile_peer::encounter::Encounters;
use evanesce_fuzz::hostile_peer::event::Script;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static ENCOUNTERS: Encounters = Encounters::new();
}

fuzz_target!(|script: Script| ENCOUNTERS.with(|encounters| encounters.run(&script)));
