//! A bundle decodes exactly as docs/protocol.md says and encodes to the same bytes; it verifies only if its
//! device signed it, for that device alone and while it lasts, and whatever its unsigned prekey is, only
//! the true one leads to a session.

#![no_main]

use std::cell::RefCell;

use evanesce_fuzz::bundles::Bundles;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BUNDLES: RefCell<Bundles> = RefCell::new(Bundles::new());
}

fuzz_target!(|bytes: &[u8]| BUNDLES.with_borrow_mut(|bundles| bundles.check(bytes)));
