//! A message decodes exactly as docs/protocol.md says, all of it counts, and sessions and account answer
//! any bytes as foretold: only what was sent opens, and a refusal leaves no trace.

#![no_main]

use std::cell::RefCell;

use evanesce::server::Envelope;
use evanesce_fuzz::formats;
use evanesce_fuzz::recipients::Recipients;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static RECIPIENTS: RefCell<Recipients> = RefCell::new(Recipients::new());
}

fuzz_target!(|bytes: &[u8]| {
    match (Envelope::decode(bytes), formats::message(bytes)) {
        (Ok(envelope), Ok(read)) => {
            assert_eq!(matches!(envelope, Envelope::Initial(_)), read.handshake.is_some());
            check_that_all_counts(&envelope, bytes);
        }
        (Err(error), Err(expected)) => assert_eq!(error, expected),
        (decoded, read) => panic!("decoded as {decoded:?}, read as {read:?}"),
    }
    RECIPIENTS.with_borrow_mut(|recipients| recipients.check(bytes));
});

/// Other bytes are another message, or none.
fn check_that_all_counts(envelope: &Envelope<'_>, bytes: &[u8]) {
    let mut others = vec![[bytes, &[0]].concat(), bytes[..bytes.len() - 1].to_vec()];
    let last = bytes.len() - 1;
    for place in [0, 1, last / 4, last / 2, last - 16, last] {
        let mut other = bytes.to_vec();
        other[place] ^= bytes[last] | 1;
        others.push(other);
    }
    for other in &others {
        assert!(Envelope::decode(other).as_ref() != Ok(envelope), "two encodings of one message");
    }
}
