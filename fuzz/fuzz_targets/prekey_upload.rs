//! An upload decodes exactly as docs/protocol.md says and encodes to the same bytes; whatever is published
//! in whatever order, a server hands out what a naive one does, and no one-time prekey twice.

#![no_main]

use evanesce_fuzz::server::{self, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| server::check(&input));
