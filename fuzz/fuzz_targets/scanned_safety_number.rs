//! Of all that can be scanned or typed, a safety number takes what the other device shows and nothing else.

#![no_main]

use std::cell::LazyCell;

use evanesce::{SafetyNumber, ScanError, Suite};
use evanesce_fuzz::people::account;
use libfuzzer_sys::fuzz_target;

/// What two devices show for each other.
struct Shown {
    number: SafetyNumber,
    digits: String,
    to_be_scanned: [u8; SafetyNumber::SCANNABLE_LENGTH],
}

thread_local! {
    static SHOWN: LazyCell<Vec<Shown>> = LazyCell::new(shown);
}

/// Each of three devices' with each other one.
fn shown() -> Vec<Shown> {
    let devices = [("alice", 1), ("bob", 2), ("bob", 3)];
    // An identity does not hang on the suite.
    let devices = devices.map(|(address, seed)| account(Suite::Hybrid, address, seed).device());
    let mut shown = Vec::new();
    for ours in &devices {
        for theirs in devices.iter().filter(|theirs| *theirs != ours) {
            let number = SafetyNumber::between(ours, theirs);
            let to_be_scanned = SafetyNumber::between(theirs, ours).scannable();
            shown.push(Shown { digits: number.to_string(), number, to_be_scanned });
        }
    }
    shown
}

fuzz_target!(|input: &[u8]| {
    let typed = String::from_utf8_lossy(input);
    let written: Vec<char> = typed.chars().filter(|typed| !typed.is_whitespace()).collect();
    SHOWN.with(|shown| {
        for Shown { number, digits, to_be_scanned } in shown.iter() {
            let expected = match input {
                _ if input == to_be_scanned => Ok(()),
                [1, fingerprints @ ..] if fingerprints.len() == 64 => Err(ScanError::Mismatch),
                _ if input.len() == 65 => Err(ScanError::Unsupported),
                _ => Err(ScanError::Malformed),
            };
            assert_eq!(number.verify_scanned(input), expected);
            let ours = digits.chars().filter(char::is_ascii_digit);
            assert_eq!(number.matches(&typed), ours.eq(written.iter().copied()));
        }
    });
});
