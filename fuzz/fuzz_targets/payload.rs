//! A padded plaintext is taken apart exactly as docs/protocol.md says, and nothing of it is lost.

#![no_main]

use evanesce::Suite;
use evanesce::expiry::Stamp;
use evanesce_fuzz::formats;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|padded: &[u8]| {
    // The content ends before the last byte that is not zero, which is 0x80.
    let end = padded.iter().rposition(|byte| *byte != 0);
    let content = end.filter(|end| padded[*end] == 0x80).map(|end| &padded[..end]);
    check(padded, Suite::Classical, content);
    // In suite 2 a control stands before the stamp.
    let behind = content.and_then(|content| Some(&content[formats::control_length(content)?..]));
    check(padded, Suite::Hybrid, behind);
});

/// `content` is stamp and body, if there are any to be found.
fn check(padded: &[u8], suite: Suite, content: Option<&[u8]>) {
    let decoded = evanesce::fuzzing::decode_plaintext(padded, suite);
    let Some(content) = content else {
        assert!(decoded.is_none());
        return;
    };
    match decoded.expect("a content that is there is found") {
        (Ok(stamp), body) => {
            assert_eq!(formats::stamp_length(content), Some(content.len() - body.len()));
            assert_eq!([stamp.encode(), body].concat(), content);
        }
        (Err(_), body) => {
            assert_eq!(formats::stamp_length(content), None);
            assert_eq!(Stamp::decode(content), None);
            assert_eq!(body, content, "what a broken stamp says is delivered");
        }
    }
}
