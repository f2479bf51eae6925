//! A stamp decodes exactly as docs/protocol.md says, encodes to the bytes that it was taken from and to no
//! others, and comes back from the store.

#![no_main]

use evanesce::expiry::Stamp;
use evanesce_fuzz::formats;
use evanesce_fuzz::people::{restored, state};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let Some((stamp, body)) = Stamp::decode(content) else {
        assert_eq!(formats::stamp_length(content), None);
        return;
    };
    let encoded = stamp.encode();
    assert_eq!(formats::stamp_length(content), Some(encoded.len()));
    assert!((2..=26).contains(&encoded.len()));
    assert_eq!([&encoded, body].concat(), content);
    assert_eq!(Stamp::decode(&encoded), Some((stamp.clone(), &[][..])));
    for length in 0..encoded.len() {
        assert_eq!(Stamp::decode(&encoded[..length]), None, "a part of a stamp is a stamp");
    }
    let back: Stamp = restored(&state(&stamp));
    assert_eq!(back, stamp);
});
