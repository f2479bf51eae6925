//! What a message says: the bytes inside of the library's payload.
//!
//! ```text
//! | version: 1 | postcard |
//! ```
//!
//! A payload without a body says nothing but its stamp: a change of the timer, or an echo of it.

use evanesce::expiry::MessageId;
use serde::{Deserialize, Serialize};

/// The format's version. Another one is shown as such, and not guessed at.
const VERSION: u8 = 1;

/// Bytes of a text, so that a message with its padding is one that the relay carries.
pub const LONGEST_TEXT: usize = 16 * 1_024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A text. Its author chose these bytes; with the author's tag they make its id.
    Text { chosen: [u8; 16], text: String },
    /// Takes a message back.
    Unsend { message: MessageId },
}

/// What came is none of this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReadable;

impl Content {
    pub fn encode(&self) -> Vec<u8> {
        // A vector takes whatever is written, so this fails for no content there is.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// All or nothing: bytes left over are an error.
    pub fn decode(body: &[u8]) -> Result<Self, NotReadable> {
        let Some((&VERSION, rest)) = body.split_first() else { return Err(NotReadable) };
        match postcard::take_from_bytes(rest) {
            Ok((Self::Text { text, .. }, [])) if text.len() > LONGEST_TEXT => Err(NotReadable),
            Ok((content, [])) => Ok(content),
            Ok(_) | Err(_) => Err(NotReadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_come_back_and_anything_else_is_not_readable() {
        let text = Content::Text { chosen: [1; 16], text: "Hällo".into() };
        for content in [text, Content::Unsend { message: MessageId([2; 16]) }] {
            let bytes = content.encode();
            assert_eq!(Content::decode(&bytes), Ok(content));
            for length in 0..bytes.len() {
                assert_eq!(Content::decode(&bytes[..length]), Err(NotReadable));
            }
            assert_eq!(Content::decode(&[&bytes[..], &[0]].concat()), Err(NotReadable));
        }
        assert_eq!(Content::decode(&[2, 0]), Err(NotReadable));
        let giant = Content::Text { chosen: [1; 16], text: "x".repeat(LONGEST_TEXT + 1) };
        assert_eq!(Content::decode(&giant.encode()), Err(NotReadable));
    }
}
