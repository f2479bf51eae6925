//! A padded plaintext (M), taken apart.

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::ContentParts;
use crate::wire::control::Control;
use crate::wire::padding::content_length;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// What a message says, once it is known to be of its sender.
///
/// ```text
/// | in suite 2 control: 1 or more | parts, if there are any | stamp: 2 to 26 | body | 0x80 | zeros |
/// ```
pub(crate) struct Plaintext<'padded> {
    /// All before the body. A malformed stamp is part of the body, and so are malformed parts with what follows.
    pub(crate) front: &'padded [u8],
    pub(crate) parts: ContentParts,
    pub(crate) stamp: Result<Stamp, MalformedStamp>,
    pub(crate) body: &'padded [u8],
    /// How many zeros follow on the end mark (z).
    pub(crate) zeros: usize,
}

impl<'padded> Plaintext<'padded> {
    /// Takes it apart as its suite says. The two suites' cannot be taken for each other: a control's first byte has bit
    /// 7, and a stamp's has not.
    pub(crate) fn cut(padded: &'padded [u8], suite: Suite) -> Result<Self, DecodeError> {
        let length = content_length(padded).ok_or(DecodeError::Malformed)?;
        let content = padded.get(..length).ok_or(DecodeError::Malformed)?;
        let mut reader = Reader::new(content);
        match suite {
            Suite::Classical => {}
            // Whether or not it is of use.
            Suite::Hybrid => _ = Control::read(&mut reader)?,
        }
        let behind = reader.rest();
        let (parts, stamp, body) = match ContentParts::split(behind) {
            // No part of it counts.
            None => (ContentParts::none(), Err(MalformedStamp), behind),
            Some((parts, behind)) => match Stamp::decode(behind) {
                None => (parts, Err(MalformedStamp), behind),
                Some((stamp, body)) => (parts, Ok(stamp), body),
            },
        };
        let front = content.get(..content.len().saturating_sub(body.len())).unwrap_or_default();
        let zeros = padded.len().saturating_sub(length).saturating_sub(1);
        Ok(Self { front, parts, stamp, body, zeros })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash::sha256;
    use crate::known_answers::{self, Fields};
    use crate::wire::padding::{pad, padded_length};
    use alloc::vec::Vec;
    use serde_json::{Value, json};

    /// Bytes in hex, or some at the start and a pattern behind them.
    fn content(value: &Value) -> Vec<u8> {
        if value.is_string() {
            return hex::decode(value.as_str().unwrap()).unwrap();
        }
        known_answers::assert_fields(value, &["start", "repeat", "length"]);
        let length = usize::try_from(value.number("length")).unwrap();
        let repeated = value.bytes("repeat").into_iter().cycle();
        value.bytes("start").into_iter().chain(repeated).take(length).collect()
    }

    #[test]
    fn vectors_content() {
        for case in known_answers::groups_section("content") {
            let mut padded = content(&case["content"]);
            let end = padded_length(padded.len()).unwrap();
            pad(&mut padded, end);
            let plaintext = Plaintext::cut(&padded, Suite::Classical).unwrap();
            assert_eq!(plaintext.body, content(&case["body"]), "{}", case["comment"]);
            let stamp = plaintext.stamp.ok().map(|stamp| {
                let mut bytes = Vec::new();
                stamp.encode_into(&mut bytes);
                hex::encode(bytes)
            });
            assert_eq!(json!(stamp), case["stamp"], "{}", case["comment"]);
            let parts = plaintext.parts.iter().map(|part| {
                json!([part.kind.byte(), part.bytes.len(), hex::encode(sha256(&[part.bytes]))])
            });
            assert_eq!(parts.collect::<Value>(), case["parts"], "{}", case["comment"]);
        }
    }
}
