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
    // In suite 2 a control stands before all else.
    let behind = content.and_then(|content| Some(&content[formats::control_length(content)?..]));
    check(padded, Suite::Hybrid, behind);
});

/// `content` is parts, stamp and body, if there are any to be found.
fn check(padded: &[u8], suite: Suite, content: Option<&[u8]>) {
    let decoded = evanesce::fuzzing::decode_plaintext(padded, suite);
    let Some(content) = content else {
        assert!(decoded.is_none());
        return;
    };
    let (parts, stamp, body) = decoded.expect("a content that is there is found");
    let Some((expected, behind)) = formats::parts(content) else {
        assert!(parts.is_empty() && stamp.is_err(), "no part of what is broken counts");
        assert_eq!(body, content, "what broken parts say is delivered");
        return;
    };
    let parts: Vec<_> = parts.iter().map(|(kind, bytes)| (*kind, bytes.as_slice())).collect();
    assert_eq!(parts, expected);
    match stamp {
        Ok(stamp) => {
            assert_eq!(formats::stamp_length(behind), Some(behind.len() - body.len()));
            assert_eq!([stamp.encode(), body].concat(), behind);
        }
        Err(_) => {
            assert_eq!(formats::stamp_length(behind), None);
            assert_eq!(Stamp::decode(behind), None);
            assert_eq!(body, behind, "what a broken stamp says is delivered");
        }
    }
}
