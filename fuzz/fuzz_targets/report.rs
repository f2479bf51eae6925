//! Evidence and reports decode to what they encode to. Of a report that somebody alters only those messages are proven
//! that were delivered so.

#![no_main]

use std::cell::RefCell;

use evanesce::report::{Commitment, EntryError, Evidence, ProofError, Report};
use evanesce_fuzz::reports::{CONTEXT, Delivered};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DELIVERED: RefCell<Delivered> = RefCell::new(Delivered::new());
}

fuzz_target!(|bytes: &[u8]| DELIVERED.with_borrow(|delivered| {
    if let Ok(evidence) = Evidence::decode(bytes) {
        assert_eq!(evidence.encode().as_slice(), bytes);
        let entry = evidence.entry(&delivered.bodies[0], CONTEXT, &delivered.postmarks[0]);
        match entry {
            // It is that of the message itself.
            Ok(entry) => assert!(entry.verify(&delivered.server_key).is_ok()),
            Err(error) => assert!(matches!(error, EntryError::OtherBody | EntryError::Malformed)),
        }
    }
    if let Ok(commitment) = Commitment::of(bytes) {
        assert!(bytes.windows(32).any(|window| window == commitment.as_bytes()));
    }
    let Ok(report) = Report::decode(bytes) else { return };
    assert_eq!(report.encode().as_slice(), bytes);
    for entry in report.entries() {
        match entry.verify(&delivered.server_key) {
            Ok(proven) => {
                // Under another suite the same bytes may be another body, and never another message.
                let place = delivered.bodies.iter().position(|body| proven.body.ends_with(body));
                assert!(place.is_some() && proven.context == CONTEXT);
            }
            Err(ProofError::Malformed | ProofError::Unproven | ProofError::Unsupported) => {}
            Err(other) => panic!("{other:?} is new"),
        }
    }
}));
